package normalize

import (
	"cmp"
	"maps"
	"math/bits"
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/net/publicsuffix"

	"sluice/model"
)

// A client that asks for ever new names of one owner's zone, long ones or such as no person gives, may carry data in
// them to whoever answers for it. tunnels counts them by the day. It keeps no name: each sets a bit, so that a count is
// never above that of the names, takes the same room for any number, and does not depend on the order of the records.
type tunnels map[zoned]*manyNames

// zoned is a client and a zone that it asked for names of, on a day.
type zoned struct {
	client model.EndpointID
	zone   string
	day    int64
}

// manyNames are the names that were asked for.
type manyNames struct {
	set  [32]uint64
	last model.Micros // when one was asked for
	told int          // how many were handed on
	// code are those that look like code, slow the bits of it that were handed on.
	code, slow fewBits
}

// fewBits tell names apart over days: half of them set are more names than bits.
type fewBits [2]uint64

func (b *fewBits) count() int { return bits.OnesCount64(b[0]) + bits.OnesCount64(b[1]) }

const (
	longName = 32      // characters before the zone, from which on a name is long
	fewNames = 64      // what is not worth telling of on a day
	slowDay  = 8       // names like code on a day that are worth adding up over days
	maxSlow  = 1 << 10 // of how many zones they are, those of the most names
	maxZoned = 1 << 14 // how many are kept
	dayTime  = 24 * hourTime
)

// note takes what a record tells.
func (t *tunnels) note(f *model.Flow) {
	client := &f.Src
	if f.IsReply == model.Yes {
		client = &f.Dst
	}
	if len(f.Asked) < codedName || client.Kind != model.KindPod {
		return
	}
	name := strings.ToLower(strings.TrimSuffix(f.Asked, "."))
	zone, ok := zoneOf(name)
	if !ok {
		return
	}
	before := name[:len(name)-len(zone)]
	code := coded(before) >= codedName
	if len(before)-strings.Count(before, ".") < longName && !code {
		return
	}
	if *t == nil {
		*t = tunnels{}
	}
	k := zoned{client.ID, zone, f.Time / dayTime}
	x := (*t)[k]
	if x == nil {
		x = &manyNames{}
		(*t)[k] = x
	}
	h := hashOf([]byte(name))
	x.set[h>>6%uint64(len(x.set))] |= 1 << (h & 63)
	if code {
		x.code[h>>12&1] |= 1 << (h >> 6 & 63)
	}
	x.last = max(x.last, f.Time)
	t.bound()
}

const (
	codedName = 20 // characters of code in a name, from which on no person gave it
	codedRun  = 8  // characters of a run that counts as code
)

// coded counts the characters of a name that look like code: those in long runs of letters and digits mixed, as base32
// and hexadecimal have them. Names that people give have hyphens, few digits, or end in a short hash.
func coded(name string) (n int) {
	run, letters, digits := 0, 0, 0
	for i := range len(name) + 1 {
		c := byte('.')
		if i < len(name) {
			c = name[i]
		}
		switch {
		case 'a' <= c && c <= 'z':
			run, letters = run+1, letters+1
			continue
		case '0' <= c && c <= '9':
			run, digits = run+1, digits+1
			continue
		}
		if run >= codedRun && letters > 0 && digits > 0 {
			n += run
		}
		run, letters, digits = 0, 0, 0
	}
	return n
}

// zoneOf returns the domain that a name was registered under. What is of the cluster, or of a network of its own, has
// no owner elsewhere.
func zoneOf(name string) (string, bool) {
	zone, err := publicsuffix.EffectiveTLDPlusOne(name)
	if err != nil {
		return "", false
	}
	suffix, public := publicsuffix.PublicSuffix(name)
	if !public && !strings.Contains(suffix, ".") &&
		(suffix == "local" || suffix == "internal" || strings.Contains(name, ".svc.")) {
		return "", false
	}
	return model.DNSName(zone)
}

// atLeast is the power of two that the number of names is not below.
func (x *manyNames) atLeast() int {
	n := 0
	for _, w := range x.set {
		n += bits.OnesCount64(w)
	}
	if n == 0 {
		return 0
	}
	return 1 << (bits.Len(uint(n)) - 1)
}

// bound forgets those with the fewest names where there are too many.
func (t *tunnels) bound() {
	for least := 2; len(*t) > maxZoned; least *= 2 {
		maps.DeleteFunc(*t, func(_ zoned, x *manyNames) bool { return x.atLeast() < least })
	}
}

// join takes what others know.
func (t *tunnels) join(o *tunnels) {
	if *t == nil {
		*t, *o = *o, nil
		return
	}
	for k, x := range *o {
		mine := (*t)[k]
		if mine == nil {
			(*t)[k] = x
			continue
		}
		for i, w := range x.set {
			mine.set[i] |= w
		}
		mine.code[0] |= x.code[0]
		mine.code[1] |= x.code[1]
		mine.last = max(mine.last, x.last)
	}
	*o = nil
	t.bound()
}

// noteTunnels hands on of which zones a client asked for many names, as rows that count no record, towards no address
// of the name of the zone. On a day: with the number of names, which is not below it, as the port. Of names like code,
// which add up over days: a row for each bit, which is the port of the source.
func (n *Normalizer) noteTunnels() {
	newest := int64(0)
	var slow []zoned
	for k, x := range n.tunnels {
		newest = max(newest, k.day)
		if names := x.atLeast(); names >= fewNames && names > x.told {
			x.told = names
			row := n.tunnelRow(k, x)
			row.Port = uint16(names)
			n.fold.Add(&row, nil, nil)
		}
		if x.code.count() >= slowDay && x.code != x.slow {
			slow = append(slow, k)
		}
	}
	slices.SortFunc(slow, func(a, b zoned) int {
		return cmp.Or(cmp.Compare(n.tunnels[b].code.count(), n.tunnels[a].code.count()), cmp.Compare(a.day, b.day),
			cmp.Compare(a.zone, b.zone), cmp.Compare(a.client, b.client))
	})
	for _, k := range slow[:min(len(slow), maxSlow)] {
		x := n.tunnels[k]
		row := n.tunnelRow(k, x)
		row.Port = 1
		for i := range x.code {
			for w := x.code[i] &^ x.slow[i]; w != 0; w &= w - 1 {
				row.SrcPort = uint16(1 + 64*i + bits.TrailingZeros64(w))
				n.fold.Add(&row, nil, nil)
			}
		}
		x.slow = x.code
	}
	maps.DeleteFunc(n.tunnels, func(k zoned, _ *manyNames) bool { return k.day < newest-1 })
}

func (n *Normalizer) tunnelRow(k zoned, x *manyNames) model.Observation {
	return model.Observation{
		Window: n.windowOf(x.last), Src: k.client, Fate: model.Irrelevant, Reason: model.Backend,
		Marks: model.MarkNoted, Observer: model.Elsewhere, First: x.last, Last: x.last,
		Dst: n.Endpoints.Intern(model.Endpoint{Kind: model.KindAddress, Entities: model.World,
			Address: netip.IPv4Unspecified(), Names: []string{k.zone}}),
	}
}

package normalize

import (
	"maps"
	"math/bits"
	"net/netip"
	"strings"

	"golang.org/x/net/publicsuffix"

	"sluice/model"
)

// A client that asks for ever new long names of one owner's zone may carry data in them to whoever answers for it.
// tunnels counts them by the day. It keeps no name: each sets a bit, so that a count is never above that of the names,
// takes the same room for any number, and does not depend on the order of the records.
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
}

const (
	longName = 32      // characters before the zone, from which on a name is long
	fewNames = 64      // what is not worth telling of
	maxZoned = 1 << 14 // how many are kept
	dayTime  = 24 * hourTime
)

// note takes what a record tells.
func (t *tunnels) note(f *model.Flow) {
	client := &f.Src
	if f.IsReply == model.Yes {
		client = &f.Dst
	}
	if len(f.Asked) < longName || client.Kind != model.KindPod {
		return
	}
	name := strings.ToLower(strings.TrimSuffix(f.Asked, "."))
	zone, ok := zoneOf(name)
	if !ok || len(name)-len(zone)-strings.Count(name[:len(name)-len(zone)], ".") < longName {
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
	x.last = max(x.last, f.Time)
	t.bound()
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
		mine.last = max(mine.last, x.last)
	}
	*o = nil
	t.bound()
}

// noteTunnels hands on of which zones a client asked for many names on a day, as rows that count no record: towards no
// address of the name of the zone, with the number of names, which is not below it, as the port.
func (n *Normalizer) noteTunnels() {
	newest := int64(0)
	for k, x := range n.tunnels {
		newest = max(newest, k.day)
		names := x.atLeast()
		if names < fewNames || names <= x.told {
			continue
		}
		x.told = names
		n.fold.Add(&model.Observation{
			Window: n.windowOf(x.last), Src: k.client, Port: uint16(names), Fate: model.Irrelevant, Reason: model.Backend,
			Marks: model.MarkNoted, Observer: model.Elsewhere, First: x.last, Last: x.last,
			Dst: n.Endpoints.Intern(model.Endpoint{Kind: model.KindAddress, Entities: model.World,
				Address: netip.IPv4Unspecified(), Names: []string{k.zone}}),
		}, nil, nil)
	}
	maps.DeleteFunc(n.tunnels, func(k zoned, _ *manyNames) bool { return k.day < newest-1 })
}

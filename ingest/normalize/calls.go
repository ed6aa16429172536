package normalize

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"sluice/model"
)

// The address of a service is what a client asked for, and not what a policy judges: that is the backend. What says
// which one it was are other records of the same connection, or of the same request. calls keeps what finds them: who
// opened which connection, to a service or to a pod, and which host and which request a proxy read on it. Only what was
// found leaves, as rows that count no record. It does not depend on the order of the records: where there are too many,
// a share is forgotten, the same of all that belongs together.
type calls struct {
	asked   map[ask]struct{}
	reached arrivals
	told    map[told]struct{}
	served  arrivals // of requests, by what they are called
	rate    uint     // one in 1<<rate hashes is kept
}

// ask is a connection to the address of a service.
type ask struct {
	of              uint64 // hash of the connection
	slot            int64
	client, service model.EndpointID
	port            uint16
	proto           model.Proto
}

// arrival is where a connection or a request came to.
type arrival struct {
	of     uint64 // hash of the connection or the request
	slot   int32  // times that are believed fit
	server model.EndpointID
	port   uint16
}

// told is what a proxy read of a request.
type told struct {
	of      uint64 // hash of the connection
	slot    int64
	host    string
	request uint64 // hash of what it is called, 0 where it is not
}

const (
	// maxCalls is how many of each kind are kept.
	maxCalls = 1 << 16
	// maxPaths is how many requests of a client to a service are told apart by their paths in an hour.
	maxPaths = 64
	// slotTime is how long the records of one opening may lie apart, microseconds: client ports are used again.
	slotTime = 60e6
)

// hashOf hashes a text and numbers.
func hashOf(text []byte, numbers ...uint64) uint64 {
	h := uint64(14695981039346656037)
	for _, c := range text {
		h = (h ^ uint64(c)) * 1099511628211
	}
	for _, n := range numbers {
		h = (h ^ n ^ h>>29) * 0x9E3779B97F4A7C15
	}
	h = (h ^ h>>32) * 0xD6E8FEB86659FD93
	return max(h^h>>32, 1)
}

func (c *calls) keeps(hash uint64) bool { return hash<<(64-c.rate) == 0 }

// note takes what a record tells.
func (c *calls) note(f *model.Flow, fate model.Fate) {
	if f.IsReply == model.Yes || f.SrcPort == 0 || f.Verdict == model.Dropped || len(f.SrcIP) == 0 {
		return
	}
	said := len(f.Host)+len(f.Request) > 0
	pod := f.Src.Kind == model.KindPod && opens(f)
	asks := pod && f.Dst.Kind == model.KindService
	if !said && !asks && !(pod && fate == model.Used && f.Dst.Kind == model.KindPod) {
		return
	}
	if c.asked == nil {
		c.asked, c.told = map[ask]struct{}{}, map[told]struct{}{}
	}
	of, slot := hashOf(f.SrcIP, uint64(f.SrcPort), uint64(f.Proto)), f.Time/slotTime
	switch {
	case !c.keeps(of):
	case asks:
		c.asked[ask{of, slot, f.Src.ID, f.Dst.ID, f.DstPort, f.Proto}] = struct{}{}
	case pod && f.Dst.Kind == model.KindPod:
		c.reached.add(arrival{of, int32(slot), f.Dst.ID, f.DstPort})
	}
	if said {
		c.request(f, of, slot)
	}
	c.bound()
}

// opens reports whether a record is of the beginning of a connection.
func opens(f *model.Flow) bool {
	return f.Proto == model.UDP || f.Proto == model.SCTP ||
		f.Proto == model.TCP && (!f.HasFlags || f.Flags&(model.SYN|model.ACK) == model.SYN)
}

// request takes what a proxy read of a request: on a connection to a service, or where it sent it.
func (c *calls) request(f *model.Flow, of uint64, slot int64) {
	id := uint64(0)
	if len(f.Request) > 0 {
		id = hashOf(f.Request)
	}
	if c.keeps(of) {
		t := told{of, slot, string(f.Host), id}
		if f.Dst.Kind == model.KindPod { // on this very connection
			t.host, t.request = "", of
			c.served.add(arrival{of, int32(slot), f.Dst.ID, f.DstPort})
		}
		c.told[t] = struct{}{}
	}
	if f.Dst.Kind == model.KindPod && id != 0 && c.keeps(id) {
		c.served.add(arrival{id, int32(slot), f.Dst.ID, f.DstPort})
	}
}

// addAll adds arrivals to some of its own, forgetting meanwhile: which share is kept in the end is the same.
func (c *calls) addAll(own, more *arrivals) {
	for a := range more.all {
		if c.keeps(a.of) {
			own.add(a)
			c.bound()
		}
	}
}

// settle makes the share that is kept the one that follows from all that was noted.
func (c *calls) settle() {
	c.reached.settle()
	c.served.settle()
	c.bound()
}

// bound forgets half of all where there is known to be too much of something.
func (c *calls) bound() {
	for len(c.asked) > maxCalls || c.reached.over(maxCalls) || len(c.told) > maxCalls || c.served.over(maxCalls) {
		c.rate++
		c.drop(c.loses)
	}
}

// loses reports whether what has a hash is to be forgotten.
func (c *calls) loses(hash uint64, _ int64) bool { return !c.keeps(hash) }

func (c *calls) drop(gone func(hash uint64, slot int64) bool) {
	maps.DeleteFunc(c.asked, func(a ask, _ struct{}) bool { return gone(a.of, a.slot) })
	maps.DeleteFunc(c.told, func(t told, _ struct{}) bool { return gone(t.of, t.slot) })
	c.reached.drop(gone)
	c.served.drop(gone)
}

// join takes what others know.
func (c *calls) join(o *calls) {
	if o.asked == nil {
		return
	}
	if c.asked == nil {
		*c, *o = *o, calls{}
		return
	}
	c.rate = max(c.rate, o.rate)
	c.drop(c.loses)
	o.rate = c.rate
	o.drop(o.loses)
	maps.Copy(c.asked, o.asked)
	maps.Copy(c.told, o.told)
	c.bound()
	c.addAll(&c.reached, &o.reached)
	c.addAll(&c.served, &o.served)
	*o = calls{}
}

// forget drops what is older than connections that may still be told of.
func (c *calls) forget() {
	newest := int64(0)
	for a := range c.asked {
		newest = max(newest, a.slot)
	}
	for a := range c.reached.all {
		newest = max(newest, int64(a.slot))
	}
	c.drop(func(_ uint64, slot int64) bool { return slot < newest-1 })
}

// asking are the connections of a client to a service in an hour.
type asking struct {
	client, service model.EndpointID
	port            uint16
	proto           model.Proto
	hour            int64
}

// calling is what the connections of an asking turned out to be.
type calling struct {
	same    bool // one of them is seen with the backend
	unnamed bool // of one of them no host is known
	lost    bool // of one of them, or of a request on it, the backend is not known
	hosts   map[string]bool
	servers map[arrival]bool // without hash and slot
}

// found calls yield with every asking that something was found for.
func (c *calls) found(yield func(asking, *calling)) {
	if len(c.asked) == 0 {
		return
	}
	c.settle()
	reached, served := c.reached.byHash(), c.served.byHash()
	tells := map[uint64][]told{}
	for t := range c.told {
		tells[t.of] = append(tells[t.of], t)
	}
	asks := map[uint64][]ask{}
	for a := range c.asked {
		asks[a.of] = append(asks[a.of], a)
	}
	all := map[asking]*calling{}
	for of, list := range asks {
		slices.SortFunc(list, func(a, b ask) int { return cmp.Compare(a.slot, b.slot) })
		for i, a := range list {
			k := asking{a.client, a.service, a.port, a.proto, a.slot * slotTime / hourTime}
			x := all[k]
			if x == nil {
				x = &calling{hosts: map[string]bool{}, servers: map[arrival]bool{}}
				all[k] = x
			}
			x.same = x.same || one(reached[of], a.slot)
			until := int64(1) << 62
			if i+1 < len(list) {
				until = list[i+1].slot
			}
			x.tell(tells[of], served, a.slot, until)
		}
	}
	for k, x := range all {
		if x.same || !x.unnamed || !x.lost {
			yield(k, x)
		}
	}
}

const hourTime = 3600e6

// tell adds what was told of a connection that was open from one slot until another began.
func (x *calling) tell(list []told, served map[uint64][]arrival, from, until int64) {
	named, known := false, false
	for _, t := range list {
		if t.slot < from || t.slot >= until && t.slot > from {
			continue
		}
		if t.host != "" {
			named = true
			x.hosts[t.host] = true
		}
		at := served[t.request]
		if t.request == 0 || len(at) == 0 {
			x.lost = true
			continue
		}
		known = true
		for _, s := range at {
			x.servers[arrival{server: s.server, port: s.port}] = true
		}
	}
	x.unnamed = x.unnamed || !named
	x.lost = x.lost || !known
}

// one reports whether a connection came to one pod and no other, at about a time.
func one(list []arrival, slot int64) bool {
	var at *arrival
	for i := range list {
		if a := &list[i]; int64(a.slot) < slot-1 || int64(a.slot) > slot+1 {
			continue
		} else if at != nil && (at.server != a.server || at.port != a.port) {
			return false
		} else {
			at = a
		}
	}
	return at != nil
}

// noteCalls hands on which backends of services the records of connections and requests show. The rows count no record.
// Towards a service: another record of one of these connections shows the backend, or the host that the requests were
// for, as a name of the service. Towards a pod: the requests to a service at the port SrcPort came there.
func (n *Normalizer) noteCalls() {
	n.calls.found(func(k asking, x *calling) {
		at := k.hour * hourTime
		row := model.Observation{
			Window: n.windowOf(at), Src: k.client, Dst: k.service, Port: k.port, Proto: k.proto, Observer: model.Elsewhere,
			Fate: model.Irrelevant, Reason: model.Backend, Marks: model.MarkNoted, First: at, Last: at,
		}
		if x.same {
			n.fold.Add(&row, nil, nil)
		}
		if !x.unnamed {
			e := *n.Endpoints.Get(k.service)
			for host := range few(x.hosts) {
				e.Names = []string{host}
				row.Dst = n.Endpoints.Intern(e)
				n.fold.Add(&row, nil, nil)
			}
		}
		if !x.lost {
			for s := range x.servers {
				row.Dst, row.SrcPort, row.Port, row.Observer = s.server, k.port, s.port, model.ToProxy
				n.fold.Add(&row, nil, nil)
			}
		}
	})
	n.calls.forget()
}

// few leaves the paths away where they are too many to be told apart: of which path a request was is not known then.
func few(requests map[string]bool) map[string]bool {
	if len(requests) <= maxPaths {
		return requests
	}
	out := map[string]bool{}
	for r := range requests {
		host, _, _ := strings.Cut(r, "/")
		out[host] = true
	}
	return out
}

// JoinCalls brings together what several Normalizers of one log know of connections and of names, before they are
// flushed. Where none has seen a client ask a service there is nothing to find, and connections stay where they are.
func JoinCalls(of []*Normalizer) {
	asked := slices.ContainsFunc(of, func(n *Normalizer) bool { return len(n.calls.asked) > 0 })
	for i := 1; i < len(of); i++ {
		if asked {
			of[0].calls.join(&of[i].calls)
		}
		of[0].tunnels.join(&of[i].tunnels)
	}
}

package run

import (
	"context"

	"sluice/model"
	"sluice/model/graph"
	"sluice/synth/bundle"
	"sluice/synth/verify"
)

// heard lists what the data plane did with each connection of the graph from a time on, 0 for ever. Rows are of an
// hour; one that began before and ended after is left out. What left its source in an hour in which it was denied, and
// of which nothing arrived, did not pass: the source's node forwards what the destination's node then drops.
func (l *Log) heard(since model.Micros) []verify.Heard {
	type key struct {
		src, dst model.EndpointID
		proto    model.Proto
		port     uint16
	}
	at := map[key]int{}
	for i := range l.Graph.Connections {
		c := &l.Graph.Connections[i]
		k := key{c.Src, c.Dst, c.Proto, c.Port}
		if _, ok := at[k]; !ok || l.Graph.Edges[c.Edge].State != graph.Refused {
			at[k] = i
		}
	}
	out := make([]verify.Heard, len(l.Graph.Connections))
	rows := l.Builder.Observations()
	each := func(do func(n int, o *model.Observation)) {
		for i := range rows {
			o := &rows[i]
			if n, ok := at[key{o.Src, o.Dst, o.Proto, o.Port}]; ok && o.First >= since {
				do(n, o)
			}
		}
	}
	type hour struct {
		n  int
		at model.Micros
	}
	hourOf := func(n int, o *model.Observation) hour { return hour{n, o.First / (60 * 60 * 1e6)} }
	vain := map[hour]bool{} // denied, and nothing arrived
	each(func(n int, o *model.Observation) {
		if o.Fate == model.Denied {
			vain[hourOf(n, o)] = true
		}
	})
	each(func(n int, o *model.Observation) {
		if o.Fate == model.Reply || o.Fate == model.Used && (o.Observer == model.AtDestination || o.Observer == model.AtL7) {
			delete(vain, hourOf(n, o))
		}
	})
	each(func(n int, o *model.Observation) {
		switch {
		case o.Fate == model.Denied:
			out[n].Dropped += uint64(o.Records)
		case o.Fate == model.Used && o.Verdict.Allowed() && !vain[hourOf(n, o)]:
			out[n].Passed += uint64(o.Records)
			out[n].Opened += uint64(o.Conns)
			if o.Verdict == model.Audit || o.Marks&model.MarkStagedDeny != 0 {
				out[n].WouldDeny += uint64(o.Records)
			}
		}
	})
	return out
}

// Enforced compares policies that are in force since a time with what the data plane did from then on.
func Enforced(
	ctx context.Context, l *Log, p *Policies, cfg VerifyConfig, since model.Micros,
) (verify.Enforcement, error) {
	judge, err := l.judging(p, cfg)
	if err != nil {
		return verify.Enforcement{}, err
	}
	return verify.Enforced(ctx, l.Graph, p.Set, judge, l.heard(since), l.meanings(p.Bundle))
}

// Staged compares policies that the cluster only watches with what it said of them.
func Staged(ctx context.Context, l *Log, p *Policies, cfg VerifyConfig) (verify.Staging, error) {
	judge, err := l.judging(p, cfg)
	if err != nil {
		return verify.Staging{}, err
	}
	return verify.Staged(ctx, l.Graph, p.Set, judge, l.heard(0))
}

// meanings are what is known of each edge: whether it worked at any time, and what a bundle says of it. What a bundle
// has as tried in vain is not known to be unwanted: its server may have been down.
func (l *Log) meanings(m *bundle.Manifest) map[graph.EdgeID]verify.Meaning {
	meant := func(source, destination, port string) verify.Meaning { return verify.Unheard }
	if m != nil {
		known := m.Index()
		meant = func(source, destination, port string) verify.Meaning {
			e := known.Of(source, destination, port)
			switch {
			case e == nil:
				return verify.Unheard
			case e.Accepted, e.Decided == "" && e.Worked():
				return verify.Wanted
			case e.Decided != "", e.State == graph.Denied.String():
				return verify.Unwanted
			}
			return verify.Unheard
		}
	}
	out := map[graph.EdgeID]verify.Meaning{}
	for i, e := range l.Graph.AllEdges() {
		out[i] = meant(l.Graph.Peers[e.Src].ID, l.Graph.Peers[e.Dst].ID, e.PortString())
		if e.State.Worked() {
			out[i] = verify.Wanted
		}
	}
	return out
}

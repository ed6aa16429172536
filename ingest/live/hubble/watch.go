package hubble

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	observerpb "github.com/cilium/cilium/api/v1/observer"
	relaypb "github.com/cilium/cilium/api/v1/relay"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"sluice/ingest/live"
)

// watch looks at the nodes behind a relay. A relay whose node was recreated, or changed its address, never sends that
// node's flows again on streams that are open, and says nothing.
type watch struct {
	client  *Client
	conn    *grpc.ClientConn
	session *live.Session
	reopen  func(why error)
	nodes   map[string]*watched
	// of a connection that is dead without a word
	mute    int    // looks in a row without an answer
	arrived uint64 // records that had come at the first of them
}

// watched is a node as last seen.
type watched struct {
	address string
	there   bool
	seen    uint64 // flows that the node says it saw
	arrived uint64 // records that came from it
	missing uint64 // flows that it saw and that did not come yet
	silent  int    // looks in a row at which many were missing and none came
	newest  int64  // the newest record of it, microseconds since 1970 UTC
	// The node's server began between these; zero: unknown. A server tells how long it has been up, and takes time to.
	earliest, latest time.Time
}

// succeeds reports whether the server of a node is another one than that of a former look. That it has been up for
// longer does not mean it is the same: looks may be far apart.
func (n *watched) succeeds(old *watched) bool {
	return !old.latest.IsZero() && n.earliest.Sub(old.latest) > startError
}

const (
	// silentFlows is how many flows a node must have seen before their absence means something: more than a relay holds
	// back to sort.
	silentFlows = 200
	// silentLooks is at how many looks in a row.
	silentLooks = 3
	// maxGone is how many nodes that are gone are remembered.
	maxGone = 1 << 14
	// startError is by how much clocks may drift apart.
	startError = time.Second
)

// keep takes over the age of a former look: a node that does not answer says nothing of it. The newest record stays
// that of then, since later ones may be another server's, but for records that first came after that look.
func (n *watched) keep(old *watched) {
	n.earliest, n.latest, n.newest = old.earliest, old.latest, cmp.Or(old.newest, n.newest)
}

// compare counts what is missing since a former look. Some may have come late and many not at all between two looks, so
// flows seen and records that came are set against each other over all looks. Records of the first ones may be older
// than the stream: they pay for none that are seen later.
func (n *watched) compare(old *watched) {
	if due, came := old.missing+n.seen-old.seen, n.arrived-old.arrived; due > came {
		n.missing = due - came
	}
	if n.arrived == old.arrived && n.missing >= silentFlows {
		n.silent = old.silent + 1
	}
}

func (w *watch) run(ctx context.Context) {
	t := time.NewTicker(w.client.cfg.Watch)
	defer t.Stop()
	for {
		if !w.look(ctx) {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}

// look compares the nodes with those of the last look; false: the stream is opened anew.
func (w *watch) look(ctx context.Context) bool {
	ctx, stop := context.WithTimeout(ctx, w.client.cfg.Timeout)
	defer stop()
	asked := time.Now()
	r, err := observerpb.NewObserverClient(w.conn).GetNodes(ctx, &observerpb.GetNodesRequest{})
	if status.Code(err) == codes.Unimplemented { // the server of a node has no nodes
		_, err = observerpb.NewObserverClient(w.conn).ServerStatus(ctx, &observerpb.ServerStatusRequest{})
		return w.answered(err)
	}
	if err != nil {
		return w.answered(err)
	}
	w.mute = 0
	first := w.nodes == nil
	if first {
		w.nodes = map[string]*watched{}
	}
	there := map[string]bool{}
	for _, n := range r.GetNodes() {
		there[n.GetName()] = true
		if why := w.node(n, first, asked); why != nil {
			w.reopen(why)
			return false
		}
	}
	gone := 0
	for name, n := range w.nodes {
		if there[name] {
			continue
		}
		if n.there = false; gone >= maxGone { // names that were made up, ever new ones
			delete(w.nodes, name)
		}
		gone++
	}
	return true
}

// answered notes whether the server answered; false: it is silent, and so is the stream, which is opened anew.
func (w *watch) answered(err error) bool {
	if code := status.Code(err); code != codes.DeadlineExceeded && code != codes.Unavailable {
		w.mute = 0
		return true
	}
	arrived := w.session.Arrived()
	if w.mute == 0 || arrived != w.arrived {
		w.mute, w.arrived = 0, arrived
	}
	if w.mute++; w.mute < silentLooks {
		return true
	}
	w.reopen(fmt.Errorf("the server does not answer: %w", err))
	return false
}

// node says why the stream has to be opened anew for a node, nil if it has not.
func (w *watch) node(n *observerpb.Node, first bool, asked time.Time) error {
	name := n.GetName()
	old := w.nodes[name]
	aliases := []string{strings.TrimPrefix(name, "default/"), name, "default/" + name}
	now := &watched{
		address: n.GetAddress(),
		there:   true,
		seen:    n.GetSeenFlows(),
		arrived: w.session.Arrived(aliases...),
		newest:  w.session.Newest(aliases...),
	}
	w.nodes[name] = now
	if up := time.Duration(n.GetUptimeNs()); up > 0 {
		now.earliest, now.latest = asked.Add(-up), time.Now().Add(-up)
	} else if old != nil {
		now.keep(old)
	}
	if old != nil && now.succeeds(old) {
		w.session.Restarted(old.newest, now.latest.UnixMicro(), aliases...)
	}
	switch {
	case old == nil || first:
		return nil
	case !old.there:
		return fmt.Errorf("node %s is back", name)
	case old.address != now.address:
		return fmt.Errorf("node %s has another address", name)
	case n.GetState() != relaypb.NodeState_NODE_CONNECTED || len(w.client.cfg.Namespaces) > 0 || now.seen < old.seen:
		return nil
	}
	if now.compare(old); now.silent >= silentLooks {
		return fmt.Errorf("node %s saw %d flows of which none came", name, now.missing)
	}
	return nil
}

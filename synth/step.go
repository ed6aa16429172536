package synth

import (
	"fmt"
	"slices"

	"sluice/model"
	"sluice/model/graph"
)

// A step from one workload to the next looks like a job that runs now and then: few connections on few hours, however
// often. What tells it from one is that its client is at work all the time with something else, and where it goes.
const (
	stepsADay = 2               // hours of a day in which it is seen, on average
	stepConns = 3               // connections in such an hour
	stepDays  = 2 * 24 * 3600e6 // microseconds from which on days tell anything
	stepShare = 50              // its client has so many records of others for one of it
)

// adminPorts are those by which people, and who poses as them, take a machine over.
var adminPorts = []uint16{22, 23, 135, 139, 445, 512, 513, 514, 2375, 2376, 3389, 5900, 5985, 5986, 10250}

// step says why an edge looks like a step of somebody who moves from workload to workload, "" where it does not. A port
// of administration is sign enough; of the others it takes two.
func (x *suspecting) step(e *graph.Edge, c *client) string {
	src, dst := &x.g.Peers[e.Src], &x.g.Peers[e.Dst]
	if !x.nowAndThen(e, c) || src.Workload < 0 || dst.Workload < 0 || x.job(src) {
		return ""
	}
	seen := fmt.Sprintf("it was seen in %s of %d days, and its client %d times", hours(len(e.Windows)), x.days(),
		c.records)
	switch {
	case e.Proto == model.TCP && slices.Contains(adminPorts, e.Port):
		return seen + ": a port of administration that no job of its client explains"
	case x.signs(e, c) >= 2:
		return seen + ": nothing else of its client goes there"
	}
	return ""
}

func hours(n int) string {
	if n == 1 {
		return "1 hour"
	}
	return fmt.Sprintf("%d hours", n)
}

// days is how many days a log has, the begun one too.
func (x *suspecting) days() int { return int((x.g.End-x.g.Begin)/(24*3600e6)) + 1 }

// nowAndThen reports whether an edge is seen in few hours of several days, and little of its client.
func (x *suspecting) nowAndThen(e *graph.Edge, c *client) bool {
	n := uint64(len(e.Windows))
	few := e.Conns > 0 && e.Conns <= stepConns*n || e.Conns == 0 && e.Records() <= 2*stepConns*n
	return few && x.g.End-x.g.Begin >= stepDays && n <= uint64(stepsADay*x.days()) &&
		c.records >= manyRecords && c.records >= stepShare*e.Records()
}

// job reports whether a peer is there to run now and then.
func (x *suspecting) job(p *graph.Peer) bool {
	kind := x.g.Workloads[p.Workload].Kind
	return kind == "Job" || kind == "CronJob"
}

// signs counts what is odd about where an edge goes: to a server that its client has no other port of, to another
// namespace of which it has nothing else, to a port of which it is the only client.
func (x *suspecting) signs(e *graph.Edge, c *client) (n int) {
	src, dst := x.g.Peers[e.Src].Namespace, x.g.Peers[e.Dst].Namespace
	for _, odd := range []bool{
		x.pairs[pair{e.Src, e.Dst}] == nil,
		src != dst && c.namespaces[dst] == 1,
		x.users[doorOf(e)] == 1,
	} {
		if odd {
			n++
		}
	}
	return n
}

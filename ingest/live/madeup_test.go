package live

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"sluice/ingest"
	"sluice/model"
)

// TestMadeUpNodes: names of nodes, causes of losses and messages that a server makes up fill neither the memory nor
// commits, and what comes under them counts.
func TestMadeUpNodes(t *testing.T) {
	s := newSession(t.Context(), &Config{WindowMinutes: 1}, Position{})
	pod := s.Tables().Endpoints.Intern(model.Endpoint{Kind: model.KindPod, Namespace: "a", Labels: model.MakeLabels([]string{"app=x"})})
	long := strings.Repeat("x", 1<<20)
	const records = maxNodes + 100
	for n := range records {
		name := fmt.Appendf(nil, "node-%d", n)
		if n == 0 {
			name = append(name, long...)
		}
		s.FreshFlow(name, uint64(n+1), &model.Flow{Time: base.Add(time.Duration(n) * time.Millisecond).UnixMicro(),
			Node: name, Policies: []byte("policy a/" + long[:1<<10] + "\x00"), Logged: []byte(long[:1<<10] + "\x00"),
			Src: model.Ref{ID: pod, Kind: model.KindPod}, Dst: model.Ref{ID: pod, Kind: model.KindPod},
			SrcIP: []byte("10.0.0.1"), DstIP: []byte("10.0.0.2"), SrcPort: 40000, DstPort: 80, Proto: model.TCP, Flags: model.SYN,
			HasFlags: true, Verdict: model.Forwarded, IsReply: model.No, Event: model.EventTrace, Observer: model.AtDestination})
		s.Lost([]byte("node-1"), fmt.Sprint("cause ", n), 1<<63, 0, 0)
		s.Node(fmt.Sprint("node-", n), NodeGone, long)
	}
	var b Batch
	s.take(&b)
	if b.Report.Total() != records || len(b.Nodes) > maxNodes+1 || b.Nodes[""].Records == 0 {
		t.Errorf("%d records of %d, %d nodes, %d records of nodes beyond", b.Report.Total(), records, len(b.Nodes), b.Nodes[""].Records)
	}
	if got := b.Nodes["node-1"].Lost; len(got) > maxCauses+1 || s.stats().Lost != records*model.MaxLoss {
		t.Errorf("%d causes, %d lost", len(got), s.stats().Lost)
	}
	size := 0
	for name := range b.Nodes {
		size = max(size, len(name))
	}
	for name := range b.Report.Nodes {
		size = max(size, len(name))
	}
	for _, n := range s.stats().Nodes {
		size = max(size, len(n.Name), len(n.Message)/3)
	}
	if size > ingest.MaxNodeName || len(b.Report.Policies)+len(b.Report.Logged) > 0 {
		t.Errorf("a name has %d bytes, %d policies, %d texts", size, len(b.Report.Policies), len(b.Report.Logged))
	}
}

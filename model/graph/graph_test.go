package graph

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/model"
)

const hour0 = 490_000 // an hour of 2025

// world is a small cluster to write observations about.
type world struct {
	t    model.Tables
	rows []model.Observation
}

func newWorld() *world { return &world{t: model.NewTables()} }

func (w *world) pod(ns, app string) model.EndpointID {
	return w.t.Endpoints.Intern(model.Endpoint{Kind: model.KindPod, Namespace: ns, Labels: model.Labels{"app=" + app}})
}

func (w *world) entity(e model.Entities) model.EndpointID {
	return w.t.Endpoints.Intern(model.Endpoint{Kind: model.KindEntity, Entities: e})
}

func (w *world) address(ip string) model.EndpointID {
	return w.t.Endpoints.Intern(model.Endpoint{Kind: model.KindAddress, Entities: model.World, Address: netip.MustParseAddr(ip)})
}

func (w *world) see(hour uint32, src, dst model.EndpointID, port uint16, fate model.Fate, at model.Observer, change ...func(*model.Observation)) {
	start := int64(hour0+hour) * 3600e6
	o := model.Observation{Window: (hour0 + hour) * 60, Src: src, Dst: dst, Port: port, Proto: model.TCP, Verdict: model.Forwarded, Observer: at, Fate: fate, Records: 1, First: start, Last: start + 1}
	for _, c := range change {
		c(&o)
	}
	w.rows = append(w.rows, o)
}

func (w *world) build(t *testing.T) *Graph {
	t.Helper()
	return w.buildWith(t, Config{})
}

func (w *world) buildWith(t *testing.T, cfg Config) *Graph {
	t.Helper()
	b := NewBuilder(w.t)
	b.Add(w.t, w.rows)
	g := b.Build(cfg)
	if err := g.Check(); err != nil {
		t.Fatal(err)
	}
	return g
}

func lines(g *Graph) []string {
	var out []string
	for _, e := range g.AllEdges() {
		out = append(out, fmt.Sprintf("%s -> %s %s %s%s used=%d reply=%d dup=%d denied=%d refused=%d", g.Peers[e.Src].ID, g.Peers[e.Dst].ID, e.PortString(),
			e.State, e.Reason, e.Used, e.Replies, e.Duplicates, e.DeniedRecords, e.RefusedRecords))
	}
	return out
}

func undecided(sport uint16, marks model.Marks) func(*model.Observation) {
	return func(o *model.Observation) { o.SrcPort, o.Marks = sport, marks }
}

func TestBuild(t *testing.T) {
	for _, c := range []struct {
		name string
		see  func(*world)
		want []string
	}{
		{"both ends report one connection: the destination's records count", func(w *world) {
			a, b := w.pod("shop", "web"), w.pod("shop", "cart")
			w.see(0, a, b, 80, model.Used, model.AtDestination)
			w.see(0, a, b, 80, model.Used, model.ToOverlay)
			w.see(0, a, b, 80, model.Used, model.AtL7)
			w.see(0, a, b, 80, model.Reply, model.AtDestination)
		}, []string{"shop/web -> shop/cart 80/tcp allowed used=1 reply=1 dup=2 denied=0 refused=0"}},
		{"L7 records alone are evidence", func(w *world) {
			w.see(0, w.pod("shop", "web"), w.pod("shop", "cart"), 80, model.Used, model.AtL7)
		}, []string{"shop/web -> shop/cart 80/tcp allowed used=1 reply=0 dup=0 denied=0 refused=0"}},
		{"a denied packet is reported twice", func(w *world) {
			a, b := w.pod("shop", "stranger"), w.pod("shop", "cart")
			w.see(0, a, b, 80, model.Denied, model.AtVerdict)
			w.see(0, a, b, 80, model.Denied, model.AtDrop)
		}, []string{"shop/stranger -> shop/cart 80/tcp denied used=0 reply=0 dup=1 denied=1 refused=0"}},
		{"forwarded by the source's node, denied at the destination's: denied", func(w *world) {
			a, b := w.pod("shop", "stranger"), w.pod("shop", "cart")
			w.see(0, a, b, 80, model.Used, model.ToOverlay)
			w.see(0, a, b, 80, model.Denied, model.AtDrop)
		}, []string{"shop/stranger -> shop/cart 80/tcp denied used=1 reply=0 dup=0 denied=1 refused=0"}},
		{"denied and answered in one hour: mixed", func(w *world) {
			a, b := w.pod("shop", "web"), w.pod("shop", "cart")
			w.see(0, a, b, 80, model.Reply, model.AtDestination)
			w.see(0, a, b, 80, model.Denied, model.AtDrop)
		}, []string{"shop/web -> shop/cart 80/tcp mixed used=0 reply=1 dup=0 denied=1 refused=0"}},
		{"worked in one hour, denied in the next: mixed", func(w *world) {
			a, b := w.pod("shop", "web"), w.pod("shop", "cart")
			w.see(0, a, b, 80, model.Used, model.ToOverlay)
			w.see(1, a, b, 80, model.Denied, model.AtDrop)
		}, []string{"shop/web -> shop/cart 80/tcp mixed used=1 reply=0 dup=0 denied=1 refused=0"}},
		{"an open direction is settled by a listener that other records know", func(w *world) {
			a, b := w.pod("shop", "web"), w.pod("shop", "cart")
			w.see(0, a, b, 7070, model.Used, model.AtDestination)
			w.see(0, b, a, 0, model.Undecided, model.ToOverlay, undecided(7070, 0))
			w.see(0, a, b, 7070, model.Undecided, model.ToOverlay, undecided(0, 0))
		}, []string{"shop/web -> shop/cart 7070/tcp allowed used=1 reply=1 dup=1 denied=0 refused=0"}},
		{"a well-known service port against a client's settles it", func(w *world) {
			a, b := w.pod("shop", "ratings"), w.entity(model.RemoteNode)
			w.see(0, a, b, 0, model.Undecided, model.ToOverlay, undecided(9080, 0))
		}, []string{"entity:remote-node -> shop/ratings 9080/tcp allowed used=0 reply=1 dup=0 denied=0 refused=0"}},
		{"two client ports stay open", func(w *world) {
			w.see(0, w.pod("shop", "web"), w.pod("shop", "cart"), 0, model.Undecided, model.ToOverlay, undecided(0, 0))
		}, []string{"shop/web -> shop/cart 0/tcp refusedundecided used=0 reply=0 dup=0 denied=0 refused=1"}},
		{"is_reply=false from a service port is only outweighed by a known listener", func(w *world) {
			a, b := w.pod("shop", "redis"), w.pod("shop", "cart")
			w.see(0, a, b, 0, model.Undecided, model.AtDestination, undecided(6379, model.MarkReplyNo))
		}, []string{"shop/redis -> shop/cart 6379/tcp refusedundecided used=0 reply=0 dup=0 denied=0 refused=1"}},
		{"a node answered by its own pod is no edge", func(w *world) {
			a, b := w.pod("shop", "web"), w.entity(model.Host)
			w.see(0, a, b, 0, model.Undecided, model.ToStack, undecided(8080, 0))
		}, nil},
		{"a pod without labels is refused", func(w *world) {
			a := w.t.Endpoints.Intern(model.Endpoint{Kind: model.KindPod, Namespace: "shop", Name: "tool", Marks: model.MarkUnmanaged})
			w.see(0, a, w.pod("shop", "cart"), 80, model.Used, model.AtDestination)
		}, []string{"shop/pod:tool -> shop/cart 80/tcp refusedunlabelled used=0 reply=0 dup=0 denied=0 refused=1"}},
		{"addresses are peers of their own", func(w *world) {
			a := w.pod("shop", "web")
			w.see(0, a, w.address("192.0.2.1"), 443, model.Used, model.ToNetwork)
			w.see(0, a, w.address("2001:db8::1"), 443, model.Used, model.ToNetwork)
		}, []string{"shop/web -> world:192.0.2.1 443/tcp allowed used=1 reply=0 dup=0 denied=0 refused=0",
			"shop/web -> world:2001:db8::1 443/tcp allowed used=1 reply=0 dup=0 denied=0 refused=0"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld()
			c.see(w)
			if d := cmp.Diff(c.want, lines(w.build(t))); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
		})
	}
}

// random fills a world with observations of every kind.
func (w *world) random(r *rand.Rand, n int) {
	var ends []model.EndpointID
	for i := range 6 {
		ends = append(ends, w.pod("shop", fmt.Sprintf("a%d", i)), w.pod("ops", fmt.Sprintf("b%d", i)))
	}
	ends = append(ends, w.entity(model.RemoteNode), w.address("192.0.2.7"))
	fates := []model.Fate{model.Used, model.Used, model.Reply, model.Denied, model.Undecided}
	for range n {
		pod := w.t.Names.Intern(fmt.Appendf(nil, "pod-%d", r.IntN(5)))
		w.see(uint32(r.IntN(4)), ends[r.IntN(len(ends))], ends[r.IntN(len(ends))], []uint16{80, 443, 7070, 0}[r.IntN(4)], fates[r.IntN(len(fates))], model.Observer(r.IntN(int(model.Elsewhere))), func(o *model.Observation) {
			o.SrcPod = pod
			o.Records = uint32(1 + r.IntN(5))
			if o.Fate == model.Undecided {
				o.SrcPort = []uint16{0, 80, 9999}[r.IntN(3)]
			}
		})
	}
}

// TestOrder: any order and any partition gives the same graph, and every record has one fate.
func TestOrder(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 1))
		w := newWorld()
		w.random(r, 300)
		want := w.build(t)
		var read, counted uint64
		for i := range w.rows {
			read += uint64(w.rows[i].Records)
		}
		for _, f := range want.Fates {
			for _, n := range f {
				counted += n
			}
		}
		if read != counted {
			t.Fatalf("seed %d: %d records read, %d have a fate", seed, read, counted)
		}
		r.Shuffle(len(w.rows), func(i, j int) { w.rows[i], w.rows[j] = w.rows[j], w.rows[i] })
		// a second table with other ids, fed in two parts
		b := NewBuilder(model.NewTables())
		cut := r.IntN(len(w.rows))
		b.Add(w.t, w.rows[cut:])
		b.Add(w.t, w.rows[:cut])
		if d := cmp.Diff(lines(want), lines(b.Build(Config{}))); d != "" {
			t.Fatalf("seed %d: shuffled (-want +got)\n%s", seed, d)
		}
		// the evidence gives the same edges again
		e := NewBuilder(model.NewTables())
		e.Add(b.Tables(), b.Observations())
		again := e.Build(Config{})
		if d := cmp.Diff(lines(want), lines(again)); d != "" {
			t.Fatalf("seed %d: evidence (-want +got)\n%s", seed, d)
		}
		first := NewBuilder(w.t)
		first.Add(w.t, w.rows)
		if d := cmp.Diff(told(first), told(b)); d != "" {
			t.Fatalf("seed %d: observations of shuffled records (-want +got)\n%s", seed, d)
		}
		for i := range want.Edges {
			if x, y := want.Edges[i].Evidence, again.Edges[i].Evidence; x.First != y.First || x.Last != y.Last || x.SrcPod != y.SrcPod {
				t.Fatalf("seed %d: evidence of an edge changed: %+v, %+v", seed, x, y)
			}
		}
	}
}

// A workload that only probes reach has the labels of another, so that the two are one subject: in the evidence too.
func TestEvidenceHasAllWorkloads(t *testing.T) {
	w := newWorld()
	cart := func(owner string) model.EndpointID {
		return w.t.Endpoints.Intern(model.Endpoint{Kind: model.KindPod, Namespace: "shop", Labels: model.Labels{"app=cart"},
			Owner: model.Owner{Kind: "Deployment", Name: owner}})
	}
	w.see(0, w.pod("shop", "web"), cart("cart-blue"), 8080, model.Used, model.AtDestination)
	w.see(0, w.entity(model.Host), cart("cart-green"), 0, model.Irrelevant, model.AtDestination)
	w.see(1, w.entity(model.Host), w.pod("shop", "idle"), 0, model.Irrelevant, model.AtDestination)
	b := NewBuilder(w.t)
	b.Add(w.t, w.rows)
	e := NewBuilder(model.NewTables())
	e.Add(b.Tables(), b.Observations())
	want, again := b.Build(Config{}), e.Build(Config{})
	if d := cmp.Diff(lines(want), lines(again)); d != "" {
		t.Errorf("edges (-want +got)\n%s", d)
	}
	names := func(g *Graph) (out []string) {
		for i := range g.Workloads {
			out = append(out, fmt.Sprint(g.Workloads[i].ID, g.Workloads[i].Merged, g.Workloads[i].LabelSets))
		}
		return out
	}
	if d := cmp.Diff(names(want), names(again)); d != "" || len(want.Workloads) != 3 {
		t.Errorf("%d workloads (-want +got)\n%s", len(want.Workloads), d)
	}
	if d := cmp.Diff(want.Fates, again.Fates); d != "" {
		t.Errorf("fates (-want +got)\n%s", d)
	}
}

// told are the observations of a builder by what their numbers stand for.
func told(b *Builder) []string {
	var out []string
	for _, o := range b.Observations() {
		ends := b.tables.Endpoints.Key(o.Src) + " -> " + b.tables.Endpoints.Key(o.Dst) + " " + b.tables.Names.Get(o.SrcPod)
		o.Src, o.Dst, o.SrcPod, o.DstPod = 0, 0, 0, 0
		out = append(out, fmt.Sprintf("%s %+v", ends, o))
	}
	return out
}

func BenchmarkAdd(b *testing.B) {
	w := newWorld()
	w.random(rand.New(rand.NewPCG(1, 1)), 10000)
	g := NewBuilder(w.t)
	b.ResetTimer()
	for range b.N {
		g.Add(w.t, w.rows)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(w.rows)), "ns/row")
}

// TestOtherNodes: a pod elsewhere has a node that has to write as well; a node has none.
func TestOtherNodes(t *testing.T) {
	w := newWorld()
	w.see(0, w.pod("shop", "web"), w.pod("data", "db"), 5432, model.Used, model.AtDestination)
	w.see(0, w.pod("shop", "web"), w.entity(model.RemoteNode), 9100, model.Used, model.ToOverlay)
	b := NewBuilder(w.t)
	b.Add(w.t, w.rows)
	if b.OtherNodes() {
		t.Error("no pod is on another node")
	}
	w.see(0, w.pod("shop", "web"), w.pod("data", "db"), 5432, model.Reply, model.ToOverlay)
	b.Add(w.t, w.rows)
	if !b.OtherNodes() {
		t.Error("the answer of a pod left for another node")
	}
}

// TestApart: a record without an end in a namespace counts, noise too.
func TestApart(t *testing.T) {
	w := newWorld()
	w.see(0, w.pod("shop", "web"), w.pod("data", "db"), 5432, model.Used, model.AtDestination)
	w.see(0, w.pod("shop", "web"), w.pod("logs", "syslog"), 514, model.Used, model.AtDestination)
	b := NewBuilder(w.t)
	b.Add(w.t, w.rows)
	apart := func(ns string) bool {
		return b.Apart(func(ep *model.Endpoint) bool { return ep.Namespace == ns })
	}
	if apart("shop") || !apart("data") {
		t.Errorf("shop %v, data %v", apart("shop"), apart("data"))
	}
	b.Add(w.t, []model.Observation{{Src: w.entity(model.Host), Dst: w.entity(model.RemoteNode), Fate: model.Irrelevant,
		Reason: model.Health, Records: 1}})
	if !apart("shop") {
		t.Error("a check of health has no end in shop")
	}
}

package graph

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/model"
)

// What records of each kind show of the server's answer, as package normalize marks them.
func opening(o *model.Observation) {
	o.Marks |= model.MarkNoted | model.MarkSYN
	o.Conns = o.Records
}
func noted(o *model.Observation)    { o.Marks |= model.MarkNoted }
func answer(o *model.Observation)   { o.Marks |= model.MarkNoted | model.MarkAnswered }
func reset(o *model.Observation)    { o.Marks |= model.MarkNoted | model.MarkReset }
func unheard(o *model.Observation)  { o.Marks |= model.MarkNoted | model.MarkUnanswered }
func datagram(o *model.Observation) { o.Marks |= model.MarkNoted; o.Proto = model.UDP }
func both(list ...func(*model.Observation)) func(*model.Observation) {
	return func(o *model.Observation) {
		for _, c := range list {
			c(o)
		}
	}
}

// others are connections that work: they show that the log has answers.
func (w *world) others(hour uint32) {
	later := func(o *model.Observation) { o.Last += 60e6 }
	for _, name := range []string{"web", "cart", "auth", "mail"} {
		src, dst := w.pod("shop", name), w.pod("shop", name+"-db")
		w.see(hour, src, dst, 5432, model.Used, model.AtDestination, opening, later)
		w.see(hour, src, dst, 5432, model.Reply, model.ToStack, answer)
		w.see(hour, src, dst, 9, model.Used, model.AtDestination, datagram)
		w.see(hour, src, dst, 9, model.Reply, model.ToStack, both(datagram, answer))
	}
}

func (w *world) grades(t *testing.T, cfg Config) []string {
	t.Helper()
	b := NewBuilder(w.t)
	b.Add(w.t, w.rows)
	g := b.Build(cfg)
	if err := g.Check(); err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range g.AllEdges() {
		if src := g.Peers[e.Src].ID; src == "shop/a" || src == "world:9.9.9.9" {
			out = append(out, fmt.Sprintf("%s %s %s", e.PortString(), e.State, e.Grade))
			if e.Doubt != DoubtNone {
				out[len(out)-1] += ": " + e.Doubt.String()
			}
		}
	}
	return out
}

// TestGrades: how sure each kind of evidence is.
func TestGrades(t *testing.T) {
	type see func(*world, model.EndpointID, model.EndpointID)
	for _, c := range []struct {
		name   string
		see    see
		want   string
		silent bool // the log shows no answers
		cfg    Config
	}{
		{name: "an opening and an answer", want: "80/tcp allowed established", see: func(w *world, a, b model.EndpointID) {
			w.see(0, a, b, 80, model.Used, model.AtDestination, opening)
			w.see(0, a, b, 80, model.Reply, model.ToStack, answer)
		}},
		{name: "a probe that resets an open port's answer is established", want: "80/tcp allowed established", see: func(w *world, a, b model.EndpointID) {
			w.see(0, a, b, 80, model.Used, model.AtDestination, opening)
			w.see(0, a, b, 80, model.Used, model.AtDestination, noted)
			w.see(0, a, b, 80, model.Reply, model.ToStack, both(answer, reset))
		}},
		{name: "answers alone", want: "80/tcp allowed answered", see: func(w *world, a, b model.EndpointID) {
			w.see(0, a, b, 80, model.Reply, model.ToStack, answer)
		}},
		{name: "reset only", want: "80/tcp pending reset", see: func(w *world, a, b model.EndpointID) {
			w.see(0, a, b, 80, model.Used, model.AtDestination, opening)
			w.see(0, a, b, 80, model.Reply, model.ToStack, reset)
		}},
		{name: "reset only, where the log shows no other answers", want: "80/tcp pending reset", silent: true, see: func(w *world, a, b model.EndpointID) {
			w.see(0, a, b, 80, model.Used, model.AtDestination, opening)
			w.see(0, a, b, 80, model.Reply, model.ToStack, reset)
		}},
		{name: "reset in one hour, answered in another", want: "80/tcp allowed established", see: func(w *world, a, b model.EndpointID) {
			w.see(0, a, b, 80, model.Used, model.AtDestination, opening)
			w.see(0, a, b, 80, model.Reply, model.ToStack, reset)
			w.see(1, a, b, 80, model.Reply, model.ToStack, answer)
		}},
		{name: "a reset of a connection older than the log", want: "80/tcp allowed unknown: its opening was not seen", see: func(w *world, a, b model.EndpointID) {
			w.see(0, a, b, 80, model.Used, model.AtDestination, noted)
			w.see(0, a, b, 80, model.Reply, model.ToStack, reset)
		}},
		{name: "openings that nobody answers", want: "80/tcp pending attempted", see: func(w *world, a, b model.EndpointID) {
			w.see(0, a, b, 80, model.Used, model.AtDestination, opening)
			w.see(0, a, b, 80, model.Used, model.ToOverlay, opening)
			w.others(1)
			w.see(1, a, b, 80, model.Used, model.AtDestination, opening)
			w.see(0, w.pod("shop", "web"), w.pod("shop", "web-db"), 5432, model.Used, model.ToOverlay, opening)
			w.see(0, w.pod("shop", "cart"), w.pod("shop", "cart-db"), 5432, model.Used, model.ToOverlay, opening)
			w.see(0, w.pod("shop", "mail"), w.pod("shop", "mail-db"), 5432, model.Used, model.ToOverlay, opening)
		}},
		{name: "in an hour without answers", want: "80/tcp allowed unknown: the log does not show answers to it", see: func(w *world, a, b model.EndpointID) {
			w.see(0, a, b, 80, model.Used, model.AtDestination, opening)
			w.see(1, a, b, 80, model.Used, model.AtDestination, opening)
		}},
		{name: "at a place without answers", want: "80/tcp allowed unknown: the log does not show answers to it", see: func(w *world, a, b model.EndpointID) {
			w.see(0, a, b, 80, model.Used, model.AtVerdict, opening)
		}},
		{name: "in a log without answers", want: "80/tcp allowed unknown: the log does not show answers to it", silent: true, see: func(w *world, a, b model.EndpointID) {
			w.see(0, a, b, 80, model.Used, model.AtDestination, opening)
		}},
		{name: "in an hour of which records are missing", want: "80/tcp allowed unknown: records of its hours are missing",
			cfg: Config{Incomplete: func(h uint32) bool { return h == hour0 }}, see: func(w *world, a, b model.EndpointID) {
				w.see(0, a, b, 80, model.Used, model.AtDestination, opening)
			}},
		{name: "at the end of the log", want: "80/tcp allowed unknown: the log ends right after it", see: func(w *world, a, b model.EndpointID) {
			w.see(0, a, b, 80, model.Used, model.AtDestination, opening, func(o *model.Observation) { o.First += 3599e6; o.Last = o.First })
		}},
		{name: "packets of a connection that is older than the log", want: "80/tcp allowed unknown: its opening was not seen", see: func(w *world, a, b model.EndpointID) {
			w.see(0, a, b, 80, model.Used, model.AtDestination, noted)
		}},
		{name: "rows of older stores", want: "80/tcp allowed unknown: stored before answers were noted", see: func(w *world, a, b model.EndpointID) {
			w.see(0, a, b, 80, model.Used, model.AtDestination, func(o *model.Observation) { o.Marks, o.Conns = model.MarkSYN, 1 })
		}},
		{name: "redirected to a proxy", want: "80/tcp allowed unknown: the log does not show answers to it", see: func(w *world, a, b model.EndpointID) {
			w.see(0, a, b, 80, model.Used, model.AtDestination, opening, func(o *model.Observation) { o.Verdict = model.Redirected })
		}},
		{name: "requests that a proxy saw", want: "80/tcp allowed unknown: the log does not show answers to it", see: func(w *world, a, b model.EndpointID) {
			w.see(0, a, b, 80, model.Used, model.AtDestination, opening)
			w.see(0, a, b, 80, model.Used, model.AtL7, noted)
		}},
		{name: "denied at times, else unanswered", want: "80/tcp denied attempted", see: func(w *world, a, b model.EndpointID) {
			w.see(0, a, b, 80, model.Used, model.AtDestination, opening)
			w.see(0, a, b, 80, model.Denied, model.AtDrop, noted)
		}},

		{name: "a datagram and an answer", want: "80/udp allowed answered", see: func(w *world, a, b model.EndpointID) {
			w.see(0, a, b, 80, model.Used, model.AtDestination, datagram)
			w.see(0, a, b, 80, model.Reply, model.ToStack, both(datagram, answer))
		}},
		{name: "one datagram in vain", want: "80/udp pending attempted", see: func(w *world, a, b model.EndpointID) {
			w.see(0, a, b, 80, model.Used, model.AtDestination, datagram)
		}},
		{name: "one datagram in a log without answers", want: "80/udp allowed unknown: the log does not show answers to it", silent: true, see: func(w *world, a, b model.EndpointID) {
			w.see(0, a, b, 80, model.Used, model.AtDestination, datagram)
		}},
		{name: "as many in vain as a scanner sends", want: "80/udp pending attempted", see: func(w *world, a, b model.EndpointID) {
			w.see(0, a, b, 80, model.Used, model.AtDestination, both(datagram, records(3)))
		}},
		{name: "more in vain", want: "80/udp allowed unknown: datagrams need no answer", see: func(w *world, a, b model.EndpointID) {
			w.see(0, a, b, 80, model.Used, model.AtDestination, both(datagram, records(4)))
		}},
		{name: "in two hours in vain", want: "80/udp allowed unknown: datagrams need no answer", see: func(w *world, a, b model.EndpointID) {
			w.see(0, a, b, 80, model.Used, model.AtDestination, datagram)
			w.see(1, a, b, 80, model.Used, model.AtDestination, datagram)
		}},
		{name: "datagrams over days", want: "80/udp allowed one-way", see: func(w *world, a, b model.EndpointID) {
			for _, h := range []uint32{0, 1, 30} {
				w.see(h, a, b, 80, model.Used, model.AtDestination, datagram)
			}
		}},
		{name: "datagrams to a port that is not there", want: "80/udp pending reset", see: func(w *world, a, b model.EndpointID) {
			w.see(0, a, b, 80, model.Used, model.AtDestination, datagram)
			w.see(1, a, b, 80, model.Used, model.AtDestination, datagram)
			w.see(0, b, a, 3, model.Irrelevant, model.AtDestination, noted, func(o *model.Observation) { o.Proto, o.Reason = model.ICMP, model.ICMPError })
		}},

		{name: "counters: more than a refusal came back", want: "80/tcp allowed established", see: func(w *world, a, b model.EndpointID) {
			w.see(0, a, b, 80, model.Used, model.AtSource, unheard)
			w.see(0, a, b, 80, model.Used, model.AtDestination, answer)
		}},
		{name: "counters: resets", want: "80/tcp pending reset", see: func(w *world, a, b model.EndpointID) {
			w.see(0, a, b, 80, model.Used, model.AtSource, reset)
			w.see(1, a, b, 80, model.Used, model.AtSource, unheard)
		}},
		{name: "counters: nothing came back", want: "80/tcp pending attempted", see: func(w *world, a, b model.EndpointID) {
			w.see(0, a, b, 80, model.Used, model.AtSource, unheard)
			w.see(0, b, a, 80, model.Used, model.AtSource, answer)
		}},
		{name: "counters: nothing ever came back, from anybody", want: "80/tcp allowed unknown: the log does not show answers to it", see: func(w *world, a, b model.EndpointID) {
			w.see(0, a, b, 80, model.Used, model.AtSource, unheard)
		}},
		{name: "some records count", want: "80/tcp allowed unknown: the log does not show answers to it", see: func(w *world, a, b model.EndpointID) {
			w.see(0, a, b, 80, model.Used, model.AtSource, unheard)
			w.see(0, a, b, 80, model.Used, model.AtDestination, noted)
			w.see(0, b, a, 80, model.Used, model.AtSource, answer)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld()
			c.see(w, w.pod("shop", "a"), w.pod("shop", "b"))
			if !c.silent {
				w.others(0)
			}
			if d := cmp.Diff([]string{c.want}, w.grades(t, c.cfg)); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
			// The evidence that a bundle keeps gives the same grades.
			b := NewBuilder(w.t)
			b.Add(w.t, w.rows)
			w.rows = b.Observations()
			if d := cmp.Diff([]string{c.want}, w.grades(t, c.cfg)); d != "" {
				t.Errorf("from its own observations (-want +got)\n%s", d)
			}
		})
	}
}

// TestScans: what a scanner tries in vain is no dependency, whichever packets it sends; the port that answers is one.
func TestScans(t *testing.T) {
	scan := func(see func(w *world, a, b model.EndpointID, port uint16)) func(*world) {
		return func(w *world) {
			w.others(0)
			a, b := w.pod("shop", "a"), w.pod("shop", "web-db")
			for port := uint16(1); port <= 40; port++ {
				see(w, a, b, port)
			}
			w.see(0, a, b, 5432, model.Used, model.AtDestination, opening)
			w.see(0, a, b, 5432, model.Reply, model.ToStack, answer)
		}
	}
	late := func(o *model.Observation) { o.First += 3599e6; o.Last = o.First }
	for _, c := range []struct {
		name  string
		grade Grade
		see   func(*world)
	}{
		{"SYN, filtered", Attempted, scan(func(w *world, a, b model.EndpointID, p uint16) {
			w.see(0, a, b, p, model.Used, model.AtDestination, opening)
		})},
		{"SYN, filtered, at the end of the log", Attempted, scan(func(w *world, a, b model.EndpointID, p uint16) {
			w.see(0, a, b, p, model.Used, model.AtDestination, opening, late)
		})},
		{"SYN, closed", Reset, scan(func(w *world, a, b model.EndpointID, p uint16) {
			w.see(0, a, b, p, model.Used, model.AtDestination, opening)
			w.see(0, a, b, p, model.Reply, model.ToStack, reset)
		})},
		{"ACK or FIN, closed", Reset, scan(func(w *world, a, b model.EndpointID, p uint16) {
			w.see(0, a, b, p, model.Used, model.AtDestination, noted)
			w.see(0, a, b, p, model.Reply, model.ToStack, reset)
		})},
		{"ACK or FIN, filtered", Attempted, scan(func(w *world, a, b model.EndpointID, p uint16) {
			w.see(0, a, b, p, model.Used, model.AtDestination, noted)
		})},
		{"UDP, with few errors", Attempted, scan(func(w *world, a, b model.EndpointID, p uint16) {
			w.see(0, a, b, p, model.Used, model.AtDestination, datagram)
			w.see(0, a, b, p, model.Used, model.AtDestination, datagram)
			if p < 6 {
				w.see(0, b, a, 3, model.Irrelevant, model.AtDestination, noted, func(o *model.Observation) { o.Proto, o.Reason = model.ICMP, model.ICMPError })
			}
		})},
		{"one port of many pods", Attempted, func(w *world) {
			w.others(0)
			a := w.pod("shop", "a")
			for n := range 40 {
				w.see(0, a, w.pod("shop", fmt.Sprint("peer-", n)), 22, model.Used, model.AtDestination, opening)
			}
			w.see(0, a, w.pod("shop", "web-db"), 5432, model.Used, model.AtDestination, opening)
			w.see(0, a, w.pod("shop", "web-db"), 5432, model.Reply, model.AtDestination, answer)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld()
			c.see(w)
			g := w.build(t)
			if len(g.FanOuts) != 1 || g.Peers[g.FanOuts[0].Client].ID != "shop/a" || len(g.FanOuts[0].Edges) != 40 {
				t.Fatalf("fan-outs %+v", g.FanOuts)
			}
			for i, e := range g.AllEdges() {
				switch {
				case slices.Contains(g.FanOuts[0].Edges, i):
					if e.State != Pending || e.Grade != c.grade {
						t.Errorf("%s is %s %s, want pending %s", e.PortString(), e.State, e.Grade, c.grade)
					}
				case e.State != Allowed:
					t.Errorf("%s of %s is %s", e.PortString(), g.Peers[e.Src].ID, e.State)
				}
			}
		})
	}
}

// TestScanWhileLost: who makes a node lose records hides no scan by it.
func TestScanWhileLost(t *testing.T) {
	w := newWorld()
	w.others(0)
	a := w.pod("shop", "a")
	for n := range 40 {
		w.see(0, a, w.pod("shop", fmt.Sprint("peer-", n)), 22, model.Used, model.AtDestination, opening)
	}
	g := w.buildWith(t, Config{Incomplete: func(uint32) bool { return true }})
	if len(g.FanOuts) != 1 || len(g.FanOuts[0].Edges) != 40 {
		t.Errorf("fan-outs %+v", g.FanOuts)
	}
}

// TestScanInSilence: who scans a server in hours that show answers, and goes on in one that shows nobody's, does so in
// vain there too. What it does there more than once, or to somebody else, is as the log leaves it.
func TestScanInSilence(t *testing.T) {
	w := newWorld()
	w.others(0)
	a, b, c := w.pod("shop", "a"), w.pod("shop", "b"), w.pod("shop", "c")
	for p := range uint16(40) {
		w.see(uint32(p/30*5), a, b, 1000+p, model.Used, model.AtDestination, noted)
	}
	w.see(5, a, c, 1000, model.Used, model.AtDestination, noted)
	w.see(5, a, b, 8080, model.Used, model.AtDestination, noted, func(o *model.Observation) { o.Records = 20 })
	g := w.build(t)
	if len(g.FanOuts) != 1 || len(g.FanOuts[0].Edges) != 40 {
		t.Fatalf("fan-outs %+v", g.FanOuts)
	}
	for i, e := range g.AllEdges() {
		scanned := g.Peers[e.Dst].ID == "shop/b" && e.Port != 8080
		if slices.Contains(g.FanOuts[0].Edges, i) != scanned || scanned != (e.State == Pending) {
			t.Errorf("%s -> %s %s is %s", g.Peers[e.Src].ID, g.Peers[e.Dst].ID, e.PortString(), e.State)
		}
	}
}

// TestManyTargets: a client of many servers, some of which are down, is no scanner.
func TestManyTargets(t *testing.T) {
	w := newWorld()
	a := w.pod("shop", "a")
	for n := range 60 {
		b := w.pod("shop", fmt.Sprint("target-", n))
		w.see(0, a, b, 9090, model.Used, model.AtDestination, opening)
		if n >= 20 {
			w.see(0, a, b, 9090, model.Reply, model.ToStack, answer)
		}
	}
	if g := w.build(t); len(g.FanOuts) > 0 {
		t.Errorf("fan-outs %+v", g.FanOuts)
	}
}

// TestSilentHalf: where many clients are never answered, the log does not show answers everywhere, and silence means
// nothing.
func TestSilentHalf(t *testing.T) {
	w := newWorld()
	w.others(0)
	a := w.pod("shop", "a")
	w.see(0, a, w.pod("shop", "b"), 80, model.Used, model.AtDestination, opening)
	for _, n := range []string{"c", "d"} {
		w.see(0, w.pod("shop", n), w.pod("shop", n+"-db"), 80, model.Used, model.AtDestination, opening)
	}
	if d := cmp.Diff([]string{"80/tcp allowed unknown: the log does not show answers to it"}, w.grades(t, Config{})); d != "" {
		t.Error(d)
	}
	// Strangers outside do not make a log silent.
	w = newWorld()
	w.others(0)
	w.see(0, a, w.pod("shop", "b"), 80, model.Used, model.AtDestination, opening)
	for n := range 100 {
		w.see(0, w.address(fmt.Sprint("9.9.9.", n)), w.pod("shop", "open"), 80, model.Used, model.AtDestination, opening)
	}
	if d := cmp.Diff([]string{"80/tcp pending attempted"}, w.grades(t, Config{})[:1]); d != "" {
		t.Error(d)
	}
}

func records(n uint32) func(*model.Observation) { return func(o *model.Observation) { o.Records = n } }

func sctp(o *model.Observation) { o.Proto = model.SCTP; o.Marks |= model.MarkNoted }

func ping(o *model.Observation) { o.Proto = model.ICMP; o.Marks |= model.MarkNoted }

// unasked is an answer of which the record says that it is no reply.
func unasked(o *model.Observation) { o.Marks |= model.MarkReplyNo }

func unreachable(o *model.Observation) {
	o.Proto, o.Reason, o.Marks = model.ICMP, model.ICMPError, model.MarkNoted
}

func portless(p model.Proto) func(*model.Observation) {
	return func(o *model.Observation) {
		o.Proto, o.Reason, o.Conns, o.Marks = p, model.NoPort, 0, model.MarkNoted
	}
}

// TestNeedsAnswer: what is nothing without an answer is an attempt where nobody answers it, any number of times, also
// where nobody else uses the protocol.
func TestNeedsAnswer(t *testing.T) {
	for _, c := range []struct {
		name   string
		want   string
		silent bool
		see    func(w *world, a, b model.EndpointID)
	}{
		{name: "pings", want: "8/icmp pending attempted", see: func(w *world, a, b model.EndpointID) {
			for hour := range uint32(30) {
				w.see(hour, a, b, 8, model.Used, model.AtDestination, both(ping, records(9)))
			}
		}},
		{name: "one that is answered", want: "8/icmp allowed answered", see: func(w *world, a, b model.EndpointID) {
			w.see(0, a, b, 8, model.Used, model.AtDestination, both(ping, records(9)))
			w.see(1, a, b, 8, model.Reply, model.ToStack, both(ping, answer))
		}},
		{name: "in a log without answers", want: "8/icmp allowed unknown: the log does not show answers to it", silent: true, see: func(w *world, a, b model.EndpointID) {
			w.see(0, a, b, 8, model.Used, model.AtDestination, both(ping, records(9)))
		}},
		{name: "an answer that nobody asked for", want: "8/icmp pending attempted", see: func(w *world, a, b model.EndpointID) {
			w.see(5, a, b, 8, model.Reply, model.ToStack, both(ping, answer, unasked))
		}},
		{name: "one whose request conntrack forgot", want: "8/icmp allowed answered", see: func(w *world, a, b model.EndpointID) {
			w.see(5, a, b, 8, model.Used, model.AtDestination, ping)
			w.see(5, a, b, 8, model.Reply, model.ToStack, both(ping, answer, unasked))
		}},
		{name: "one in a log of answers alone", want: "8/icmp allowed answered", silent: true, see: func(w *world, a, b model.EndpointID) {
			w.see(5, a, b, 8, model.Reply, model.ToStack, both(ping, answer, unasked))
		}},
		{name: "messages that no host answers", want: "42/icmp pending attempted", see: func(w *world, a, b model.EndpointID) {
			w.see(0, a, b, 42, model.Used, model.AtDestination, both(ping, records(9)))
		}},
		{name: "SCTP", want: "38412/sctp pending attempted", see: func(w *world, a, b model.EndpointID) {
			w.see(0, a, b, 38412, model.Used, model.AtDestination, both(sctp, records(9)))
			w.see(5, a, b, 38412, model.Used, model.AtDestination, both(sctp, records(9)))
		}},
		{name: "counted", want: "8/icmp pending attempted", see: func(w *world, a, b model.EndpointID) {
			w.see(0, a, b, 8, model.Used, model.AtDestination, both(ping, unheard, records(9)))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := &world{t: model.NewTables()}
			if !c.silent {
				for hour := range uint32(31) {
					w.others(hour)
				}
				web, db := w.pod("shop", "web"), w.pod("shop", "web-db")
				w.see(0, web, db, 9, model.Used, model.AtSource, func(o *model.Observation) { o.Marks |= model.MarkNoted | model.MarkAnswered })
			}
			c.see(w, w.pod("shop", "a"), w.pod("shop", "b"))
			if d := cmp.Diff([]string{c.want}, w.grades(t, Config{})); d != "" {
				t.Error(d)
			}
		})
	}
}

// TestObstacles: what nothing can be learned from is pending where nobody answered it, in a log that shows answers of
// others, and keeps its subject open where somebody may have.
func TestObstacles(t *testing.T) {
	a := func(w *world) model.EndpointID { return w.pod("shop", "a") }
	b := func(w *world) model.EndpointID { return w.pod("shop", "b") }
	unlabelled := func(w *world) model.EndpointID {
		return w.t.Endpoints.Intern(model.Endpoint{Kind: model.KindPod, Namespace: "shop", Name: "tool"})
	}
	synAck := both(undecided(0, model.MarkReplyNo), answer)
	losing := Config{Incomplete: func(uint32) bool { return true }}
	asked := func(o *model.Observation) { o.Reason = model.UnknownIdentity; opening(o) }
	later := func(o *model.Observation) { o.First += 600e6; o.Last += 600e6 }
	for _, c := range []struct {
		name   string
		see    func(*world)
		want   []string
		silent bool
		cfg    Config
	}{
		{name: "a SYN-ACK that nobody asked for", want: []string{"80/tcp pending attempted"}, see: func(w *world) {
			w.see(0, a(w), b(w), 80, model.Undecided, model.AtDestination, synAck, later)
		}},
		{name: "which is reset", want: []string{"80/tcp pending reset", "80/tcp pending attempted"}, see: func(w *world) {
			w.see(0, a(w), b(w), 80, model.Undecided, model.AtDestination, synAck, later)
			w.see(0, a(w), b(w), 80, model.Reply, model.AtDestination, reset, later)
		}},
		{name: "where the other end talks", want: []string{"80/tcp refused unknown"}, see: func(w *world) {
			w.see(0, a(w), b(w), 80, model.Undecided, model.AtDestination, synAck, later)
			w.see(0, b(w), a(w), 0, model.Undecided, model.AtDestination, undecided(0, model.MarkReplyNo), later)
		}},
		{name: "in a log without answers", want: []string{"80/tcp refused unknown"}, silent: true, see: func(w *world) {
			w.see(0, a(w), b(w), 80, model.Undecided, model.AtDestination, synAck, later)
		}},
		{name: "in an hour with losses", want: []string{"80/tcp refused unknown"}, cfg: losing, see: func(w *world) {
			w.see(0, a(w), b(w), 80, model.Undecided, model.AtDestination, synAck, later)
		}},
		{name: "at the beginning of the log", want: []string{"80/tcp refused unknown"}, see: func(w *world) {
			w.see(0, a(w), b(w), 80, model.Undecided, model.AtDestination, synAck)
		}},
		{name: "a datagram from a server's port", want: []string{"53/udp pending attempted"}, see: func(w *world) {
			w.see(0, a(w), b(w), 0, model.Undecided, model.AtDestination, both(undecided(53, model.MarkReplyNo), datagram), later)
		}},
		{name: "three datagrams from a server's port", want: []string{"53/udp pending attempted"}, see: func(w *world) {
			w.see(0, a(w), b(w), 0, model.Undecided, model.AtDestination, both(undecided(53, model.MarkReplyNo), datagram, records(3)), later)
		}},
		{name: "more than a scanner sends", want: []string{"53/udp refused unknown"}, see: func(w *world) {
			w.see(0, a(w), b(w), 0, model.Undecided, model.AtDestination, both(undecided(53, model.MarkReplyNo), datagram, records(4)), later)
		}},
		{name: "in two hours", want: []string{"53/udp refused unknown"}, see: func(w *world) {
			w.see(0, a(w), b(w), 0, model.Undecided, model.AtDestination, both(undecided(53, model.MarkReplyNo), datagram), later)
			w.see(1, a(w), b(w), 0, model.Undecided, model.AtDestination, both(undecided(53, model.MarkReplyNo), datagram), later)
		}},
		{name: "most of which are refused by errors", want: []string{"53/udp pending reset"}, see: func(w *world) {
			w.see(0, a(w), b(w), 0, model.Undecided, model.AtDestination, both(undecided(53, model.MarkReplyNo), datagram, records(40)), later)
			w.see(0, b(w), a(w), 3, model.Irrelevant, model.AtDestination, both(unreachable, records(30)))
		}},
		{name: "few of which are", want: []string{"53/udp refused unknown"}, see: func(w *world) {
			w.see(0, a(w), b(w), 0, model.Undecided, model.AtDestination, both(undecided(53, model.MarkReplyNo), datagram, records(40)), later)
			w.see(0, b(w), a(w), 3, model.Irrelevant, model.AtDestination, both(unreachable, records(3)))
		}},
		{name: "an association of SCTP of which one end is silent", want: []string{"38412/sctp pending attempted"}, see: func(w *world) {
			w.see(0, a(w), b(w), 38412, model.Undecided, model.AtDestination, both(undecided(0, 0), sctp, records(100)), later)
		}},
		{name: "packets without a port", want: []string{"0/unknown pending attempted"}, see: func(w *world) {
			w.see(0, a(w), b(w), 0, model.Refused, model.AtDestination, both(portless(0), records(3)), later)
		}},
		{name: "many of them, which may be a tunnel that needs no answer", want: []string{"0/unknown refused unknown"}, see: func(w *world) {
			w.see(0, a(w), b(w), 0, model.Refused, model.AtDestination, both(portless(0), records(40)), later)
		}},
		{name: "many of a protocol that is nothing without answers", want: []string{"0/sctp pending attempted"}, see: func(w *world) {
			w.see(0, a(w), b(w), 0, model.Refused, model.AtDestination, both(portless(model.SCTP), records(40)), later)
			w.others(1)
			w.see(1, a(w), b(w), 0, model.Refused, model.AtDestination, both(portless(model.SCTP), records(40)), later)
		}},
		{name: "to an end that answers", want: []string{"0/sctp refused unknown"}, see: func(w *world) {
			w.see(0, a(w), b(w), 0, model.Refused, model.AtDestination, both(portless(model.SCTP), records(40)), later)
			w.see(0, b(w), a(w), 0, model.Refused, model.AtDestination, both(portless(model.SCTP), records(40)), later)
		}},
		{name: "an opening of an end without identity", want: []string{"80/tcp pending attempted"}, see: func(w *world) {
			w.see(0, a(w), b(w), 80, model.Refused, model.AtDestination, asked, later)
		}},
		{name: "which is answered", want: []string{"80/tcp refused unknown"}, see: func(w *world) {
			w.see(0, a(w), b(w), 80, model.Refused, model.AtDestination, asked, later)
			w.see(0, a(w), b(w), 80, model.Refused, model.ToStack, both(answer, func(o *model.Observation) {
				o.Reason = model.UnknownIdentity
			}), later)
		}},
		{name: "an opening towards a pod without labels", want: []string{"80/tcp pending attempted"}, see: func(w *world) {
			w.see(0, a(w), unlabelled(w), 80, model.Used, model.AtDestination, opening, later)
		}},
		{name: "which is answered", want: []string{"80/tcp refused unknown"}, see: func(w *world) {
			w.see(0, a(w), unlabelled(w), 80, model.Used, model.AtDestination, opening, later)
			w.see(0, a(w), unlabelled(w), 80, model.Reply, model.ToStack, answer, later)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := &world{t: model.NewTables()}
			if !c.silent {
				w.others(0)
				w.see(0, w.pod("shop", "web"), w.pod("shop", "web-db"), 5432, model.Used, model.AtDestination, opening,
					func(o *model.Observation) { o.Last += 3000e6 })
			}
			c.see(w)
			if d := cmp.Diff(c.want, w.grades(t, c.cfg)); d != "" {
				t.Error(d)
			}
		})
	}
}

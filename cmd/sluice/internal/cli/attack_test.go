package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice/model/graph"
	"sluice/synth"
	"sluice/synth/eval"
	"sluice/synth/policy"
	"sluice/synth/render"
	"sluice/synth/render/calico"
	"sluice/synth/render/cilium"
	"sluice/synth/render/kubernetes"
	"sluice/synth/verify"
)

// attack is something that an attacker does in three days of a shop that goes on as always.
type attack struct {
	name string
	do   func(w *hostileLog, hour int)
	// edges are what it leaves behind, each with a part of what a finding has to say of it; "" where it works like a
	// need and nothing tells it from one.
	edges map[string]string
	need  string // an edge of the shop that goes with it, where the dialect can say it
	count int    // of edges that are not listed, at least
	held  string // what alone is held open, a part of each of those rules; "" for nothing
}

var attacks = []attack{
	{name: "a scan of one closed port an hour", count: 72, do: func(w *hostileLog, hour int) {
		w.reset(w.pod("evil", "evil", "app=evil"), w.app("shop", "", 1), 2000+hour)
	}},
	{name: "a scan of one closed port an hour, another server each time", count: 72, do: func(w *hostileLog, hour int) {
		w.reset(w.pod("evil", "evil", "app=evil"), w.app("shop", "", hour%3), 2000+hour)
	}},
	{name: "answers to nobody's question", count: 1, do: func(w *hostileLog, hour int) {
		w.lone(w.pod("evil", "evil", "app=evil"), w.app("shop", "", 0), 443, 40_000+hour, `"SYN":true,"ACK":true`)
	}},
	{name: "packets of a connection that nobody opened", count: 1, do: func(w *hostileLog, hour int) {
		w.lone(w.pod("evil", "evil", "app=evil"), w.app("shop", "", 0), 443, 40_000+hour, `"ACK":true`)
	}},
	{name: "resets from nowhere", count: 1, do: func(w *hostileLog, hour int) {
		w.lone(w.pod("evil", "evil", "app=evil"), w.app("shop", "", 0), 443, 40_000+hour, `"RST":true`)
	}},
	{name: "an answer to nobody's question, which is reset", count: 1, do: at(40, func(w *hostileLog) {
		w.lone(evil(w), w.app("shop", "", 0), 443, 40_000, `"SYN":true,"ACK":true`)
		w.record(w.app("shop", "", 0), evil(w), 40_000, 443, `"RST":true`, true)
	})},
	{name: "a late answer of a resolver that nobody asked", count: 1, do: at(40, func(w *hostileLog) {
		w.twisted(func() { w.lone(evil(w), w.app("shop", "", 0), 53, 40_000, "") }, `"TCP":{`, `"UDP":{`, `,"flags":{}`, ``)
	})},
	{name: "a beacon to one address", edges: map[string]string{
		"shop/0 -> world:203.0.113.66 443/tcp": "known by its address",
	}, do: func(w *hostileLog, hour int) {
		w.answered(w.app("shop", "", 0), hostileEnd{"203.0.113.66", worldEnd}, 443)
	}},
	{name: "a tunnel through a resolver outside", edges: map[string]string{
		"shop/0 -> world:203.0.113.53 53/tcp": "known by its address",
	}, do: func(w *hostileLog, hour int) {
		w.answered(w.app("shop", "", 0), hostileEnd{"203.0.113.53", worldEnd}, 53)
	}},
	{name: "a pod with another's labels", edges: map[string]string{
		"shop/0 -> shop/2 5432/tcp": "shop/0",
	}, do: func(w *hostileLog, hour int) {
		if hour == 40 {
			w.answered(w.pod("shop", "stranger", "app=0"), w.app("shop", "", 2), 5432)
		}
	}},
	{name: "a step to each neighbour, once each", edges: map[string]string{
		"shop/0 -> shop/1 22/tcp": "seen once",
		"shop/0 -> shop/2 22/tcp": "seen once",
		"shop/0 -> ops/3 22/tcp":  "seen once",
	}, do: func(w *hostileLog, hour int) {
		switch hour {
		case 13, 37:
			w.answered(w.app("shop", "", 0), w.app("shop", "", hour/24+1), 22)
		case 61:
			w.answered(w.app("shop", "", 0), w.app("ops", "", 3), 22)
		}
	}},
	{name: "a step to the same neighbour every day", edges: map[string]string{
		"shop/0 -> shop/2 22/tcp": "a port of administration",
	}, do: func(w *hostileLog, hour int) {
		if hour%24 == 13 {
			w.answered(w.app("shop", "", 0), w.app("shop", "", 2), 22)
		}
	}},
	{name: "a step into another namespace every day", edges: map[string]string{
		"shop/0 -> ops/3 5432/tcp": "nothing else of its client goes there",
	}, do: func(w *hostileLog, hour int) {
		if hour%24 == 13 {
			w.answered(w.app("shop", "", 0), w.app("ops", "", 3), 5432)
		}
	}},
	{name: "a pod of kubectl run that looks around", edges: map[string]string{
		"shop/look -> shop/2 5432/tcp": "nothing runs but a person",
	}, do: func(w *hostileLog, hour int) {
		if hour == 40 {
			w.answered(w.bare("shop", "look", "run=look"), w.app("shop", "", 2), 5432)
		}
	}},
}

// victims are the edges of the shop, which goes on as always.
var victims = []string{"shop/0 -> shop/1 8080/tcp", "shop/1 -> shop/2 5432/tcp", "shop/0 -> shop/1 9125/udp", "shop/1 -> shop/2 9125/udp"}

// write writes three days of the shop, with the attack in them.
func (a *attack) write(t *testing.T) (file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "flows.jsonl")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	w := &hostileLog{w: bufio.NewWriter(f), r: rand.New(rand.NewPCG(1, 1))}
	for hour := range 72 {
		for k := range 10 {
			w.at = time.Duration(hour)*time.Hour + time.Duration(6*k+1)*time.Minute
			w.answered(w.app("shop", "", 0), w.app("shop", "", 1), 8080)
			w.answered(w.app("shop", "", 1), w.app("shop", "", 2), 5432)
		}
		w.question(w.app("shop", "", 0), w.app("shop", "", 1), 9125)
		w.question(w.app("shop", "", 1), w.app("shop", "", 2), 9125)
		a.do(w, hour)
	}
	if err := errors.Join(w.w.Flush(), f.Close()); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestAttacks: in three dialects, what an attacker tries in vain is never learned, and what works is told by name; the
// shop's own edges are learned beside it, and a replay of the whole log loses nothing.
func TestAttacks(t *testing.T) {
	var tried, named, alike int
	for _, a := range slices.Concat(attacks, strangers) {
		t.Run(strings.ReplaceAll(a.name, " ", "-"), func(t *testing.T) {
			in := &reading{workers: 1, quiet: true, config: os.DevNull}
			l, err := in.open(t.Context(), Streams{strings.NewReader(""), io.Discard, io.Discard}, []string{a.write(t)})
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range []render.Dialect{kubernetes.Dialect{}, cilium.Dialect{}, calico.Dialect{}} {
				r, err := synth.Synthesize(t.Context(), l.Graph, synth.Config{All: true, Dialect: d, Resolver: &synth.Resolver{None: true}})
				if err != nil {
					t.Fatal(err)
				}
				n, told := a.check(t, l.Graph, &r)
				tried, named = tried+n, named+told
				for _, why := range a.edges {
					if why == "" {
						alike++
					}
				}
				semantics := eval.Cilium
				if d.Name() == "calico" {
					semantics = eval.Calico
				}
				replay, err := verify.Verify(t.Context(), l.Graph, r.Enforced(), verify.Config{Semantics: semantics,
					Namespaces: r.Namespaces(), Inexpressible: r.Inexpressible()})
				if err != nil {
					t.Fatal(err)
				}
				if n := replay.Connections[verify.Lost]; n > 0 {
					t.Errorf("%s: a replay loses %d connections", d.Name(), n)
				}
			}
		})
	}
	t.Logf("%d attacks, %d of their edges, in three dialects: named %d, like a need in all that a log tells %d, all else absent",
		len(attacks)+len(strangers), tried, named, alike)
}

// check compares what was learned with what an attack may leave behind. It returns how many edges the attack has, and
// how many of them are learned and named.
func (a *attack) check(t *testing.T, g *graph.Graph, r *synth.Result) (tried, named int) {
	t.Helper()
	text := func(e *graph.Edge) string {
		return fmt.Sprintf("%s -> %s %s", g.Peers[e.Src].ID, g.Peers[e.Dst].ID, e.PortString())
	}
	ruled := map[string]bool{}
	for _, edges := range r.RuleEdges {
		for _, i := range edges {
			ruled[text(&g.Edges[i])] = true
		}
	}
	for ns, e := range r.Enforce {
		for _, h := range e.Held {
			if ns == "evil" {
				continue // its own end is its own affair
			}
			only := a.held != "" && len(h.Only) > 0 && !slices.ContainsFunc(h.Only, func(rule policy.Rule) bool {
				return !strings.Contains(rule.String(), a.held)
			})
			if len(a.edges) == 0 && a.need == "" && !only {
				t.Errorf("%s: %s of %s/%s is held open by what nobody answered, for %v", r.Dialect.Name(), h.Direction, ns, h.Name, h.Only)
			}
		}
	}
	for _, needed := range victims {
		if !ruled[needed] {
			t.Errorf("%s: %s is not learned", r.Dialect.Name(), needed)
		}
	}
	for _, e := range g.AllEdges() {
		edge := text(e)
		if _, known := a.edges[edge]; known || slices.Contains(victims, edge) || edge == a.need {
			continue
		}
		if tried++; ruled[edge] {
			t.Errorf("%s: %s is learned", r.Dialect.Name(), edge)
		}
	}
	if tried < a.count {
		t.Errorf("%s: %d edges of the attacker, want %d", r.Dialect.Name(), tried, a.count)
	}
	for edge, why := range a.edges {
		if tried++; why == "" {
			if !ruled[edge] {
				t.Errorf("%s: %s is not learned", r.Dialect.Name(), edge)
			}
			continue
		}
		said := slices.ContainsFunc(r.Findings, func(f synth.Finding) bool {
			return strings.Contains(f.Text, why) && (strings.Contains(f.Text, edge) || (f.Kind == synth.KindMerged || f.Kind == synth.KindOutlier))
		})
		if !said {
			t.Errorf("%s: %s: learned %v, and not named", r.Dialect.Name(), edge, ruled[edge])
			for _, f := range r.Findings {
				t.Logf("%s: %s", f.Kind, f.Text)
			}
			continue
		}
		named++
	}
	for _, p := range r.Enforced().Policies {
		for _, rule := range p.Rules {
			for _, peer := range rule.Peers {
				if strings.Contains(fmt.Sprint(peer), "*") {
					t.Errorf("%s: a pattern out of a record: %v", r.Dialect.Name(), peer)
				}
			}
		}
	}
	return tried, named
}

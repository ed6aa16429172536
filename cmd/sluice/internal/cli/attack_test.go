package cli

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sluice/synth"
	"sluice/synth/render/kubernetes"
)

// attack is something that an attacker does in three days of a shop that goes on as always.
type attack struct {
	name string
	do   func(w *hostileLog, hour int)
	// edges are what it leaves behind, each with a part of what a finding has to say of it; "" where it must not be
	// learned, whatever is said.
	edges map[string]string
	count int // of edges, where they are not listed: all from evil/evil
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

// TestAttacks: what an attacker tries in vain is never learned, and what works is told by name; the shop's own edges are
// learned beside it.
func TestAttacks(t *testing.T) {
	var tried, learned, named int
	for _, a := range attacks {
		t.Run(strings.ReplaceAll(a.name, " ", "-"), func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "flows.jsonl")
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
				a.do(w, hour)
			}
			if err := w.w.Flush(); err != nil {
				t.Fatal(err)
			}
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
			in := &reading{workers: 1, quiet: true, config: os.DevNull}
			l, err := in.open(t.Context(), Streams{strings.NewReader(""), io.Discard, io.Discard}, []string{file})
			if err != nil {
				t.Fatal(err)
			}
			r, err := synth.Synthesize(t.Context(), l.Graph, synth.Config{All: true, Dialect: kubernetes.Dialect{},
				Resolver: &synth.Resolver{None: true}})
			if err != nil {
				t.Fatal(err)
			}
			ruled := map[string]bool{}
			for _, edges := range r.RuleEdges {
				for _, i := range edges {
					e := &l.Graph.Edges[i]
					ruled[fmt.Sprintf("%s -> %s %s", l.Graph.Peers[e.Src].ID, l.Graph.Peers[e.Dst].ID, e.PortString())] = true
				}
			}
			for _, needed := range []string{"shop/0 -> shop/1 8080/tcp", "shop/1 -> shop/2 5432/tcp"} {
				if !ruled[needed] {
					t.Errorf("%s is not learned", needed)
				}
			}
			seen := 0
			for _, e := range l.Graph.AllEdges() {
				edge := fmt.Sprintf("%s -> %s %s", l.Graph.Peers[e.Src].ID, l.Graph.Peers[e.Dst].ID, e.PortString())
				if !strings.Contains(edge, "evil/evil") {
					continue
				}
				seen++
				if ruled[edge] {
					learned++
					t.Errorf("%s is learned", edge)
				}
			}
			if a.edges == nil && seen < a.count {
				t.Errorf("%d edges of the attacker, want %d", seen, a.count)
			}
			tried += seen
			for edge, why := range a.edges {
				tried++
				said := false
				for _, f := range r.Findings {
					said = said || strings.Contains(f.Text, why) &&
						(strings.Contains(f.Text, edge) || f.Kind == synth.KindMerged)
				}
				if !ruled[edge] || !said {
					t.Errorf("%s: learned %v, named %v", edge, ruled[edge], said)
					for _, f := range r.Findings {
						t.Logf("%s: %s", f.Kind, f.Text)
					}
					continue
				}
				named++
			}
		})
	}
	t.Logf("%d edges of attackers: learned in silence %d, learned and named %d", tried, learned, named)
}

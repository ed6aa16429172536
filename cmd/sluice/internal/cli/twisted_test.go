package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// oddTexts are what a damaged or forged record has in place of a text.
var oddTexts = []string{"web", "app", "yes", "1e3", "\n", "\"", "|", "漢字", "../", "-b", "shop", "kube-system", "\u202e", strings.Repeat("a", 300)}

// twist puts other texts, numbers and flags into a record, here and there.
func twist(r *rand.Rand, v any, share float64) any {
	switch v := v.(type) {
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			v[k] = twist(r, v[k], share)
		}
	case []any:
		for i := range v {
			v[i] = twist(r, v[i], share)
		}
	case string:
		if r.Float64() >= share {
			return v
		}
		odd := oddTexts[r.IntN(len(oddTexts))]
		if key, _, ok := strings.Cut(v, "="); ok {
			return key + "=" + odd
		}
		return odd
	case bool:
		if r.Float64() < share {
			return !v
		}
	case float64:
		if r.Float64() < share {
			return []float64{0, 53, 443, 8080, 65535}[r.IntN(5)]
		}
	}
	return v
}

// twisted writes a capture of which some records are not as they were, and some ends are those of other records.
func (g *generator) twisted(t *testing.T, scenario string, seed uint64) string {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 17))
	text, err := os.ReadFile(g.file(t, scenario, fmt.Sprint(".", seed, ".jsonl"), "-records", "400", "-seed", fmt.Sprint(1+seed%3)))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	var ends []any
	for line := range bytes.Lines(text) {
		var record map[string]any
		if err := json.Unmarshal(line, &record); err != nil {
			t.Fatal(err)
		}
		if flow, ok := record["flow"].(map[string]any); ok {
			for _, end := range []string{"source", "destination"} {
				if len(ends) > 20 && r.IntN(12) == 0 {
					flow[end] = ends[r.IntN(len(ends))]
				} else {
					ends = append(ends, flow[end])
				}
			}
			if l4, ok := flow["l4"].(map[string]any); ok && r.IntN(8) == 0 {
				for _, p := range l4 {
					if p, ok := p.(map[string]any); ok && p["destination_port"] != nil {
						p["destination_port"] = []int{53, 80, 443, 8080}[r.IntN(4)]
					}
				}
			}
		}
		b, err := json.Marshal(record)
		if err != nil {
			t.Fatal(err)
		}
		if r.IntN(4) == 0 { // a copy: ends are shared
			var own any
			if err := json.Unmarshal(b, &own); err != nil {
				t.Fatal(err)
			}
			if b, err = json.Marshal(twist(r, own, 0.02)); err != nil {
				t.Fatal(err)
			}
		}
		out.Write(append(b, '\n'))
	}
	name := filepath.Join(g.dir, fmt.Sprintf("%s-%d-twisted.jsonl", scenario, seed))
	if err := os.WriteFile(name, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// verified is what learn and verify print of a replay.
type verified struct {
	Connections         map[string]int
	OverPermission      struct{ Count int }
	Unrecorded, Missing []any
}

// TestTwisted: whatever records say, policies are learned that lose nothing, and the bundle by itself is judged as the
// flows were. Compared with itself it is the same, with another one it differs as that one does from it, and learned
// over itself it allows what it did.
func TestTwisted(t *testing.T) {
	g := newGenerator(t)
	for _, c := range []struct {
		scenario, dialect string
		seed              uint64
	}{{"argo-cd", "kubernetes", 1}, {"online-boutique", "cilium", 7}, {"features", "calico", 8}, {"argo-cd", "cluster", 13}} {
		flows := g.twisted(t, c.scenario, c.seed)
		other := g.file(t, c.scenario, fmt.Sprint(".", c.seed, ".jsonl"))
		t.Run(c.scenario+"-"+c.dialect, func(t *testing.T) {
			t.Parallel()
			const cluster = "demo"
			printed := func(into any, args ...string) {
				t.Helper()
				var out, log strings.Builder
				code := Main(append(args, "-o", "json", "--config", os.DevNull, "-q"), strings.NewReader(""), &out, &log)
				if code != ExitOK && code != ExitFindings {
					t.Fatalf("%q: exit %d: %s", args, code, log.String())
				}
				if err := json.Unmarshal([]byte(out.String()), into); err != nil {
					t.Fatalf("%q: %v", args, err)
				}
			}
			dir := filepath.Join(t.TempDir(), "a")
			learn := func(flows, out string, more ...string) (v struct{ Verification verified }) {
				printed(&v, append([]string{"learn", flows, "-A", "--cluster", cluster, "--dialect", c.dialect, "--min-watch", "0", "--out", out}, more...)...)
				return v
			}
			want := learn(flows, dir).Verification
			if want.Connections["lost"] > 0 || want.Connections["permitted"] == 0 {
				t.Errorf("%v", want.Connections)
			}
			for _, source := range [][]string{nil, {flows, "--cluster", cluster}} {
				var got verified
				printed(&got, append([]string{"verify", dir}, source...)...)
				if d := cmp.Diff(want, got); d != "" {
					t.Errorf("verify %q: -learned +verified\n%s", source, d)
				}
			}
			type difference struct {
				Changes   []struct{ Source, Destination, Port, From, To string }
				Isolation []struct {
					End, Direction string
					Isolated       bool
				}
			}
			learn(other, dir+"b")
			var none, there, back difference
			printed(&none, "diff", dir, dir, flows, "--cluster", cluster)
			printed(&there, "diff", dir, dir+"b", flows, "--cluster", cluster)
			printed(&back, "diff", dir+"b", dir, flows, "--cluster", cluster)
			for i := range back.Changes {
				c := &back.Changes[i]
				c.From, c.To = c.To, c.From
			}
			for i := range back.Isolation {
				back.Isolation[i].Isolated = !back.Isolation[i].Isolated
			}
			if d := cmp.Diff(there, back); d != "" || len(there.Changes) == 0 || len(none.Changes)+len(none.Isolation) > 0 {
				t.Errorf("%d differences of itself, %d of another; -there +back\n%s", len(none.Changes), len(there.Changes), d)
			}
			learn(flows, dir+"c", "--base", dir)
			printed(&none, "diff", dir, dir+"c", flows, "--cluster", cluster)
			if len(none.Changes)+len(none.Isolation) > 0 {
				t.Errorf("learned over itself: %+v", none)
			}
		})
	}
}

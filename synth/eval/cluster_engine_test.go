//go:build conformance

package eval_test

import (
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"sluice/model"
	"sluice/synth/eval"
	"sluice/synth/eval/judgetest"
	"sluice/synth/policy"
	"sluice/synth/render"
	"sluice/synth/render/all"
)

// narrow are the reasons why the engine of kube-network-policies says less than the API.
const (
	// Of NetworkPolicies it asks whether one selects the pod at all, and then decides both directions: where none isolates
	// the direction it accepts, and the tier Baseline is never asked.
	oneDirection = "a NetworkPolicy of the other direction keeps it from the tier Baseline"
)

// TestClusterPolicyEngine: for random policies and connections the engine of kube-network-policies decides as eval does,
// where the order of policies of one priority leaves nothing open, or as eval does of what the engine asks.
func TestClusterPolicyEngine(t *testing.T) {
	ends := clusterEnds()
	worlds := 4_000
	if os.Getenv("SLUICE_LONG") != "" {
		worlds = 10_000
	}
	questions := make([]clusterWorld, worlds)
	type ask struct {
		from, to int
		proto    model.Proto
		port     uint16
	}
	asked, sets := make([][]ask, worlds), make([]policy.PolicySet, worlds)
	for i := range questions {
		a := author{rand.New(rand.NewPCG(uint64(i), 15))}
		w := &questions[i]
		*w = a.clusterWorld(ends)
		text := strings.Join(append(nodeObjects(), w.Objects...), "\n---\n")
		set, problems := render.Parse(strings.NewReader(text), "w", all.Kinds()...)
		if render.Incomplete(problems) {
			t.Fatal(problems, w.Objects)
		}
		sets[i] = set
		for len(asked[i]) < 20 {
			x := ask{a.IntN(len(ends)), a.IntN(len(ends)), choose(a, model.TCP, model.TCP, model.UDP, model.SCTP), choose[uint16](a, 80, 8080, 53, 443)}
			asked[i] = append(asked[i], x)
			w.Connections = append(w.Connections, clusterConnection{ends[x.from].Address.String(), ends[x.to].Address.String(), strings.ToUpper(x.proto.String()), int(x.port)})
		}
	}
	differ, count, narrow, open := 0, map[bool]int{}, map[string]int{}, map[string]int{}
	for i, answer := range judgetest.Ask[clusterAnswer](t, "SLUICE_CLUSTERPOLICY_ENGINE", questions) {
		if refused := judgetest.Refused(answer.Objects); refused != "" {
			t.Fatal(refused)
		}
		e, n := eval.New(sets[i], eval.Spec), newNarrow(sets[i])
		for k, x := range asked[i] {
			from, to := e.End(ends[x.from]), e.End(ends[x.to])
			d := e.Decide(from, to, x.proto, x.port)
			switch {
			case d.Unknown:
				open[d.Egress.Needs+d.Ingress.Needs]++
			case d.Allowed == answer.Allowed[k]:
				count[d.Allowed]++
			case n.allows(e, from, to, x.proto, x.port) == answer.Allowed[k]:
				narrow[oneDirection]++
			default:
				if differ++; differ < 5 {
					t.Errorf("world %d: %v -> %v %v %d: eval %s, engine %v\n%s", i, nameOf(&ends[x.from]), nameOf(&ends[x.to]), x.proto, x.port, e.Why(d), answer.Allowed[k], strings.Join(questions[i].Objects, "\n"))
				}
			}
		}
	}
	if count[true] < worlds || count[false] < worlds || narrow[oneDirection] == 0 {
		t.Errorf("the worlds say little: %d allowed, %d denied, %v", count[true], count[false], narrow)
	}
	t.Logf("%d worlds: %d allowed, %d denied, %d differ; narrower in the engine %v; not known %v", worlds, count[true], count[false], differ, narrow, open)
}

// narrowed is a set as the engine asks it: with and without the tier Baseline.
type narrowed struct {
	set      policy.PolicySet
	withouts *eval.Evaluator
}

func newNarrow(set policy.PolicySet) narrowed {
	less := set
	less.Policies = slices.DeleteFunc(slices.Clone(set.Policies), func(p policy.Policy) bool { return p.Tier == policy.BaselineTier })
	return narrowed{set, eval.New(less, eval.Spec)}
}

// allows reports whether the engine allows a connection that it asks no Baseline policy about where it need not.
func (n narrowed) allows(e *eval.Evaluator, from, to *eval.End, proto model.Proto, port uint16) bool {
	d, less := e.Decide(from, to, proto, port), n.withouts.Decide(n.withouts.End(from.Facts), n.withouts.End(to.Facts), proto, port)
	out, in := d.Egress.Outcome, d.Ingress.Outcome
	if n.selected(from) {
		out = less.Egress.Outcome
	}
	if n.selected(to) {
		in = less.Ingress.Outcome
	}
	return out != eval.Denied && in != eval.Denied
}

// selected reports whether some NetworkPolicy selects an end.
func (n narrowed) selected(end *eval.End) bool {
	return end.IsPod && slices.ContainsFunc(n.set.Policies, func(p policy.Policy) bool {
		return !p.Around() && p.Namespace == end.Namespace && p.Subject.Matches(end.Labels)
	})
}

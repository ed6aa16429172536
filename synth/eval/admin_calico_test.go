//go:build conformance

package eval_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"sluice/model"
	"sluice/synth/eval"
	"sluice/synth/eval/calicotest"
	"sluice/synth/render"
	"sluice/synth/render/all"
)

// TestCalicoAdminPolicies: Calico's converter of AdminNetworkPolicies and its engine decide about random worlds as eval
// does.
func TestCalicoAdminPolicies(t *testing.T) {
	ends := slices.DeleteFunc(clusterEnds(), func(f eval.Facts) bool { return f.Node })
	for i := range ends {
		ends[i].Services = []eval.ServicePort{}
	}
	worlds := make([]calicoWorld, 2_000)
	questions := make([]calicotest.World, len(worlds))
	for i := range worlds {
		a, w := author{rand.New(rand.NewPCG(uint64(i), 32))}, &worlds[i]
		for k := range ends {
			w.Add(fmt.Sprint("pod", k), &ends[k])
		}
		for k, o := range a.clusterWorld(ends).Objects {
			w.Objects = append(w.Objects, older(t, o, k))
		}
		for len(w.asked) < 20 {
			from, to := a.IntN(6), a.IntN(len(ends))
			w.Ask(&ends[from], &ends[to], choose(a, model.TCP, model.TCP, model.UDP, model.SCTP), choose[uint16](a, 80, 8080, 53, 443))
			w.asked = append(w.asked, [2]int{from, to})
		}
		questions[i] = w.World
	}
	refused, differ, outcomes := 0, 0, map[string]int{}
	for i, answer := range calicotest.Run(t, questions) {
		w := &worlds[i]
		set, problems := render.Parse(strings.NewReader(strings.Join(w.Objects, "\n---\n")), "w", all.Kinds()...)
		if refusedByOne(t, i, w.Objects, answer.Objects, problems, &refused) {
			continue
		}
		for j, parts := range w.decide(set, ends) {
			v, c := answer.Verdicts[j], &w.Connections[j]
			for side, got := range parts {
				word := []string{v.Egress, v.Ingress}[side]
				want := map[string]string{"allow": "allowed", "deny": "denied", "": ""}[word]
				outcomes[word]++
				if got != want {
					if differ++; differ < 6 {
						t.Errorf("world %d: %s of %s -> %s %d proto %d: eval says %s, the engine %s (%s)\n%s", i, [2]string{"egress", "ingress"}[side],
							nameOf(&ends[w.asked[j][0]]), nameOf(&ends[w.asked[j][1]]), c.ToPort, c.Protocol, got, want,
							[]string{v.EgressTrace, v.IngressTrace}[side], strings.Join(w.Objects, "\n"))
					}
				}
			}
		}
	}
	t.Logf("%d worlds, %d refused by both, verdicts compared %v, %d differ", len(worlds), refused, outcomes, differ)
	if outcomes["allow"] < len(worlds) || outcomes["deny"] < len(worlds) {
		t.Error("the random policies hardly decide anything")
	}
}

// older writes a ClusterNetworkPolicy as the kinds before it. Of the baseline there is one only: others are of the
// other tier.
func older(t *testing.T, object string, k int) string {
	t.Helper()
	var o map[string]any
	if err := json.Unmarshal([]byte(object), &o); err != nil {
		t.Fatal(err)
	}
	if o["kind"] != "ClusterNetworkPolicy" {
		return object
	}
	spec := o["spec"].(map[string]any)
	o["apiVersion"], o["kind"] = "policy.networking.k8s.io/v1alpha1", "AdminNetworkPolicy"
	last := spec["tier"] == "Baseline" && k == 0
	if delete(spec, "tier"); last {
		o["kind"], o["metadata"] = "BaselineAdminNetworkPolicy", map[string]any{"name": "default"}
		delete(spec, "priority")
	}
	for _, d := range []string{"ingress", "egress"} {
		rules, _ := spec[d].([]any)
		for _, item := range rules {
			r := item.(map[string]any)
			if r["action"] == "Accept" {
				r["action"] = "Allow"
			}
			if last && r["action"] == "Pass" {
				r["action"] = "Deny"
			}
			if list, ok := r["protocols"].([]any); ok {
				r["ports"] = olderPorts(list)
				delete(r, "protocols")
			}
			if peers, ok := r["to"].([]any); ok {
				for i := range peers {
					if _, ok := peers[i].(map[string]any)["domainNames"]; ok { // Calico's version of the API has none
						peers[i] = map[string]any{"nodes": map[string]any{}}
					}
				}
			}
		}
	}
	return text(o)
}

func olderPorts(list []any) []any {
	var out []any
	for _, item := range list {
		for proto, of := range item.(map[string]any) {
			if proto == "destinationNamedPort" {
				out = append(out, map[string]any{"namedPort": of})
				continue
			}
			port := of.(map[string]any)["destinationPort"].(map[string]any)
			if r, ok := port["range"].(map[string]any); ok {
				r["protocol"] = strings.ToUpper(proto)
				out = append(out, map[string]any{"portRange": r})
			} else {
				out = append(out, map[string]any{"portNumber": map[string]any{"protocol": strings.ToUpper(proto), "port": port["number"]}})
			}
		}
	}
	return out
}

//go:build conformance

package eval_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"sluice/model"
	"sluice/synth/eval"
	"sluice/synth/eval/judgetest"
	"sluice/synth/render"
	"sluice/synth/render/all"
)

// suiteQuestion is what the conformance tests have in their cluster, and a connection that they make.
type suiteQuestion struct {
	Pods []struct {
		clusterPod
		HostNetwork bool `json:"hostNetwork"`
	}
	Objects    []string
	Only       bool // read the objects
	Connection clusterConnection
}

// TestClusterPolicySuite: the conformance tests of network-policy-api find that eval decides as they want it.
func TestClusterPolicySuite(t *testing.T) {
	ask, questions, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	answers, tell, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), judgetest.Program(t, "SLUICE_CLUSTERPOLICY_SUITE"), "-test.v", "-test.timeout=5m")
	cmd.ExtraFiles = []*os.File{questions, answers}
	cmd.WaitDelay = time.Minute
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	questions.Close()
	answers.Close()
	policies, count, in, to := map[string]bool{}, map[bool]int{}, json.NewDecoder(ask), json.NewEncoder(tell)
	for {
		var q suiteQuestion
		if err := in.Decode(&q); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		allowed, why := q.answer(policies)
		if !q.Only {
			count[allowed]++
		}
		if err := to.Encode(map[string]any{"allowed": allowed, "why": why}); err != nil {
			t.Fatal(err)
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v\n%s", err, out.String())
	}
	passed, failed := strings.Count(out.String(), "--- PASS"), strings.Count(out.String(), "--- FAIL")
	if strings.Contains(out.String(), "--- SKIP") || passed < 28 || len(policies) < 27 {
		t.Errorf("not all was run: %d tests, policies %v\n%s", passed, policies, out.String())
	}
	t.Logf("%d tests passed, %d failed; %d policies read; connections asked: %v", passed, failed, len(policies), count)
}

// answer decides the connection, or says why it cannot.
func (q *suiteQuestion) answer(read map[string]bool) (allowed bool, why string) {
	set, problems := render.Parse(strings.NewReader(strings.Join(q.Objects, "\n---\n")), "suite", all.Kinds()...)
	if render.Incomplete(problems) {
		return false, fmt.Sprint(problems)
	}
	for i := range set.Policies {
		if p := &set.Policies[i]; q.Only && p.Around() {
			read[fmt.Sprint(len(read)+1, " ", p.Tier, " ", p.Name)] = true
		}
	}
	if q.Only {
		return false, ""
	}
	e := eval.New(set, eval.Spec)
	from, to := q.end(e, q.Connection.From), q.end(e, q.Connection.To)
	d := e.Decide(from, to, protoOf(q.Connection.Protocol), uint16(q.Connection.Port))
	if d.Unknown {
		return false, e.Why(d)
	}
	return d.Allowed, ""
}

func (q *suiteQuestion) end(e *eval.Evaluator, address string) *eval.End {
	for _, p := range q.Pods {
		if p.Address != address {
			continue
		}
		if p.HostNetwork {
			return e.End(eval.Facts{Node: true, Entities: model.RemoteNode, Address: netip.MustParseAddr(address)})
		}
		f := eval.Facts{IsPod: true, Namespace: p.Namespace, Labels: labelsOf(p.Labels), NamespaceLabels: labelsOf(p.NamespaceLabels),
			Address: netip.MustParseAddr(address), NamedPorts: []eval.NamedPort{}}
		for _, n := range p.Ports {
			f.NamedPorts = append(f.NamedPorts, eval.NamedPort{Name: n.Name, Proto: protoOf(n.Protocol), Port: n.Port})
		}
		return e.End(f)
	}
	return e.End(eval.Facts{Entities: model.World, Address: netip.MustParseAddr(address), Names: []string{}})
}

func protoOf(name string) model.Proto {
	return map[string]model.Proto{"tcp": model.TCP, "udp": model.UDP, "sctp": model.SCTP}[strings.ToLower(name)]
}

func labelsOf(m map[string]string) model.Labels {
	var kv []string
	for k, v := range m {
		kv = append(kv, k+"="+v)
	}
	return model.MakeLabels(kv)
}

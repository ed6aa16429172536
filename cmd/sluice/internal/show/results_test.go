package show

import (
	"bytes"
	"encoding/xml"
	"testing"

	"github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"

	"sluice/synth/policy"
	"sluice/synth/verify"
)

// odd is a report with everything that a stranger could have chosen.
func odd() *verify.Report {
	r := &verify.Report{Unread: 2, Edited: []string{"allow/shop/a.yaml"}}
	r.Connections[verify.Lost], r.Connections[verify.Escaped] = 2, 1
	for i, v := range []verify.Verdict{verify.Lost, verify.Lost, verify.Escaped} {
		r.Cases = append(r.Cases, verify.Case{Verdict: v, Src: "shop/<b>|\x1b[31m", Dst: "shop/db", Port: "1/tcp",
			Why: "denied ]]> & `x`", Policy: "shop/db", At: policy.Position{File: "p.yaml", Line: 3 * i}})
	}
	return r
}

// TestReportsAreValid: what is written is what readers of the formats accept, whatever names stand in it.
func TestReportsAreValid(t *testing.T) {
	var b bytes.Buffer
	if err := Report(&b, SARIF, odd(), []string{"lost"}); err != nil {
		t.Fatal(err)
	}
	s, err := sarif.FromBytes(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Validate(); err != nil {
		t.Error(err)
	}
	levels := map[string]int{}
	for _, r := range s.Runs[0].Results {
		levels[r.Level]++
	}
	if levels["error"] != 2 || levels["warning"] != 3 {
		t.Errorf("levels %v", levels)
	}

	b.Reset()
	if err := Report(&b, JUnit, odd(), []string{"lost"}); err != nil {
		t.Fatal(err)
	}
	var j junitSuites
	if err := xml.Unmarshal(b.Bytes(), &j); err != nil {
		t.Fatal(err)
	}
	if j.Failures != 2 || j.Tests != len(verify.Checks())+1 {
		t.Errorf("%d failures of %d tests", j.Failures, j.Tests)
	}

	b.Reset()
	if err := Report(&b, Markdown, odd(), nil); err != nil {
		t.Fatal(err)
	}
	if bytes.ContainsAny(b.Bytes(), "\x1b`") || bytes.Contains(b.Bytes(), []byte("<b>")) {
		t.Errorf("not escaped: %s", b.String())
	}
}

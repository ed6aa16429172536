package verify_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/synth/verify"
)

// TestFoldedCases: many ports of a pair that have one verdict for one reason are one case, with the records of all and
// the rule that all would need; few ports, another reason, and protocols without ports stay as they are.
func TestFoldedCases(t *testing.T) {
	var cases []verify.Case
	lost := func(src, port, why string) {
		cases = append(cases, verify.Case{Verdict: verify.Lost, Src: src, Dst: "shop/db", Port: port, Records: 2,
			Connections: 1, Why: why, Missing: []string{"ingress of shop/db from " + src + " " + port}})
	}
	lost("shop/web", "5432/tcp", "denied")
	for port := range 30 {
		lost("shop/scan", fmt.Sprint(2000+port, "/tcp"), "denied")
	}
	lost("shop/scan", "8080/tcp", "denied")
	lost("shop/scan", "9090/tcp", "denied elsewhere")
	for port := range 20 {
		lost("shop/few", fmt.Sprint(2000+port, "/udp"), "denied")
	}
	for range 30 {
		lost("shop/ping", "icmp", "denied")
	}
	var got []string
	for _, c := range verify.FoldedCases(cases) {
		if c.Src != "shop/few" && c.Src != "shop/ping" {
			got = append(got, fmt.Sprint(c.Src, " ", c.Port, " ", c.Records, " ", c.Connections, " ", c.Missing))
		}
	}
	want := []string{
		"shop/web 5432/tcp 2 1 [ingress of shop/db from shop/web 5432/tcp]",
		"shop/scan 2000-2029,8080/tcp 62 31 [ingress of shop/db from shop/scan 2000-2029,8080/tcp]",
		"shop/scan 9090/tcp 2 1 [ingress of shop/db from shop/scan 9090/tcp]",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if n := len(verify.FoldedCases(cases)); n != 3+20+30 {
		t.Errorf("%d cases, want those of few ports and of none one by one", n)
	}
}

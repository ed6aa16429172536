package show

import (
	"fmt"
	"strings"
	"testing"

	"sluice/synth/verify"
)

// TestSweeps: a scan of many ports is one line to people, once and as it goes on, and each edge to machines.
func TestSweeps(t *testing.T) {
	var e verify.Enforcement
	scan := func(ports int) {
		e.Passes = nil
		for port := range ports {
			e.Passes = append(e.Passes, verify.Pass{Src: "evil/scan", Dst: "shop/db", Port: fmt.Sprint(1+port, "/tcp"), Records: 1})
		}
	}
	scan(1000)
	var table, list, follow strings.Builder
	if err := Enforcement(&table, Table, &e); err != nil {
		t.Fatal(err)
	}
	if got := table.String(); strings.Count(got, "evil/scan") != 1 || !strings.Contains(got, "shop/db 1-1000/tcp, 1,000 records") {
		t.Errorf("table:\n%s", got)
	}
	if err := Enforcement(&list, JSON, &e); err != nil || strings.Count(list.String(), "evil/scan") != 1000 {
		t.Errorf("json has %d edges of 1000, %v", strings.Count(list.String(), "evil/scan"), err)
	}
	j := NewJudgements(&follow, Table)
	for _, ports := range []int{500, 700, 1000} {
		scan(ports)
		if err := j.Enforcement(&e); err != nil {
			t.Fatal(err)
		}
	}
	if got := follow.String(); strings.Count(got, "evil/scan") != 1 {
		t.Errorf("followed:\n%s", got)
	}
}

package store

import (
	"os"
	"strings"
	"testing"

	"sluice/model"
)

// TestDuckDBNames: the names in duckdb.sql are those of the enumerations, in their order.
func TestDuckDBNames(t *testing.T) {
	sql, err := os.ReadFile("duckdb.sql")
	if err != nil {
		t.Fatal(err)
	}
	list := func(n int, name func(int) string) string {
		var s []string
		for i := range n {
			s = append(s, "'"+name(i)+"'")
		}
		return "[" + strings.Join(s, ", ") + "]"
	}
	for macro, want := range map[string]string{
		"verdict_name":  list(int(model.Translated)+1, func(i int) string { return model.Verdict(i).String() }),
		"observer_name": list(int(model.Elsewhere)+1, func(i int) string { return model.Observer(i).String() }),
		"fate_name":     list(int(model.Undecided)+1, func(i int) string { return model.Fate(i).String() }),
		"reason_name":   list(model.NumReasons, func(i int) string { return model.Reason(i).String() }),
	} {
		if line := macro + "(n) AS " + want + "[n + 1];"; !strings.Contains(string(sql), line) {
			t.Errorf("duckdb.sql has not: %s", line)
		}
	}
}

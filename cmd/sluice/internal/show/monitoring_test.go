package show

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"sluice/cmd/sluice/internal/collect"
)

// TestMonitoring: what alerts and the dashboard ask for is declared, with its labels, and the dashboard has all of it.
func TestMonitoring(t *testing.T) {
	declared := map[string][]string{}
	for _, m := range collect.Metrics() {
		declared[m.Name] = m.Labels
	}
	name, label := regexp.MustCompile(`sluice_\w+`), regexp.MustCompile(`\$labels\.(\w+)`)
	var rules, board bytes.Buffer
	if err := Alerts(&rules); err != nil {
		t.Fatal(err)
	}
	var groups struct {
		Groups []struct {
			Rules []struct {
				Alert, Expr, For string
				Annotations      struct{ Summary string }
			}
		}
	}
	if err := yaml.Unmarshal(rules.Bytes(), &groups); err != nil || len(groups.Groups) != 1 || len(groups.Groups[0].Rules) != len(alerts) {
		t.Fatalf("%v\n%s", err, rules.String())
	}
	for _, r := range groups.Groups[0].Rules {
		asked := name.FindAllString(r.Expr, -1)
		if len(asked) == 0 || r.For == "" {
			t.Errorf("%s asks for nothing", r.Alert)
		}
		for _, m := range asked {
			if _, ok := declared[m]; !ok {
				t.Errorf("%s asks for %s, which no collector declares", r.Alert, m)
			}
		}
		for _, l := range label.FindAllStringSubmatch(r.Annotations.Summary, -1) {
			if !slices.Contains(declared[asked[0]], l[1]) {
				t.Errorf("%s speaks of the label %s, which %s does not have", r.Alert, l[1], asked[0])
			}
		}
	}
	if err := Dashboard(&board); err != nil {
		t.Fatal(err)
	}
	var d struct{ Panels []panelView }
	if err := json.Unmarshal(board.Bytes(), &d); err != nil || len(d.Panels) != len(declared) {
		t.Fatalf("%v: %d panels of %d metrics", err, len(d.Panels), len(declared))
	}
	for _, p := range d.Panels {
		for _, m := range name.FindAllString(p.Targets[0].Expr, -1) {
			if _, ok := declared[m]; !ok {
				t.Errorf("%s asks for %s", p.Title, m)
			}
		}
		if p.Description == "" || strings.Count(p.Targets[0].Expr, "(") != strings.Count(p.Targets[0].Expr, ")") {
			t.Errorf("%+v", p)
		}
	}
}

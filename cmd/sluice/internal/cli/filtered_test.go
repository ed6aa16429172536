package cli

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// filteredFlow is what filters look at in a record.
type filteredFlow struct {
	Verdict string
	L4      map[string]struct {
		Source int `json:"source_port"`
		Dest   int `json:"destination_port"`
	}
	Source    filteredEnd
	Dest      filteredEnd        `json:"destination"`
	EventType struct{ Type int } `json:"event_type"`
	Direction string             `json:"traffic_direction"`
	IsReply   *bool              `json:"is_reply"`
	NodeName  string             `json:"node_name"`
}

type filteredEnd struct {
	Namespace string
	Identity  int
}

func (f *filteredFlow) of(namespaces ...string) bool {
	return slices.Contains(namespaces, f.Source.Namespace) || slices.Contains(namespaces, f.Dest.Namespace)
}

// filters are what hubble observe can be asked for, and one file of an exporter that has one for each node.
var filters = map[string]func(*filteredFlow) bool{
	"verdict DROPPED":       func(f *filteredFlow) bool { return f.Verdict == "DROPPED" },
	"verdict REDIRECTED":    func(f *filteredFlow) bool { return f.Verdict == "REDIRECTED" },
	"verdict FORWARDED":     func(f *filteredFlow) bool { return f.Verdict == "FORWARDED" },
	"type trace":            func(f *filteredFlow) bool { return f.EventType.Type == 4 },
	"type l7":               func(f *filteredFlow) bool { return f.EventType.Type == 129 },
	"type policy-verdict":   func(f *filteredFlow) bool { return f.EventType.Type == 5 },
	"protocol tcp":          func(f *filteredFlow) bool { _, ok := f.L4["TCP"]; return ok },
	"protocol udp":          func(f *filteredFlow) bool { _, ok := f.L4["UDP"]; return ok },
	"port 8080":             func(f *filteredFlow) bool { return f.port(8080) },
	"no port 53":            func(f *filteredFlow) bool { return !f.port(53) },
	"direction ingress":     func(f *filteredFlow) bool { return f.Direction == "INGRESS" },
	"direction egress":      func(f *filteredFlow) bool { return f.Direction == "EGRESS" },
	"reply":                 func(f *filteredFlow) bool { return f.IsReply != nil && *f.IsReply },
	"no reply":              func(f *filteredFlow) bool { return f.IsReply != nil && !*f.IsReply },
	"one node":              func(f *filteredFlow) bool { return strings.HasSuffix(f.NodeName, "-1") },
	"identity world":        func(f *filteredFlow) bool { return f.Source.Identity == 2 || f.Dest.Identity == 2 },
	"namespace orders":      func(f *filteredFlow) bool { return f.of("orders") },
	"from namespace orders": func(f *filteredFlow) bool { return f.Source.Namespace == "orders" },
	"to two namespaces":     func(f *filteredFlow) bool { return f.Dest.Namespace == "orders" || f.Dest.Namespace == "pay" },
	"three namespaces":      func(f *filteredFlow) bool { return f.of("orders", "pay", "search") },
	"no kube-system":        func(f *filteredFlow) bool { return !f.of("kube-system") },
}

func (f *filteredFlow) port(n int) bool {
	for _, l4 := range f.L4 {
		if l4.Source == n || l4.Dest == n {
			return true
		}
	}
	return false
}

// TestFiltered: whatever a log was filtered by, the policies learned from it and the default deny take nothing away
// that the whole log shows to work. Of a part of the log less is denied, and a finding says so.
func TestFiltered(t *testing.T) {
	g := newGenerator(t)
	whole := g.file(t, "teams", ".jsonl")
	text, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.SplitAfter(text, []byte("\n"))
	flows := make([]*filteredFlow, len(lines))
	for i, line := range lines {
		var r struct{ Flow *filteredFlow }
		if err := json.Unmarshal(line, &r); err == nil {
			flows[i] = r.Flow
		}
	}
	none := func(*filteredFlow) bool { return true }
	if got := deniedBy(t, g.dir, "none", lines, flows, none, whole); got != 26 {
		t.Errorf("of the whole log %d directions are denied, and not those of 13 namespaces", got)
	}
	for name, keep := range filters {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			deniedBy(t, g.dir, name, lines, flows, keep, whole)
		})
	}
}

// deniedBy learns from the records that a filter keeps, replays the whole log, and returns how many directions of
// namespaces are denied.
func deniedBy(t *testing.T, dir, name string, lines [][]byte, flows []*filteredFlow, keep func(*filteredFlow) bool, whole string) int {
	t.Helper()
	var kept []byte
	for i, f := range flows {
		if f != nil && keep(f) {
			kept = append(kept, lines[i]...)
		}
	}
	part, bundle := filepath.Join(dir, name+".part"), filepath.Join(dir, name+".bundle")
	if err := os.WriteFile(part, kept, 0o600); err != nil {
		t.Fatal(err)
	}
	var learned struct {
		Bundle struct {
			Namespaces []struct{ Ingress, Egress bool }
			Edges      []struct{ Source, Destination, State string }
		}
	}
	learn := []string{"learn", part, "-A", "--out", bundle, "--config", os.DevNull, "--fail-on", "lost", "-q", "-o", "json"}
	for _, args := range [][]string{learn, {"verify", bundle, whole, "--config", os.DevNull, "--fail-on", "lost"}} {
		var out, log strings.Builder
		root := newRoot(Streams{strings.NewReader(""), &out, &log}, &profiles{})
		root.SetArgs(args)
		if err := root.Execute(); err != nil {
			t.Errorf("%s of %d bytes: %v\n%s%s", args[0], len(kept), err, out.String(), log.String())
		}
		if args[0] == "learn" {
			if err := json.Unmarshal([]byte(out.String()), &learned); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, e := range learned.Bundle.Edges {
		if name == "direction ingress" && e.Source == "dev/evil" && e.Destination == "media/turn" && e.State == "allowed" {
			t.Errorf("%s: learned of a scan: %+v", name, e)
		}
	}
	n := 0
	for _, ns := range learned.Bundle.Namespaces {
		if ns.Ingress {
			n++
		}
		if ns.Egress {
			n++
		}
	}
	return n
}

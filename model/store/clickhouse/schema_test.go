package clickhouse

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	ch "github.com/ClickHouse/clickhouse-go/v2"

	"sluice/model"
	"sluice/model/store"
)

func TestAddress(t *testing.T) {
	t.Setenv(PasswordVariable, "secret")
	for at, want := range map[string]string{
		"clickhouse://ch/flows":                   "default@[ch:9000]/flows, secure false, ca ",
		"clickhouse://me@ch:9001/flows":           "me@[ch:9001]/flows, secure false, ca ",
		"clickhouses://a,b:1,[::1]:2,::1/f?ca=x":  "default@[a:9440 b:1 [::1]:2 [::1]:9440]/f, secure true, ca x",
		"clickhouse://ch":                         "names no database",
		"clickhouse://ch/a-b":                     "names no database",
		"clickhouse:///flows":                     "names no host",
		"clickhouse://me:secret@ch/flows":         "no password in a URL",
		"clickhouse://ch/flows?beat=1ms":          "beat=1ms is no duration",
		"clickhouse://ch/flows?grace=soon":        "grace=soon is no duration",
		"clickhouse://ch/flows?compress=lz4":      "has no parameter compress",
		"clickhouse://ch/flows?beat=%zz&password": "cannot be read",
		"clickhouse://ch/flows?ca=a&ca=b":         "ca is given twice",
		"clickhouse://ch/flows?d=1&c=2&b=3&e=4":   "has no parameter b",
	} {
		a, err := parseAddress(at)
		if err == nil {
			err = a.known()
		}
		if err != nil {
			if !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
				t.Errorf("%s: %v, want %q", at, err, want)
			}
			continue
		}
		if got := fmt.Sprintf("%s@%v/%s, secure %v, ca %s", a.user, a.hosts, a.database, a.secure, a.ca); got != want {
			t.Errorf("%s: %s, want %s", at, got, want)
		}
	}
}

// TestScript: with a cluster every server has its part of each table, and replicas share what lies at one path.
func TestScript(t *testing.T) {
	plain, err := Script("clickhouse://ch/flows", Layout{})
	if err != nil {
		t.Fatal(err)
	}
	spread, err := Script("clickhouse://ch/flows", Layout{Cluster: "prod", Replicated: true})
	if err != nil {
		t.Fatal(err)
	}
	tables, parts, all := 0, 0, 0
	for _, line := range plain {
		if strings.Contains(line, "ON CLUSTER") || strings.Contains(line, "Replicated") || strings.Contains(line, "Distributed") {
			t.Errorf("of one server: %s", line)
		}
		tables += strings.Count(line, "CREATE TABLE")
	}
	for _, line := range spread {
		if strings.HasPrefix(line, "CREATE") && !strings.Contains(line, " ON CLUSTER prod") {
			t.Errorf("not on all servers: %s", line)
		}
		parts += strings.Count(line, "MergeTree('/clickhouse/tables/{shard}/flows/")
		all += strings.Count(line, "ENGINE = Distributed(prod, flows, ")
	}
	if tables == 0 || parts != tables || all != tables {
		t.Errorf("%d tables, %d replicated parts, %d over all", tables, parts, all)
	}
	if _, err := Script("clickhouse://ch/flows", Layout{Cluster: "a; DROP"}); err == nil {
		t.Error("a cluster may be called anything")
	}
}

// TestSteps: an older schema gets what it lacks and nothing else, and each step says that it was made.
func TestSteps(t *testing.T) {
	add := func(name string) func(*script) {
		return func(s *script) { s.table(table{name: name, merge: "MergeTree", order: "a", columns: "a UInt8"}) }
	}
	got := strings.Join(statements("d", Layout{}, 1, []func(*script){add("one"), add("two"), add("three")}), "\n")
	want := `CREATE TABLE IF NOT EXISTS d.two (a UInt8) ENGINE = MergeTree ORDER BY (a)
INSERT INTO d.schema_version (version, cluster, replicated) SELECT 2, '', 0
CREATE TABLE IF NOT EXISTS d.three (a UInt8) ENGINE = MergeTree ORDER BY (a)
INSERT INTO d.schema_version (version, cluster, replicated) SELECT 3, '', 0`
	if got != want {
		t.Errorf("%s", got)
	}
	if len(steps) != Version {
		t.Errorf("%d steps make version %d", len(steps), Version)
	}
}

// TestKeyMarks: what tells rows apart in the store does so in the view.
func TestKeyMarks(t *testing.T) {
	if keyMarks != model.KeyMarks|model.MarkNoted {
		t.Errorf("%d, want %d", keyMarks, model.KeyMarks|model.MarkNoted)
	}
}

// TestSay: errors of a server say where and what helps, in one line.
func TestSay(t *testing.T) {
	d := &database{address: &address{text: "clickhouse://ch/flows"}}
	for code, want := range map[int32]string{
		noTable:       "sluice store init clickhouse://ch/flows",
		noDatabase:    "sluice store init clickhouse://ch/flows",
		wrongPassword: PasswordVariable,
		tryFailed:     "a shard does not answer, and without it the answer would be too small: h1:9000",
		1002:          "clickhouse://ch/flows: Host h1:9000",
	} {
		err := d.say(&ch.Exception{Code: code, Message: "Host h1:9000 is down. Stack trace:\n\n0. x\n1. y"})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "h1:9000") ||
			strings.Contains(err.Error(), "\n") {
			t.Errorf("%d: %v", code, err)
		}
		if errors.Is(err, store.ErrNoStore) != (code == noTable || code == noDatabase) {
			t.Errorf("%d: there is a store: %v", code, err)
		}
	}
}

package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"sluice/model"
)

// strange are texts that a stranger could choose: what moves a cursor, turns the direction, hides, links or mentions.
var strange = []string{
	"\x1b[2J\x1b]8;;http://evil\aclick\x1b]8;;\a", "web\u202ebew", "we\u200bb", "web\u009b31m", "a\r\nFORGED: b", "a\U000e0041b",
	"\u3164", "a b", "@all :boom: [x](http://evil) <script>", "'\"`|\\",
}

// fields are where a record has texts of strangers, as paths into it.
var fields = []string{
	"flow.node_name", "flow.source.cluster_name", "flow.source.namespace", "flow.source.pod_name", "flow.source.labels.0",
	"flow.source.labels.1", "flow.source.workloads.0.name", "flow.source.workloads.0.kind", "flow.destination.namespace",
	"flow.destination.pod_name", "flow.destination.labels.0", "flow.destination.workloads.0.name", "flow.destination_names.0",
	"flow.verdict", "flow.time", "flow.IP.source", "flow.Type", "flow.traffic_direction", "flow.drop_reason_desc", "flow.uuid",
	"flow.is_reply",
}

const honest = `{"flow":{"time":"2026-03-01T10:00:01Z","uuid":"u","verdict":"FORWARDED","IP":{"source":"10.0.1.5",` +
	`"destination":"10.0.2.6","ipVersion":"IPv4"},"l4":{"TCP":{"source_port":40000,"destination_port":7070,"flags":{"SYN":true}}},` +
	`"source":{"identity":1001,"cluster_name":"demo","namespace":"shop","labels":["k8s:app=web","k8s:tier=front",` +
	`"k8s:io.kubernetes.pod.namespace=shop"],"pod_name":"web-7d9fbd6c7b-x2x4z","workloads":[{"name":"web","kind":"Deployment"}]},` +
	`"destination":{"identity":1002,"cluster_name":"demo","namespace":"shop","labels":["k8s:app=cart",` +
	`"k8s:io.kubernetes.pod.namespace=shop"],"pod_name":"cart-7d9fbd6c7b-x2x4z","workloads":[{"name":"cart","kind":"Deployment"}]},` +
	`"destination_names":["example.com"],"Type":"L3_L4","node_name":"demo/node-a","event_type":{"type":4},` +
	`"traffic_direction":"INGRESS","trace_observation_point":"TO_ENDPOINT","is_reply":false,"drop_reason_desc":""},` +
	`"node_name":"demo/node-a","time":"2026-03-01T10:00:01Z"}`

// own is a policy that a person wrote, in a file whose name hides something.
const own = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: own, namespace: shop}\n" +
	"spec: {podSelector: {}, policyTypes: [Ingress]}\n"

// strangeRecord is a record that has a text at a path.
func strangeRecord(t *testing.T, path, text string) string {
	t.Helper()
	var record any
	if err := json.Unmarshal([]byte(honest), &record); err != nil {
		t.Fatal(err)
	}
	at, steps := record, strings.Split(path, ".")
	for i, step := range steps {
		last := i == len(steps)-1
		switch v := at.(type) {
		case map[string]any:
			if last {
				v[step] = text
			}
			at = v[step]
		case []any:
			if last {
				v[step[0]-'0'] = "k8s:" + text
				if strings.Contains(path, "names") {
					v[step[0]-'0'] = text
				}
			}
			at = v[step[0]-'0']
		}
	}
	b, err := json.Marshal(record)
	if err != nil {
		t.Fatal(err)
	}
	return string(b) + "\n"
}

// rude is the address of a server whose errors want to draw on the terminal.
func rude(t *testing.T) string {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, strings.Join(strange, " "), http.StatusTeapot)
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}

// forged is a line that a stranger's text would be if it could end one.
var forged = regexp.MustCompile(`(?m)^(sluice: )?\s*FORGED.*$`)

// hidden is the first character of a text that does not show as itself, "" for none.
func hidden(b []byte) string {
	for _, r := range string(b) {
		if !model.IsPrintable(r) && r != '\n' && r != '\t' {
			return fmt.Sprintf("%U", r)
		}
	}
	return ""
}

// TestText: whatever strangers write into a log, and whoever names files, no command prints or writes a character that
// does not show as itself. JSON stays JSON.
func TestText(t *testing.T) {
	dir := t.TempDir()
	var all strings.Builder
	all.WriteString(strings.Repeat(honest+"\n", 3))
	for _, field := range fields {
		for _, text := range strange {
			all.WriteString(strangeRecord(t, field, text))
		}
	}
	write := func(name, text string) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		return name
	}
	flows, one := write("flows.jsonl", all.String()), write("one.jsonl", honest+"\n")
	odd := write("no\x1b[2J\nFORGED\u202elog.jsonl", "{\"flow\":{\"verdict\":\"\x1b[2J\u200b\"\n")
	policy := write("odd\u202e\nFORGED.yaml", "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: \"a\\u202e\\e[2J\\nFORGED\"}\nspec: {podSelectr: {}}\n")
	config := write("sluice.yaml", "decisions: [{source: \"a\\u202e\\e[2J\", destination: b, port: 80, verdict: accept, reason: x}]\n")
	key := write("key.yaml", "\"a\\nFORGED\": 7\n")
	out, none := filepath.Join(dir, "bundle"), filepath.Join(dir, "none")
	for _, args := range [][]string{
		{"learn", flows, "-A", "--out", none},
		{"learn", flows, "-A", "--cluster", "\u202e\x1b", "--out", none},
		{"learn", flows, "-n", "sh\u202eop", "--out", none},
		{"learn", one, "-n", "shop", "--config", config, "--out", out + "one"},
		{"learn", odd, "-n", "shop", "--out", none},
		{"learn", flows, "-A", "--all-clusters", "--out", none},
		{"learn", flows, "-n", "nope", "--out", none},
		{"learn", flows, "-n", "a\nFORGED", "--out", none},
		{"learn", flows, "-A", "--cluster=a\nFORGED", "--out", none},
		{"learn", one, "-A", "--config", key, "--out", none},
		{"learn", filepath.Join(dir, "no", "a\nFORGED")},
		{"explain", policy, "a\nFORGED", "shop/\nFORGED", "80", one},
		{"lint", policy, "--fix", "--dry-run"},
		{"show", "edges", odd, "--strict"},
		{"show", "edges", flows, "--strict"},
		{"show", "edges", "store:" + odd},
		{"show", "edg\u202ees", one},
		{"lint", policy},
		{"lint", policy, "-o", "json"},
		{"verify", policy, one},
		{"diff", dir, dir, "-n", "shop"},
		{"ready", flows, "-A", "--cluster", "demo"},
		{"ready", flows, "-A", "--cluster", "demo", "-o", "json"},
		{"backtest", flows, "-A", "--cluster", "demo"},
		{"ingest", "whisker+" + rude(t), "--store", filepath.Join(dir, "store")},
	} {
		checkText(t, args)
	}
	for _, what := range []string{"flows", "endpoints", "workloads", "edges"} {
		for _, format := range []string{"table", "json", "yaml"} {
			checkText(t, []string{"show", what, flows, "-o", format})
		}
	}
	for _, dialect := range []string{"kubernetes", "cilium", "calico"} {
		dir := out + dialect
		checkText(t, []string{"learn", flows, "-A", "--cluster", "demo", "--min-watch", "0", "--dialect", dialect, "--out", dir})
		extra := filepath.Join(dir, "extra", "shop", "odd\u202e\U000e0041.yaml")
		if err := os.MkdirAll(filepath.Dir(extra), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(extra, []byte(own), 0o666); err != nil {
			t.Fatal(err)
		}
		for _, args := range [][]string{
			{"learn", flows, "-A", "--cluster", "demo", "--min-watch", "0", "--dialect", dialect, "--out", dir},
			{"verify", dir}, {"verify", dir, "-o", "json"}, {"verify", dir, "-o", "yaml"},
			{"explain", dir, "shop/web", "shop/cart", "7070"}, {"explain", dir, "shop/web", "shop/\u202e", "7070"},
		} {
			checkText(t, args)
		}
		bundleText(t, dir)
	}
}

// checkText runs a command, whatever comes of it, and looks at every character that it printed.
func checkText(t *testing.T, args []string) {
	t.Helper()
	var out, log bytes.Buffer
	code := Main(args, strings.NewReader(""), &out, &log)
	for _, b := range [][]byte{out.Bytes(), log.Bytes()} {
		if r := hidden(b); r != "" {
			t.Errorf("%q prints %s: %q", args, r, b[:min(len(b), 2000)])
		}
		if line := forged.Find(b); line != nil && args[len(args)-1] != "yaml" { // where a text may have lines
			t.Errorf("%q prints a line of its own: %q", args, line)
		}
	}
	if format := args[len(args)-1]; format == "json" && out.Len() > 0 && !json.Valid(out.Bytes()) {
		t.Errorf("%q: not JSON", args)
	}
	t.Logf("%q: exit %d, %d and %d bytes", args, code, out.Len(), log.Len())
}

// bundleText looks at every character of the files that people and servers read.
func bundleText(t *testing.T, dir string) {
	t.Helper()
	n := 0
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			if e != nil && e.Name() == "evidence" {
				return fs.SkipDir
			}
			return err
		}
		n++
		b, err := os.ReadFile(path)
		if r := hidden(b); r != "" {
			t.Errorf("%q has %s: %q", path, r, b[:min(len(b), 1000)])
		}
		return err
	})
	if err != nil || n < 4 {
		t.Errorf("%d files in %s: %v", n, dir, err)
	}
}

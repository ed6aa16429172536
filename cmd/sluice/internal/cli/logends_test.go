package cli

import (
	"bufio"
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// endingLog writes three hours of shop/0, which asks shop/1 each minute, and of shop/1, which asks shop/2, from a day
// on. At the end shop/0 sends one packet to port 9999 of shop/2, where it is lonely; behind it nothing comes for so long
// but pings of nodes.
func endingLog(t *testing.T, day int, lonely bool, pings time.Duration) string {
	t.Helper()
	var b bytes.Buffer
	w := &hostileLog{w: bufio.NewWriter(&b), r: rand.New(rand.NewPCG(1, 1)), at: time.Duration(day)*24*time.Hour + time.Minute}
	web, cart, db := w.app("shop", "", 0), w.app("shop", "", 1), w.app("shop", "", 2)
	dns := w.pod("kube-system", "dns", "k8s-app=kube-dns")
	for range 180 {
		w.answered(web, cart, 8080)
		w.answered(cart, db, 5432)
		w.twisted(func() {
			for _, pod := range []hostileEnd{web, cart, db} {
				w.record(pod, dns, 50_000, 53, "", false)
				w.record(dns, pod, 53, 50_000, "", true)
			}
		}, `"TCP"`, `"UDP"`, `,"flags":{}`, "")
		w.at += time.Minute
	}
	if lonely {
		w.lone(web, db, 50_000, 9999, `"SYN":true`)
	}
	w.at += time.Second
	w.answered(cart, db, 5432)
	for range int(pings / time.Second) {
		w.at += time.Second
		w.twisted(func() { w.lone(web, db, 1, 1, "") }, `"FORWARDED"`, `"TRACED"`,
			`"TCP":{"source_port":1,"destination_port":1,"flags":{}}`, `"ICMPv4":{"type":8}`)
	}
	if err := w.w.Flush(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "flows.jsonl")
	if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestLogEnds: a packet that nobody answered before the log ended may have got an answer, and has a rule. A bundle that
// is learned from it keeps the rule, and so does the one after that. If the log goes on, be it with what no rule comes
// from and no evidence holds, nobody answered, and the evidence of the bundle says so too.
func TestLogEnds(t *testing.T) {
	dir := t.TempDir()
	learn := func(name string, args ...string) string {
		out := filepath.Join(dir, name)
		args = append([]string{"learn", "-n", "shop", "--min-watch", "0", "--config", os.DevNull,
			"--dialect", "cilium", "--out", out}, args...)
		if code, _, errs := calls(args...); code != ExitOK && code != ExitFindings {
			t.Fatal(errs)
		}
		return out
	}
	rule := func(bundle string) bool {
		text, err := os.ReadFile(filepath.Join(bundle, "allow", "shop", "2.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		return strings.Contains(string(text), "9999")
	}
	edge := func(of ...string) string {
		_, said, errs := calls(append([]string{"show", "edges", "-o", "csv"}, of...)...)
		for line := range strings.Lines(said) {
			if strings.Contains(line, "9999") {
				return line
			}
		}
		t.Fatal("no such edge: ", errs)
		return ""
	}

	ends := learn("ends", endingLog(t, 0, true, 0))
	next := learn("next", endingLog(t, 1, false, 0), "--base", ends)
	third := learn("third", endingLog(t, 2, false, 0), "--base", next)
	if !rule(ends) || !rule(next) || !rule(third) {
		t.Errorf("a rule for what the log may have cut off: %v, kept %v, kept again %v", rule(ends), rule(next), rule(third))
	}

	file := endingLog(t, 0, true, 30*time.Second)
	on := learn("on", file)
	if rule(on) {
		t.Error("a rule for what nobody answered")
	}
	for _, bundle := range []string{on, third} {
		if code, said, errs := calls("verify", bundle); code != ExitOK {
			t.Errorf("verify: exit %d: %s%s", code, said, errs)
		}
	}
	if got, want := edge("--store", filepath.Join(on, "evidence")), edge(file); got != want {
		t.Errorf("the evidence says %s, the log %s", got, want)
	}
}

package cli

import (
	"bytes"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// lookUps writes an hour of a pod that asks a resolver for names: each question and its answer as a proxy read it, and
// the packets of both.
func lookUps(b *bytes.Buffer, app string, names []string) { lookUpsOn(b, app, names, 0, time.Hour) }

// lookUpsOn writes them of some time from a day on.
func lookUpsOn(b *bytes.Buffer, app string, names []string, day int, over time.Duration) {
	end := func(ns, name string) string {
		return fmt.Sprintf(`{"identity":%d,"namespace":%q,"labels":["k8s:app=%s","k8s:io.kubernetes.pod.namespace=%s"],"pod_name":"%s-1"}`,
			20_000+len(name), ns, name, ns, name)
	}
	client, resolver := end("shop", app), end("kube-system", "coredns")
	for i, name := range names {
		at := time.Date(2026, 3, 1+day, 10, 0, 0, i*int(over)/len(names), time.UTC).Format(time.RFC3339Nano)
		for _, reply := range []bool{false, true} {
			src, dst, ports := client, resolver, `"source_port":40000,"destination_port":53`
			ips, l7 := `"source":"10.0.0.5","destination":"10.0.0.6"`, "REQUEST"
			if reply {
				src, dst, ports = dst, src, `"source_port":53,"destination_port":40000`
				ips, l7 = `"source":"10.0.0.6","destination":"10.0.0.5"`, "RESPONSE"
			}
			head := fmt.Sprintf(`{"flow":{"time":%q,"verdict":"FORWARDED","IP":{%s},"l4":{"UDP":{%s}},"source":%s,"destination":%s,`+
				`"node_name":"a","traffic_direction":"EGRESS","is_reply":%t`, at, ips, ports, src, dst, reply)
			fmt.Fprintf(b, `%s,"Type":"L3_L4","event_type":{"type":4},"trace_observation_point":"TO_ENDPOINT"}}`+"\n", head)
			fmt.Fprintf(b, `%s,"Type":"L7","event_type":{"type":129},"l7":{"type":%q,"dns":{"query":%q,"qtypes":["TXT"],"observation_source":"proxy"}}}}`+"\n",
				head, l7, name)
		}
	}
}

// manyNames makes n names by a pattern that takes bytes of no other.
func manyNames(n int, pattern string, bytes int) (out []string) {
	for i := range n {
		text := hex.EncodeToString(fmt.Appendf(nil, "%0*d", bytes, i*7919))
		out = append(out, fmt.Sprintf(pattern, text[:2*bytes]))
	}
	return out
}

// TestTunnel: a client that asks for many long names of one zone is a finding with both their names, whatever its
// questions look like, and its resolver stays learned; many short names, one name many times, and what the cluster
// itself answers for are none.
func TestTunnel(t *testing.T) {
	for _, c := range []struct {
		name  string
		asked []string
		zone  string // "": no finding
	}{
		{"one label", manyNames(300, "%s.t.evil.co.uk.", 24), "evil.co.uk"},
		{"several labels", manyNames(300, "%[1]s.%[1]s.a.b.evil.com.", 10), "evil.com"},
		{"a zone of no registry", manyNames(100, "%s.evil.example.", 31), "evil.example"},
		{"mixed case", manyNames(300, "%X.EVIL.com.", 20), "evil.com"},
		{"short", manyNames(300, "h%s.example.com.", 6), ""},
		{"few", manyNames(20, "%s.example.com.", 24), ""},
		{"one", manyNames(1, "%s.example.com.", 24), ""},
		{"of the cluster", manyNames(300, "%s.example.com.shop.svc.cluster.local.", 24), ""},
		{"reverse", manyNames(300, "%.1s.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa.", 6), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			file := filepath.Join(dir, "flows.jsonl")
			var b bytes.Buffer
			lookUps(&b, "web", c.asked)
			lookUps(&b, "job", []string{"example.com.", "www.example.com."})
			if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
			run := typed
			run("ingest", file, "--store", filepath.Join(dir, "store"))
			for out, from := range map[string][]string{"flows": {file}, "stored": {"--store", filepath.Join(dir, "store")}} {
				bundle := filepath.Join(dir, out)
				run(append([]string{"learn", "-n", "shop", "--dialect", "cilium", "--min-watch", "0", "--out", bundle}, from...)...)
				review, err := os.ReadFile(filepath.Join(bundle, "REVIEW.md"))
				if err != nil {
					t.Fatal(err)
				}
				found := strings.Contains(string(review), "different long names")
				if want := "shop/web asked for very many different long names of " + c.zone + " on"; found != (c.zone != "") ||
					found && !strings.Contains(string(review), want) {
					t.Errorf("%s: not %q:\n%s", out, want, review)
				}
				if found && strings.Contains(string(review), "job asked") {
					t.Errorf("%s: another client is named", out)
				}
			}
			if edges := run("show", "edges", file, "-o", "json"); !strings.Contains(edges,
				`"source":"shop/web","destination":"kube-system/coredns","port":"53/udp","state":"allowed"`) {
				t.Errorf("the resolver is not learned:\n%s", edges)
			}
		})
	}
}

// typed runs a command, whatever it finds, and returns what it prints.
func typed(args ...string) string {
	var out strings.Builder
	root := newRoot(Streams{strings.NewReader(""), &out, io.Discard}, &profiles{})
	root.SetArgs(append(args, "--config", os.DevNull))
	_ = root.Execute() // the findings of a short watch
	return out.String()
}

// TestSlowTunnel: a client that asks for some names a day that look like code is a finding once they add up, also where
// every day is read by itself; the same names each day, and names that people or clusters give, are none.
func TestSlowTunnel(t *testing.T) {
	const days = 9
	base32Of := func(i int) string {
		sum := sha256.Sum256([]byte(strconv.Itoa(i)))
		return strings.ToLower(base32.StdEncoding.EncodeToString(sum[:]))
	}
	for _, c := range []struct {
		name  string
		asked func(i int) string // the name i of all
		each  int                // names a day
		zone  string             // "": no finding
	}{
		{"base32 of 24 characters", func(i int) string { return base32Of(i)[:24] + ".t.evil.com." }, 12, "evil.com"},
		{"two labels of 12", func(i int) string { return base32Of(i)[:12] + "." + base32Of(i)[20:32] + ".evil.co.uk." }, 20, "evil.co.uk"},
		{"hexadecimal of 20", func(i int) string { return fmt.Sprintf("%x.evil.com.", sha256.Sum256([]byte{byte(i)}))[44:] }, 15, "evil.com"},
		{"few in all", func(i int) string { return base32Of(i)[:24] + ".t.example.com." }, 3, ""},
		{"the same each day", func(i int) string { return base32Of(i % 12)[:24] + ".t.example.com." }, 12, ""},
		{"pods", func(i int) string { return "checkout-service-7d9fbd6c7b-" + base32Of(i)[:5] + ".apps.example.com." }, 12, ""},
		{"nodes", func(i int) string { return fmt.Sprintf("ip-10-20-%d-%d.eu-central-1.corp.example.com.", i, i) }, 12, ""},
		{"hosts with a search domain", func(i int) string {
			return fmt.Sprintf("api%d.telemetry-collector-%d.vendor.io.corp.example.com.", i, i)
		}, 12, ""},
		{"a block list", func(i int) string { return fmt.Sprintf("%d.2.0.192.zen.example.org.", i) }, 12, ""},
		{"shards of a content network", func(i int) string { return fmt.Sprintf("r%d---sn-4g5edn6k.googlevideo.com.", i) }, 12, ""},
		{"reverse", func(i int) string { return fmt.Sprintf("%d.%d.20.10.in-addr.arpa.", i, i) }, 12, ""},
		{"of the cluster", func(i int) string { return base32Of(i)[:24] + ".example.com.shop.svc.cluster.local." }, 12, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			store := filepath.Join(dir, "store")
			var files []string
			for day := range days {
				var b bytes.Buffer
				var names []string
				for i := range c.each {
					names = append(names, c.asked(day*c.each+i))
				}
				lookUpsOn(&b, "web", names, day, 10*time.Hour)
				file := filepath.Join(dir, fmt.Sprintf("day%d.jsonl", day))
				if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
					t.Fatal(err)
				}
				files = append(files, file)
				typed("ingest", file, "--store", store)
			}
			for out, from := range map[string][]string{"flows": files, "stored": {"--store", store}} {
				bundle := filepath.Join(dir, out)
				typed(append([]string{"learn", "-n", "shop", "--dialect", "cilium", "--min-watch", "0", "--out", bundle}, from...)...)
				review, err := os.ReadFile(filepath.Join(bundle, "REVIEW.md"))
				if err != nil {
					t.Fatal(err)
				}
				found := strings.Contains(string(review), "asked for very many")
				want := "shop/web asked for very many different names of code of " + c.zone + ", few on each day"
				if found != (c.zone != "") || found && !strings.Contains(string(review), want) {
					t.Errorf("%s: found %v, not %q", out, found, want)
				}
			}
		})
	}
}

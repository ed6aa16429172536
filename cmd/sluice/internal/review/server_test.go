package review

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"sluice/cmd/sluice/internal/run"
	"sluice/synth/eval"
	"sluice/synth/render/all"
)

const flow = `{"flow":{"time":"2026-05-0%[1]dT08:00:0%[2]dZ","verdict":"FORWARDED","IP":{"source":"10.4.1.10","destination":"10.4.2.20"},"l4":{"TCP":{"source_port":%[3]d,"destination_port":%[4]d,"flags":{%[5]s}}},"source":%[6]s,"destination":%[7]s,"node_name":"n1","event_type":{"type":4},"traffic_direction":"INGRESS","is_reply":%[8]v,"trace_observation_point":"TO_ENDPOINT"},"node_name":"n1","time":"2026-05-0%[1]dT08:00:0%[2]dZ"}` + "\n"

// end is a pod of a workload as a flow has it.
func end(app string) string {
	name, _ := json.Marshal(app)
	label, _ := json.Marshal("k8s:app=" + app)
	sum := sha256.Sum256([]byte(app))
	return fmt.Sprintf(`{"identity":%d,"namespace":"bank","labels":[%s,"k8s:io.kubernetes.pod.namespace=bank"],"pod_name":%s}`,
		2000+int(sum[0]), label, strings.TrimSuffix(string(name), `"`)+`-5f7c9d8b6-k2v7q"`)
}

// bundleOf learns a bundle from who talks to whom on a port: answered on the first day, and again on the third.
func bundleOf(t *testing.T, pairs ...[3]string) (dir string, in Input) {
	t.Helper()
	t.Chdir(t.TempDir())
	var b strings.Builder
	for i, p := range pairs {
		for _, day := range []int{4, 6} {
			var port int
			fmt.Sscan(p[2], &port)
			fmt.Fprintf(&b, flow, day, i%5, 43000+i, port, `"SYN":true`, end(p[0]), end(p[1]), false)
			fmt.Fprintf(&b, flow, day, i%5+1, port, 43000+i, `"SYN":true,"ACK":true`, end(p[1]), end(p[0]), true)
		}
	}
	if err := os.WriteFile("flows.jsonl", []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("sluice.yaml", []byte("# ours\nresolver: none # no DNS here\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := run.LoadConfig("")
	if err != nil {
		t.Fatal(err)
	}
	l, err := run.Open(t.Context(), run.Sources{Args: []string{"flows.jsonl"}, Workers: runtime.GOMAXPROCS(0)}, cfg)
	if err != nil {
		t.Fatal(err)
	}
	learn := run.LearnConfig{Out: "bundle", Given: run.Given{MinWatch: true}, CNI: eval.Cilium.String()}
	learn.Namespaces = []string{"bank"}
	if learn.Dialect, err = all.Named("kubernetes"); err != nil {
		t.Fatal(err)
	}
	if _, err := run.Learn(t.Context(), l, learn); err != nil {
		t.Fatal(err)
	}
	in = Input{Dir: "bundle", By: "ana"}
	if in.Policies, err = run.OpenPolicies("bundle", nil); err != nil {
		t.Fatal(err)
	}
	if err := in.Policies.Bundle.ReadRun("bundle"); err != nil {
		t.Fatal(err)
	}
	if in.Log, err = run.Open(t.Context(), run.Sources{Args: []string{"bundle"}, Workers: 1}, cfg); err != nil {
		t.Fatal(err)
	}
	if in.Config, err = run.OpenConfigFile(""); err != nil {
		t.Fatal(err)
	}
	return "bundle", in
}

// bank is a small bundle: teller and audit use ledger, teller uses cache.
func bank(t *testing.T) Input {
	_, in := bundleOf(t, [3]string{"teller", "ledger", "8080"}, [3]string{"audit", "ledger", "8080"}, [3]string{"teller", "cache", "6379"})
	return in
}

// serve runs a server until the test ends.
func serve(t *testing.T, in Input) *Server {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	s, err := Listen(ctx, in, 0)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return s
}

// request asks the server, as a page of it does where nothing else is said.
func request(t *testing.T, s *Server, method, path, body string, change func(*http.Request)) (int, string, http.Header) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, "http://"+s.host+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if method != http.MethodGet {
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Origin", "http://"+s.host)
	}
	if change != nil {
		change(r)
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b), resp.Header
}

// TestWhoMayAsk: only who knows the token, under the name of this address, from no other page, gets an answer.
func TestWhoMayAsk(t *testing.T) {
	s := serve(t, bank(t))
	if !strings.HasPrefix(s.URL(), "http://127.0.0.1:") {
		t.Fatalf("served at %s", s.URL())
	}
	own := "/" + s.token + "/"
	set := func(k, v string) func(*http.Request) { return func(r *http.Request) { r.Header.Set(k, v) } }
	for _, c := range []struct {
		want         int
		method, path string
		change       func(*http.Request)
	}{
		{200, "GET", own, nil},
		{200, "GET", own + "data", nil},
		{200, "GET", own + "files", nil},
		{200, "GET", own, func(r *http.Request) { r.Host = strings.Replace(s.host, "127.0.0.1", "localhost", 1) }},
		{404, "GET", "/", nil},
		{404, "GET", "/" + strings.ToLower(s.token) + "/", nil},
		{404, "GET", "/" + s.token[1:] + "/data", nil},
		{404, "GET", own + "../../etc/passwd", nil},
		{404, "GET", own + "%2e%2e/%2e%2e/etc/passwd", nil},
		{404, "GET", own + "web/page.html", nil},
		{404, "GET", own + "data/", nil},
		{403, "GET", own, func(r *http.Request) { r.Host = "evil.example" }},
		{403, "GET", own, func(r *http.Request) { r.Host = "127.0.0.1" }},
		{403, "GET", own, set("Origin", "http://evil.example")},
		{403, "GET", own, set("Origin", "null")},
		{403, "GET", own + "data", set("Sec-Fetch-Site", "cross-site")},
		{405, "POST", own, nil},
		{405, "DELETE", own + "data", nil},
		{405, "GET", own + "save", nil},
		{200, "POST", own + "effect", nil},
		{403, "POST", own + "effect", func(r *http.Request) { r.Header.Del("Origin") }},
		{403, "POST", own + "save", set("Origin", "http://evil.example")},
		{415, "POST", own + "save", set("Content-Type", "text/plain")},
	} {
		got, body, head := request(t, s, c.method, c.path, `{"decisions":[]}`, c.change)
		if got != c.want {
			t.Errorf("%s %s: %d, want %d: %s", c.method, c.path, got, c.want, body[:min(200, len(body))])
		}
		for k, v := range map[string]string{"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"} {
			if head.Get(k) != v {
				t.Errorf("%s %s: %s is %q", c.method, c.path, k, head.Get(k))
			}
		}
		if csp := head.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") {
			t.Errorf("%s %s: policy %q", c.method, c.path, csp)
		}
	}
	if text, err := os.ReadFile("sluice.yaml"); err != nil || string(text) != "# ours\nresolver: none # no DNS here\n" {
		t.Errorf("somebody wrote: %q, %v", text, err)
	}
}

// TestBadDecisions: what is no decision is refused with its number, and nothing is written.
func TestBadDecisions(t *testing.T) {
	s := serve(t, bank(t))
	for body, want := range map[string]string{
		`{`:                                  "read decisions",
		`{"decisions":[],"x":1}`:             "unknown field",
		`{"decisions":[{"verdict":"deny"}]}`: "decision 1: \\\"deny\\\" is no verdict",
		`{"decisions":[{"source":"bank/teller","destination":"*","port":"*","verdict":"reject"}]}`:                       "no reason",
		`{"decisions":[{"source":"bank/teller","destination":"*","port":"99999","verdict":"reject","reason":"r"}]}`:      "is no port",
		`{"decisions":[{"source":"a","destination":"b","port":"1","verdict":"reject","reason":"r","until":"tomorrow"}]}`: "is no day",
	} {
		for _, what := range []string{"effect", "save"} {
			if got, text, _ := request(t, s, "POST", "/"+s.token+"/"+what, body, nil); got != 400 || !strings.Contains(text, want) {
				t.Errorf("%s %s: %d %s", what, body, got, text)
			}
		}
	}
	big := `{"decisions":[{"reason":"` + strings.Repeat("x", largest) + `"}]}`
	if got, _, _ := request(t, s, "POST", "/"+s.token+"/save", big, nil); got != 400 {
		t.Errorf("%d bytes: %d", len(big), got)
	}
}

const reject = `{"decisions":[{"source":"bank/%s","destination":"bank/%s","port":"%s","verdict":"%s","reason":"r"}]}`

// TestEffect: what a decision would change is what the evaluator says of the policies that it leaves.
func TestEffect(t *testing.T) {
	s := serve(t, bank(t))
	ask := func(body string) Effect {
		t.Helper()
		code, text, _ := request(t, s, "POST", "/"+s.token+"/effect", body, nil)
		var e Effect
		if err := json.Unmarshal([]byte(text), &e); err != nil || code != 200 {
			t.Fatalf("%d %s %v", code, text, err)
		}
		return e
	}
	e := ask(fmt.Sprintf(reject, "audit", "ledger", "8080/tcp", "reject"))
	if len(e.Lost) != 1 || e.Lost[0].Source != "bank/audit" || e.Lost[0].Connections != 1 || len(e.Beside) != 0 || len(e.Stays) != 0 {
		t.Errorf("%+v", e)
	}
	// The rule into ledger is for teller too: it is narrowed; that out of audit goes.
	if len(e.Gone) != 1 || len(e.Narrowed) != 1 || !slices.Equal(e.Named, []int{1}) {
		t.Errorf("rules %+v", e)
	}
	if e = ask(fmt.Sprintf(reject, "teller", "nobody", "1/tcp", "reject")); len(e.Lost)+len(e.Opened) != 0 || !slices.Equal(e.Named, []int{0}) {
		t.Errorf("a decision that names nothing: %+v", e)
	}
	if e = ask(fmt.Sprintf(reject, "audit", "cache", "6379/tcp", "widen")); len(e.Lost)+len(e.Opened) != 0 || len(e.Notes) != 1 || !strings.Contains(e.Notes[0], "opens 1 connection that was never seen") {
		t.Errorf("a widening: %+v", e)
	}
}

// TestSaveAndLearn: what is written is learned with, all else in the file stays, and an empty list takes it back.
func TestSaveAndLearn(t *testing.T) {
	in := bank(t)
	s := serve(t, in)
	body := fmt.Sprintf(reject, "audit", "ledger", "8080/tcp", "reject")
	if code, text, _ := request(t, s, "POST", "/"+s.token+"/save", body, nil); code != 200 {
		t.Fatalf("%d %s", code, text)
	}
	const want = "# ours\nresolver: none # no DNS here\ndecisions:\n- {source: bank/audit, destination: bank/ledger, port: 8080/tcp, verdict: reject, reason: r}\n"
	if text, err := os.ReadFile("sluice.yaml"); err != nil || string(text) != want {
		t.Errorf("%q %v", text, err)
	}
	_, text, _ := request(t, s, "GET", "/"+s.token+"/data", "", nil)
	var p Page
	if err := json.Unmarshal([]byte(text), &p); err != nil || len(p.Saved) != 1 || p.Saved[0].Source != "bank/audit" {
		t.Errorf("after a reload: %v, %v", p.Saved, err)
	}
	if code, _, _ := request(t, s, "POST", "/"+s.token+"/save", `{"decisions":[]}`, nil); code != 200 {
		t.Error("not taken back")
	}
	if text, err := os.ReadFile("sluice.yaml"); err != nil || string(text) != "# ours\nresolver: none # no DNS here\n" {
		t.Errorf("taken back: %q %v", text, err)
	}
	if err := os.WriteFile("sluice.yaml", []byte("resolver: none\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, text, _ := request(t, s, "POST", "/"+s.token+"/save", body, nil); code != 409 || !strings.Contains(text, "changed by somebody else") {
		t.Errorf("written over another's change: %d %s", code, text)
	}
}

// TestTakeOut: decisions that the configuration began with are taken out of it and put back; what is none of them is
// refused.
func TestTakeOut(t *testing.T) {
	in := bank(t)
	const began = "# ours\ndecisions:\n- {source: bank/audit, destination: bank/ledger, port: 8080/tcp, verdict: accept, reason: r}\n"
	if err := os.WriteFile("sluice.yaml", []byte(began), 0o600); err != nil {
		t.Fatal(err)
	}
	var err error
	if in.Config, err = run.OpenConfigFile(""); err != nil {
		t.Fatal(err)
	}
	s := serve(t, in)
	for body, code := range map[string]int{`{"removed":[1]}`: 400, `{"removed":[-1]}`: 400, `{"removed":["a"]}`: 400} {
		for _, what := range []string{"effect", "save"} {
			if got, text, _ := request(t, s, "POST", "/"+s.token+"/"+what, body, nil); got != code {
				t.Errorf("%s %s: %d %s", what, body, got, text)
			}
		}
	}
	code, text, _ := request(t, s, "POST", "/"+s.token+"/effect", `{"removed":[0]}`, nil)
	if code != 200 || !strings.Contains(text, `"freed":1`) {
		t.Errorf("%d %s", code, text)
	}
	for _, c := range []struct{ body, want string }{
		{`{"removed":[0]}`, "# ours\ndecisions:\n"}, {`{"removed":[]}`, began},
	} {
		if code, text, _ := request(t, s, "POST", "/"+s.token+"/save", c.body, nil); code != 200 {
			t.Errorf("%d %s", code, text)
		}
		if text, err := os.ReadFile("sluice.yaml"); err != nil || string(text) != c.want {
			t.Errorf("%q %v", text, err)
		}
	}
}

// TestHostile: names that would be markup or hide text are data in the page, and no tag of theirs is in it.
func TestHostile(t *testing.T) {
	_, in := bundleOf(t, [3]string{"</script><script>alert(1)</script>", "\"onload='x'\u202egnp", "8080"}, [3]string{strings.Repeat("long", 60), "<!--", "9090"})
	text, err := HTML(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(text, []byte("<script")); n != 3 {
		t.Errorf("%d scripts in the page", n)
	}
	for _, bad := range []string{"alert(1)</", "<!--", "\u202e"} {
		if data := text[:bytes.Index(text, []byte(`id="files"`))]; bytes.Contains(data[bytes.Index(data, []byte(`id="data"`)):], []byte(bad)) {
			t.Errorf("the data has %q", bad)
		}
	}
	if !bytes.Contains(text, []byte(`<meta http-equiv="Content-Security-Policy" content="default-src 'none'`)) || bytes.Contains(text, []byte("connect-src")) {
		t.Error("the file may talk")
	}
	for _, outside := range []string{"src=\"http", "href=\"http", "url(http", "@import"} {
		if bytes.Contains(text, []byte(outside)) {
			t.Errorf("the page loads something: %s", outside)
		}
	}
}

// TestSame: the page of a bundle is the same bytes every time.
func TestSame(t *testing.T) {
	in := bank(t)
	one, err := HTML(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	if two, err := HTML(t.Context(), in); err != nil || !bytes.Equal(one, two) {
		t.Errorf("two pages differ: %v", err)
	}
}

// TestBuilt: what is embedded was built from the sources beside it. After a change: make page.
func TestBuilt(t *testing.T) {
	list, err := os.ReadFile("web/dist/sources.sha256")
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{}
	for line := range strings.Lines(string(list)) {
		digest, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		listed[name] = true
		text, err := os.ReadFile(filepath.Join("web", name))
		if err != nil || fmt.Sprintf("%x", sha256.Sum256(text)) != digest {
			t.Errorf("web/dist is older than web/%s: make page builds it", name)
		}
	}
	err = fs.WalkDir(os.DirFS("web/src"), ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && !listed["src/"+name] {
			t.Errorf("web/dist was built without web/src/%s", name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	lock, err := os.ReadFile("web/package-lock.json")
	if err != nil || bytes.Contains(lock, []byte(`"resolved"`)) || bytes.Contains(lock, []byte("http")) && bytes.Contains(lock, []byte("registry")) {
		t.Errorf("the lock file names a registry: %v", err)
	}
}

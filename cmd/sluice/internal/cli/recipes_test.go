//go:build conformance

package cli

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"go.yaml.in/yaml/v3"
)

// repository is a clone of a project, as CI has it, with policies and flows.
type repository struct {
	t        *testing.T
	dir, tmp string
	base     string
}

const (
	recipePolicy = `apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: ledger, namespace: bank}
spec:
  podSelector: {matchLabels: {app: ledger}}
  policyTypes: [Ingress]
  ingress:
  - from: [{podSelector: {matchLabels: {app: teller}}}]
    ports: [{protocol: TCP, port: %d}]
`
	recipeFlow = `{"flow":{"time":"2026-05-04T08:00:0%dZ","verdict":"FORWARDED","IP":{"source":"10.4.1.10","destination":"10.4.2.20"},"l4":{"TCP":{"source_port":%d,"destination_port":%d,"flags":{%s}}},"source":%s,"destination":%s,"node_name":"n1","event_type":{"type":4},"traffic_direction":"INGRESS","is_reply":%v,"trace_observation_point":"TO_ENDPOINT"},"node_name":"n1","time":"2026-05-04T08:00:01Z"}` + "\n"
	recipePod  = `{"identity":%d,"namespace":"bank","labels":["k8s:app=%[2]s","k8s:io.kubernetes.pod.namespace=bank"],"pod_name":"%[2]s-5f7c9d8b6-k2v7q"}`
)

func newRepository(t *testing.T) *repository {
	t.Helper()
	for _, tool := range []string{"bash", "git", "curl", "jq", "sha256sum"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Fatalf("the recipes need %s: install the package of that name", tool)
		}
	}
	r := &repository{t: t, dir: t.TempDir(), tmp: t.TempDir()}
	r.git("init", "-q", "-b", "main")
	teller, ledger := fmt.Sprintf(recipePod, 2001, "teller"), fmt.Sprintf(recipePod, 2002, "ledger")
	r.write("flows.jsonl", fmt.Sprintf(recipeFlow, 1, 43000, 8080, `"SYN":true`, teller, ledger, false)+
		fmt.Sprintf(recipeFlow, 2, 8080, 43000, `"SYN":true,"ACK":true`, ledger, teller, true))
	r.write("policies/ledger.yaml", fmt.Sprintf(recipePolicy, 8080))
	r.base = r.commit()
	return r
}

func (r *repository) git(args ...string) string {
	r.t.Helper()
	c := exec.Command("git", args...)
	c.Dir = r.dir
	c.Env = append(os.Environ(), "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@b.example", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@b.example", "GIT_CONFIG_GLOBAL=/dev/null")
	out, err := c.CombinedOutput()
	if err != nil {
		r.t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

func (r *repository) write(name, text string) {
	r.t.Helper()
	name = filepath.Join(r.dir, name)
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		r.t.Fatal(err)
	}
}

func (r *repository) commit() string {
	r.git("add", "-A")
	r.git("commit", "-q", "-m", "change")
	return r.git("rev-parse", "HEAD")
}

// top is the directory of this project.
func top(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../../../..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// onPath returns a path on which sluice is this test.
func onPath(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Symlink(self, filepath.Join(dir, "sluice")); err != nil {
		t.Fatal(err)
	}
	return dir + ":" + os.Getenv("PATH")
}

// forge is a server with the comments of one pull request. It speaks as GitHub and as GitLab do, as far as comments go.
type forge struct {
	*httptest.Server
	t        *testing.T
	mu       sync.Mutex
	comments []string
	requests []string
	refuse   int
}

func newForge(t *testing.T) *forge {
	f := &forge{t: t, comments: []string{"somebody's own"}}
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.Close)
	return f
}

// refusing answers with a status from now on.
func (f *forge) refusing(status int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refuse = status
}

// settled returns how many questions were answered, once all are: what a test reads then, nobody writes.
func (f *forge) settled() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.requests)
}

func (f *forge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.requests = append(f.requests, r.Method+" "+r.URL.Path)
	if r.Header.Get("Authorization") != "Bearer s3cret" && r.Header.Get("Private-Token") != "s3cret" {
		f.t.Errorf("%s %s without the token", r.Method, r.URL)
	}
	if f.refuse != 0 {
		w.WriteHeader(f.refuse)
		return
	}
	var body struct{ Body string }
	if b, _ := io.ReadAll(r.Body); len(b) > 0 {
		if err := json.Unmarshal(b, &body); err != nil {
			f.t.Errorf("%s: %v", b, err)
		}
	}
	switch r.Method {
	case http.MethodGet:
		list := []map[string]any{}
		for i, c := range f.comments {
			list = append(list, map[string]any{"id": i + 100, "body": c})
		}
		_ = json.NewEncoder(w).Encode(list)
	case http.MethodPost:
		f.comments = append(f.comments, body.Body)
		w.WriteHeader(http.StatusCreated)
	default:
		var id int
		fmt.Sscan(r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:], &id)
		f.comments[id-100] = body.Body
	}
}

// shell runs a script as CI does.
func (r *repository) shell(script string, env map[string]string) (string, int) {
	r.t.Helper()
	c := exec.CommandContext(r.t.Context(), "bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script)
	c.Dir = r.dir
	c.Env = []string{"HOME=" + r.tmp}
	for k, v := range env {
		c.Env = append(c.Env, k+"="+v)
	}
	out, err := c.CombinedOutput()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		r.t.Fatal(err)
	}
	if strings.Contains(string(out), "s3cret") {
		r.t.Errorf("the token is printed: %s", out)
	}
	return string(out), c.ProcessState.ExitCode()
}

var expression = regexp.MustCompile(`\$\{\{\s*(.*?)\s*\}\}`)

// action runs the steps of the action, as GitHub does, and returns what they print and the code of the first that fails.
func (r *repository) action(f *forge, inputs map[string]string) (string, int) {
	r.t.Helper()
	file := filepath.Join(top(r.t), ".github/actions/review/action.yml")
	text, err := os.ReadFile(file)
	if err != nil {
		r.t.Fatal(err)
	}
	var a struct {
		Inputs map[string]struct{ Default string }
		Runs   struct {
			Steps []struct {
				Name, If, Shell, Run string
				Env                  map[string]string
			}
		}
	}
	if err := yaml.Unmarshal(text, &a); err != nil {
		r.t.Fatal(err)
	}
	known := map[string]string{"github.event.pull_request.base.sha": r.base, "github.token": "s3cret", "runner.temp": r.tmp,
		"github.event.pull_request.number": "7"}
	fill := func(s string) string {
		return expression.ReplaceAllStringFunc(s, func(e string) string {
			v, ok := known[expression.FindStringSubmatch(e)[1]]
			if !ok {
				r.t.Errorf("%s: nobody knows %s", file, e)
			}
			return v
		})
	}
	for name, in := range a.Inputs {
		v, ok := inputs[name]
		if !ok {
			v = fill(in.Default)
		}
		known["inputs."+name] = v
	}
	path, all := onPath(r.t), ""
	for _, step := range a.Runs.Steps {
		if strings.Contains(step.Run, "${{") {
			r.t.Errorf("%s: what comes from outside is in the text of a script: %s", file, step.Run)
		}
		if step.If == "inputs.download != ''" && known["inputs.download"] == "" ||
			step.If == "inputs.comment == 'true'" && known["inputs.comment"] != "true" {
			continue
		}
		env := map[string]string{"PATH": path, "GITHUB_ACTION_PATH": filepath.Dir(file), "GITHUB_API_URL": f.URL,
			"GITHUB_REPOSITORY": "bank/cluster", "GITHUB_OUTPUT": filepath.Join(r.tmp, "output"),
			"GITHUB_PATH": filepath.Join(r.tmp, "path"), "GITHUB_STEP_SUMMARY": filepath.Join(r.tmp, "summary")}
		for k, v := range step.Env {
			env[k] = fill(v)
		}
		out, code := r.shell(step.Run, env)
		f.settled()
		if all += out; code != 0 {
			return all, code
		}
		if more, err := os.ReadFile(filepath.Join(r.tmp, "path")); err == nil {
			path = strings.TrimSpace(string(more)) + ":" + path
		}
	}
	return all, 0
}

// TestRecipe: the action says in one comment what a pull request does to the policies, and its gate closes where the
// flows would lose something.
func TestRecipe(t *testing.T) {
	r, f := newRepository(t), newForge(t)
	in := map[string]string{"policies": "policies", "flows": "flows.jsonl"}

	// A change elsewhere: nothing is said.
	r.write("README", "hello")
	r.commit()
	if out, code := r.action(f, in); code != 0 || len(f.requests) != 0 || !strings.Contains(out, "nothing in policies is changed") {
		t.Errorf("a change elsewhere: %d %v %s", code, f.requests, out)
	}

	// A change that loses what worked.
	r.write("policies/ledger.yaml", fmt.Sprintf(recipePolicy, 9090))
	r.commit()
	out, code := r.action(f, in)
	if code != 3 || len(f.comments) != 2 {
		t.Fatalf("a port that nobody uses: %d, comments %d: %s", code, len(f.comments), out)
	}
	for _, part := range []string{"<!-- sluice-review: policies -->\n", "| lint | good |", "| verify | **findings** |", "| diff | something is decided differently |", "lost                  1", "bank/teller"} {
		if !strings.Contains(f.comments[1], part) {
			t.Errorf("no %q in the comment:\n%s", part, f.comments[1])
		}
	}
	for _, name := range []string{"lint.sarif", "verify.sarif"} {
		var sarif struct{ Version string }
		b, err := os.ReadFile(filepath.Join(r.tmp, "sluice-review", name))
		if err != nil || json.Unmarshal(b, &sarif) != nil || sarif.Version != "2.1.0" {
			t.Errorf("%s: %v %s", name, err, b)
		}
	}
	if text, err := os.ReadFile(filepath.Join(r.tmp, "output")); err != nil || !strings.Contains(string(text), "code=3\n") {
		t.Errorf("outputs: %s %v", text, err)
	}

	// Mended: the same comment says so, and the gate opens.
	r.write("policies/ledger.yaml", "# looked at\n"+fmt.Sprintf(recipePolicy, 8080))
	r.commit()
	if out, code := r.action(f, in); code != 0 || len(f.comments) != 2 || f.comments[0] != "somebody's own" || !strings.Contains(f.comments[1], "| verify | good |") ||
		!strings.Contains(f.comments[1], "nothing is decided differently") {
		t.Errorf("mended: %d %q %s", code, f.comments, out)
	}

	// What cannot be read is a failure, and says why.
	r.write("policies/ledger.yaml", "kind: NetworkPolicy\nspec: [")
	r.commit()
	if out, code := r.action(f, in); code == 0 || !strings.Contains(f.comments[1], "**f") {
		t.Errorf("broken YAML: %d %s", code, out)
	}

	// A fork may not comment: the job still has the text, and the gate its answer.
	f.refusing(http.StatusForbidden)
	if out, code := r.action(f, in); code == 0 || !strings.Contains(out, "no right to comment (status 403)") {
		t.Errorf("a fork: %d %s", code, out)
	}
	f.refusing(http.StatusInternalServerError)
	if out, code := r.action(f, in); code != 1 || !strings.Contains(out, "the forge answers 500") {
		t.Errorf("a broken forge: %d %s", code, out)
	}
}

// TestRecipeWithoutFlows: what is not known is said, and a base that is not there is a failure.
func TestRecipeWithoutFlows(t *testing.T) {
	r, f := newRepository(t), newForge(t)
	r.write("policies/ledger.yaml", fmt.Sprintf(recipePolicy, 9090))
	r.commit()
	in := map[string]string{"policies": "policies"}
	if out, code := r.action(f, in); code != 0 || !strings.Contains(f.comments[1], "| verify, diff | not known: no flows were given") {
		t.Errorf("%d %s", code, out)
	}
	in["base"] = strings.Repeat("0", 40)
	if out, code := r.action(f, in); code != 1 || !strings.Contains(out, "fetch the base too") {
		t.Errorf("no base: %d %s", code, out)
	}
}

// TestRecipeDownload: a program whose digest is another is not run.
func TestRecipeDownload(t *testing.T) {
	r, f := newRepository(t), newForge(t)
	const program = "#!/bin/sh\nexit 0\n"
	files := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, program) }))
	defer files.Close()
	in := map[string]string{"policies": "policies", "download": files.URL, "sha256": fmt.Sprintf("%x", sha256.Sum256([]byte(program)))}
	if out, code := r.action(f, in); code != 0 {
		t.Errorf("%d %s", code, out)
	}
	in["sha256"] = strings.Repeat("0", 64)
	if out, code := r.action(f, in); code == 0 || !strings.Contains(out, "is not the program with that digest") {
		t.Errorf("another program: %d %s", code, out)
	}
}

// TestRecipeGitLab: the job says the same in one note of a merge request.
func TestRecipeGitLab(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(top(t), ".gitlab/review.yml"))
	if err != nil {
		t.Fatal(err)
	}
	var jobs map[string]struct {
		Variables map[string]string
		Script    []string
	}
	if err := yaml.Unmarshal(text, &jobs); err != nil {
		t.Fatal(err)
	}
	job := jobs["sluice-review"]
	r, f := newRepository(t), newForge(t)
	env := map[string]string{"PATH": onPath(t), "CI_PROJECT_DIR": r.tmp, "CI_MERGE_REQUEST_DIFF_BASE_SHA": r.base, "CI_MERGE_REQUEST_IID": "7", "CI_PROJECT_ID": "42",
		"CI_API_V4_URL": f.URL + "/api/v4", "SLUICE_TOKEN": "s3cret"}
	for k, v := range job.Variables {
		env[k] = v
	}
	env["SLUICE_RECIPES"], env["SLUICE_FLOWS"] = filepath.Join(top(t), ".github/actions/review"), "flows.jsonl"
	for i, want := range []struct {
		port, code int
		part       string
	}{{9090, 3, "| verify | **findings** |"}, {8080, 0, "| verify | good |"}} {
		r.write("policies/ledger.yaml", fmt.Sprintf("# %d\n"+recipePolicy, i, want.port))
		r.commit()
		out, code := r.shell(strings.Join(job.Script, "\n"), env)
		f.settled()
		if code != want.code || len(f.comments) != 2 || !strings.Contains(f.comments[1], want.part) {
			t.Errorf("port %d: %d %q %s", want.port, code, f.comments, out)
		}
	}
	if want := "PUT /api/v4/projects/42/merge_requests/7/notes/101"; f.requests[len(f.requests)-1] != want {
		t.Errorf("%q, want %s last", f.requests, want)
	}
}

// TestRecipesHostile: a name in the policies is text in the comment, whatever it looks like.
func TestRecipesHostile(t *testing.T) {
	r, f := newRepository(t), newForge(t)
	r.write("policies/ledger.yaml", strings.ReplaceAll(fmt.Sprintf(recipePolicy, 9090), "name: ledger", `name: "~~~~\n</details><img src=x>"`))
	r.commit()
	if _, code := r.action(f, map[string]string{"policies": "policies", "flows": "flows.jsonl"}); code == 0 {
		t.Error("the gate is open")
	}
	inside := false
	for line := range strings.Lines(f.comments[1]) {
		switch {
		case strings.HasPrefix(line, "~~~~"):
			inside = !inside
		case strings.Contains(line, "<img"):
			if !inside || !strings.HasPrefix(line, "    ") {
				t.Errorf("markup in the comment: %s", line)
			}
		}
	}
	if inside || bytes.Count([]byte(f.comments[1]), []byte("<details>")) != bytes.Count([]byte(f.comments[1]), []byte("\n</details>")) {
		t.Errorf("a block does not end:\n%s", f.comments[1])
	}
}

package propose

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sluice/synth"
	"sluice/synth/bundle"
	"sluice/synth/eval"
	"sluice/synth/graphtest"
	"sluice/synth/render/kubernetes"
)

// lab is a repository in a directory, its forge in memory, and a bundle to propose.
type lab struct {
	t     *testing.T
	dir   string // of the bare repository
	work  string // a clone, that people work in
	forge *memory
	o     Options
}

func newLab(t *testing.T) *lab {
	t.Helper()
	l := &lab{t: t, dir: filepath.Join(t.TempDir(), "r.git"), work: t.TempDir(), forge: &memory{status: map[string]Status{}}}
	l.forge.lab = l
	for _, args := range [][]string{
		{"init", "-q", "--bare", "-b", "main", l.dir}, {"clone", "-q", l.dir, l.work},
	} {
		l.run(".", args...)
	}
	l.people("main", map[string]string{"README": "ours\n"})
	l.o = Options{Bundle: filepath.Join(t.TempDir(), "bundle"), Repo: "file://" + l.dir, Path: "policies/shop",
		Labels: []string{"sluice"}}
	l.learn(webDB)
	return l
}

// The connections of the flows.
const (
	webDB  = "shop/web -> shop/db 5432/tcp"
	webAPI = "shop/web -> shop/api 8080/tcp"
	apiDB  = "shop/api -> shop/db 5433/tcp"
)

func (l *lab) run(dir string, args ...string) string {
	l.t.Helper()
	c := exec.Command("git", args...)
	c.Dir = dir
	c.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_AUTHOR_NAME=Ann", "GIT_AUTHOR_EMAIL=ann@example",
		"GIT_COMMITTER_NAME=Ann", "GIT_COMMITTER_EMAIL=ann@example")
	out, err := c.CombinedOutput()
	if err != nil {
		l.t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// people commits files to a branch as people do; "" removes one.
func (l *lab) people(branch string, files map[string]string) {
	l.t.Helper()
	l.run(l.work, "fetch", "-q", "origin")
	if branch != "main" || l.ref("main") != "" {
		l.run(l.work, "checkout", "-q", "-B", branch, "origin/"+branch)
	}
	for name, text := range files {
		file := filepath.Join(l.work, name)
		if text == "" {
			l.run(l.work, "rm", "-q", name)
			continue
		}
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			l.t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			l.t.Fatal(err)
		}
	}
	l.run(l.work, "add", "-A")
	l.run(l.work, "commit", "-q", "-m", "by hand")
	l.run(l.work, "push", "-q", "origin", "HEAD:"+branch)
}

// tree writes a tree of the entries of git ls-tree.
func (l *lab) tree(entries string) string {
	l.t.Helper()
	c := exec.Command("git", "mktree")
	c.Dir, c.Stdin = l.work, strings.NewReader(entries)
	out, err := c.Output()
	if err != nil {
		l.t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// ref is the commit of a branch, "" where there is none.
func (l *lab) ref(branch string) string {
	l.t.Helper()
	return l.run(l.dir, "for-each-ref", "--format=%(objectname)", "refs/heads/"+branch)
}

// file is a file of a branch, below the path of the bundle.
func (l *lab) file(branch, name string) string {
	l.t.Helper()
	return l.run(l.dir, "show", branch+":"+l.o.Path+"/"+name) + "\n"
}

func (l *lab) learn(lines ...string) {
	l.t.Helper()
	g := graphtest.Graph(l.t, lines...)
	cfg := synth.Config{All: true, Dialect: kubernetes.Dialect{}, Resolver: &synth.Resolver{None: true}}
	r, err := synth.Synthesize(l.t.Context(), g, cfg)
	if err != nil {
		l.t.Fatal(err)
	}
	in := bundle.Input{Graph: g, Config: cfg, Result: &r, Semantics: eval.Cilium}
	if _, err = bundle.Write(l.t.Context(), l.o.Bundle, in); err != nil {
		l.t.Fatal(err)
	}
}

// proposed runs a proposal with the lab's forge, where it has one.
func (l *lab) proposed() (*Result, error) {
	if l.forge == nil {
		return Run(l.t.Context(), l.o)
	}
	return propose(l.t.Context(), l.o, func(p *run, _ context.Context) error {
		p.forge = l.forge
		return nil
	})
}

// propose expects an action.
func (l *lab) propose(want Action) *Result {
	l.t.Helper()
	r, err := l.proposed()
	if err != nil {
		l.t.Fatal(err)
	}
	if r.Action != want {
		l.t.Fatalf("%s, want %s", r.Action, want)
	}
	return r
}

// fails expects an error with words, and that the repository stays as it is.
func (l *lab) fails(words string) {
	l.t.Helper()
	before := l.run(l.dir, "for-each-ref")
	_, err := l.proposed()
	if err == nil || !strings.Contains(err.Error(), words) {
		l.t.Fatalf("%v, want %q", err, words)
	}
	if after := l.run(l.dir, "for-each-ref"); after != before {
		l.t.Fatalf("half done:\n%s\nwas\n%s", after, before)
	}
}

const branch = "sluice/sluice"

// memory is a forge without a server.
type memory struct {
	lab      *lab
	requests []*Request // the newest first
	status   map[string]Status
	fail     map[string]error // by method
	writes   int
}

// gone is a forge that is gone by the time that a request is to be opened.
type gone struct {
	*memory
	leave func()
}

func (f gone) Open(_ context.Context, q Request) (Request, error) {
	f.leave()
	return q, context.Canceled
}

var errCut = errors.New("connection reset")

func (f *memory) Find(_ context.Context, branch string) ([]Request, error) {
	var out []Request
	for _, q := range f.requests {
		if q.Branch == branch {
			out = append(out, *q)
		}
	}
	return out, f.fail["find"]
}

func (f *memory) Open(_ context.Context, q Request) (Request, error) {
	if err := f.fail["open"]; err != nil {
		return q, err
	}
	f.writes++
	q.Number, q.State, q.URL = len(f.requests)+1, Open, "https://forge.example/pulls"
	f.requests = slices.Insert(f.requests, 0, &q)
	return q, nil
}

func (f *memory) at(number int) *Request { return f.requests[len(f.requests)-number] }

func (f *memory) Edit(_ context.Context, q Request) error {
	f.writes++
	f.at(q.Number).Title, f.at(q.Number).Text = q.Title, q.Text
	return f.fail["edit"]
}

func (f *memory) SetOpen(_ context.Context, number int, open bool) error {
	if err := f.fail["reopen"]; err != nil && open {
		return err
	}
	f.writes++
	f.at(number).State = map[bool]State{true: Open, false: Closed}[open]
	return nil
}

func (f *memory) Label(_ context.Context, number int, labels []string) error {
	f.writes++
	f.at(number).LabelNames = append(f.at(number).LabelNames, labels...)
	return nil
}

func (f *memory) Statuses(context.Context, string) (map[string]Status, error) { return f.status, nil }

func (f *memory) SetStatus(_ context.Context, _, _ string, s Status) error {
	f.writes++
	f.status[s.Name] = s
	return nil
}

// answers is a server with answers by method and path, and what was asked of it.
func answers(t *testing.T, list map[string]string) (http.HandlerFunc, *[]string) {
	t.Helper()
	asked := &[]string{}
	return func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		key := r.Method + " " + r.URL.Path
		*asked = append(*asked, strings.TrimSpace(key+" "+r.URL.RawQuery+" "+string(body)))
		text, ok := list[key]
		w.Header().Set("Content-Type", "application/json")
		if !ok {
			w.WriteHeader(http.StatusNotFound)
			text = `{"message":"404 Not Found"}`
		} else if r.Method == http.MethodPost {
			w.WriteHeader(http.StatusCreated)
		}
		_, _ = io.WriteString(w, text)
	}, asked
}

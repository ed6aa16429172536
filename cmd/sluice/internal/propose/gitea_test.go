//go:build conformance

package propose

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"code.gitea.io/sdk/gitea"
)

// server is a real Gitea on loopback. SLUICE_GITEA is its program, SLUICE_GITEA_ROOT the module that it was built of.
type server struct {
	t       *testing.T
	program string
	dir     string
	addr    string
	web     *exec.Cmd
}

func startGitea(t *testing.T) *server {
	t.Helper()
	program, root := os.Getenv("SLUICE_GITEA"), os.Getenv("SLUICE_GITEA_ROOT")
	if program == "" || root == "" {
		t.Fatal("SLUICE_GITEA and SLUICE_GITEA_ROOT are not set: make conformance-forge")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, program: program, dir: t.TempDir(), addr: l.Addr().String()}
	l.Close()
	_, port, _ := net.SplitHostPort(s.addr)
	ini := fmt.Sprintf(`I_AM_BEING_UNSAFE_RUNNING_AS_ROOT = true
WORK_PATH = %[1]s
RUN_MODE = prod
[server]
HTTP_ADDR = 127.0.0.1
HTTP_PORT = %[2]s
ROOT_URL = http://127.0.0.1:%[2]s/
DISABLE_SSH = true
OFFLINE_MODE = true
STATIC_ROOT_PATH = %[3]s
[database]
DB_TYPE = sqlite3
PATH = %[1]s/gitea.db
[repository]
ROOT = %[1]s/repositories
[security]
INSTALL_LOCK = true
[log]
LEVEL = Warn
[cron]
ENABLED = false
`, s.dir, port, root)
	if err := os.WriteFile(filepath.Join(s.dir, "app.ini"), []byte(ini), 0o600); err != nil {
		t.Fatal(err)
	}
	s.admin("migrate")
	s.start()
	t.Cleanup(s.stop)
	return s
}

func (s *server) command(args ...string) *exec.Cmd {
	c := exec.Command(s.program, append([]string{"--config", filepath.Join(s.dir, "app.ini")}, args...)...)
	c.Env = append(os.Environ(), "HOME="+s.dir, "GITEA_WORK_DIR="+s.dir)
	return c
}

func (s *server) admin(args ...string) {
	s.t.Helper()
	if out, err := s.command(args...).CombinedOutput(); err != nil {
		s.t.Fatalf("gitea %v: %v\n%s", args, err, out)
	}
}

// start waits until the server answers, for a minute at most.
func (s *server) start() {
	s.t.Helper()
	var log bytes.Buffer
	s.web = s.command("web")
	s.web.Stdout, s.web.Stderr = &log, &log
	if err := s.web.Start(); err != nil {
		s.t.Fatal(err)
	}
	for range 600 {
		if r, err := http.Get("http://" + s.addr + "/api/v1/version"); err == nil {
			r.Body.Close()
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	s.stop()
	s.t.Fatalf("Gitea does not answer:\n%s", log.String())
}

func (s *server) stop() {
	if s.web != nil {
		_ = s.web.Process.Signal(os.Interrupt)
		_ = s.web.Wait()
		s.web = nil
	}
}

// user makes a user and a token of it with these rights.
func (s *server) user(name string, scopes ...string) string {
	s.t.Helper()
	const password = "not-a-secret-1"
	s.admin("admin", "user", "create", "--username", name, "--password", password, "--email", name+"@shop.example",
		"--must-change-password=false")
	return s.token(name, name, scopes...)
}

func (s *server) token(user, name string, scopes ...string) string {
	s.t.Helper()
	var made struct {
		Secret string `json:"sha1"`
	}
	body, _ := json.Marshal(map[string]any{"name": name, "scopes": scopes})
	q, _ := http.NewRequest(http.MethodPost, "http://"+s.addr+"/api/v1/users/"+user+"/tokens", bytes.NewReader(body))
	q.SetBasicAuth(user, "not-a-secret-1")
	q.Header.Set("Content-Type", "application/json")
	r, err := http.DefaultClient.Do(q)
	if err != nil {
		s.t.Fatal(err)
	}
	defer r.Body.Close()
	text, _ := io.ReadAll(r.Body)
	if err := json.Unmarshal(text, &made); err != nil || made.Secret == "" {
		s.t.Fatalf("make a token: %s", text)
	}
	return made.Secret
}

// giteaLab is a lab whose repository is on the server: what people do goes through Git and the API, as theirs.
func giteaLab(t *testing.T, s *server) (*lab, *gitea.Client) {
	t.Helper()
	secret := s.user("ann", "write:repository", "write:issue", "write:user")
	c, err := gitea.NewClient("http://"+s.addr, gitea.SetToken(secret), gitea.SetGiteaVersion(""))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.CreateRepo(gitea.CreateRepoOption{Name: "cluster", AutoInit: true, DefaultBranch: "main"}); err != nil {
		t.Fatal(err)
	}
	l := &lab{t: t, dir: filepath.Join(s.dir, "repositories", "ann", "cluster.git"), work: t.TempDir()}
	l.run(".", "clone", "-q", "http://ann:"+secret+"@"+s.addr+"/ann/cluster.git", l.work)
	l.o = Options{Bundle: filepath.Join(t.TempDir(), "bundle"), Repo: "http://" + s.addr + "/ann/cluster.git",
		Path: "policies/shop", Forge: Gitea, Labels: []string{"sluice"}}
	l.shown(secret)
	l.o.Check = func(context.Context, string) ([]Status, error) {
		return []Status{{"sluice/verify", true, "nothing that was seen would be lost"}, {"sluice/ready", false, "not Stable"}}, nil
	}
	return l, c
}

// shown sets the token that is shown.
func (l *lab) shown(secret string) {
	l.t.Helper()
	l.o.TokenFile = filepath.Join(l.t.TempDir(), "token")
	if err := os.WriteFile(l.o.TokenFile, []byte(secret), 0o600); err != nil {
		l.t.Fatal(err)
	}
}

// TestGiteaPullRequest goes the whole way of a pull request on a real server.
func TestGiteaPullRequest(t *testing.T) {
	s := startGitea(t)
	l, c := giteaLab(t, s)
	l.learn(webDB, apiDB)
	first := l.propose(Opened)
	read := func(number int) *gitea.PullRequest {
		t.Helper()
		p, _, err := c.GetPullRequest("ann", "cluster", int64(number))
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	p := read(first.Request.Number)
	if p.Title != "Network policies of sluice" || p.Head.Ref != branch || p.Head.Sha != first.Commit || len(p.Labels) != 1 ||
		!strings.Contains(p.Body, "- [ ] Start afresh") || !p.Mergeable {
		t.Errorf("%+v", p)
	}
	if _, to, ok := strings.Cut(p.Body, "[REVIEW.md](<"); !ok {
		t.Errorf("no link to the review: %s", p.Body)
	} else if resp, err := http.Get(to[:strings.Index(to, ">")]); err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("%v: the review is not at %s", err, to[:strings.Index(to, ">")])
	} else {
		resp.Body.Close()
	}
	status, _, err := c.GetCombinedStatus("ann", "cluster", first.Commit)
	if err != nil || status.State != gitea.StatusFailure || len(status.Statuses) != 2 {
		t.Errorf("%v %+v", err, status)
	}
	if r := l.propose(Unchanged); r.Pushed || r.Commit != first.Commit {
		t.Errorf("%+v", r)
	}
	// more flows: the same request, one rule more; the base moves meanwhile, and the request can be merged still
	l.people("main", map[string]string{"policies/shop/NOTES": "of people\n"})
	l.learn(webDB, apiDB, "shop/web -> shop/mail 25/tcp")
	if r := l.propose(Updated); r.Request.Number != first.Request.Number {
		t.Errorf("%+v", r.Request)
	}
	files, _, err := c.ListPullRequestFiles("ann", "cluster", p.Index, gitea.ListPullRequestFilesOptions{})
	if err != nil || !slices.ContainsFunc(files, func(f *gitea.ChangedFile) bool {
		return f.Filename == "policies/shop/allow/shop/mail.yaml"
	}) {
		t.Errorf("%v %+v", err, files)
	}
	var added, removed int
	got := l.run(l.dir, "diff", "--numstat", first.Commit, branch, "--", "policies/shop/allow/shop/web.yaml")
	if _, err := fmt.Sscan(got, &added, &removed); err != nil || added > 10 || removed > 0 {
		t.Errorf("not one rule: %s", got)
	}
	// a person's edit survives
	l.people(branch, map[string]string{l.o.Path + "/allow/shop/web.yaml": "# of Ann\n" + l.file(branch, "allow/shop/web.yaml")})
	l.learn(webDB, webAPI, "shop/web -> shop/mail 25/tcp")
	if r := l.propose(Updated); !slices.Equal(r.Laid.Merged, []string{"allow/shop/web.yaml"}) {
		t.Errorf("%+v", r.Laid)
	}
	if got = l.file(branch, "allow/shop/web.yaml"); !strings.HasPrefix(got, "# of Ann") || !strings.Contains(got, "8080") {
		t.Error(got)
	}
	// what the bundle has no more goes; it was rejected, say
	l.learn(webDB, "shop/web -> shop/mail 25/tcp")
	l.propose(Updated)
	if got := l.file(branch, "allow/shop/web.yaml"); !strings.HasPrefix(got, "# of Ann") || strings.Contains(got, "8080") {
		t.Error(got)
	}
	// a closed one stays closed, and nothing is pushed to its branch
	closed := gitea.StateClosed
	if _, _, err := c.EditPullRequest("ann", "cluster", p.Index, gitea.EditPullRequestOption{State: &closed}); err != nil {
		t.Fatal(err)
	}
	at := l.ref(branch)
	l.learn(webDB)
	l.propose(Respected)
	if l.ref(branch) != at || read(int(p.Index)).State != gitea.StateClosed {
		t.Error("it was touched")
	}
	l.o.Reopen = true
	if r := l.propose(Reopened); r.Request.Number != int(p.Index) || read(int(p.Index)).State != gitea.StateOpen {
		t.Errorf("%+v", r.Request)
	}
	l.o.Reopen = false
	// merged: the next proposal is a request of its own
	merge(t, c, p.Index)
	l.propose(Nothing)
	l.learn(webDB, webAPI)
	if r := l.propose(Opened); r.Request.Number == int(p.Index) {
		t.Errorf("%+v", r.Request)
	}
}

// merge merges a request once the server has found out that it can be, which it does by and by.
func merge(t *testing.T, c *gitea.Client, number int64) {
	t.Helper()
	for range 60 {
		o := gitea.MergePullRequestOption{Style: gitea.MergeStyleSquash}
		if ok, _, err := c.MergePullRequest("ann", "cluster", number, o); err == nil && ok {
			return
		}
		time.Sleep(500 * time.Millisecond)
	}
	t.Fatal("it cannot be merged")
}

// TestGiteaRefusals: what a real server refuses is said in words, and leaves everything as it was.
func TestGiteaRefusals(t *testing.T) {
	s := startGitea(t)
	l, c := giteaLab(t, s)
	l.learn(webDB)
	good := l.o.TokenFile
	l.shown("0123456789abcdef0123456789abcdef01234567")
	l.fails("token")
	l.shown(s.token("ann", "reads", "read:repository", "read:issue"))
	l.fails("push sluice/sluice")
	l.shown(s.token("ann", "no-issues", "write:repository"))
	if r, err := Run(t.Context(), l.o); err == nil && r.Action != Opened { // the scope of labels may be asked for later
		t.Errorf("%v %+v", err, r)
	} else if err != nil && strings.Contains(err.Error(), "is open") == (l.ref(branch) == "") {
		t.Error(err)
	}
	l.shown(s.user("bob", "write:repository", "write:issue"))
	l.learn(webDB, webAPI)
	l.fails("push sluice/sluice")
	l.o.TokenFile = good
	l.o.Repo = strings.Replace(l.o.Repo, "cluster", "nosuch", 1)
	l.fails("no such repository")
	l.o.Repo = strings.Replace(l.o.Repo, "nosuch", "cluster", 1)
	// a protected branch
	if _, _, err := c.CreateBranchProtection("ann", "cluster", gitea.CreateBranchProtectionOption{RuleName: "sluice/*"}); err != nil {
		t.Fatal(err)
	}
	l.fails("push sluice/sluice")
	if _, err := c.DeleteBranchProtection("ann", "cluster", "sluice/*"); err != nil {
		t.Fatal(err)
	}
	// the network is cut between the look and the push, and once the server is back all is well
	check := l.o.Check
	l.o.Check = func(context.Context, string) ([]Status, error) { s.stop(); return nil, nil }
	l.fails("connection refused")
	l.o.Check = check
	s.start()
	if _, err := Run(t.Context(), l.o); err != nil {
		t.Error(err)
	}
	if r := l.propose(Unchanged); r.Request == nil {
		t.Errorf("%+v", r)
	}
}

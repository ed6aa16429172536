package propose

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// TestOnePullRequest: run after run there is one branch and one request, and what did not change is not touched.
func TestOnePullRequest(t *testing.T) {
	l := newLab(t)
	r := l.propose(Opened)
	q := l.forge.requests[0]
	if !r.Pushed || q.Title != "Network policies of sluice" || q.Base != "main" || !slices.Equal(q.LabelNames, l.o.Labels) {
		t.Errorf("%+v %+v", r, q)
	}
	if !strings.Contains(q.Text, "# ") || !strings.Contains(q.Text, "- [ ] Start afresh") {
		t.Error(q.Text)
	}
	if got := l.file(branch, "allow/shop/web.yaml"); !strings.Contains(got, "5432") {
		t.Error(got)
	}
	if got := l.run(l.dir, "show", branch+":README"); got != "ours" {
		t.Errorf("the rest of the repository: %q", got)
	}
	first, writes := l.ref(branch), l.forge.writes
	if r := l.propose(Unchanged); r.Pushed || l.ref(branch) != first || l.forge.writes != writes {
		t.Error("something was set again")
	}
	l.learn(webDB, webAPI)
	l.propose(Updated)
	if n := len(l.forge.requests); n != 1 {
		t.Errorf("%d requests", n)
	}
	if n := l.run(l.dir, "rev-list", "--count", "main.."+branch); n != "1" {
		t.Errorf("%s commits", n)
	}
	if err := os.RemoveAll(l.o.Bundle); err != nil { // a bundle over another says what changed
		t.Fatal(err)
	}
	l.learn(webDB)
	l.propose(Updated)
	if l.ref(branch) != first {
		t.Error("the same content is another commit")
	}
}

// TestBaseMoves: a base that moves elsewhere moves nothing; one that moves in the policies is what the branch stands on.
func TestBaseMoves(t *testing.T) {
	l := newLab(t)
	l.propose(Opened)
	first := l.ref(branch)
	l.people("main", map[string]string{"README": "newer\n"})
	if l.propose(Unchanged); l.ref(branch) != first {
		t.Error("pushed for nothing")
	}
	l.people("main", map[string]string{"policies/shop/NOTES": "hands off\n"})
	l.propose(Updated)
	if got := l.file(branch, "NOTES"); got != "hands off\n" {
		t.Errorf("%q", got)
	}
	l.run(l.work, "push", "-q", "origin", "origin/main:main")
	l.run(l.dir, "update-ref", "refs/heads/main", l.ref(branch))
	l.forge.requests[0].State = Merged
	l.propose(Nothing)
	l.learn(webDB, webAPI)
	l.propose(Opened)
}

// TestBaseRewritten: once people rewrote the base the branch stands on what it is now, and brings none of its former
// commits back. Where people committed to the branch too it is told, and nothing is done.
func TestBaseRewritten(t *testing.T) {
	for _, whole := range []bool{true, false} {
		l := newLab(t)
		l.people("main", map[string]string{"SECRET": "1234\n"})
		l.propose(Opened)
		if whole { // nothing of its history is left
			l.run(l.work, "checkout", "-q", "--orphan", "again")
		} else {
			l.run(l.work, "reset", "-q", "--soft", "HEAD~1")
		}
		l.run(l.work, "rm", "-q", "--cached", "SECRET")
		l.run(l.work, "commit", "-q", "--allow-empty", "-m", "without it")
		l.run(l.work, "push", "-q", "-f", "origin", "HEAD:main")
		l.propose(Updated)
		if got := l.run(l.dir, "rev-list", "--count", "main.."+branch); got != "1" {
			t.Errorf("%s commits", got)
		}
		if got := l.run(l.dir, "ls-tree", "--name-only", branch); strings.Contains(got, "SECRET") {
			t.Error(got)
		}
		l.propose(Unchanged)
		l.learn(webDB, webAPI)
		l.propose(Updated)

		l.people(branch, map[string]string{"policies/shop/NOTES": "of people\n"})
		l.run(l.work, "checkout", "-q", "--orphan", "third", "origin/main")
		l.run(l.work, "commit", "-q", "--allow-empty", "-m", "anew")
		l.run(l.work, "push", "-q", "-f", "origin", "HEAD:main")
		l.learn(webDB)
		l.fails("main was rewritten since sluice/sluice left it")
		l.forge.requests[0].Text = strings.Replace(l.forge.requests[0].Text, "- [ ] Start afresh", "- [x] Start afresh", 1)
		l.propose(Updated)
		if got := l.run(l.dir, "rev-list", "--count", "main.."+branch); got != "1" {
			t.Errorf("%s commits", got)
		}
	}
}

// TestReopenElsewhere: a closed request into a branch that is not the base any more is left as it is.
func TestReopenElsewhere(t *testing.T) {
	l := newLab(t)
	l.propose(Opened)
	l.forge.requests[0].State = Closed
	l.run(l.work, "push", "-q", "origin", "origin/main:refs/heads/trunk")
	l.o.Base = "trunk"
	l.learn(webDB, webAPI)
	l.propose(Respected)
	l.o.Reopen = true
	if r := l.propose(Opened); r.Request.Base != "trunk" || len(r.Remarks) != 1 || l.forge.requests[1].State != Closed {
		t.Errorf("%+v", r)
	}
}

// TestPeoplesCommits: what people commit to the branch is never overwritten, and the bundle goes on around it.
func TestPeoplesCommits(t *testing.T) {
	l := newLab(t)
	l.learn(webDB, apiDB)
	l.propose(Opened)
	web := l.file(branch, "allow/shop/web.yaml")
	l.people(branch, map[string]string{l.o.Path + "/allow/shop/web.yaml": "# looked at by Ann\n" + web})
	theirs := l.ref(branch)
	if r := l.propose(Edited); r.Pushed || !slices.Equal(r.Laid.Kept, []string{"allow/shop/web.yaml"}) ||
		!strings.Contains(r.Request.Text, "What follows is of the policies as they were learned, without what people changed.") {
		t.Errorf("%+v %s", r.Laid, r.Request.Text)
	}
	// the flows change another file
	l.learn(webDB, apiDB, "shop/cron -> shop/db 5434/tcp")
	l.propose(Updated)
	l.run(l.dir, "merge-base", "--is-ancestor", theirs, branch)
	if !strings.HasPrefix(l.file(branch, "allow/shop/web.yaml"), "# looked at") {
		t.Error("the edit is gone")
	}
	// the flows change the same file, elsewhere: twice, since the second run has to find what the first began with
	for _, more := range []string{webAPI, "shop/web -> shop/mail 25/tcp"} {
		l.learn(webDB, apiDB, webAPI, more)
		r := l.propose(Updated)
		if !slices.Equal(r.Laid.Merged, []string{"allow/shop/web.yaml"}) {
			t.Fatalf("%+v", r.Laid)
		}
		got := l.file(branch, "allow/shop/web.yaml")
		if !strings.HasPrefix(got, "# looked at") || !strings.Contains(got, strings.Fields(strings.ReplaceAll(more, "/tcp", ""))[3]) {
			t.Error(got)
		}
	}
	// the same lines
	l.people(branch, map[string]string{l.o.Path + "/allow/shop/web.yaml": "mine alone\n"})
	l.learn(webDB, apiDB)
	r := l.propose(Updated)
	if !slices.Equal(r.Laid.Refused, []string{"allow/shop/web.yaml"}) || l.file(branch, "allow/shop/web.yaml") != "mine alone\n" {
		t.Errorf("%+v", r.Laid)
	}
	if q := l.forge.requests[0]; !strings.Contains(q.Text, "What people wrote stands") {
		t.Error(q.Text)
	}
	// a fresh start
	q := l.forge.requests[0]
	q.Text = "Ann says hello.\n" + strings.Replace(q.Text, "- [ ]", "- [x]", 1)
	l.propose(Updated)
	if got := l.file(branch, "allow/shop/web.yaml"); got != web {
		t.Error(got)
	}
	if !strings.HasPrefix(q.Text, "Ann says hello.\n") || strings.Contains(q.Text, "[x]") {
		t.Error(q.Text)
	}
	l.propose(Unchanged)
}

// TestEditsOnTheBase: what people change after the merge stays changed, what they remove stays removed, and people's
// own policies stay applied.
func TestEditsOnTheBase(t *testing.T) {
	l := newLab(t)
	l.learn(webDB, apiDB)
	l.propose(Opened)
	l.run(l.dir, "update-ref", "refs/heads/main", l.ref(branch))
	l.forge.requests[0].State = Merged
	dir := l.o.Path + "/"
	l.people("main", map[string]string{
		dir + "allow/shop/web.yaml":   "# of Ann\n" + l.file(branch, "allow/shop/web.yaml"),
		dir + "allow/shop/api.yaml":   "",
		dir + "extra/mine.yaml":       mine,
		dir + "allow/shop/notes.yaml": "# loose\n",
	})
	l.learn(webDB, apiDB, webAPI)
	r := l.propose(Opened)
	if got := l.file(branch, "allow/shop/web.yaml"); !strings.HasPrefix(got, "# of Ann") || !strings.Contains(got, "8080") {
		t.Error(got)
	}
	if !slices.Equal(r.Laid.Refused, []string{"allow/shop/api.yaml"}) {
		t.Errorf("%+v", r.Laid)
	}
	if got := l.file(branch, "allow/kustomization.yaml"); !strings.Contains(got, "../extra") {
		t.Error(got)
	}
	if got := l.file(branch, "extra/kustomization.yaml"); !strings.Contains(got, "mine.yaml") {
		t.Error(got)
	}
	l.file(branch, "allow/shop/notes.yaml")
}

const mine = `apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: mine, namespace: shop}
spec: {podSelector: {matchLabels: {app: db}}, ingress: [{from: [{podSelector: {}}]}]}
`

// TestClosed: what people closed stays closed, until they say otherwise.
func TestClosed(t *testing.T) {
	l := newLab(t)
	l.propose(Opened)
	was := l.ref(branch)
	l.forge.requests[0].State = Closed
	l.learn(webDB, webAPI)
	if r := l.propose(Respected); r.Pushed || l.ref(branch) != was || len(l.forge.requests) != 1 {
		t.Errorf("%+v", r)
	}
	l.o.Reopen = true
	l.propose(Reopened)
	if q := l.forge.requests[0]; q.State != Open || l.ref(branch) == was {
		t.Errorf("%+v", q)
	}
	l.o.Reopen = false
	l.propose(Unchanged)
	// one that cannot be opened again
	l.forge.requests[0].State = Closed
	l.forge.fail = map[string]error{"reopen": &refused{code: 422, why: "the branch was recreated"}}
	l.o.Reopen = true
	if r := l.propose(Opened); len(l.forge.requests) != 2 || len(r.Remarks) != 1 {
		t.Errorf("%+v", r)
	}
}

// TestObsolete: a request that has nothing to change is closed, and that is nobody's decision against the next.
func TestObsolete(t *testing.T) {
	l := newLab(t)
	l.propose(Opened)
	l.run(l.work, "fetch", "-q")
	l.run(l.work, "checkout", "-q", "main")
	l.run(l.work, "checkout", "-q", "origin/"+branch, "--", ".")
	l.run(l.work, "commit", "-q", "-m", "by another way")
	l.run(l.work, "push", "-q", "origin", "HEAD:main")
	l.propose(Obsolete)
	if q := l.forge.requests[0]; q.State != Closed {
		t.Errorf("%+v", q)
	}
	l.propose(Nothing)
	l.learn(webDB, webAPI)
	l.propose(Opened)
}

// TestHalfDone: what fails leaves the repository as it was, and the next run goes on.
func TestHalfDone(t *testing.T) {
	l := newLab(t)
	for _, method := range []string{"find", "open"} {
		l.forge.fail = map[string]error{method: errCut}
		l.fails("connection reset")
	}
	l.forge.fail = nil
	l.propose(Opened)
	l.learn(webDB, webAPI)
	l.forge.fail = map[string]error{"edit": errCut}
	if _, err := l.proposed(); !errors.Is(err, errCut) || !strings.Contains(err.Error(), "its branch is as it should be") {
		t.Error(err)
	}
	l.forge.fail = nil
	l.propose(Unchanged)
	// an interruption, and the server is gone: what is left there is told beside it
	left := newLab(t)
	ctx, stop := context.WithCancel(t.Context())
	r, err := propose(ctx, left.o, func(p *run, _ context.Context) error {
		p.forge = gone{left.forge, func() {
			stop()
			if err := os.Rename(left.dir, left.dir+".gone"); err != nil {
				t.Error(err)
			}
		}}
		return nil
	})
	if !errors.Is(err, context.Canceled) || len(r.Remarks) != 1 || !strings.Contains(r.Remarks[0], "could not be taken back: run propose again") {
		t.Errorf("%v %v", err, r.Remarks)
	}
	// somebody pushes between the look and the push
	l.learn(webDB)
	l.o.Check = func(context.Context, string) ([]Status, error) {
		l.people(branch, map[string]string{"README": "meanwhile\n"})
		return nil, nil
	}
	if _, err := l.proposed(); !errors.Is(err, errMoved) {
		t.Error(err)
	}
	if got := l.run(l.dir, "show", branch+":README"); got != "meanwhile" {
		t.Errorf("%q", got)
	}
}

// TestRefusals: what cannot be done says why, and changes nothing.
func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		name, words string
		set         func(l *lab)
	}{
		{"no such base", "no branch nosuch: give --base (it has main)", func(l *lab) { l.o.Base = "nosuch" }},
		{"no branch of its own", "names no branch of its own: give --base (it has main)", func(l *lab) {
			l.run(l.dir, "symbolic-ref", "HEAD", "refs/heads/gone")
		}},
		{"base is the branch", "is the branch of the proposal itself", func(l *lab) {
			l.run(l.dir, "branch", branch, "main")
			l.o.Base = branch
		}},
		{"a foreign branch", "holds no proposal", func(l *lab) {
			l.run(l.dir, "branch", branch, "main")
			l.people(branch, map[string]string{"x": "y"})
		}},
		{"a foreign request", "not of this bundle", func(l *lab) {
			l.forge.requests = []*Request{{Number: 1, State: Open, Branch: branch, Base: "main", Text: "mine"}}
		}},
		{"another path", "give --path policies/shop", func(l *lab) { l.propose(Opened); l.o.Path = "elsewhere" }},
		{"another path without a forge", "the branch sluice/sluice proposes sluice in policies/shop: give --path policies/shop", func(l *lab) {
			l.forge = nil
			l.propose(Pushed)
			l.o.Path = "elsewhere"
		}},
		{"another base", "goes into main, not dev", func(l *lab) {
			l.propose(Opened)
			l.run(l.dir, "branch", "dev", "main")
			l.o.Base = "dev"
		}},
		{"a file in the way", "no directory", func(l *lab) { l.o.Path = "README" }},
		{"a file above", "no directory", func(l *lab) { l.o.Path = "README/x" }},
		{"a file without end", "has 67108865 bytes: give another --path", func(l *lab) {
			l.people("main", map[string]string{l.o.Path + "/x": strings.Repeat("0", maxFile+1)})
		}},
		{"files without end", "more than 100000 files", func(l *lab) {
			blob := l.run(l.work, "hash-object", "-w", "README")
			tree := l.tree("100644 blob " + blob + "\tx")
			for range 6 { // ten times as many each, of a few bytes
				var list strings.Builder
				for i := range 10 {
					fmt.Fprintf(&list, "040000 tree %s\t%d\n", tree, i)
				}
				tree = l.tree(list.String())
			}
			l.run(l.work, "push", "-q", "-f", "origin", l.run(l.work, "commit-tree", "-m", "x", tree)+":refs/heads/main")
			l.o.Path = "0"
		}},
		{"no repository", "connect to", func(l *lab) { l.o.Repo += "x" }},
		{"people's commits without a request", "holds commits of people", func(l *lab) {
			l.propose(Opened)
			l.people(branch, map[string]string{"x": "y"})
			l.forge.requests = nil
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLab(t)
			c.set(l)
			l.fails(c.words)
		})
	}
}

// TestLinks: nothing is written through a link that the repository holds.
func TestLinks(t *testing.T) {
	l := newLab(t)
	l.run(l.work, "checkout", "-q", "main")
	l.run(l.work, "update-index", "--add", "--cacheinfo", "120000,"+l.run(l.work, "hash-object", "-w", "README")+","+l.o.Path+"/allow")
	l.run(l.work, "commit", "-q", "-m", "link")
	l.run(l.work, "push", "-q", "origin", "HEAD:main")
	l.fails("nothing is written through it")
}

// TestStatuses: a commit gets what was judged of the policies as they are proposed, once.
func TestStatuses(t *testing.T) {
	l := newLab(t)
	l.o.Check = func(context.Context, string) ([]Status, error) {
		return []Status{{"sluice/verify", false, strings.Repeat("é", 200)}}, nil
	}
	r := l.propose(Opened)
	const head = "**The policies as they stand in this branch:**\n\n- sluice/verify: éé"
	if !strings.Contains(r.Request.Text, head) {
		t.Error(r.Request.Text)
	}
	s := l.forge.status["sluice/verify"]
	if s.OK || len([]rune(s.Text)) != maxStatus {
		t.Errorf("%+v", s)
	}
	writes := l.forge.writes
	if l.propose(Unchanged); l.forge.writes != writes {
		t.Error("set again")
	}
}

// TestSignOff: a commit is from the author, and signed off where that is asked for.
func TestSignOff(t *testing.T) {
	l := newLab(t)
	l.o.Author, l.o.SignOff = &Person{"Ann", "ann@example"}, true
	l.propose(Opened)
	if got := l.run(l.dir, "log", "-1", "--format=%an <%ae>%n%(trailers:key=Signed-off-by,valueonly)", branch); got !=
		"Ann <ann@example>\nAnn <ann@example>" {
		t.Error(got)
	}
}

// TestDryRun changes nothing, and says what would be changed.
func TestDryRun(t *testing.T) {
	l := newLab(t)
	l.o.DryRun = true
	r := l.propose(Opened)
	if !strings.Contains(r.Diff, "+++ b/policies/shop/allow/shop/web.yaml") || l.ref(branch) != "" || l.forge.writes > 0 {
		t.Error(r.Diff)
	}
	l.o.DryRun = false
	l.propose(Opened)
	l.o.DryRun = true
	if r := l.propose(Unchanged); r.Diff != "" {
		t.Error(r.Diff)
	}
	l.learn(webDB, webAPI)
	if r := l.propose(Updated); !strings.Contains(r.Diff, "+    - port: 8080") && !strings.Contains(r.Diff, "8080") {
		t.Error(r.Diff)
	}
}

//go:build conformance

package propose

import (
	"context"
	"strings"
	"testing"

	"code.gitea.io/sdk/gitea"
)

// TestGiteaBase: whatever becomes of the base between two proposals on a real server, the request can be merged or it
// is said why not, and nothing is half done.
func TestGiteaBase(t *testing.T) {
	s := startGitea(t)
	l, c := giteaLab(t, s)
	l.people("main", map[string]string{"SECRET": "1234\n"})
	l.learn(webDB)
	first := l.propose(Opened)
	number := int64(first.Request.Number)

	// rewritten, from the root on
	l.run(l.work, "checkout", "-q", "--orphan", "again")
	l.run(l.work, "rm", "-q", "--cached", "SECRET")
	l.run(l.work, "commit", "-q", "--allow-empty", "-m", "without it")
	l.run(l.work, "push", "-q", "-f", "origin", "HEAD:main")
	l.propose(Updated)
	commits, _, err := c.ListPullRequestCommits("ann", "cluster", number, gitea.ListPullRequestCommitsOptions{})
	if err != nil || len(commits) != 1 {
		t.Errorf("%v: %d commits", err, len(commits))
	}
	files, _, err := c.ListPullRequestFiles("ann", "cluster", number, gitea.ListPullRequestFilesOptions{})
	if err != nil || len(files) == 0 {
		t.Errorf("%v: %d files", err, len(files))
	}
	for _, f := range files {
		if !strings.HasPrefix(f.Filename, l.o.Path+"/") {
			t.Errorf("it changes %s", f.Filename)
		}
	}

	// moved while the bundle is judged: it can be merged all the same
	check := l.o.Check
	l.o.Check = func(context.Context, string) ([]Status, error) {
		l.people("main", map[string]string{"README.md": "newer\n"})
		return nil, nil
	}
	l.learn(webDB, webAPI)
	l.propose(Updated)
	l.o.Check = check
	l.propose(Edited) // the statuses

	// another branch is the default now, and the request goes into the former one
	l.run(l.work, "push", "-q", "origin", "origin/main:refs/heads/trunk")
	trunk := "trunk"
	if _, _, err := c.EditRepo("ann", "cluster", gitea.EditRepoOption{DefaultBranch: &trunk}); err != nil {
		t.Fatal(err)
	}
	l.fails("goes into main, not trunk: give --base main, or close it")
	l.o.Base = "main"
	l.propose(Unchanged)

	// gone: it is said, and by the new one a request is opened once the former is closed
	l.run(l.work, "push", "-q", "origin", ":main")
	l.fails("the repository has no branch main: give --base")
	l.o.Base = ""
	l.learn(webDB)
	before := l.ref(branch)
	r, err := Run(t.Context(), l.o)
	switch {
	case err != nil && strings.Contains(err.Error(), "goes into main, not trunk"):
		closed := gitea.StateClosed
		if _, _, err := c.EditPullRequest("ann", "cluster", number, gitea.EditPullRequestOption{State: &closed}); err != nil {
			t.Fatal(err)
		}
		l.propose(Respected)
	case err != nil:
		t.Fatal(err)
	case r.Action != Respected:
		t.Errorf("%s, want %s", r.Action, Respected)
	}
	if l.ref(branch) != before {
		t.Error("it was pushed to")
	}
	l.o.Reopen = true
	r, err = Run(t.Context(), l.o)
	if err != nil {
		t.Fatal(err)
	}
	if r.Action != Opened && r.Action != Reopened {
		t.Errorf("%s", r.Action)
	}
	q, _, err := c.GetPullRequest("ann", "cluster", int64(r.Request.Number))
	if err != nil || q.State != gitea.StateOpen || q.Base.Ref != "trunk" || q.Head.Sha != r.Commit {
		t.Errorf("%v: %s %+v, %+v", err, q.State, q.Base, q.Head)
	}
	l.o.Reopen = false
	merge(t, c, q.Index)
	l.propose(Nothing)
}

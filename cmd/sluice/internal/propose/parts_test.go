package propose

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestJoin(t *testing.T) {
	for _, c := range []struct{ was, a, b, want string }{
		{"1\n2\n3\n", "1\n2\n3\n", "1\n2\n3\n", "1\n2\n3\n"},
		{"1\n2\n3\n", "0\n1\n2\n3\n", "1\n2\n4\n", "0\n1\n2\n4\n"},
		{"1\n2\n3\n4\n5\n", "1\n3\n4\n5\n", "1\n2\n3\n4\n5\n6\n", "1\n3\n4\n5\n6\n"},
		{"1\n2\n3\n", "1\nx\n3\n", "1\nx\n3\n", "1\nx\n3\n"}, // the same change
		{"1\n2\n3\n", "1\nx\n3\n", "1\ny\n3\n", "-"},
		{"1\n2\n", "1\nx\n2\n", "1\ny\n2\n", "-"},    // both insert at one place
		{"1\n2\n3\n", "x\n2\n3\n", "1\ny\n3\n", "-"}, // beside each other
		{"1\n2", "1\n2", "1\n2\n3", "1\n2\n3"},
		{"", "a\n", "", "a\n"},
		{"1\n2\n3\n", "", "1\n2\n4\n", "-"},
	} {
		for _, order := range [][2]string{{c.a, c.b}, {c.b, c.a}} {
			got, ok := join(c.was, order[0], order[1])
			if !ok {
				got = "-"
			}
			if got != c.want {
				t.Errorf("%q with %q and %q: %q, want %q", c.was, order[0], order[1], got, c.want)
			}
		}
	}
}

func TestLocate(t *testing.T) {
	for _, c := range []struct{ url, forge, want string }{
		{"https://github.com/a/b.git", "", "github github.com a/b https://github.com"},
		{"https://github.example/a/b", "github", "github github.example a/b https://github.example"},
		{"https://gitlab.com/a/b/c", "", "gitlab gitlab.com a/b/c https://gitlab.com"},
		{"https://codeberg.org/a/b", "", "gitea codeberg.org a/b https://codeberg.org"},
		{"http://127.0.0.1:3000/a/b.git", "gitea", "gitea 127.0.0.1 a/b http://127.0.0.1:3000"},
		{"git@github.com:a/b.git", "", "github github.com a/b https://github.com"},
		{"ssh://git@git.example:2222/a/b", "gitea", "gitea git.example a/b https://git.example"},
		{"file:///srv/r.git", "", "none  srv/r "},
		{"/srv/r.git", "", "none  srv/r "},
		{"https://git.example/a/b", "none", "none git.example a/b https://git.example"},
		{"https://git.example/a/b", "", "which forge git.example is"},
		{"https://gitlab.com.evil.example/a/b", "", "which forge"},
		{"https://ann:secret@github.com/a/b", "", "it carries a password"},
		{"https://github.com/a", "", "no repository of a forge"},
		{"https://github.com/a/b/c", "", "no repository of a forge"},
		{"https://github.com/a/b?x=y", "", "no URL"},
		{"file:///srv/r.git", "gitea", "a directory has no pull requests"},
		{"ftp://x/a/b", "", "not spoken here"},
	} {
		got := ""
		if l, err := locate(c.url, c.forge); err != nil {
			got = err.Error()
		} else {
			got = fmt.Sprintf("%s %s %s %s", l.forge, l.host, l.project, l.api)
		}
		if got != c.want && !(strings.Contains(got, c.want) && len(c.want) > 4 && !strings.Contains(c.want, "://")) {
			t.Errorf("%s: %s, want %s", c.url, got, c.want)
		}
	}
}

// TestPage: a file of a branch is read where each forge shows it.
func TestPage(t *testing.T) {
	for _, c := range []struct{ url, forge, want string }{
		{"git@github.com:a/b.git", "", "https://github.com/a/b/blob/sluice/shop/policies/the%20shop/REVIEW.md"},
		{"https://gitlab.com/a/b/c.git", "", "https://gitlab.com/a/b/c/-/blob/sluice/shop/policies/the%20shop/REVIEW.md"},
		{"http://127.0.0.1:3000/a/b", "gitea", "http://127.0.0.1:3000/a/b/src/branch/sluice/shop/policies/the%20shop/REVIEW.md"},
		{"file:///srv/r.git", "", ""},
		{"https://git.example/a/b", "none", ""},
	} {
		to, err := locate(c.url, c.forge)
		if err != nil {
			t.Fatal(err)
		}
		if got := to.page("sluice/shop", "policies/the shop/REVIEW.md"); got != c.want {
			t.Errorf("%s: %s, want %s", c.url, got, c.want)
		}
	}
}

// TestCI: in a forge's own CI its server is known by the environment.
func TestCI(t *testing.T) {
	t.Setenv("CI_SERVER_URL", "https://code.example")
	if l, err := locate("https://code.example/a/b/c", ""); err != nil || l.forge != GitLab {
		t.Error(l, err)
	}
	t.Setenv("CI_SERVER_URL", "")
	t.Setenv("GITHUB_SERVER_URL", "https://code.example")
	if l, err := locate("https://code.example/a/b", ""); err != nil || l.forge != GitHub {
		t.Error(l, err)
	}
	t.Setenv("GITEA_ACTIONS", "true")
	if l, err := locate("https://code.example/a/b", ""); err != nil || l.forge != Gitea {
		t.Error(l, err)
	}
}

// TestToken: where it is looked for, and that it is printed nowhere.
func TestToken(t *testing.T) {
	for _, list := range variables {
		for _, v := range list {
			t.Setenv(v, "")
		}
	}
	t.Setenv("CI_JOB_TOKEN", "job")
	if k, err := token(GitLab, ""); err != nil || !k.job || k.user(GitLab) != "gitlab-ci-token" {
		t.Error(err)
	}
	t.Setenv("GH_TOKEN", "s3cr/et")
	k, err := token(GitHub, "")
	if err != nil || k.secret != "s3cr/et" {
		t.Fatal(err)
	}
	hidden := k.hide(fmt.Errorf("GET https://x/?t=s3cr%%2Fet and s3cr/et: %w", os.ErrNotExist))
	if strings.Contains(hidden.Error(), "s3cr") || !errors.Is(hidden, os.ErrNotExist) {
		t.Error(hidden)
	}
	const shown = "said Basic eC1hY2Nlc3MtdG9rZW46czNjci9ldA==" // as Git shows it
	if text := k.conceal(shown); text != "said Basic ***" {
		t.Error(text)
	}
	if text := fmt.Sprintf("%v %+v %#v %s", k, k, k, k); strings.Contains(text, "s3cr") {
		t.Error(text)
	}
	file := filepath.Join(t.TempDir(), "token")
	for text, ok := range map[string]bool{"abc\n": true, "": false, "two words": false} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if k, err := token(GitHub, file); (err == nil) != ok || ok && k.secret != "abc" {
			t.Errorf("%q: %v", text, err)
		}
	}
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{pipe: "which may wait for ever: give a file", "/dev/null": "holds none"} {
		if _, err := token(GitHub, file); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", file, err)
		}
	}
}

// TestFit: a text that is too long is cut where it can be, and says so.
func TestFit(t *testing.T) {
	long := "<details>\n\n```mermaid\n" + strings.Repeat("a --> b\n", 20_000)
	got := fit(long, maxText)
	if len(got) > maxText || !strings.HasSuffix(got, "```\n\n</details>\n\nThis is not all: the rest is in REVIEW.md of the branch.\n") {
		t.Errorf("%d ... %q", len(got), got[len(got)-120:])
	}
	printed := "<details><summary>x</summary>\n\n<pre>\n" + strings.Repeat("a line\n", 20_000)
	if got := fit(printed, maxText); !strings.Contains(got, "a line\n</pre>\n\n</details>\n\nThis is not all") {
		t.Errorf("%q", got[len(got)-120:])
	}
	if got := fit("short\n", maxText); got != "short\n" {
		t.Errorf("%q", got)
	}
}

// TestWithin: what people write around the part of sluice's stays.
func TestWithin(t *testing.T) {
	one, two := mark("n", "p", false)+"\n1\n"+endMark, mark("n", "p", false)+"\n2\n"+endMark
	for _, c := range [][2]string{
		{"", two}, {one, two}, {"a\n" + one + "\nb", "a\n" + two + "\nb"}, {"mine", "mine\n\n" + two},
		{"a\n" + mark("n", "p", false) + "\ncut off", "a\n" + two},
	} {
		if got := within(c[0], two); got != c[1] {
			t.Errorf("%q: %q, want %q", c[0], got, c[1])
		}
	}
}

func TestClean(t *testing.T) {
	for dir, want := range map[string]string{
		".": ".", "policies/": "policies", "a/../b": "b", "/etc": "", "../x": "", "a/.git/b": "", "a,b": "", "a-->": "",
	} {
		if got := Clean(dir); got != want {
			t.Errorf("%q: %q, want %q", dir, got, want)
		}
	}
}

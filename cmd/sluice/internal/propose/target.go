package propose

import (
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/transport"

	"sluice/cmd/sluice/internal/disk"
)

// The forges.
const (
	GitHub = "github"
	Gitea  = "gitea" // and Forgejo
	GitLab = "gitlab"
	None   = "none" // the branch is pushed, and that is all
)

// Forges are the names of the forges, for --forge.
func Forges() []string { return []string{GitHub, Gitea, GitLab, None} }

// target is a repository, and where its forge is.
type target struct {
	url     string // for Git
	host    string // without port; "" of a directory
	project string // owner/name, or group/subgroup/name
	api     string // the server that the API belongs to
	forge   string
	web     bool // Git speaks HTTP with it, so that the token is for both
	clear   bool // the token crosses a network in the clear
}

// locate reads the URL of a repository. The forge is what it is told to be, else what the host's name or the CI that
// this runs in says: nothing is guessed.
func locate(raw, forge string) (*target, error) {
	e, err := transport.NewEndpoint(raw)
	if err != nil {
		return nil, errors.New("it is no URL of a repository")
	}
	t := &target{url: raw, host: e.Host, forge: forge, project: strings.TrimSuffix(strings.Trim(e.Path, "/"), ".git")}
	switch e.Protocol {
	case "file":
		t.forge, t.host = cmp.Or(forge, None), ""
		if t.forge != None {
			return nil, fmt.Errorf("a directory has no pull requests: --forge %s is for a server", forge)
		}
		return t, nil
	case "http", "https":
		if e.User != "" || e.Password != "" {
			return nil, errors.New("it carries a password that others can read: give the token by --token-file or the environment")
		}
		u, err := url.Parse(raw)
		if err != nil || u.RawQuery != "" || u.Fragment != "" {
			return nil, errors.New("it is no URL of a repository")
		}
		t.web, t.clear = true, e.Protocol == "http" && !loopback(e.Host)
		t.api = e.Protocol + "://" + u.Host
	case "ssh":
		t.api = "https://" + e.Host
	default:
		return nil, fmt.Errorf("%s:// is not spoken here: give https://, ssh:// or file://", e.Protocol)
	}
	if t.forge = cmp.Or(forge, forgeOf(t)); t.forge == "" {
		const text = "which forge %s is cannot be told from its name: give --forge %s"
		return nil, fmt.Errorf(text, e.Host, strings.Join(Forges(), ", "))
	}
	owner, name, ok := strings.Cut(t.project, "/")
	if t.forge != None && (!ok || owner == "" || name == "" || strings.Contains(name, "/") && t.forge != GitLab) {
		return nil, fmt.Errorf("%q is no repository of a forge: want https://HOST/OWNER/NAME", t.project)
	}
	return t, nil
}

// page is where people read a file of a branch, "" where no forge shows it.
func (t *target) page(branch, file string) string {
	between := map[string]string{GitHub: "blob", Gitea: "src/branch", GitLab: "-/blob"}[t.forge]
	if between == "" {
		return ""
	}
	at := url.URL{Path: path.Join("/", t.project, between, branch, file)}
	return t.api + at.EscapedPath()
}

func loopback(host string) bool {
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// forgeOf returns the forge of a host, "" where nothing says it.
func forgeOf(t *target) string {
	for _, ci := range []struct{ variable, forge string }{
		{"CI_SERVER_URL", GitLab}, {"GITHUB_SERVER_URL", GitHub},
	} {
		u, err := url.Parse(os.Getenv(ci.variable))
		if err != nil || u.Hostname() == "" || u.Hostname() != t.host {
			continue
		}
		if os.Getenv("GITEA_ACTIONS") == "true" || os.Getenv("FORGEJO_ACTIONS") == "true" {
			return Gitea // whose runner sets GitHub's variables
		}
		return ci.forge
	}
	return map[string]string{"github.com": GitHub, "gitlab.com": GitLab, "codeberg.org": Gitea}[t.host]
}

// Token is what a server is shown. It prints as nothing.
type Token struct {
	secret string
	job    bool // that of a job of GitLab's CI
}

// String keeps the secret out of what is printed.
func (t Token) String() string { return "" }

// GoString does so too.
func (t Token) GoString() string { return "Token{}" }

// variables are where tokens are looked for, the first first.
var variables = map[string][]string{
	GitHub: {"GITHUB_TOKEN", "GH_TOKEN", "GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN"},
	Gitea:  {"GITEA_TOKEN", "FORGEJO_TOKEN"},
	GitLab: {"GITLAB_TOKEN", jobToken},
	None:   nil,
}

const jobToken = "CI_JOB_TOKEN"

// readToken reads a file that holds a token, which a device never ends.
func readToken(file string) ([]byte, error) {
	f, err := disk.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	const most = 64 << 10
	return io.ReadAll(io.LimitReader(f, most))
}

// token finds the token for a forge: that of the file, else of the environment. It may be none.
func token(forge, file string) (Token, error) {
	if file != "" {
		b, err := readToken(file)
		if err != nil {
			return Token{}, fmt.Errorf("read the token: %w", err)
		}
		t := Token{secret: strings.TrimSpace(string(b))}
		if t.secret == "" || strings.ContainsAny(t.secret, " \t\r\n") {
			return Token{}, fmt.Errorf("read the token: %s holds none: want the token alone, in one line", file)
		}
		return t, nil
	}
	for _, name := range variables[forge] {
		if v := strings.TrimSpace(os.Getenv(name)); v != "" {
			return Token{secret: v, job: name == jobToken}, nil
		}
	}
	return Token{}, nil
}

// user is the name that goes with a token where Git asks for one.
func (t Token) user(forge string) string {
	switch {
	case t.job:
		return "gitlab-ci-token"
	case forge == GitHub:
		return "x-access-token"
	}
	return "oauth2"
}

// hidden is an error without the secret in its words.
type hidden struct {
	error
	token Token
}

// Error leaves the secret out.
func (e *hidden) Error() string { return e.token.conceal(e.error.Error()) }

// Unwrap returns the error that may have it.
func (e *hidden) Unwrap() error { return e.error }

// hide keeps the token out of an error.
func (t Token) hide(err error) error {
	if err == nil || t.secret == "" {
		return err
	}
	return &hidden{err, t}
}

// conceal takes the token out of a text, in each form that a server was shown or makes of it.
func (t Token) conceal(s string) string {
	if t.secret == "" {
		return s
	}
	forms := []string{t.secret, url.QueryEscape(t.secret), url.PathEscape(t.secret)}
	for _, forge := range Forges() { // as Git shows it
		forms = append(forms, base64.StdEncoding.EncodeToString([]byte(t.user(forge)+":"+t.secret)))
	}
	for _, form := range forms {
		s = strings.ReplaceAll(s, form, "***")
	}
	return s
}

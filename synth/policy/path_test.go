package policy

import (
	"strings"
	"testing"
)

// TestForHosts: a request may come to the rules of its host whose path goes first, and to those before them of which it
// is not known whether they take it.
func TestForHosts(t *testing.T) {
	exact := func(p string) PathMatch { return PathMatch{Kind: PathExact, Path: p} }
	prefix := func(p string) PathMatch { return PathMatch{Kind: PathPrefix, Path: p} }
	more := func(m PathMatch) PathMatch { m.More = true; return m }
	rule := func(name string, hosts string, paths ...PathMatch) RouteRule {
		return RouteRule{Hosts: strings.Fields(hosts), Paths: paths, Services: []ServiceRef{{Name: name}}}
	}
	rules := []RouteRule{
		rule("all", "a"), rule("api", "a", prefix("/api")), rule("v1", "a", prefix("/api/v1/"), exact("/v1")),
		rule("login", "a", exact("/api/login")), rule("canary", "a", more(prefix("/api/v1"))),
		rule("get", "b", more(exact("/x"))), rule("x", "b", prefix("/x")), rule("same", "b", prefix("/x")),
		rule("regular", "c", PathMatch{Kind: PathOther}), rule("c", "c", prefix("/c")), rule("far", "*.d"),
	}
	for request, want := range map[string]string{
		"a":            "all api v1 login canary", // which path is not known
		"a/":           "all",
		"a/apis":       "all", // by whole elements
		"a/api":        "api",
		"a/api/":       "api",
		"a/api/users":  "api",
		"a/api/v1":     "v1 canary", // both ask for the same, and one for more
		"a/api/v1/x":   "v1 canary",
		"a/v1":         "v1",
		"a/v1/":        "all",
		"a/api/login":  "login",
		"a/api/login/": "api",
		"b/x":          "get x same",
		"b/x/y":        "x same",
		"b/y":          "",
		"c/c/1":        "regular c",
		"c/":           "regular",
		"x.d/any":      "far",
		"e/":           "",
	} {
		var got []string
		for _, r := range forHosts(rules, []string{request}) {
			got = append(got, r.Services[0].Name)
		}
		if got := strings.Join(got, " "); got != want {
			t.Errorf("%s: %q, want %q", request, got, want)
		}
	}
}

package kube_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// TestBusy: a server that is busy, out of order for a moment or cuts an answer is asked again, and not for ever; what it
// says for good is believed at once.
func TestBusy(t *testing.T) {
	const whole = `{"items":[{"metadata":{"name":"shop"}}]}`
	say := func(status int, headers ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			for i := 0; i < len(headers); i += 2 {
				w.Header().Set(headers[i], headers[i+1])
			}
			w.WriteHeader(status)
			fmt.Fprint(w, `{"kind":"Status","message":"not now"}`)
		}
	}
	soon := []string{"Retry-After", "0"}
	cut := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(len(whole)))
		fmt.Fprint(w, whole[:10])
	}
	for _, c := range []struct {
		name  string
		serve http.HandlerFunc
		times int // it does so, then it answers
		want  string
		asked int
	}{
		{"429", say(429, soon...), 3, "", 4},
		{"429 without a word of when", say(429), 1, "", 2},
		{"500", say(500, soon...), 1, "", 2},
		{"503", say(503, soon...), 4, "", 5},
		{"a connection that breaks", cut, 1, "", 2},
		{"429 for ever", say(429, soon...), 99, "has too much to do, try again later (429 not now)", 5},
		{"503 for ever", say(503, soon...), 99, "cannot serve it, try again, and see kubectl get apiservices (503 not now)", 5},
		{"401", say(401, soon...), 99, "log in again", 1},
		{"403", say(403, soon...), 99, "not allowed to list namespaces", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			asked := 0
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if asked++; asked <= c.times {
					c.serve(w, r)
				} else {
					fmt.Fprint(w, whole)
				}
			}))
			defer s.Close()
			names, err := open(t, s.URL).Namespaces(t.Context())
			switch {
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("%v\ndoes not say %s", err, c.want)
			case c.want == "" && (err != nil || !slices.Equal(names, []string{"shop"})):
				t.Errorf("%v: %v", names, err)
			}
			if asked != c.asked {
				t.Errorf("asked %d times, want %d", asked, c.asked)
			}
		})
	}
}

// TestExpired: where the server has forgotten how a list was, with pages still to come, the rest is read as it is.
func TestExpired(t *testing.T) {
	for next, want := range map[string]string{"fresh": "", "": "the list changed too fast to be read in pages, try again"} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch r.FormValue("continue") {
			case "":
				fmt.Fprint(w, `{"metadata":{"continue":"old"},"items":[{"metadata":{"name":"a"}}]}`)
			case "old":
				w.WriteHeader(http.StatusGone)
				fmt.Fprintf(w, `{"kind":"Status","message":"too old","metadata":{"continue":%q}}`, next)
			default:
				fmt.Fprint(w, `{"items":[{"metadata":{"name":"b"}}]}`)
			}
		}))
		defer s.Close()
		names, err := open(t, s.URL).Namespaces(t.Context())
		if want == "" && (err != nil || !slices.Equal(names, []string{"a", "b"})) {
			t.Errorf("%v: %v", names, err)
		}
		if want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%v\ndoes not say %s", err, want)
		}
	}
}

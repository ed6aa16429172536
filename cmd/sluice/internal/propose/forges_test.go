package propose

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// recorded are answers of a forge as its documentation has them, shortened to what is read.
type recorded struct {
	forge   string
	answers map[string]string
	asked   []string // the beginnings of what is asked, in order
}

var forges = []recorded{
	{GitHub, map[string]string{
		"GET /api/v3/repos/shop/cluster/pulls": `[{"number":7,"html_url":"https://h/7","state":"open","title":"T","body":"B",
			"labels":[{"name":"sluice"}],"head":{"ref":"sluice/x","sha":"c1"},"base":{"ref":"main"}},
			{"number":5,"state":"closed","merged_at":"2026-01-02T03:04:05Z","head":{"ref":"sluice/x"},"base":{"ref":"main"}},
			{"number":4,"state":"closed","head":{"ref":"sluice/x"},"base":{"ref":"main"}}]`,
		"POST /api/v3/repos/shop/cluster/pulls":           `{"number":8,"html_url":"https://h/8","state":"open"}`,
		"PATCH /api/v3/repos/shop/cluster/pulls/7":        `{"number":7}`,
		"POST /api/v3/repos/shop/cluster/issues/7/labels": `[{"name":"a"}]`,
		"GET /api/v3/repos/shop/cluster/commits/c1/status": `{"statuses":[{"context":"s/v","state":"success",
			"description":"good"}]}`,
		"POST /api/v3/repos/shop/cluster/statuses/c1": `{"state":"failure"}`,
	}, []string{
		"GET /api/v3/repos/shop/cluster/pulls direction=desc&head=shop%3Asluice%2Fx&per_page=100&sort=created&state=all",
		`POST /api/v3/repos/shop/cluster/pulls  {"title":"T","head":"sluice/x","base":"main","body":"B"`,
		`PATCH /api/v3/repos/shop/cluster/pulls/7  {"title":"T","body":"B"}`,
		`PATCH /api/v3/repos/shop/cluster/pulls/7  {"state":"open"}`,
		`POST /api/v3/repos/shop/cluster/issues/7/labels  ["a"]`,
		"GET /api/v3/repos/shop/cluster/commits/c1/status",
		`POST /api/v3/repos/shop/cluster/statuses/c1  {"state":"failure","description":"bad","context":"s/v"}`,
	}},
	{GitLab, map[string]string{
		"GET /api/v4/projects/shop/cluster/merge_requests": `[{"iid":7,"web_url":"https://h/7","state":"opened","title":"T",
			"description":"B","labels":["sluice"],"source_branch":"sluice/x","target_branch":"main","sha":"c1",
			"source_project_id":1,"target_project_id":1},
			{"iid":6,"state":"opened","source_branch":"sluice/x","target_branch":"main","source_project_id":2,"target_project_id":1},
			{"iid":5,"state":"merged","source_branch":"sluice/x","target_branch":"main"},
			{"iid":4,"state":"closed","source_branch":"sluice/x","target_branch":"main"}]`,
		"POST /api/v4/projects/shop/cluster/merge_requests":                `{"iid":8,"web_url":"https://h/8","state":"opened"}`,
		"PUT /api/v4/projects/shop/cluster/merge_requests/7":               `{"iid":7}`,
		"GET /api/v4/projects/shop/cluster/repository/commits/c1/statuses": `[{"name":"s/v","status":"success","description":"good"}]`,
		"POST /api/v4/projects/shop/cluster/statuses/c1":                   `{"status":"failed"}`,
	}, []string{
		"GET /api/v4/projects/shop/cluster/merge_requests order_by=created_at&per_page=100&sort=desc&source_branch=sluice%2Fx&state=all",
		`POST /api/v4/projects/shop/cluster/merge_requests  {"title":"T","description":"B","source_branch":"sluice/x","target_branch":"main"}`,
		`PUT /api/v4/projects/shop/cluster/merge_requests/7  {"title":"T","description":"B"}`,
		`PUT /api/v4/projects/shop/cluster/merge_requests/7  {"state_event":"reopen"}`,
		`PUT /api/v4/projects/shop/cluster/merge_requests/7  {"add_labels":"a"}`,
		"GET /api/v4/projects/shop/cluster/repository/commits/c1/statuses",
		`POST /api/v4/projects/shop/cluster/statuses/c1  {"state":"failed","ref":"sluice/x","name":"s/v","description":"bad"}`,
	}},
	{Gitea, map[string]string{
		"GET /api/v1/repos/shop/cluster/pulls": `[{"number":4,"state":"closed","head":{"ref":"refs/pull/4/head","label":"sluice/x",
			"repo_id":1},"base":{"ref":"main","repo_id":1}},
			{"number":7,"html_url":"https://h/7","state":"open","title":"T","body":"B","labels":[{"name":"sluice"}],
			"head":{"ref":"sluice/x","sha":"c1","repo_id":1},"base":{"ref":"main","repo_id":1}},
			{"number":6,"state":"open","head":{"ref":"sluice/x","repo_id":2},"base":{"ref":"main","repo_id":1}},
			{"number":5,"state":"closed","merged":true,"head":{"ref":"sluice/x","repo_id":1},"base":{"ref":"main","repo_id":1}}]`,
		"POST /api/v1/repos/shop/cluster/pulls": `{"number":8,"html_url":"https://h/8","state":"open",
			"head":{"ref":"sluice/x"},"base":{"ref":"main"}}`,
		"PATCH /api/v1/repos/shop/cluster/pulls/7":        `{"number":7}`,
		"GET /api/v1/repos/shop/cluster/labels":           `[{"id":3,"name":"b"}]`,
		"POST /api/v1/repos/shop/cluster/labels":          `{"id":9,"name":"a"}`,
		"POST /api/v1/repos/shop/cluster/issues/7/labels": `[{"name":"a"}]`,
		"GET /api/v1/repos/shop/cluster/commits/c1/status": `{"statuses":[{"context":"s/v","status":"success",
			"description":"good"}]}`,
		"POST /api/v1/repos/shop/cluster/statuses/c1": `{"status":"failure"}`,
	}, []string{
		"GET /api/v1/repos/shop/cluster/pulls limit=50&page=1&state=all",
		`POST /api/v1/repos/shop/cluster/pulls  {"head":"sluice/x","base":"main","title":"T","body":"B"`,
		`PATCH /api/v1/repos/shop/cluster/pulls/7  {"title":"T","body":"B"`,
		`PATCH /api/v1/repos/shop/cluster/pulls/7  {"title":"","body":null,`,
		"GET /api/v1/repos/shop/cluster/labels limit=50&page=1",
		`POST /api/v1/repos/shop/cluster/labels  {"name":"a","color":"#2a7de1"`,
		`POST /api/v1/repos/shop/cluster/issues/7/labels  {"labels":[9]}`,
		"GET /api/v1/repos/shop/cluster/commits/c1/status",
		`POST /api/v1/repos/shop/cluster/statuses/c1  {"state":"failure","target_url":"","description":"bad","context":"s/v"}`,
	}},
}

// forgeAt is the client of a forge that answers at a URL.
func forgeAt(t *testing.T, forge, url string) forge {
	t.Helper()
	at, err := locate(url+"/shop/cluster.git", forge)
	if err != nil {
		t.Fatal(err)
	}
	p := &run{t: at, token: Token{secret: "s3cret"}, out: &Result{}}
	if err := p.client(t.Context()); err != nil {
		t.Fatal(err)
	}
	return p.forge
}

// TestRecorded: each client asks its forge for what is meant, and understands the answers.
func TestRecorded(t *testing.T) {
	for _, c := range forges {
		t.Run(c.forge, func(t *testing.T) {
			handle, asked := answers(t, c.answers)
			s := httptest.NewServer(handle)
			defer s.Close()
			f, ctx := forgeAt(t, c.forge, s.URL), t.Context()
			list, err := f.Find(ctx, "sluice/x")
			if err != nil || len(list) != 3 {
				t.Fatalf("%v %+v", err, list)
			}
			want := Request{7, "https://h/7", Open, "T", "B", "main", "sluice/x", "c1", []string{"sluice"}}
			if q := list[0]; q.Number != want.Number || q.URL != want.URL || q.State != Open || q.Text != "B" || q.Head != "c1" ||
				q.Base != "main" || !slices.Equal(q.LabelNames, want.LabelNames) {
				t.Errorf("%+v", q)
			}
			if list[1].State != Merged || list[2].State != Closed {
				t.Errorf("%+v", list)
			}
			opened, err := f.Open(ctx, want)
			if err != nil || opened.Number != 8 || opened.URL != "https://h/8" {
				t.Errorf("%v %+v", err, opened)
			}
			there, err := map[string]Status{}, error(nil)
			for _, step := range []func() error{
				func() error { return f.Edit(ctx, want) },
				func() error { return f.SetOpen(ctx, 7, true) },
				func() error { return f.Label(ctx, 7, []string{"a"}) },
				func() error { there, err = f.Statuses(ctx, "c1"); return err },
				func() error { return f.SetStatus(ctx, "c1", "sluice/x", Status{"s/v", false, "bad"}) },
			} {
				if err := step(); err != nil {
					t.Error(err)
				}
			}
			if there["s/v"] != (Status{"s/v", true, "good"}) {
				t.Errorf("%+v", there)
			}
			for i, a := range *asked {
				if i >= len(c.asked) || !strings.HasPrefix(a, c.asked[i]) {
					t.Errorf("asked %s", a)
				}
			}
			if len(*asked) != len(c.asked) {
				t.Errorf("asked %d times", len(*asked))
			}
		})
	}
}

// TestAnswers: what a forge refuses is said in words, without the token, and a token follows no redirect elsewhere.
func TestAnswers(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("asked elsewhere with %v", r.Header)
	}))
	defer other.Close()
	for _, c := range forges {
		for _, a := range []struct {
			code int
			want string
		}{
			{http.StatusUnauthorized, "the token was not accepted"},
			{http.StatusForbidden, "the token may not do this; it needs"},
			{http.StatusNotFound, "is the repository right, and may the token see it?"},
			{http.StatusUnprocessableEntity, "said of s3cret"},
			{http.StatusFound, map[string]string{GitHub: "HTTP 302", GitLab: "sends on to", Gitea: "sends on to"}[c.forge]},
		} {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Location", other.URL+"/"+r.URL.Path)
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(a.code)
				_, _ = w.Write([]byte(`{"message":"said of s3cret"}`))
			}))
			_, err := forgeAt(t, c.forge, s.URL).Find(t.Context(), "sluice/x")
			if err == nil || !strings.Contains(err.Error(), a.want) {
				t.Errorf("%s %d: %v", c.forge, a.code, err)
			}
			if text := (Token{secret: "s3cret"}).hide(err).Error(); strings.Contains(text, "s3cret") {
				t.Error(text)
			}
			s.Close()
		}
	}
}

// TestEndlessAnswer: an answer that does not end costs no more memory than its bound, and the error says what it is.
func TestEndlessAnswer(t *testing.T) {
	for _, c := range forges {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			blank := []byte(strings.Repeat(" ", 1<<20))
			for {
				if _, err := w.Write(blank); err != nil {
					return
				}
			}
		}))
		_, err := forgeAt(t, c.forge, s.URL).Find(t.Context(), "sluice/x")
		if err == nil || !strings.Contains(err.Error(), "answers with more than 64 MiB: that is no forge") {
			t.Errorf("%s: %v", c.forge, err)
		}
		s.Close()
	}
}

// TestNoForge: what no forge answers is an error that says so, wherever it comes, and a request without a number is none.
func TestNoForge(t *testing.T) {
	for _, c := range forges {
		for _, text := range []string{"<html>sign in</html>", "null", "[null]", "{}", "[{}]", `{"labels":[null]}`, "7"} {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodPost {
					w.WriteHeader(http.StatusCreated)
				}
				_, _ = io.WriteString(w, text)
			}))
			f := forgeAt(t, c.forge, s.URL)
			if list, err := f.Find(t.Context(), "sluice/x"); err != nil && !errors.Is(err, errNoForge) || len(list) > 0 {
				t.Errorf("%s, %s: %v %v", c.forge, text, list, err)
			}
			if q, err := f.Open(t.Context(), Request{}); !errors.Is(err, errNoForge) {
				t.Errorf("%s, %s: opened %v, %v", c.forge, text, q, err)
			}
			for _, err := range []error{
				f.Label(t.Context(), 7, []string{"a"}), func() error { _, err := f.Statuses(t.Context(), "c1"); return err }(),
			} {
				if err != nil && !errors.Is(err, errNoForge) {
					t.Errorf("%s, %s: %v", c.forge, text, err)
				}
			}
			s.Close()
		}
	}
}

// TestAskedTooOften: a limit is told from a right that is missing, with when to come again, and is not waited for.
func TestAskedTooOften(t *testing.T) {
	for _, c := range forges {
		for _, a := range []struct {
			code int
			head [2]string
			want string
		}{
			{http.StatusTooManyRequests, [2]string{"Retry-After", "3600"}, "asked too often: try again in 1h0m0s (HTTP 429: "},
			{http.StatusTooManyRequests, [2]string{"RateLimit-Reset", "4000000000"}, "asked too often: try again after 2096-10-02T07:06:40Z"},
			{http.StatusTooManyRequests, [2]string{"Retry-After", "-1"}, "asked too often: try again later"},
			{http.StatusForbidden, [2]string{"X-RateLimit-Remaining", "0"}, "asked too often: try again later (HTTP 403: "},
			{http.StatusForbidden, [2]string{"Retry-After", "60"}, "asked too often: try again in 1m0s (HTTP 403: "},
		} {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				w.Header().Set(a.head[0], a.head[1])
				w.WriteHeader(a.code)
				// the address is that by which GitHub's client tells its second limit
				_, _ = fmt.Fprintf(w, `{"message":"slow down %s","documentation_url":"https://x#secondary-rate-limits"}`, strings.Repeat("x", 5000))
			}))
			_, err := forgeAt(t, c.forge, s.URL).Find(t.Context(), "sluice/x")
			if err == nil || !strings.Contains(err.Error(), a.want) || !strings.Contains(err.Error(), "slow down") || len(err.Error()) > 500 {
				t.Errorf("%s %d %v: %.500v", c.forge, a.code, a.head, err)
			}
			s.Close()
		}
	}
}

// TestEndlessPages: pages that come again, or that are empty, end the list.
func TestEndlessPages(t *testing.T) {
	for _, text := range []string{"[]", `[{"number":1,"head":{"ref":"x"},"base":{"ref":"main"}}]`} {
		asked := 0
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked++
			w.Header().Set("Link", `<http://`+r.Host+r.URL.Path+`?page=2>; rel="next"`)
			_, _ = io.WriteString(w, text)
		}))
		if _, err := forgeAt(t, Gitea, s.URL).Find(t.Context(), "sluice/x"); err != nil || asked > 2 {
			t.Errorf("%s: asked %d times, %v", text, asked, err)
		}
		s.Close()
	}
}

// TestEndlessBranches: a list of branches that does not end costs no more memory than its bound.
func TestEndlessBranches(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		line := func(text string) string { return fmt.Sprintf("%04x%s", len(text)+4, text) }
		_, err := io.WriteString(w, line("# service=git-upload-pack\n")+"0000"+line(strings.Repeat("1", 40)+" HEAD\x00ofs-delta\n"))
		for i := 0; err == nil; i++ {
			_, err = io.WriteString(w, line(fmt.Sprintf("%040x refs/heads/%d%s\n", i+1, i, strings.Repeat("b", 60_000))))
		}
	}))
	defer s.Close()
	at, err := locate(s.URL+"/shop/cluster.git", None)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = connect(t.Context(), at, Token{}); err == nil || !strings.Contains(err.Error(), "answers with more than 64 MiB") {
		t.Error(err)
	}
}

// TestForgedPack: for a pack that claims more objects than any repository has no memory is made, and one without end
// is not taken.
func TestForgedPack(t *testing.T) {
	hash := strings.Repeat("1", 40)
	line := func(text string) string { return fmt.Sprintf("%04x%s", len(text)+4, text) }
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			w.Header().Set("Content-Type", "application/x-git-upload-pack-result")
			_, _ = io.WriteString(w, line("NAK\n")+"PACK\x00\x00\x00\x02\x80\x00\x00\x00and so on")
			return
		}
		w.Header().Set("Content-Type", "application/x-git-upload-pack-advertisement")
		_, _ = io.WriteString(w, line("# service=git-upload-pack\n")+"0000"+
			line(hash+" HEAD\x00ofs-delta symref=HEAD:refs/heads/main\n")+line(hash+" refs/heads/main\n")+"0000")
	}))
	defer s.Close()
	at, err := locate(s.URL+"/shop/cluster.git", None)
	if err != nil {
		t.Fatal(err)
	}
	r, err := connect(t.Context(), at, Token{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.close()
	if err := r.fetch(t.Context(), "main"); err == nil || !strings.Contains(err.Error(), "a pack of 2147483648 objects: that is no repository") {
		t.Error(err)
	}
	for _, step := range []int{1, 5, 12, 64} { // however it is cut
		var got bytes.Buffer
		w := &pack{WriteCloser: struct {
			io.Writer
			io.Closer
		}{&got, nil}, left: 100}
		text := "PACK\x00\x00\x00\x02\x00\x00\x00\x01" + strings.Repeat("x", 200)
		for len(text) > 0 && err == nil {
			var n int
			n, err = w.Write([]byte(text[:min(step, len(text))]))
			text = text[n:]
		}
		if err == nil || !strings.Contains(err.Error(), "sends more than") || got.Len() > 100 || got.Len() <= 100-step || got.String()[:13] != "PACK\x00\x00\x00\x02\x00\x00\x00\x01x" {
			t.Errorf("in steps of %d: %q, %v", step, got.String(), err)
		}
		err = nil
	}
}

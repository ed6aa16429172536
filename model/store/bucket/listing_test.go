package bucket

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"testing"

	_ "gocloud.dev/blob/s3blob" // s3://
)

// at opens the bucket of a service.
func at(t *testing.T, service string) *Files {
	t.Helper()
	t.Setenv("AWS_ACCESS_KEY_ID", "a")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "b")
	f, err := Open(t.Context(), "s3://b/p?region=us-east-1&use_path_style=true&endpoint="+service)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestListings: a service that lists the same again and again, or nothing and goes on, is told from a long list, and
// what it leaves out is an error.
func TestListings(t *testing.T) {
	const modified = "<LastModified>2026-01-01T00:00:00Z</LastModified>"
	for _, c := range []struct {
		names    int
		at, want string
	}{
		{0, modified, "the service goes on after 1000 answers with 0 names"},
		{3, modified, "the service goes on after 1003 answers with 3 names"},
		{3, "", "without its size or time"},
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			var list strings.Builder
			for i := range c.names {
				fmt.Fprintf(&list, "<Contents><Key>%s%d</Key><Size>1</Size>%s</Contents>", r.URL.Query().Get("prefix"), i, c.at)
			}
			_, _ = fmt.Fprintf(w, "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>"+
				"%s</ListBucketResult>", list.String())
		}))
		_, err := at(t, s.URL).List("v1/head")
		if err == nil || !strings.Contains(err.Error(), "list s3://b/p/v1/head: ") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %s", err, c.want)
		}
		s.Close()
	}
}

// TestEveryCommit: a service that has each commit that it is asked for is left.
func TestEveryCommit(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has("list-type") {
			_, _ = fmt.Fprint(w, "<ListBucketResult></ListBucketResult>")
			return
		}
		w.Header().Set("Last-Modified", "Thu, 01 Jan 2026 00:00:00 GMT")
		_, _ = fmt.Fprint(w, path.Base(r.URL.Path)+"-x.json")
	}))
	defer s.Close()
	if names, err := at(t, s.URL).List(commitsDir); err == nil || !strings.Contains(err.Error(), "1000 commits are there that the service does not list") {
		t.Errorf("%d names, %v", len(names), err)
	}
}

// TestEndlessAnswer: an answer that is no object and does not end is an error that says so; of a lease that does not end
// no more is read than a lease has.
func TestEndlessAnswer(t *testing.T) {
	const object = "<Contents><Key>p/v1/lease/x/0001</Key><Size>1</Size><LastModified>2026-01-01T00:00:00Z</LastModified></Contents>"
	for _, c := range []struct {
		name string
		list string // "": without end
		code int    // of what is no listing
		do   func(f *Files) error
	}{
		{name: "listing", do: func(f *Files) error { _, err := f.List("v1/head"); return err }},
		{name: "refusal", code: http.StatusForbidden, do: func(f *Files) error { _, _, err := f.Get("v1/x"); return err }},
		{name: "refusal to put", code: http.StatusForbidden, do: func(f *Files) error {
			return f.Put("v1/x", func(w io.Writer) error { _, err := io.WriteString(w, "x"); return err })
		}},
		{name: "refusal to remove", code: http.StatusForbidden, do: func(f *Files) error { return f.Remove("v1/x") }},
		{name: "lease", list: object, code: http.StatusOK, do: func(f *Files) error {
			_, l, err := f.newestLease("v1/lease/x")
			if err == nil && l.State != dirty {
				t.Error(l)
			}
			return err
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				list := r.URL.Query().Has("list-type")
				if list && c.list != "" {
					fmt.Fprint(w, "<ListBucketResult>"+c.list+"</ListBucketResult>")
					return
				}
				w.Header().Set("Last-Modified", "Thu, 01 Jan 2026 00:00:00 GMT")
				if r.Method == http.MethodHead {
					return
				}
				if !list {
					w.WriteHeader(c.code)
				}
				some := []byte(strings.Repeat(object, 10_000))
				_, err := w.Write([]byte("<ListBucketResult>"))
				for err == nil {
					_, err = w.Write(some)
				}
			}))
			defer s.Close()
			err := c.do(at(t, s.URL))
			if c.list == "" && (err == nil || !strings.Contains(err.Error(), "answers with more than 16 MiB")) || c.list != "" && err != nil {
				t.Errorf("%.300v", err)
			}
		})
	}
}

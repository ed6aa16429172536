package bucket

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"testing"

	_ "gocloud.dev/blob/s3blob" // s3://
)

// TestListings: a service that lists the same again and again, or nothing and goes on, is told from a long list, and
// what it leaves out is an error.
func TestListings(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "a")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "b")
	const at = "<LastModified>2026-01-01T00:00:00Z</LastModified>"
	for _, c := range []struct {
		names    int
		at, want string
	}{
		{0, at, "the service goes on after 1000 answers with 0 names"},
		{3, at, "the service goes on after 1003 answers with 3 names"},
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
		f, err := Open(t.Context(), "s3://b/p?region=us-east-1&use_path_style=true&endpoint="+s.URL)
		if err != nil {
			t.Fatal(err)
		}
		_, err = f.List("v1/head")
		if err == nil || !strings.Contains(err.Error(), "list s3://b/p/v1/head: ") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %s", err, c.want)
		}
		s.Close()
	}
}

// TestEveryCommit: a service that has each commit that it is asked for is left.
func TestEveryCommit(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "a")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "b")
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has("list-type") {
			_, _ = fmt.Fprint(w, "<ListBucketResult></ListBucketResult>")
			return
		}
		w.Header().Set("Last-Modified", "Thu, 01 Jan 2026 00:00:00 GMT")
		_, _ = fmt.Fprint(w, path.Base(r.URL.Path)+"-x.json")
	}))
	defer s.Close()
	f, err := Open(t.Context(), "s3://b/p?region=us-east-1&use_path_style=true&endpoint="+s.URL)
	if err != nil {
		t.Fatal(err)
	}
	if names, err := f.List(commitsDir); err == nil || !strings.Contains(err.Error(), "1000 commits are there that the service does not list") {
		t.Errorf("%d names, %v", len(names), err)
	}
}

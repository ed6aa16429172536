//go:build conformance

package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice/ingest/ingesttest"
	"sluice/model/store"
	"sluice/model/store/bucket"
	"sluice/model/store/bucket/buckettest"
)

// answer is what a service answers.
type answer struct {
	code   int
	header http.Header
	body   []byte
}

// liar passes on what is asked of a service, and changes its answers.
type liar struct {
	to string // the service
	mu sync.Mutex
	// ask is called before anything is passed on, tell before it is answered; nil: nothing is changed.
	ask  func(r *http.Request)
	tell func(r *http.Request, a *answer)
}

// isList tells a listing from a request for an object.
func isList(r *http.Request) bool { return r.URL.Query().Has("list-type") }

// ServeHTTP serves one request at a time.
func (l *liar) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ask != nil {
		l.ask(r)
	}
	out := r.Clone(r.Context())
	out.RequestURI = ""
	out.URL.Scheme, out.URL.Host = "http", strings.TrimPrefix(l.to, "http://")
	got, err := http.DefaultTransport.RoundTrip(out)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	body, err := io.ReadAll(got.Body)
	_ = got.Body.Close()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	a := &answer{got.StatusCode, got.Header, body}
	if l.tell != nil && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
		l.tell(r, a)
	}
	maps.Copy(w.Header(), a.header)
	w.WriteHeader(a.code)
	if _, err := w.Write(a.body); err != nil {
		panic(http.ErrAbortHandler)
	}
}

// say changes the body, and what is said of its length.
func (a *answer) say(body []byte) {
	a.body = body
	a.header.Set("Content-Length", fmt.Sprint(len(body)))
	for name := range a.header {
		if strings.HasPrefix(name, "X-Amz-Checksum") {
			a.header.Del(name)
		}
	}
}

// breakOff ends the connection after so many bytes.
func (a *answer) breakOff(n int) {
	a.header.Set("Content-Length", fmt.Sprint(len(a.body)))
	a.body = a.body[:n]
}

var contents = regexp.MustCompile(`(?s)<Contents>.*?</Contents>`)

// list changes what a listing names.
func (a *answer) list(change func(all []string) []string) {
	all := contents.FindAllString(string(a.body), -1)
	if len(all) == 0 {
		return
	}
	at := bytes.Index(a.body, []byte("<Contents>"))
	text := string(a.body[:at]) + strings.Join(change(all), "") + contents.ReplaceAllString(string(a.body[at:]), "")
	a.say([]byte(text))
}

// without leaves out some of a list.
func without(skip func(i, n int) bool) func([]string) []string {
	return func(all []string) (out []string) {
		for i, one := range all {
			if !skip(i, len(all)) {
				out = append(out, one)
			}
		}
		return out
	}
}

// lie is one of a service, and what comes of it for who reads.
type lie struct {
	name  string
	right bool // the answer is right; else there is none
	tell  func() func(r *http.Request, a *answer)
}

// objects makes a lie of one about the content of objects, those aside that tell who writes.
func objects(tell func(r *http.Request, a *answer)) func() func(*http.Request, *answer) {
	return func() func(*http.Request, *answer) {
		return func(r *http.Request, a *answer) {
			is := !isList(r) && r.Method == http.MethodGet && !strings.Contains(r.URL.Path, "/lease/")
			if is && a.code < 300 && len(a.body) > 1 {
				tell(r, a)
			}
		}
	}
}

func lists(change func([]string) []string) func() func(*http.Request, *answer) {
	return func() func(*http.Request, *answer) {
		return func(r *http.Request, a *answer) {
			if isList(r) {
				a.list(change)
			}
		}
	}
}

// once makes a lie of one that is told of each object the first time.
func once(lie func() func(*http.Request, *answer)) func() func(*http.Request, *answer) {
	return func() func(*http.Request, *answer) {
		told, tell := map[string]bool{}, lie()
		return func(r *http.Request, a *answer) {
			if !isList(r) && !told[r.URL.Path] {
				told[r.URL.Path] = true
				tell(r, a)
			}
		}
	}
}

// first answers with the object that was asked for first, of those that a pattern matches.
func first(pattern string) func() func(*http.Request, *answer) {
	return func() func(*http.Request, *answer) {
		var body []byte
		return objects(func(r *http.Request, a *answer) {
			if is, _ := regexp.MatchString(pattern, r.URL.Path); !is {
				return
			}
			if body == nil {
				body = a.body
			}
			a.say(body)
		})()
	}
}

func half(_ *http.Request, a *answer) { a.say(a.body[:len(a.body)/2]) }

func breaks(_ *http.Request, a *answer) { a.breakOff(len(a.body) / 2) }

// whole answers with all of an object who asks for a part.
func whole(r *http.Request, a *answer) {
	if from, ok := strings.CutPrefix(r.Header.Get("Range"), "bytes="); ok && a.code == http.StatusPartialContent {
		n, _ := strconv.Atoi(strings.TrimSuffix(from, "-"))
		a.code = http.StatusOK
		a.header.Del("Content-Range")
		a.say(append(make([]byte, n), a.body...))
		return
	}
	breaks(r, a)
}

func lies() []lie {
	etag := regexp.MustCompile(`<ETag>[^<]*</ETag>`)
	return []lie{
		{"the truth", true, nil},
		{"a connection breaks once an object", true, once(objects(breaks))},
		{"a connection breaks always", false, objects(func(_ *http.Request, a *answer) { a.breakOff(0) })},
		{"half an object", false, objects(half)},
		{"nothing", false, objects(func(_ *http.Request, a *answer) { a.say(nil) })},
		{"206 and a part of what was asked for whole", false, objects(func(r *http.Request, a *answer) {
			a.header.Set("Content-Range", fmt.Sprintf("bytes 0-%d/%d", len(a.body)/2-1, len(a.body)))
			a.code = http.StatusPartialContent
			half(r, a)
		})},
		{"200 and the whole where a part is asked for", false, objects(whole)},
		{"another file", false, first(`parquet$`)},
		{"another commit", false, first(`/commits/`)},
		{"a file is not found", false, objects(func(r *http.Request, a *answer) {
			if strings.HasSuffix(r.URL.Path, ".parquet") {
				a.code = http.StatusNotFound
				a.say([]byte("<Error><Code>NoSuchKey</Code></Error>"))
			}
		})},
		{"a listed commit is not found", false, objects(func(r *http.Request, a *answer) {
			if strings.Contains(r.URL.Path, "/commits/") {
				a.code = http.StatusNotFound
				a.say([]byte("<Error><Code>NoSuchKey</Code></Error>"))
			}
		})},
		{"ETags of nothing", true, func() func(*http.Request, *answer) {
			return func(r *http.Request, a *answer) {
				if a.header.Get("Etag") != "" {
					a.header.Set("Etag", `"0"`)
				}
				if isList(r) {
					a.say(etag.ReplaceAll(a.body, []byte(`<ETag>"0"</ETag>`)))
				}
			}
		}},
		{"a listing names all twice", true, lists(func(all []string) []string { return append(all, all...) })},
		{"a listing lacks its last", true, lists(without(func(i, n int) bool { return i == n-1 }))},
		{"a listing lacks its first", false, lists(without(func(i, n int) bool { return i == 0 && n > 1 }))},
		{"a listing lacks every second", true, lists(without(func(i, n int) bool { return i%2 == 1 || n == 1 }))},
		{"a listing is empty", false, lists(without(func(int, int) bool { return true }))},
	}
}

// TestS3Lies: whatever a service answers, who reads a store gets the whole answer or an error and no bundle, and who
// writes to it damages nothing and loses nothing.
func TestS3Lies(t *testing.T) {
	s := buckettest.S3(t)
	l := &liar{to: s.Endpoint()}
	server := httptest.NewServer(l)
	t.Cleanup(server.Close)
	direct, lying := s.URL("lies"), buckettest.Through(server.URL, "lies")
	lines := bytes.SplitAfter(ingesttest.Unzipped(t, boutique), []byte("\n"))
	fill(t, direct, lines)
	want := filepath.Join(t.TempDir(), "direct")
	if errs := read(t, direct, want); len(errs) > 0 {
		t.Fatal(errs)
	}
	for _, lie := range lies() {
		t.Run(lie.name, func(t *testing.T) {
			if l.tell = nil; lie.tell != nil {
				l.tell = lie.tell()
			}
			readAmidLies(t, lying, want, lie.right)
		})
	}
	t.Run("Write", func(t *testing.T) { writeAmidLies(t, l, direct, lying, lines) })
}

// fill puts a store of two clusters into a bucket: a commit that replaces others, and one more.
func fill(t *testing.T, at string, lines [][]byte) {
	calico := newGenerator(t).file(t, "online-boutique", ".goldmane", "-format", "goldmane", "-records", "1000")
	mustSluice(t, "ingest", boutique, "--store", at, "-q")
	mustSluice(t, "ingest", calico, "--store", at, "--cluster", "other", "-q")
	compact(t, at, 2)
	more := filepath.Join(t.TempDir(), "more.jsonl")
	if err := os.WriteFile(more, bytes.Join(lines[:1000], nil), 0o600); err != nil {
		t.Fatal(err)
	}
	mustSluice(t, "ingest", more, "--store", at, "-q")
}

// readers is how many commands read a store.
const readers = 3

// read learns from a store, and checks it. That a bundle has findings is no error.
func read(t *testing.T, at, out string) (errs []error) {
	t.Helper()
	for _, args := range [readers][]string{
		{"learn", "--store", at, "--all-clusters", "-A", "--min-watch", "0", "--out", out, "-q"},
		{"learn", "--store", at, "--cluster", "demo", "-A", "--min-watch", "0", "--out", out + "-1", "-q"},
		{"store", "check", at},
	} {
		text, err := sluice(t, args...)
		code := new(exec.ExitError)
		if err == nil || errors.As(err, &code) && code.ExitCode() == 3 && args[0] == "learn" {
			continue
		}
		errs = append(errs, fmt.Errorf("%s: %w: %s", args[0], err, text))
	}
	return errs
}

// readAmidLies reads through a service that lies. What is wanted is in the bundles of a name, where the answer is right.
func readAmidLies(t *testing.T, lying, want string, right bool) {
	got := filepath.Join(t.TempDir(), "lied")
	errs := read(t, lying, got)
	if !right {
		if n := strings.Count(fmt.Sprint(errs), "exit status 1"); n != readers {
			t.Errorf("%d of %d commands say that it is wrong: %v", n, readers, errs)
		}
		if found, err := filepath.Glob(got + "*"); err != nil || len(found) > 0 {
			t.Errorf("there are bundles: %q, %v", found, err)
		}
		t.Log(errs)
		return
	}
	if len(errs) > 0 {
		t.Error(errs)
	}
	for _, out := range []string{"", "-1"} {
		diff := exec.Command("diff", "-r", "-x", "REPORT.md", "-x", "report.json", want+out, got+out)
		if text, err := diff.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, text)
		}
	}
}

// boutique is a capture of the tests.
const boutique = "../../../../testdata/flows/online-boutique.jsonl.gz"

// inBucket opens the store at a URL.
func inBucket(t *testing.T, at string) (store.Files, *store.Store) {
	t.Helper()
	f, err := bucket.Open(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}
	st, err := store.OpenFiles(f)
	if err != nil {
		t.Fatal(err)
	}
	return f, st
}

// compact merges the commits of a store, of which there are so many, into one.
func compact(t *testing.T, at string, commits int) {
	t.Helper()
	_, st := inBucket(t, at)
	later := time.Now().Add(time.Hour) // than any reader of what is replaced
	c, err := st.Compact(t.Context(), store.CompactOptions{Run: commits, HoursFrom: 1, Now: later})
	if err != nil || c.Merged != commits || c.Removed != commits {
		t.Fatalf("%+v: %v", c, err)
	}
}

// writeAmidLies writes through a service that lies. What was there before is there, and what was acknowledged.
func writeAmidLies(t *testing.T, l *liar, direct, lying string, lines [][]byte) {
	over := lie{"an object is put over another", false, nil}
	files, _ := inBucket(t, direct)
	for i, lie := range append(lies(), over) {
		t.Run(lie.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "one.jsonl")
			if err := os.WriteFile(file, bytes.Join(lines[i*50:(i+1)*50], nil), 0o600); err != nil {
				t.Fatal(err)
			}
			_, before := inBucket(t, direct)
			if l.tell = nil; lie.tell != nil {
				l.tell = lie.tell()
			}
			if lie.name == over.name {
				l.ask = func(r *http.Request) {
					if r.Header.Get("If-None-Match") != "" {
						_ = files.Remove(strings.TrimPrefix(r.URL.Path, "/flows/lies/"))
					}
				}
			}
			out, err := sluice(t, "ingest", file, "--store", lying, "-q")
			l.ask, l.tell = nil, nil
			switch {
			case lie.right && err != nil && !strings.Contains(lie.name, "lacks"),
				lie.name == over.name && !strings.Contains(out, "whatever the condition"):
				t.Errorf("%v: %s", err, out)
			}
			mustSluice(t, "store", "check", direct)
			_, after := inBucket(t, direct)
			if more := len(after.Sources()) - len(before.Sources()); more < 0 || more > 1 || err == nil && more != 1 {
				t.Errorf("%d sources more: %v %s", more, err, out)
			}
			t.Logf("%v %s", err, out)
		})
	}
}

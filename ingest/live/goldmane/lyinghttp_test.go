package goldmane

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestLyingHTTP: what a web server answers in place of flows is an error that says what came, after a bounded part of
// it, and asks no other host.
func TestLyingHTTP(t *testing.T) {
	var elsewhere bool
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		elsewhere = true
		_, _ = io.WriteString(w, `{"items":[],"total":{"totalPages":1}}`)
	}))
	defer other.Close()
	forever := func(w io.Writer, text string) {
		for block := []byte(strings.Repeat(text, 1<<12)); ; {
			if _, err := w.Write(block); err != nil {
				return
			}
		}
	}
	bomb := func(w http.ResponseWriter, head, text string) {
		w.Header().Set("Content-Encoding", "gzip")
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, _ = io.WriteString(z, head)
		block := []byte(strings.Repeat(text, 1<<20))
		for range 64 {
			_, _ = z.Write(block)
		}
		_ = z.Close()
		_, _ = w.Write(b.Bytes())
	}
	for _, c := range []struct {
		name   string
		answer func(w http.ResponseWriter)
		want   string
	}{
		{"a page", func(w http.ResponseWriter) { _, _ = io.WriteString(w, "<html>log in</html>") }, "invalid character '<'"},
		{"a page that is said to be JSON", func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, "<html>log in</html>")
		}, "invalid character '<'"},
		{"nothing", func(http.ResponseWriter) {}, "EOF"},
		{"another host", func(w http.ResponseWriter) {
			w.Header().Set("Location", other.URL)
			w.WriteHeader(http.StatusFound)
		}, "HTTP status 302"},
		{"half a list", func(w http.ResponseWriter) { _, _ = io.WriteString(w, `{"items":[{"action":"Allow"}`) }, "EOF"},
		{"a list without its end", func(w http.ResponseWriter) { _, _ = io.WriteString(w, `{"items":[{"action":"Allow"}]`) }, "EOF"},
		{"less than it said", func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "500")
			_, _ = io.WriteString(w, `{"items":[]`)
		}, "EOF"},
		{"another list", func(w http.ResponseWriter) { _, _ = io.WriteString(w, `{"flows":[]}`) }, "no items"},
		{"blanks without end", func(w http.ResponseWriter) { forever(w, " ") }, "more than 1048576 bytes without one"},
		{"a text without end", func(w http.ResponseWriter) {
			_, _ = io.WriteString(w, `{"items":[{"action":"`)
			forever(w, "a")
		}, "more than 1048576 bytes without one"},
		{"a bomb of blanks", func(w http.ResponseWriter) { bomb(w, "", " ") }, "more than 1048576 bytes without one"},
		{"a bomb of one text", func(w http.ResponseWriter) { bomb(w, `{"items":[{"action":"`, "a") }, "more than 1048576 bytes without one"},
		{"nesting without end", func(w http.ResponseWriter) {
			_, _ = io.WriteString(w, `{"items":[`)
			forever(w, "[")
		}, "exceeded max depth"},
	} {
		t.Run(strings.ReplaceAll(c.name, " ", "-"), func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { c.answer(w) }))
			defer server.Close()
			w, err := newWhisker(&Config{Target: server.URL, Timeout: time.Minute})
			if err != nil {
				t.Fatal(err)
			}
			defer w.close()
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, _, err = w.list(t.Context(), 0, 0, 1, func([]byte) {})
			runtime.ReadMemStats(&after)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
			const most = 200 << 20 // of the bombs, which the test makes itself, too
			if n := after.TotalAlloc - before.TotalAlloc; n > most {
				t.Errorf("%d MiB", n>>20)
			}
		})
	}
	if elsewhere {
		t.Error("a redirect was followed")
	}
}

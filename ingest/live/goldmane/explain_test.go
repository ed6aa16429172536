package goldmane

import (
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"sluice/ingest/live"
)

func TestParseURL(t *testing.T) {
	for _, tt := range []struct{ in, want, err string }{
		{"goldmane://goldmane.calico-system.svc:7443", "goldmane.calico-system.svc:7443", ""},
		{"goldmane://localhost", "localhost:7443", ""},
		{"goldmane://[::1]", "[::1]:7443", ""},
		{"goldmane://10.0.0.1:443/", "10.0.0.1:443", ""},
		{"goldmane://", "", "goldmane://HOST:PORT"},
		{"goldmane://host/path", "", "goldmane://HOST:PORT"},
		{"goldmane://user@host", "", "goldmane://HOST:PORT"},
		{"whisker+https://user:hunter2@host", "", "whisker+https://user:xxxxx@host: give the server as"},
		{"whisker+http://localhost:8081", "http://localhost:8081/whisker-backend", ""},
		{"whisker+https://whisker.example/", "https://whisker.example/whisker-backend", ""},
		{"whisker+http://localhost:3002/backend/", "http://localhost:3002/backend", ""},
		{"whisker+http://?x", "", "whisker+http://HOST:PORT"},
		{"whisker://localhost", "not ok", ""},
		{"hubble://localhost", "not ok", ""},
		{"flows.json", "not ok", ""},
	} {
		got, ok, err := ParseURL(tt.in)
		if !ok {
			got = "not ok"
		}
		if got != tt.want || (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%s: %q, %v", tt.in, got, err)
		}
	}
}

func TestExpectName(t *testing.T) {
	for _, tt := range [][3]string{
		{"localhost:7443", "", "goldmane"}, {"127.0.0.1:7443", "", "goldmane"}, {"[::1]:7443", "", "goldmane"},
		{"goldmane.calico-system.svc:7443", "", ""}, {"localhost:7443", "other", "other"},
	} {
		if got := expectName(tt[0], tt[1]); got != tt[2] {
			t.Errorf("%s, %q: %q, want %q", tt[0], tt[1], got, tt[2])
		}
	}
}

// history reads what a server has and gives the error.
func history(t *testing.T, cfg Config) error {
	t.Helper()
	return collect(t, cfg, time.Now, func(lc *live.Config) { lc.Follow = false }).stop()
}

func wantError(t *testing.T, err error, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("error %v, want one with %q", err, text)
		}
	}
}

// TestExplainConnection: whatever answers at the address, the error says what it seems to be and what to do.
func TestExplainConnection(t *testing.T) {
	t.Parallel()
	f := newFake(15, time.Now)
	good, _ := f.serve(t, "127.0.0.1:0")
	web := httptest.NewUnstartedServer(http.NotFoundHandler())
	web.Config.ErrorLog = log.New(io.Discard, "", 0)
	web.StartTLS()
	t.Cleanup(web.Close)
	plain := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(plain.Close)
	strange := t.TempDir()
	selfSigned(t, strange)
	file := func(name string) string { return filepath.Join(strange, name) }
	for _, tt := range []struct {
		name   string
		change func(c *Config)
		want   string
	}{
		{"nobody", func(c *Config) { c.Target = "127.0.0.1:1" }, "nothing listens there"},
		{"no name", func(c *Config) { c.Target = "nowhere.invalid:7443" }, "nowhere.invalid"},
		{"plain web", func(c *Config) { c.Target = plain.Listener.Addr().String() }, "does not speak TLS"},
		{"stranger", func(c *Config) { c.TLS.CertFile, c.TLS.KeyFile = file("crt"), file("key") }, "client certificate"},
		{"other authority", func(c *Config) { c.TLS.CAFiles = []string{file("crt")} }, "--tls-ca-cert-files"},
		{"other name", func(c *Config) { c.TLS.ServerName = "whisker" }, "--tls-server-name"},
		{"no client certificate", func(c *Config) { c.TLS.CertFile, c.TLS.KeyFile = "", "" }, "--tls-client-cert-file"},
		{"no file", func(c *Config) { c.TLS.CAFiles = []string{file("gone")} }, "no such file"},
		{"web with TLS", func(c *Config) { c.Target, c.TLS.AllowInsecure = web.Listener.Addr().String(), true }, "whisker+https://"},
		{"nobody behind http", func(c *Config) { c.Target = "http://127.0.0.1:1" }, "svc/whisker"},
		{"http to TLS", func(c *Config) { c.Target = "https://" + plain.Listener.Addr().String() }, "whisker+http://"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := good
			tls := *good.TLS
			cfg.TLS = &tls
			tt.change(&cfg)
			wantError(t, history(t, cfg), tt.want)
		})
	}
}

// TestExplainAnswers: answers that are no flows.
func TestExplainAnswers(t *testing.T) {
	t.Parallel()
	for code, want := range map[codes.Code]string{
		codes.Unimplemented: "not Goldmane", codes.ResourceExhausted: "-n", codes.Internal: "boom",
	} {
		f := newFake(15, time.Now)
		f.fail = func() error { return status.Error(code, "boom") }
		cfg, _ := f.serve(t, "127.0.0.1:0")
		wantError(t, history(t, cfg), want, cfg.Target)
	}
	f := newFake(15, time.Now)
	f.fail = func() error { time.Sleep(300 * time.Millisecond); return nil }
	cfg, _ := f.serve(t, "127.0.0.1:0")
	cfg.Timeout = 50 * time.Millisecond
	wantError(t, history(t, cfg), "no answer in time")
	cfg = f.whisker(t)
	cfg.Timeout = 50 * time.Millisecond
	wantError(t, history(t, cfg), "no answer in time")
	for _, tt := range []struct {
		status     int
		text, want string
	}{
		{404, "", WhiskerPath}, {302, "", "log in"}, {401, "", "log in"}, {403, "", "log in"},
		{500, "Internal Server Error", "cannot reach Goldmane"}, {418, "teapot", "teapot"},
		{200, "<html>", "not Whisker"}, {200, "[]", "not Whisker"}, {200, "{}", "not Whisker"}, {200, `{"items":3}`, "not Whisker"},
		{200, `{"total":{},"items":[{"a":1},`, "EOF"}, {200, `{"items":[]`, "EOF"}, {200, "", "EOF"},
		{200, `{"items":["` + strings.Repeat("A", 3*maxItem), "not Whisker"},
	} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", "/login")
			w.WriteHeader(tt.status)
			_, _ = io.WriteString(w, tt.text)
		}))
		cfg := DefaultConfig()
		cfg.Target = srv.URL + WhiskerPath
		wantError(t, history(t, cfg), tt.want, srv.URL)
		srv.Close()
	}
}

// TestCheck: what is missing is told before anything is connected to, for Whisker with TLS too.
func TestCheck(t *testing.T) {
	none := &live.TLS{CAFiles: []string{filepath.Join(t.TempDir(), "gone")}}
	for _, tt := range []struct {
		target string
		tls    *live.TLS
		want   string
	}{
		{"goldmane:7443", &live.TLS{}, "requires a client certificate"}, {"https://whisker" + WhiskerPath, none, "no such file"},
		{"https://whisker" + WhiskerPath, &live.TLS{}, ""}, {"http://whisker" + WhiskerPath, nil, ""},
	} {
		cfg := DefaultConfig()
		cfg.Target, cfg.TLS = tt.target, tt.tls
		if err := cfg.Check(); tt.want != "" {
			wantError(t, err, tt.want)
		} else if err != nil {
			t.Errorf("%s: %v", tt.target, err)
		}
	}
}

// TestSlowAnswer: an answer that has begun and does not end in time is told like one that never came, and one flow may be
// as far into an answer as it likes.
func TestSlowAnswer(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, `{"items":[{}`+strings.Repeat(`,{"a":"`+strings.Repeat("b", 1000)+`"}`, 3*maxItem/1000))
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}))
	defer srv.Close()
	cfg := DefaultConfig()
	cfg.Target, cfg.Timeout = srv.URL+WhiskerPath, time.Second
	wantError(t, history(t, cfg), "no answer in time")
}

// TestExplainGRPC: a gRPC port is no Whisker, and half a connection is no answer.
func TestExplainGRPC(t *testing.T) {
	t.Parallel()
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = lis.Close() })
	go func() {
		for {
			c, err := lis.Accept()
			if err != nil {
				return
			}
			fmt.Fprint(c, "\x00\x00\x00\x04\x00")
			_ = c.Close()
		}
	}()
	cfg := DefaultConfig()
	cfg.Target = "http://" + lis.Addr().String() + WhiskerPath
	wantError(t, history(t, cfg), "whisker at "+cfg.Target)
}

package collect

import (
	"strings"
	"testing"
)

// TestServers: a server may be named as the hubble command line names it.
func TestServers(t *testing.T) {
	t.Chdir(t.TempDir())
	for arg, want := range map[string]string{
		"localhost:4245": "hubble://localhost:4245", "tls://relay:443": "hubbles://relay:443", "tcp://relay:80": "hubble://relay:80",
		"unix:///run/hubble.sock": "hubble+unix:///run/hubble.sock", "[::1]:4245": "hubble://[::1]:4245", "goldmane://g:7443": "goldmane://g:7443",
		"flows.jsonl": "", "store:flows": "", "a:b": "", ":4245": "", "./dir/x:80": "", "c:70000": "",
	} {
		got, err := Servers([]string{arg})
		if err != nil || strings.Join(got, " ") != want {
			t.Errorf("%s: %v, %v, want %q", arg, got, err, want)
		}
	}
	if _, err := Servers([]string{"http://relay:80"}); err == nil {
		t.Error("no such kind of server")
	}
	if _, err := Servers([]string{"localhost:4245", "flows.jsonl"}); err == nil {
		t.Error("both at once")
	}
}

package cli

import (
	"bytes"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// stopping is an input in the middle of which a signal comes.
type stopping struct {
	t   *testing.T
	sig syscall.Signal
}

func (s *stopping) Read(p []byte) (int, error) {
	if s.sig == 0 {
		return 0, io.EOF
	}
	if err := syscall.Kill(os.Getpid(), s.sig); err != nil {
		s.t.Error(err)
	}
	s.sig = 0
	time.Sleep(100 * time.Millisecond) // until it has come
	return copy(p, "{\"flow\":{\n"), nil
}

// TestStopped: a command that a signal ended leaves what a shell expects.
func TestStopped(t *testing.T) {
	for sig, want := range map[syscall.Signal]ExitCode{syscall.SIGINT: 130, syscall.SIGTERM: 143} {
		var out, errs bytes.Buffer
		if code := Main([]string{"show", "edges", "-"}, &stopping{t, sig}, &out, &errs); code != want || !strings.Contains(errs.String(), "interrupted") {
			t.Errorf("%s: exit %d, %s", sig, code, errs.String())
		}
	}
}

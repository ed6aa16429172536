package live

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestRestarted: a gap is reported of a node from which records came, under the name that it has in them.
func TestRestarted(t *testing.T) {
	s := newSession(t.Context(), &Config{WindowMinutes: 1}, Position{})
	send(s, "default/a", 0, 3)
	since := s.Newest("a", "default/a")
	if want := base.Add(3 * time.Second).UnixMicro(); since != want {
		t.Errorf("newest record at %d, want %d", since, want)
	}
	at := since + 5e6
	s.Restarted(since, at, "a", "default/a")
	s.Restarted(0, at, "b", "default/b")
	s.Restarted(since, since-1, "default/a") // clocks differ
	var b Batch
	if !s.take(&b) {
		t.Fatal("nothing to store")
	}
	want := []Gap{{"default/a", since, at, GapRestart}, {"default/a", since, since, GapRestart}}
	if d := cmp.Diff(want, b.Gaps); d != "" {
		t.Error(d)
	}
	if n := s.stats().Gaps; n != 2 {
		t.Errorf("%d gaps", n)
	}
}

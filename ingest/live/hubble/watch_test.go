package hubble

import (
	"testing"
	"time"
)

// TestSucceeds: a node's server is another one when it began later, however long it has been up when it is seen again.
func TestSucceeds(t *testing.T) {
	at := time.Now()
	look := func(asked, answered, up time.Duration) *watched {
		return &watched{earliest: at.Add(asked - up), latest: at.Add(answered - up)}
	}
	old := look(0, 10*time.Millisecond, 20*time.Second)
	for _, c := range []struct {
		name string
		now  *watched
		want bool
	}{
		{"the same", look(5*time.Second, 5010*time.Millisecond, 25*time.Second), false},
		{"the same, slow to answer", look(5*time.Second, 15*time.Second, 25*time.Second), false},
		{"another", look(5*time.Second, 5010*time.Millisecond, 2*time.Second), true},
		{"another, up for longer than the first was", look(time.Minute, time.Minute, 40*time.Second), true},
		{"no answer", &watched{}, false},
	} {
		if got := c.now.succeeds(old); got != c.want {
			t.Errorf("%s: %t", c.name, got)
		}
	}
	if old.succeeds(&watched{}) {
		t.Error("a server whose age was not known")
	}
}

// TestKeep: records that came between the last look that a node answered and the next one are known to be there.
func TestKeep(t *testing.T) {
	at := time.Now()
	for _, c := range [][3]int64{{7, 9, 7}, {0, 9, 9}, {0, 0, 0}} {
		n := &watched{newest: c[1]}
		if n.keep(&watched{newest: c[0], latest: at}); n.newest != c[2] || !n.latest.Equal(at) {
			t.Errorf("%d then %d: %+v", c[0], c[1], n)
		}
	}
}

// TestCompare: flows that are seen and never come are noticed whatever came between the same two looks.
func TestCompare(t *testing.T) {
	for _, c := range []struct {
		name  string
		looks [][2]uint64 // seen, arrived
		want  int         // silent looks at the end
	}{
		{"all come", [][2]uint64{{1000, 1000}, {2000, 2000}, {3000, 3000}}, 0},
		{"the last arrivals and what never comes in one look", [][2]uint64{{1000, 990}, {2000, 1010}, {2000, 1010}, {2000, 1010}, {2000, 1010}}, 3},
		{"too few to tell", [][2]uint64{{1000, 1000}, {1150, 1000}, {1150, 1000}}, 0},
		{"too few at each look, many together", [][2]uint64{{1000, 1000}, {1150, 1000}, {1300, 1000}, {1300, 1000}}, 2},
		{"late", [][2]uint64{{1000, 1000}, {2000, 1000}, {2000, 2000}, {2000, 2000}}, 0},
		{"older than the stream", [][2]uint64{{1000, 0}, {1000, 900}, {2000, 900}, {2000, 900}}, 2},
	} {
		var old *watched
		for _, l := range c.looks {
			n := &watched{seen: l[0], arrived: l[1]}
			if old != nil {
				n.compare(old)
			}
			old = n
		}
		if old.silent != c.want {
			t.Errorf("%s: %d silent looks, want %d", c.name, old.silent, c.want)
		}
	}
}

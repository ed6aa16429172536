package normalize

import (
	"fmt"
	"testing"

	"sluice/model"
)

func asked(client int, name string, day int) *model.Flow {
	return &model.Flow{Time: int64(20_000+day) * dayTime, Src: model.Ref{ID: model.EndpointID(client), Kind: model.KindPod}, Asked: name}
}

func long(n int, zone string) string { return fmt.Sprintf("%040d.%s", n, zone) }

// TestTunnels: counts are never above the truth, the same in any order and however the log is divided.
func TestTunnels(t *testing.T) {
	const names = 5000
	one, parts := tunnels{}, [3]tunnels{}
	k := zoned{1, "example.com", 20_000}
	for i := range names {
		one.note(asked(1, long(i, "example.com"), 0))
		parts[i%3].note(asked(1, long(names-1-i, "t.example.com."), 0))
		parts[i%3].note(asked(1, long(i, "t.Example.com"), 0))
		if i == 99 && (one[k].atLeast() > 100 || one[k].atLeast() < fewNames) {
			t.Errorf("100 names count as %d", one[k].atLeast())
		}
	}
	for i := 1; i < 3; i++ {
		parts[0].join(&parts[i])
	}
	other := tunnels{}
	for i := range names {
		other.note(asked(1, long(i, "t.example.com"), 0))
	}
	if len(one) != 1 || len(parts[0]) != 1 || parts[0][k].set != other[k].set || one[k].atLeast() < 1024 {
		t.Errorf("%d and %d zones, %d names", len(one), len(parts[0]), one[k].atLeast())
	}
}

// TestTunnelsBound: whoever asks for names of ever new zones, or has ever new clients, makes nothing larger, and hides
// none that is counted.
func TestTunnelsBound(t *testing.T) {
	of, largest := tunnels{}, 0
	for i := range fewNames * 2 {
		of.note(asked(1, long(i, "evil.com"), 0))
	}
	for i := range 3 * maxZoned {
		of.note(asked(2+i%7*i, long(i, fmt.Sprintf("z%d.com", i)), i%3))
		largest = max(largest, len(of))
	}
	if x := of[zoned{1, "evil.com", 20_000}]; largest > maxZoned || x == nil || x.atLeast() < fewNames {
		t.Errorf("%d zones, and of the one %+v", largest, x)
	}
}

// TestCoded: what no person gives as a name, and what people and clusters do.
func TestCoded(t *testing.T) {
	for name, want := range map[string]int{
		"mzxw6ytboi4dcmrtgq2tmnzyhe":           26,
		"mzxw6ytboi4d.cmrtgq2tmnzy":            24,
		"0123456789abcdef0123":                 20,
		"checkout-7d9fbd6c7b-x2x4z":            10,
		"telemetrycollectorservice":            0,
		"12345678901234567890":                 0,
		"ip-10-20-30-40.eu-central-1":          0,
		"prod-eu-west-1-worker-node-00123":     0,
		"6ba7b810-9dad-11d1-80b4-00c04fd430c8": 20, // one of a tenant, asked for again and again
		"b.a.9.8.7.6.5.4.3.2.1.0.0.0.0.0.ip6":  0,
		"":                                     0,
	} {
		if got := coded(name); got != want {
			t.Errorf("%q: %d, want %d", name, got, want)
		}
	}
}

package collect

import (
	"slices"
	"strings"
	"time"

	"sluice/ingest/live"
	"sluice/ingest/live/goldmane"
	"sluice/ingest/live/hubble"
)

// Reached is a server of a cluster, named by its kind alone: how it is reached was found out.
type Reached struct {
	Name    string // what is read: cluster, namespace and service
	Address string // HOST:PORT, as pods of the cluster know it
	Way     live.Way
	TLS     *live.TLS // nil: without
}

// IsBare reports whether a source is a kind of server and no address: that of a cluster, which has to be found.
func IsBare(arg string) bool {
	return slices.Contains(schemes, arg) && arg != "hubble+unix://"
}

// reached makes the client of a server of a cluster.
func (o *Options) reached(arg string, r Reached, until time.Time) (*server, error) {
	scheme := strings.TrimSuffix(arg, "://")
	if strings.HasPrefix(scheme, "hubble") {
		return o.hubble(hubble.Config{Target: r.Address, TLS: r.TLS, Way: r.Way}, r.Name, until), nil
	}
	target := r.Address
	if kind, of, ok := strings.Cut(scheme, "+"); ok {
		target, scheme = of+"://"+r.Address+goldmane.WhiskerPath, kind
	}
	return o.goldmane(arg, goldmane.Config{Target: target, TLS: r.TLS, Way: r.Way}, scheme, r.Name, until)
}

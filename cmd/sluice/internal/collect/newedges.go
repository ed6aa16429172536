package collect

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/zeebo/xxh3"

	"sluice/cmd/sluice/internal/place"
	"sluice/model"
	"sluice/model/store"
)

// newEdges tells connections that were never seen before from those that were: pairs of endpoints, by what a person
// calls them, with a port. It remembers a number for each, and nothing of records that are no dependency. What it
// remembers is bounded: one that was not seen among the last maxKnown others may be told again.
type newEdges struct {
	cluster string // that the servers are of, "": not known
	mu      sync.Mutex
	known   recent
	hours   map[int64]int // new ones by hour since 1970, those of the last day
	last    time.Time     // when the last new one came
	count   uint64        // new ones since the start
	// hashes of the endpoints of the tables that rows came with last
	tables model.Tables
	hashes []uint64
}

// maxKnown is how many connections are remembered at least, and half of how many at most: 40 MiB each.
const maxKnown = 1 << 20

// recent is a set of numbers that forgets those that were added and asked for longest ago.
type recent struct{ fresh, old map[uint64]struct{} }

// add reports whether a number is new. As soon as size of them were added since, the others are forgotten.
func (r *recent) add(h uint64, size int) bool {
	if _, ok := r.fresh[h]; ok {
		return false
	}
	if r.fresh == nil || len(r.fresh) >= size {
		r.fresh, r.old = map[uint64]struct{}{}, r.fresh
	}
	_, ok := r.old[h]
	delete(r.old, h)
	r.fresh[h] = struct{}{}
	return !ok
}

func (r *recent) len() int { return len(r.fresh) + len(r.old) }

// FoundEdge is a connection seen for the first time.
type FoundEdge struct {
	Source      string `json:"source"`
	Destination string `json:"destination"`
	Port        string `json:"port"`
	Time        string `json:"time"`
}

// openNewEdges knows what is in a store, of one cluster if that has a name.
func openNewEdges(ctx context.Context, st place.Store, cluster string) (*newEdges, error) {
	e := &newEdges{hours: map[int64]int{}, cluster: cluster}
	err := st.Scan(ctx, store.ScanOptions{Cluster: cluster}, func(t model.Tables, rows []model.Observation) error {
		e.add(t, rows, nil)
		return nil
	})
	e.hours, e.count, e.last = map[int64]int{}, 0, time.Time{}
	return e, err
}

// add takes rows and hands the edges that are new to found, in the order of the rows.
func (e *newEdges) add(t model.Tables, rows []model.Observation, found func(FoundEdge)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if t != e.tables {
		e.tables, e.hashes = t, e.hashes[:0]
	}
	for i := range rows {
		r := &rows[i]
		if r.Fate != model.Used && r.Fate != model.Reply {
			continue
		}
		h := (e.hash(r.Src)*31+e.hash(r.Dst))*0x9E3779B97F4A7C15 + uint64(r.Proto)<<16 + uint64(r.Port)
		if !e.known.add(h, maxKnown) {
			continue
		}
		e.count++
		e.last = time.Now()
		e.hours[e.last.Unix()/3600]++
		if found != nil {
			found(
				FoundEdge{
					endpointText(t.Endpoints.Get(r.Src)),
					endpointText(t.Endpoints.Get(r.Dst)),
					portText(r),
					model.Stamp(r.First),
				},
			)
		}
	}
}

func (e *newEdges) hash(id model.EndpointID) uint64 {
	for int(id) >= len(e.hashes) {
		e.hashes = append(e.hashes, 0)
	}
	if e.hashes[id] == 0 {
		end := store.InCluster(e.tables.Endpoints.Get(id), e.cluster)
		e.hashes[id] = xxh3.HashString(end.Cluster + "\x00" + endpointText(end))
	}
	return e.hashes[id]
}

// edgeStats are the counts of newEdges.
type edgeStats struct {
	known    int
	found    uint64
	lastHour int // new ones in this hour and the one before
	last     time.Time
}

func (e *newEdges) stats() edgeStats {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := time.Now().Unix() / 3600
	for h := range e.hours {
		if h < now-1 {
			delete(e.hours, h)
		}
	}
	return edgeStats{e.known.len(), e.count, e.hours[now] + e.hours[now-1], e.last}
}

// endpointText names an endpoint for a person: its namespace and owner, else what it is known by.
func endpointText(e *model.Endpoint) string {
	name := e.Owner.Name
	if name == "" {
		name = e.Name
	}
	if name == "" {
		for _, key := range []string{"app.kubernetes.io/name=", "app=", "k8s-app=", "name=", ""} {
			for _, l := range e.Labels {
				if v, ok := strings.CutPrefix(l, key); ok && name == "" {
					name = v
				}
			}
		}
	}
	switch {
	case e.Namespace != "":
		return e.Namespace + "/" + name
	case len(e.Names) > 0:
		return e.Names[0]
	case e.Address.IsValid():
		return e.Address.String()
	case e.Entities != 0:
		return e.Entities.String()
	case name != "":
		return name
	}
	return e.Kind.String()
}

func portText(r *model.Observation) string {
	if r.Proto.HasPorts() || r.Port != 0 {
		return fmt.Sprintf("%d/%s", r.Port, r.Proto)
	}
	return r.Proto.String()
}

package bundle

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"sluice/synth/layout"
	"sluice/synth/render"
)

// Ends are the peers of the bundle, sorted: the ends of its edges, and the workloads that it has policies for.
func (m *Manifest) Ends() []string {
	ids := map[string]bool{}
	for i := range m.Edges {
		ids[m.Edges[i].Source], ids[m.Edges[i].Destination] = true, true
	}
	for i := range m.Subjects {
		ids[m.Subjects[i].Workload] = true
	}
	return slices.Sorted(maps.Keys(ids))
}

// Places are those that the bundle came with. Where it came with none, or with some that are not of its edges, they are
// computed: by all edges but questions for names, which nearly everything asks.
func (m *Manifest) Places() *Places {
	if m.places == nil {
		ids := m.Ends()
		at := make(map[string]int, len(ids))
		for i, id := range ids {
			at[id] = i
		}
		var arrows []layout.Arrow
		for i := range m.Edges {
			if e := &m.Edges[i]; !strings.HasPrefix(e.Port, "53/") {
				arrows = append(arrows, layout.Arrow{From: at[e.Source], To: at[e.Destination]})
			}
		}
		m.places = Lay(ids, arrows)
	}
	return m.places
}

// order ranks the peers by their places, and the namespaces by those of their first peers.
func (m *Manifest) order() map[string]int {
	if m.rank == nil {
		m.rank = map[string]int{}
		for _, g := range m.Places().Groups {
			for _, peer := range g.Peers {
				for _, id := range []string{peer.ID, spaceOf(peer.ID)} {
					if _, ok := m.rank[id]; !ok {
						m.rank[id] = len(m.rank)
					}
				}
			}
		}
	}
	return m.rank
}

// readPlaces reads the places that a bundle came with.
func (m *Manifest) readPlaces(dir string) error {
	text, err := render.ReadInside(dir, filepath.Join(dir, PlacesFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return fmt.Errorf("read bundle: %w", err)
	}
	p := &Places{}
	if json.Unmarshal(text, p) == nil && p.of(m) { // else somebody changed it, which verify tells: it is computed anew
		m.places = p
	}
	return nil
}

// farthest is how far from the others something can lie, at most.
const farthest = 1 << 30

// of reports whether these are places for all peers of a bundle and for nothing else.
func (p *Places) of(m *Manifest) bool {
	ok := p.APIVersion == apiVersion && p.Kind == placesKind
	var ids []string
	within := func(list ...int) {
		for _, x := range list {
			ok = ok && x >= 0 && x <= farthest
		}
	}
	for i := range p.Groups {
		g := &p.Groups[i]
		within(g.X, g.Y, g.Width, g.Height)
		for _, peer := range g.Peers {
			group, _ := layout.GroupOf(peer.ID)
			ok = ok && group == g.Name
			within(peer.X, peer.Y)
			ids = append(ids, peer.ID)
		}
	}
	slices.Sort(ids)
	return ok && slices.Equal(ids, m.Ends())
}

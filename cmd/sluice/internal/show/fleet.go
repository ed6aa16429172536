package show

import (
	"fmt"
	"io"
	"path/filepath"
	"slices"

	"sluice/cmd/sluice/internal/run"
	"sluice/cmd/sluice/internal/text"
	"sluice/synth/bundle"
	"sluice/synth/fleet"
)

// fleetClusterView is what was learned for a cluster, as printed.
type fleetClusterView struct {
	Cluster     string `json:"cluster"`
	Out         string `json:"out,omitempty"` // of its bundle
	Policies    int    `json:"policies"`
	Rules       int    `json:"rules"`
	Namespaces  int    `json:"namespaces"`
	Enforceable int    `json:"enforceable"` // namespaces of which both directions can be denied
	Lost        uint64 `json:"lost"`        // connections
	Over        int    `json:"overPermission"`
	Shared      int    `json:"sharedFiles"` // of its overlay with others
	Own         int    `json:"ownFiles"`
	Skipped     string `json:"skipped,omitempty"`
	Error       string `json:"error,omitempty"`
}

var fleetClusters = list[fleetClusterView]{
	kind: "FleetResult", field: "clusters",
	head: []string{"CLUSTER", "POLICIES", "RULES", "NAMESPACES", "ENFORCEABLE", "LOST", "OVER", "SHARED", "OWN", "NOTE"},
	row: func(t *table, v fleetClusterView) {
		t.row(v.Cluster, text.Count(v.Policies), text.Count(v.Rules), text.Count(v.Namespaces), text.Count(v.Enforceable),
			text.Count(v.Lost), text.Count(v.Over), text.Count(v.Shared), text.Count(v.Own), v.Skipped+v.Error)
	},
}

// Fleet prints what was learned for each cluster into a directory of out.
func Fleet(w io.Writer, format string, f *run.Fleet, out string) error {
	var views []fleetClusterView
	for i := range f.Clusters {
		c := &f.Clusters[i]
		v := fleetClusterView{Cluster: c.Name, Skipped: c.Skipped}
		if c.Err != nil {
			v.Error = text.Printable(c.Err.Error(), 300)
		}
		if c.Written {
			if err := v.learned(c); err != nil {
				return err
			}
		}
		if f.Joined != nil {
			if j := slices.IndexFunc(f.Joined.Clusters, func(o fleet.Cluster) bool { return o.Name == c.Name }); j >= 0 {
				v.Shared, v.Own = f.Joined.Clusters[j].Shared, f.Joined.Clusters[j].Own
			}
		}
		views = append(views, v)
	}
	if err := fleetClusters.print(w, format, slices.Values(views)); err != nil || format != Table || f.Joined == nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\n%s in the base, %s. Read %s.\n", text.Plural(f.Joined.Shared, "file", "files"),
		text.Plural(len(f.Joined.Differ), "namespace differs", "namespaces differ"), filepath.Join(out, fleet.ReviewFile))
	return err
}

func (v *fleetClusterView) learned(c *run.FleetCluster) error {
	m, err := bundle.Read(c.Out)
	if err != nil {
		return err
	}
	v.Out, v.Policies, v.Rules, v.Namespaces = c.Out, m.Stats.Policies, m.Stats.Rules, len(m.Namespaces)
	for i := range m.Namespaces {
		if len(m.Namespaces[i].Isolated()) == 2 { // both directions
			v.Enforceable++
		}
	}
	v.Lost, v.Over = c.Lost, c.Over
	return nil
}

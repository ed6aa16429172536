package run

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"

	"sluice/cmd/sluice/internal/place"
	"sluice/cmd/sluice/internal/text"
	"sluice/model"
	"sluice/synth/bundle"
	"sluice/synth/fleet"
	"sluice/synth/verify"
)

// Fleet is what was learned for each cluster of the sources.
type Fleet struct {
	Clusters []FleetCluster
	Joined   *fleet.Result // of the bundles that were written; nil: of fewer than two
}

// FleetCluster is what came of learning for one cluster.
type FleetCluster struct {
	Name    string
	Out     string // the directory of its bundle
	Written bool   // there is a bundle
	Lost    uint64 // connections, by its replay
	Over    int    // connections of its universe that it allows and nobody was seen to make
	Ask     error  // what of it asks for attention
	Skipped string // why nothing was to be learned
	Err     error  // why nothing could be learned
}

// ErrUnnamed is the error where each cluster is asked for, and the flows do not say which they are of.
var ErrUnnamed = errors.New("the flows name no cluster: leave out --all-clusters, or ingest with --cluster NAME")

var plainName = regexp.MustCompile(`^[a-zA-Z0-9][-a-zA-Z0-9_.]*$`)

// isDirectory reports whether a name of a cluster can be one of a directory.
func isDirectory(name string) bool { return len(name) <= 63 && plainName.MatchString(name) }

// LearnFleet learns for all clusters of the sources, each into a directory of its name in cfg.Out, and joins what they
// agree on. Of a cluster only what is told of it stays in memory. open opens the sources for a cluster; it is called
// once with "" where they are no store. A cluster that fails keeps no other from being learned.
func LearnFleet(
	ctx context.Context, src Sources, cfg LearnConfig, failOn []string, open func(cluster string) (*Log, error),
) (*Fleet, error) {
	clusters, all, err := src.Clusters(ctx, func() (*Log, error) { return open("") })
	if err != nil {
		return nil, err
	}
	if len(clusters) == 0 {
		return nil, ErrUnnamed
	}
	f := &Fleet{}
	var written []string
	for _, name := range clusters {
		c := FleetCluster{Name: name, Out: filepath.Join(cfg.Out, name)}
		c.learn(ctx, cfg, failOn, func() (*Log, error) {
			if all != nil {
				l := *all // what learning lets go of is there for the next
				return &l, nil
			}
			return open(name)
		})
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if c.Written {
			written = append(written, name)
		}
		f.Clusters = append(f.Clusters, c)
	}
	if len(written) > 1 {
		if f.Joined, err = fleet.Write(cfg.Out, written, cfg.Force); err != nil {
			return f, err
		}
	}
	return f, nil
}

// learn learns for one cluster.
func (c *FleetCluster) learn(
	ctx context.Context, cfg LearnConfig, failOn []string, open func() (*Log, error),
) {
	if !isDirectory(c.Name) || fleet.Reserved(c.Name) {
		c.Err = fmt.Errorf("a cluster called %s can have no directory of its name: learn it with --cluster", text.Printable(c.Name, 80))
		return
	}
	l, err := open()
	if err == nil {
		l, err = l.Only(c.Name)
	}
	if err != nil {
		c.Err = err
		return
	}
	cfg.Cluster, cfg.Out = c.Name, c.Out
	if !cfg.All {
		if cfg.Namespaces = l.Having(c.Name, cfg.Namespaces); len(cfg.Namespaces) == 0 {
			c.Skipped = "it has none of the namespaces"
			return
		}
	}
	if cfg.Base != "" {
		if cfg.Base = filepath.Join(cfg.Base, c.Name); !isDir(cfg.Base) {
			cfg.Base = ""
		}
	}
	r, err := Learn(ctx, l, cfg)
	if err != nil {
		c.Err = err
		return
	}
	c.Written, c.Ask, c.Err = true, r.Findings(failOn), l.Incomplete()
	c.Lost, c.Over = r.Report.Connections[verify.Lost], r.Report.Over.Count
}

// Clusters returns the clusters of the sources. What is no store is opened to find them, and returned.
func (s *Sources) Clusters(ctx context.Context, open func() (*Log, error)) (names []string, all *Log, err error) {
	if names, err = s.storeClusters(ctx); names != nil || err != nil {
		return names, nil, err
	}
	if all, err = open(); err != nil {
		return nil, nil, err
	}
	if names = all.clusters(); len(names) == 0 {
		err = all.Usable()
	}
	return names, all, err
}

// storeClusters returns the clusters of the store that is to be read, nil where none is.
func (s *Sources) storeClusters(ctx context.Context) ([]string, error) {
	dir := s.Store
	if len(s.Args) == 1 && StoreOf(s.Args[0]) != "" {
		dir = StoreOf(s.Args[0])
	} else if len(s.Args) > 0 || s.Live != nil {
		dir = ""
	}
	if dir == "" {
		return nil, nil
	}
	st, err := place.Open(ctx, dir)
	if err != nil {
		return nil, err
	}
	part := st.Part("")
	if len(part.Segments) == 0 {
		return nil, (&Log{}).Usable()
	}
	return append([]string{}, part.Clusters()...), nil
}

// Having returns those of the namespaces that pods of a cluster are in.
func (l *Log) Having(cluster string, namespaces []string) []string {
	have := map[string]bool{}
	for ep := range l.podEnds {
		if ep.Cluster == cluster {
			have[ep.Namespace] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(namespaces), func(ns string) bool { return !have[ns] })
}

// PoliciesOf returns the policies of a cluster: its bundle in a directory that has one of any cluster, else the path,
// which is for all. It is false where the directory has none of it.
func PoliciesOf(path, cluster string) (string, bool) {
	if len(bundle.Below(path)) == 0 {
		return path, true
	}
	of := filepath.Join(path, cluster)
	return of, isDirectory(cluster) && bundle.Is(of)
}

// Findings is the error that a cluster asks for attention, or that it could not be learned.
func (f *Fleet) Findings() error {
	var failed, found []error
	for i := range f.Clusters {
		c := &f.Clusters[i]
		if c.Err != nil {
			failed = append(failed, fmt.Errorf("cluster %s: %w", model.Printable(c.Name), c.Err))
		} else if c.Ask != nil {
			found = append(found, fmt.Errorf("%s: %w", model.Printable(c.Name), c.Ask))
		}
	}
	if len(failed) > 0 {
		return errors.Join(failed...)
	}
	if !slices.ContainsFunc(f.Clusters, func(c FleetCluster) bool { return c.Written }) {
		return fmt.Errorf("nothing was learned: no cluster has a pod of the namespaces")
	}
	if len(found) == 0 {
		return nil
	}
	return &Findings{[]string{errors.Join(found...).Error()}}
}

package cli

import (
	"bytes"
	"context"
	"slices"

	"sluice/cmd/sluice/internal/run"
	"sluice/cmd/sluice/internal/show"
	"sluice/synth/bundle"
)

// oneCluster is a cluster to judge, one of those of --all-clusters.
type oneCluster struct {
	streams    Streams
	format     string
	name       string   // "": what is read is of it alone
	log        *run.Log // its flows; nil: the command opens what it reads
	namespaces []string // of those that were chosen it has these
	policies   []string // paths
}

const redactOne = "names are replaced for one: give --cluster NAME"

// eachCluster says what is judged, and how it is printed.
type eachCluster struct {
	args       []string // sources
	format     string
	namespaces []string
	policies   []string // paths; of directories that learn --all-clusters wrote each cluster has its own
	evidence   bool     // the sources are the evidence of the policies
	refused    []refusal
	results    []string // formats of results that the command has beside those of every one
}

// refusal is a flag that does not go with --all-clusters, and what to do in its place.
type refusal struct {
	flag   string
	given  bool
	remedy string
}

// check refuses what is about one cluster, or can be read only once.
func (e *eachCluster) check(r *reading) error {
	if err := show.CheckFormat(e.format, e.results...); err != nil {
		return run.Usagef("--all-clusters: %w", err)
	}
	if r.oneCluster() != "" {
		return run.Usagef("--all-clusters goes without --cluster: give one of them")
	}
	for _, f := range e.refused {
		if f.given {
			return run.Usagef("--all-clusters goes without %s: %s", f.flag, f.remedy)
		}
	}
	for _, path := range slices.Concat(e.policies, r.manifests) {
		if path == "-" || path == "cluster" {
			return run.Usagef("--all-clusters: %s is of one cluster: give files or directories", path)
		}
	}
	return nil
}

// eachCluster does something for each cluster, and prints what came of it: in sections, or as one object. A cluster
// that fails keeps no other from being judged. The error is the worst of theirs.
func (r *reading) eachCluster(ctx context.Context, s Streams, e eachCluster, do func(one *oneCluster) error) error {
	if err := e.check(r); err != nil {
		return err
	}
	names, open, err := r.clustersOf(ctx, s, &e)
	if err != nil {
		return err
	}
	all := show.NewEachCluster(s.Out, e.format)
	for _, name := range names {
		text := &bytes.Buffer{}
		one := &oneCluster{name: name, streams: Streams{In: s.In, Out: text, Err: s.Err}, format: e.format}
		if e.format == show.YAML {
			one.format = show.JSON
		}
		skipped, err := e.judge(one, open, do)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		all.Add(show.OfCluster{Cluster: name, Exit: int(exitCode(err)), Skipped: skipped}, text.Bytes(), err)
	}
	if err := all.Print(); err != nil {
		return err
	}
	return all.Worst()
}

// judge does it for one cluster, unless there is nothing of it to judge.
func (e *eachCluster) judge(
	one *oneCluster, open func(cluster string) (*run.Log, error), do func(one *oneCluster) error,
) (skipped string, err error) {
	for _, path := range e.policies {
		of, ok := run.PoliciesOf(path, one.name)
		if !ok {
			return "there are no policies for it in " + path, nil
		}
		one.policies = append(one.policies, of)
	}
	one.namespaces = slices.Clone(e.namespaces)
	if e.evidence {
		one.name = ""
		return "", do(one)
	}
	if one.log, err = open(one.name); err != nil {
		return "", err
	}
	if len(e.namespaces) > 0 {
		if one.namespaces = one.log.Having(one.name, e.namespaces); len(one.namespaces) == 0 {
			return "it has none of the namespaces", nil
		}
	}
	return "", do(one)
}

// clustersOf returns the clusters of the sources, with those that there are policies for, and what opens the flows of
// one. A store is read once for each, and of it what has to do with that one; anything else is read once.
func (r *reading) clustersOf(
	ctx context.Context, s Streams, e *eachCluster,
) (names []string, open func(string) (*run.Log, error), err error) {
	for _, path := range e.policies {
		names = append(names, bundle.Below(path)...)
	}
	if !e.evidence {
		src, err := r.sources(s, e.args)
		if err != nil {
			return nil, nil, err
		}
		of, all, err := src.Clusters(ctx, func() (*run.Log, error) { return r.open(ctx, s, e.args) })
		if err != nil {
			return nil, nil, err
		}
		names = append(names, of...)
		open = func(cluster string) (*run.Log, error) {
			if all != nil {
				return all.Only(cluster)
			}
			one := *r
			one.cluster = &cluster
			return one.open(ctx, s, e.args)
		}
	}
	if len(names) == 0 {
		return nil, nil, run.ErrUnnamed
	}
	slices.Sort(names)
	return slices.Compact(names), open, nil
}

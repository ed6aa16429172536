// Package bundle writes what was learned as a directory that a person can review and a cluster can apply: the allow
// policies, their staging and enforced forms, a review text, and the evidence. It verifies the policies as they are on
// disk, learns nothing, and talks to no cluster and no forge. The same flows give the same bytes.
package bundle

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/netip"
	"os"
	"path"
	"path/filepath"
	"slices"

	"sluice/model/graph"
	"sluice/synth"
	"sluice/synth/eval"
	"sluice/synth/policy"
	"sluice/synth/render"
	"sluice/synth/verify"
)

// Input is what a bundle is made of.
type Input struct {
	Graph     *graph.Graph
	Config    synth.Config
	Result    *synth.Result
	Semantics eval.Semantics // that the policies are verified under
	// WriteEvidence fills a directory with the observations behind the edges; nil: the bundle has none.
	WriteEvidence func(dir string) error
}

// The parts of a bundle.
const (
	allowDir     = "allow"
	stageDir     = "stage"
	enforceDir   = "enforce"
	EvidenceDir  = "evidence"    // a store of its own
	ReviewFile   = "REVIEW.md"   // for people
	ManifestFile = "bundle.json" // for programs
)

// Check says why a bundle cannot be written to dir, nil if it can: dir must be absent, empty or a former bundle.
func Check(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look at %s: %w", dir, err)
	}
	if len(entries) == 0 {
		return nil
	}
	if _, err := Read(dir); err != nil {
		return fmt.Errorf("%s is neither empty nor a former bundle: %w", dir, err)
	}
	return nil
}

// Write makes the bundle beside dir, verifies its policies by what is then on disk, and renames it to dir. The report
// is that of the enforced form. What dir held before is gone only once the new bundle is complete.
func Write(ctx context.Context, dir string, in Input) (verify.Report, error) {
	if err := Check(dir); err != nil {
		return verify.Report{}, err
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return verify.Report{}, fmt.Errorf("locate bundle: %w", err)
	}
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return verify.Report{}, fmt.Errorf("make place for bundle: %w", err)
	}
	aside, err := os.MkdirTemp(filepath.Dir(dir), "."+filepath.Base(dir)+"-*")
	if err != nil {
		return verify.Report{}, fmt.Errorf("make place for bundle: %w", err)
	}
	defer os.RemoveAll(aside)
	next := filepath.Join(aside, "new")
	report, err := fill(ctx, next, in)
	if err != nil {
		return verify.Report{}, err
	}
	return report, swap(aside, next, dir)
}

// swap puts next in the place of dir.
func swap(aside, next, dir string) error {
	old := filepath.Join(aside, "old")
	err := os.Rename(dir, old)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("put former bundle aside: %w", err)
	}
	had := err == nil
	if err := os.Rename(next, dir); err != nil {
		if had {
			err = errors.Join(err, os.Rename(old, dir))
		}
		return fmt.Errorf("put bundle in place: %w", err)
	}
	return nil
}

// fill writes all of a bundle, the evidence beside the policies.
func fill(ctx context.Context, dir string, in Input) (verify.Report, error) {
	evidence := make(chan error, 1)
	go func() { evidence <- writeEvidence(dir, in) }()
	report, err := fillPolicies(ctx, dir, in)
	return report, cmp.Or(err, <-evidence)
}

func writeEvidence(dir string, in Input) error {
	if in.WriteEvidence == nil {
		return nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make directory: %w", err)
	}
	if err := in.WriteEvidence(filepath.Join(dir, EvidenceDir)); err != nil {
		return fmt.Errorf("write evidence: %w", err)
	}
	return nil
}

func fillPolicies(ctx context.Context, dir string, in Input) (verify.Report, error) {
	files, err := policyFiles(in.Result)
	if err != nil {
		return verify.Report{}, err
	}
	if err := writeFiles(dir, files); err != nil {
		return verify.Report{}, err
	}
	enforced := in.Result.Enforced()
	spaces := namespaces(in.Result, enforced)
	report, err := judge(ctx, dir, in, enforced, spaces)
	if err != nil {
		return verify.Report{}, err
	}
	m := newManifest(in, &report, files, spaces)
	text, err := m.encode()
	if err != nil {
		return verify.Report{}, err
	}
	rest := map[string][]byte{ManifestFile: text, ReviewFile: review(in, m, &report)}
	if err := writeFiles(dir, rest); err != nil {
		return verify.Report{}, err
	}
	return report, nil
}

// judge verifies the enforced form as it was read back. A policy that does not come back is a fault of ours.
func judge(ctx context.Context, dir string, in Input, enforced policy.PolicySet, spaces []Namespace) (verify.Report, error) {
	set, problems, err := Policies(dir, Enforced, in.Result.Dialect.Kinds())
	if err != nil {
		return verify.Report{}, err
	}
	if len(problems) > 0 {
		return verify.Report{}, fmt.Errorf("read own policy back: %w", problems[0])
	}
	if !set.Equal(enforced) {
		return verify.Report{}, errors.New("the policies on disk are not those that were learned")
	}
	var isolated []verify.Side
	for i := range spaces {
		isolated = append(isolated, spaces[i].Isolated()...)
	}
	networks := map[string][]netip.Prefix{}
	for _, n := range in.Config.Networks {
		networks[n.Name] = n.CIDRs
	}
	return verify.Verify(ctx, in.Graph, set, verify.Config{
		Semantics:     in.Semantics,
		Networks:      networks,
		Nodes:         networks[synth.NodesNetwork],
		Isolated:      isolated,
		Cluster:       in.Result.Cluster,
		Namespaces:    in.Result.Namespaces(),
		Inexpressible: in.Result.Inexpressible(),
		Accepted:      in.Result.Accepted(),
		Widened:       in.Result.Widened,
		WidenedRules:  in.Result.WidenedRules(),
	})
}

// writeFiles writes directories beside each other: a file system takes longer to make a file than to fill it.
func writeFiles(dir string, files map[string][]byte) error {
	in := map[string][]string{}
	for name := range files {
		in[path.Dir(name)] = append(in[path.Dir(name)], name)
	}
	dirs := slices.Sorted(maps.Keys(in))
	errs := make([]error, len(dirs))
	render.Each(len(dirs), func(i int) {
		if err := os.MkdirAll(filepath.Join(dir, filepath.FromSlash(dirs[i])), 0o755); err != nil {
			errs[i] = fmt.Errorf("make directory %s: %w", dirs[i], err)
			return
		}
		for _, name := range in[dirs[i]] {
			if err := os.WriteFile(filepath.Join(dir, filepath.FromSlash(name)), files[name], 0o644); err != nil {
				errs[i] = fmt.Errorf("write %s: %w", name, err)
				return
			}
		}
	})
	return cmp.Or(errs...)
}

// Package bundle writes what was learned as a directory that a person can review and a cluster can apply: the policies,
// a review text, and the evidence. It verifies the policies as they are on disk, learns nothing, and talks to no
// cluster and no forge. The same flows give the same bytes.
//
// The policies come into force in phases, each a directory with one below it for every namespace: open, allow, deny;
// then what is in open is deleted. Within a phase every subset of the objects, in any order, denies nothing that
// worked: DESIGN.md says why. Before them Calico has stage, which decides nothing. The end state is enforce.
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
	"strings"

	"sluice/model"
	"sluice/model/graph"
	"sluice/synth"
	"sluice/synth/decision"
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
	Semantics eval.Semantics   // that the policies are verified under
	Kinds     []render.Kinds   // objects of people's own policies that are read beside the dialect's
	Partial   []string         // what could not be read whole, and was learned from all the same
	Force     bool             // write over what people changed, and beside what is not of a former bundle
	Name      string           // that every object carries as a label; "" is DefaultName
	Cluster   policy.PolicySet // what is known to be in the cluster already
	InForce   *InForce         // what the policies only add to; nil: they stand for themselves
	GitOps    GitOps
	Base      *Former // the bundle that learning started from; nil: there was none
	disk      disk    // nil: the real one
	Run       Run     // what was read, for the report
	// Console gives what the command prints of the bundle, for REPORT.md to hold every doubt of it; nil: nothing.
	Console func(*Manifest, *verify.Report) string
	// Sayers names the dialects that can say an edge at both its ends; nil: nobody knows.
	Sayers func(*Edge) []string
	// CommitEvidence says that the evidence is to be committed with the bundle.
	CommitEvidence bool
	// WriteEvidence fills a directory with the observations behind the edges; nil: the bundle has none.
	WriteEvidence func(dir string) error
}

// The parts of a bundle.
const (
	openDir      = "open"
	allowDir     = "allow"
	denyDir      = "deny"
	stageDir     = "stage"
	enforceDir   = "enforce"
	ExtraDir     = "extra"       // people's own policies, which apply with the allow policies
	EvidenceDir  = "evidence"    // a store of its own
	ReviewFile   = "REVIEW.md"   // for people: what the policies mean
	ManifestFile = "bundle.json" // for programs
	ReportFile   = "REPORT.md"   // for people: what was seen, and how much; not committed
	ReportData   = "report.json" // the same for programs
)

// formDirs are the directories of policies that only a bundle writes to.
var formDirs = []string{openDir, allowDir, denyDir, stageDir, enforceDir, GitOpsDir}

// DefaultName is what a bundle is called that was given no name.
const DefaultName = "sluice"

func (in *Input) name() string { return cmp.Or(in.Name, DefaultName) }

// kinds are those of all policies in the bundle.
func (in *Input) kinds() []render.Kinds {
	return append([]render.Kinds{in.Result.Dialect.Kinds()}, in.Kinds...)
}

// Check says why a bundle cannot be written to dir, nil if it can: dir must be absent, empty or a former bundle, unless
// force is given. It finishes what a run that was killed left half done.
func Check(dir string, force bool) error {
	_, _, err := open(realDisk{}, dir, force)
	return err
}

// open looks at the place of a bundle and at the former one in it, nil for none.
func open(on disk, dir string, force bool) (*place, *Manifest, error) {
	if _, err := os.Lstat(filepath.Join(dir, readyDir)); err == nil {
		if err := install(on, dir); err != nil {
			return nil, nil, err
		}
	}
	var former *Manifest
	if _, err := os.Stat(filepath.Join(dir, ManifestFile)); err == nil {
		if former, err = Read(dir); err != nil {
			return nil, nil, fmt.Errorf("%s is no former bundle: %w", dir, err)
		}
	}
	p, err := lookAt(dir, former)
	if err != nil {
		return nil, nil, fmt.Errorf("look at %s: %w", dir, err)
	}
	if theirs := slices.Concat(p.Foreign, p.Extra); former == nil && len(theirs) > 0 && !force {
		const most = 3
		more := ""
		if len(theirs) > most {
			theirs, more = theirs[:most], ", ..."
		}
		return nil, nil, fmt.Errorf(
			"%s is neither empty nor a former bundle: it holds %s%s (--force writes beside them)",
			dir,
			strings.Join(theirs, ", "),
			more,
		)
	}
	return p, former, p.refuses([]string{ManifestFile}, former, force)
}

// Written is a bundle that is in its place. The report is that of the enforced form.
type Written struct {
	verify.Report
	Manifest *Manifest
	Hands    ByHand // what people did in its directory
}

// Write makes the bundle inside dir, verifies its policies by what is then on disk together with what people changed
// and added, and puts it in the place of the former one. Until the new bundle is complete the former one stays as it
// is; what it does not list is never touched.
func Write(ctx context.Context, dir string, in Input) (out Written, err error) {
	if !render.ValidNamespace(in.name()) {
		return out, fmt.Errorf(
			"the name %q of the bundle: want lower-case letters, digits and -, 63 at most",
			in.name(),
		)
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return out, fmt.Errorf("locate bundle: %w", err)
	}
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	p, former, err := open(in.on(), dir, in.Force)
	if err != nil {
		return out, err
	}
	next := filepath.Join(dir, newDir)
	_, statErr := os.Stat(dir)
	if err := in.on().RemoveAll(next); err != nil {
		return out, fmt.Errorf("make place for bundle: %w", err)
	}
	if err := in.on().MkdirAll(next, 0o755); err != nil {
		return out, fmt.Errorf("make place for bundle: %w", err)
	}
	defer func() {
		if err != nil {
			_ = in.on().RemoveAll(next)
			if statErr != nil {
				_ = in.on().Remove(dir) // it was made for this
			}
		}
	}()
	if err = fill(ctx, next, p, former, in, &out); err != nil {
		return out, err
	}
	if err := in.on().Rename(next, filepath.Join(dir, readyDir)); err != nil {
		return out, fmt.Errorf("put bundle in place: %w", err)
	}
	if err := install(in.on(), dir); err != nil || p.none() {
		return out, err
	}
	now, err := lookAt(dir, out.Manifest)
	out.Hands = now.ByHand
	return out, err
}

// fill writes all of a bundle, the evidence beside the policies, and what goes when it takes its place.
func fill(ctx context.Context, dir string, p *place, former *Manifest, in Input, out *Written) error {
	evidence := make(chan error, 1)
	go func() { evidence <- writeEvidence(dir, in) }()
	err := fillPolicies(ctx, dir, p, former, in, out)
	if err := cmp.Or(<-evidence, err); err != nil {
		return err
	}
	files, err := filesIn(dir)
	if err != nil {
		return fmt.Errorf("list bundle: %w", err)
	}
	if err := p.refuses(files, former, in.Force); err != nil {
		return err
	}
	var stale strings.Builder
	for _, name := range slices.Sorted(maps.Keys(p.owned)) {
		if !slices.Contains(files, name) && (in.Force || !slices.Contains(p.Edited, name)) {
			fmt.Fprintln(&stale, name)
		}
	}
	if !in.Force {
		for _, name := range p.Edited { // what people wrote stays in its place
			if err := in.on().Remove(filepath.Join(dir, filepath.FromSlash(name))); err != nil &&
				!errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("keep %s: %w", name, err)
			}
		}
	}
	return writeFiles(in.on(), dir, map[string][]byte{staleFile: []byte(stale.String())})
}

// writeEvidence writes the evidence and the list of its files.
func writeEvidence(dir string, in Input) error {
	if in.WriteEvidence == nil {
		return nil
	}
	if err := in.on().MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make directory: %w", err)
	}
	if err := in.WriteEvidence(filepath.Join(dir, EvidenceDir)); err != nil {
		return fmt.Errorf("write evidence: %w", err)
	}
	names, err := filesIn(filepath.Join(dir, EvidenceDir))
	if err != nil {
		return fmt.Errorf("list evidence: %w", err)
	}
	list := evidenceList + "\n"
	for _, name := range names {
		list += path.Join(EvidenceDir, name) + "\n"
	}
	return writeFiles(in.on(), dir, map[string][]byte{evidenceList: []byte(list)})
}

// fillPolicies writes the policies until what is written loses nothing that a default deny of ours cuts.
func fillPolicies(ctx context.Context, dir string, p *place, former *Manifest, in Input, out *Written) error {
	for {
		w, err := writePolicies(ctx, dir, p, former, in)
		if err != nil {
			return err
		}
		if !withdraw(in, &w.own) {
			if lost := losses(in, &w.report); len(lost) > 0 {
				for _, l := range lost {
					in.Result.Edited(l.namespace, l.d)
				}
				w.spaces = namespaces(in.Result, in.Result.Enforced())
			}
			in.Result.Taken(w.taken(&in))
			in.Result.Selects(w.selects(&in))
			out.Report = w.report
			out.Manifest, err = describe(ctx, dir, in, w, before(p, former, in))
			return err
		}
		for _, d := range formDirs {
			if err := in.on().RemoveAll(filepath.Join(dir, d)); err != nil {
				return fmt.Errorf("write policies anew: %w", err)
			}
		}
	}
}

// written are the policies of a bundle as they are on disk, and how they are judged.
type written struct {
	files  map[string][]byte
	hands  *ByHand
	spaces []Namespace
	set    policy.PolicySet // what is enforced, with what people changed and added
	own    verify.Report    // of what was written
	report verify.Report    // with what people changed and added
}

// writePolicies writes what a cluster can apply, reads it back, and judges it with what people changed and added.
func writePolicies(ctx context.Context, dir string, p *place, former *Manifest, in Input) (*written, error) {
	files, err := policyFiles(&in)
	if err != nil {
		return nil, err
	}
	if err := includeExtra(files, p.Extra); err != nil {
		return nil, err
	}
	if err := p.refuses(slices.Collect(maps.Keys(files)), former, in.Force); err != nil {
		return nil, err
	}
	if err := writeFiles(in.on(), dir, files); err != nil {
		return nil, err
	}
	enforced := in.Result.Enforced()
	spaces := namespaces(in.Result, enforced)
	set, err := readsBack(dir, in, enforced)
	if err != nil {
		return nil, err
	}
	hands := p.handsOn(files, in.Force)
	theirs, err := p.lay(in.on(), dir, hands)
	if err != nil {
		return nil, err
	}
	var problems []render.Problem
	if len(theirs) > 0 || len(p.Extra) > 0 {
		if set, problems, err = Policies(dir, Enforced, in.kinds()...); err != nil {
			return nil, err
		}
	}
	report, err := judgeAll(ctx, in, set, spaces)
	if err != nil {
		return nil, err
	}
	report.Unread = render.Unread(problems)
	own := report
	if len(theirs) > 0 {
		if own, err = judgeAll(ctx, in, enforced, spaces); err != nil {
			return nil, err
		}
	}
	for _, name := range theirs { // they are in their place already
		if err := in.on().Remove(filepath.Join(dir, filepath.FromSlash(name))); err != nil {
			return nil, fmt.Errorf("verify with %s: %w", name, err)
		}
	}
	return &written{files, hands, spaces, set, own, report}, nil
}

// describe writes what says of a bundle what it is: the manifest, the reviews, and the report of this run.
func describe(ctx context.Context, dir string, in Input, w *written, before *Former) (*Manifest, error) {
	m := newManifest(in, &w.report, w.files, w.spaces)
	m.Files = map[string]string{}
	for name, text := range w.files {
		m.Files[name] = digestOf(text)
	}
	rest, err := reviews(ctx, in, m, w, before)
	if err != nil {
		return nil, err
	}
	report := rest[ReportFile]
	delete(rest, ReportFile) // it is not of what is listed
	if rest[PlacesFile], err = m.Places().encode(); err != nil {
		return nil, fmt.Errorf("encode places: %w", err)
	}
	if m.pictured() {
		if rest[PictureFile], err = m.Picture(); err != nil {
			return nil, fmt.Errorf("draw bundle: %w", err)
		}
	}
	rest[ignoreFile] = ignored(in.CommitEvidence)
	rest[attributesFile] = []byte(attributes)
	for name, text := range rest {
		m.Files[name] = digestOf(text)
	}
	if rest[ManifestFile], err = m.stable(before); err != nil {
		return nil, err
	}
	if rest[ReportData], err = encode(m.reportOf(digestOf(rest[ManifestFile]), in.Run)); err != nil {
		return nil, err
	}
	rest[ReportFile] = report
	return m, writeFiles(in.on(), dir, rest)
}

// stable is bundle.json. While nothing else differs from the bundle before, the day stays, too: the bytes do.
func (m *Manifest) stable(before *Former) ([]byte, error) {
	c := m.committed()
	if before != nil {
		today := c.AsOf
		c.AsOf = before.Manifest.AsOf
		if text, err := encode(c); err != nil || digestOf(text) == before.digest {
			m.AsOf = c.AsOf
			return text, err
		}
		c.AsOf = today
	}
	return encode(c)
}

const (
	ignoreFile     = ".gitignore"
	attributesFile = ".gitattributes"
	attributes     = ManifestFile + " linguist-generated\n" + PlacesFile + " linguist-generated\n" +
		PictureFile + " linguist-generated\n*.yaml linguist-generated=false\n"
)

// ignored keeps out of Git what every run changes.
func ignored(withEvidence bool) []byte {
	text := "# What every run changes: the text of the pull request and an artifact of CI.\n/" +
		ReportFile + "\n/" + ReportData + "\n"
	if !withEvidence {
		text += "/" + EvidenceDir + "/\n"
	}
	return []byte(text)
}

// withdraw takes the default deny back where it would block what worked, and reports whether there was one.
func withdraw(in Input, report *verify.Report) bool {
	changed := false
	for _, l := range losses(in, report) {
		before := in.Result.Enforce[l.namespace]
		in.Result.Withdraw(l.namespace, l.d, l.edge, l.text)
		after := in.Result.Enforce[l.namespace]
		changed = changed || before.Allows(l.d) && !after.Allows(l.d)
	}
	return changed
}

// loss is a connection that worked and that a direction of a namespace denies.
type loss struct {
	namespace string
	d         model.Direction
	edge      graph.EdgeID
	text      string
}

func losses(in Input, report *verify.Report) []loss {
	var out []loss
	for _, c := range report.Cases {
		if c.Verdict != verify.Lost {
			continue
		}
		e := &in.Graph.Edges[c.Edge]
		text := fmt.Sprintf("%s -> %s %s: %s", c.Src, c.Dst, c.Port, c.Why)
		for _, l := range []struct {
			denied bool
			d      model.Direction
			peer   graph.PeerID
		}{{c.Egress, model.Egress, e.Src}, {c.Ingress, model.Ingress, e.Dst}} {
			ns := in.Graph.Peers[l.peer].Namespace
			if _, ok := in.Result.Enforce[ns]; l.denied && ok {
				out = append(out, loss{ns, l.d, c.Edge, text})
			}
		}
	}
	return out
}

// readsBack returns the policies that were written, from disk. One that does not come back is a fault of ours.
func readsBack(dir string, in Input, enforced policy.PolicySet) (policy.PolicySet, error) {
	set, problems, err := policies(dir, Enforced, false, in.Result.Dialect.Kinds())
	if err != nil {
		return set, err
	}
	if len(problems) > 0 {
		return set, fmt.Errorf("read own policy back: %w", problems[0])
	}
	own := set
	own.Networks = withoutLabels(set.Networks, in.name())
	if !own.Equal(enforced) {
		return set, errors.New("the policies on disk are not those that were learned")
	}
	return set, nil
}

// judge verifies a set.
func judge(ctx context.Context, in Input, set policy.PolicySet, spaces []Namespace) (verify.Report, error) {
	cfg := verifying(&in)
	cfg.Held = map[string]bool{}
	for i := range spaces {
		cfg.Isolated = append(cfg.Isolated, spaces[i].Isolated()...)
		for _, id := range spaces[i].Open {
			cfg.Held[id] = true
		}
	}
	cfg.Namespaces = in.Result.Namespaces()
	cfg.Inexpressible, cfg.Accepted = in.Result.Inexpressible(), in.Result.Accepted()
	cfg.Rejected, cfg.Ignored = in.Result.DecidedAs(decision.Reject), in.Result.DecidedAs(decision.Ignore)
	cfg.Widened, cfg.WidenedRules = in.Result.Widened, in.Result.WidenedRules()
	set.Networks = append(slices.Clone(set.Networks), in.selectable()...)
	return verify.Verify(ctx, in.Graph, set, cfg)
}

// verifying is how policies are judged, whatever they are.
func verifying(in *Input) verify.Config {
	networks := map[string][]netip.Prefix{}
	for _, n := range in.Config.Networks {
		networks[n.Name] = n.CIDRs
	}
	return verify.Config{
		Semantics: in.Semantics,
		Networks:  networks,
		Nodes:     networks[synth.NodesNetwork],
		Cluster:   in.Result.Cluster,
	}
}

// writeFiles writes directories beside each other: a file system takes longer to make a file than to fill it.
func writeFiles(on disk, dir string, files map[string][]byte) error {
	in := map[string][]string{}
	for name := range files {
		in[path.Dir(name)] = append(in[path.Dir(name)], name)
	}
	dirs := slices.Sorted(maps.Keys(in))
	errs := make([]error, len(dirs))
	render.Each(len(dirs), func(i int) {
		if err := on.MkdirAll(filepath.Join(dir, filepath.FromSlash(dirs[i])), 0o755); err != nil {
			errs[i] = fmt.Errorf("make directory %s: %w", dirs[i], err)
			return
		}
		for _, name := range in[dirs[i]] {
			if err := on.WriteFile(filepath.Join(dir, filepath.FromSlash(name)), files[name], 0o644); err != nil {
				errs[i] = fmt.Errorf("write %s: %w", name, err)
				return
			}
		}
	})
	return cmp.Or(errs...)
}

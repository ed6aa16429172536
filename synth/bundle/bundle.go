// Package bundle writes what was learned as a directory that a person can review and a cluster can apply: the policies,
// a review text, and the evidence. It verifies the policies as they are on disk, learns nothing, and talks to no
// cluster and no forge. The same flows give the same bytes.
//
// The policies come into force in phases, each a directory with one below it for every namespace: open, allow, deny;
// then what is in open is deleted. Within a phase every subset of the objects, in any order, denies nothing that
// worked: DESIGN.md says why. Before them Calico has stage, which decides nothing. The end state is enforce.
package bundle

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"sluice/synth/render"
)

// Check says why a bundle cannot be written to dir, nil if it can: dir must be absent, empty or a former bundle, unless
// force is given. It finishes what a run that was killed left half done. Of a former bundle it reads what that is and
// which files it has; Write reads the rest.
func Check(dir string, force bool) error {
	_, _, err := open(realDisk{}, dir, force, false)
	return err
}

// open looks at the place of a bundle and at the former one in it, nil for none: whole, or as Check does.
func open(on disk, dir string, force, whole bool) (*place, *Former, error) {
	if _, err := os.Lstat(filepath.Join(dir, readyDir)); err == nil {
		if err := install(newLasting(on), dir); err != nil {
			return nil, nil, err
		}
	}
	var former *Former
	var files map[string]string
	if _, err := os.Stat(filepath.Join(dir, ManifestFile)); err == nil {
		if former, err = readFormer(dir, !whole); err != nil {
			return nil, nil, fmt.Errorf("%s is no former bundle: %w", dir, err)
		}
		files = former.files
	}
	p, err := find(dir, former != nil, files)
	if err == nil && whole {
		err = p.compare()
	}
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
	return p, former, p.refuses([]string{ManifestFile}, force)
}

// Write makes the bundle inside dir, verifies its policies by what is then on disk together with what people changed
// and added, and puts it in the place of the former one. Until the new bundle is complete the former one stays as it
// is; what it does not list is never touched.
func Write(ctx context.Context, dir string, in Input) (out Written, err error) {
	if err := validName(in.name()); err != nil {
		return out, err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return out, fmt.Errorf("locate bundle: %w", err)
	}
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	if in.disk == nil {
		in.disk = &eager{}
	}
	p, former, err := open(in.on(), dir, in.Force, true)
	if err != nil {
		return out, err
	}
	in.inputs = told(in.Graph)
	defer in.inputs()
	next, on := filepath.Join(dir, newDir), newLasting(in.on())
	fi, statErr := os.Stat(dir)
	if statErr == nil && !fi.IsDir() {
		return out, fmt.Errorf("%s is a file, and a bundle is a directory: name another place for it", dir)
	}
	if err := on.RemoveAll(next); err != nil {
		return out, fmt.Errorf("make place for bundle: %w", err)
	}
	if err := on.MkdirAll(next, 0o755); err != nil {
		return out, fmt.Errorf("make place for bundle: %w", err)
	}
	defer func() {
		if err != nil {
			_ = on.RemoveAll(next)
			if statErr != nil {
				_ = on.Remove(dir) // it was made for this
			}
		}
	}()
	n, err := fill(ctx, next, p, former, in, &out)
	if err != nil {
		return out, err
	}
	if err := on.SyncBelow(next, n); err != nil {
		return out, fmt.Errorf("put bundle in place: %w", err)
	}
	if err := on.Rename(next, filepath.Join(dir, readyDir)); err != nil {
		return out, fmt.Errorf("put bundle in place: %w", err)
	}
	if err := install(on, dir); err != nil || p.none() {
		return out, err
	}
	now, err := lookAt(dir, true, out.Manifest.Files)
	out.Hands = now.ByHand
	return out, err
}

// fill writes what a bundle has otherwise than its place, the evidence beside the policies, and what goes when it takes
// that place. It returns how many files it wrote.
func fill(ctx context.Context, dir string, p *place, former *Former, in Input, out *Written) (int, error) {
	// One after the other: while it is written, evidence takes about as much memory as judging policies does.
	if err := writeEvidence(dir, in); err != nil {
		return 0, err
	}
	if err := fillPolicies(ctx, dir, p, former, in, out); err != nil {
		return 0, err
	}
	made, err := filesIn(dir)
	if err != nil {
		return 0, fmt.Errorf("list bundle: %w", err)
	}
	files := slices.AppendSeq(slices.Clip(made), maps.Keys(p.kept(out.Manifest.Files)))
	slices.Sort(files)
	if err := p.refuses(files, in.Force); err != nil {
		return 0, err
	}
	var stale []string
	for _, name := range slices.Sorted(maps.Keys(p.owned)) {
		_, stays := slices.BinarySearch(files, name)
		if link := p.link(name); link != "" && link != name {
			continue // what lies behind a link is not ours
		}
		if !stays && (in.Force || !slices.Contains(p.Edited, name)) {
			stale = append(stale, name)
		}
	}
	n, err := p.lists(in.on(), dir, out.Manifest.Files, slices.Concat(made, stale))
	if err != nil {
		return 0, err
	}
	if !in.Force {
		for _, name := range p.Edited { // what people wrote stays in its place
			if err := in.on().Remove(filepath.Join(dir, filepath.FromSlash(name))); err != nil &&
				!errors.Is(err, fs.ErrNotExist) {
				return 0, fmt.Errorf("keep %s: %w", name, err)
			}
		}
	}
	text := strings.Join(append(stale, ""), "\n")
	return len(made) + n, writeFiles(in.on(), dir, map[string][]byte{staleFile: []byte(text)})
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
func fillPolicies(ctx context.Context, dir string, p *place, former *Former, in Input, out *Written) error {
	for {
		w, err := writePolicies(ctx, dir, p, in)
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
			in.Result.Taken(w.taken(&in, former))
			in.Result.Reopens(in.reopened())
			in.Result.Selects(w.selects(&in))
			in.Result.Lacks(lacks(NeedsOf(in.Result, &in.Cluster.Manifests)))
			out.Report = w.report
			if out.Manifest, err = describe(ctx, dir, in, w, before(former, in)); err == nil {
				out.Opened = before(former, in).opened(out.Manifest)
			}
			return err
		}
		for _, d := range formDirs {
			if err := in.on().RemoveAll(filepath.Join(dir, d)); err != nil {
				return fmt.Errorf("write policies anew: %w", err)
			}
		}
	}
}

// writePolicies writes what a cluster can apply, reads it back, and judges it with what people changed and added.
func writePolicies(ctx context.Context, dir string, p *place, in Input) (*written, error) {
	files, err := policyFiles(&in, dir, p)
	if err != nil {
		return nil, err
	}
	if err := includeExtra(files.files, p.Extra); err != nil {
		return nil, err
	}
	if err := files.settle(in.on(), dir, p); err != nil {
		return nil, err
	}
	in.on().Ahead(dir, p.made(files.digests)) // while they are read back and judged
	if err := p.refuses(slices.Collect(maps.Keys(files.digests)), in.Force); err != nil {
		return nil, err
	}
	hands := p.handsOn(files.digests, in.Force)
	enforced := in.Result.Enforced()
	spaces := namespaces(in.Result, enforced)
	r := policyReader{dir: dir, kept: p.kept(files.digests), place: p.dir}
	set, err := readsBack(r, in, enforced)
	if err != nil {
		return nil, err
	}
	theirs, err := p.lay(in.on(), dir, hands)
	if err != nil {
		return nil, err
	}
	var problems []render.Problem
	if len(theirs) > 0 || len(p.Extra) > 0 {
		r.kinds, r.theirs = in.kinds(), true
		if set, problems, err = r.read(Enforced); err != nil {
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
	return &written{p, files.digests, files.lines, hands, spaces, set, own, report}, nil
}

// before is the state that a bundle is compared with: the one that learning started from, else the one in its place.
func before(former *Former, in Input) *Former {
	if in.Base != nil {
		return in.Base
	}
	return former
}

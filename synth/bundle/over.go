package bundle

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"sluice/synth/render"
)

// Merge joins what a person and a new bundle made of one file; digest names the content that both began with. It
// reports false where they cannot be joined.
type Merge func(name, digest string, theirs, ours []byte) ([]byte, bool)

// Laid is what became of what people had changed when a bundle was laid over a former one. The lists are sorted.
type Laid struct {
	Kept   []string // changed by people alone: as they left them
	Merged []string // changed by people and by the bundle, and joined
	// Refused are the changes of the bundle that had to give way: people changed or removed the same, or have a file of
	// their own there. Theirs stands.
	Refused []string
	// Ours is what the bundle has of the files in Merged and Refused.
	Ours map[string][]byte
}

// Over puts the bundle in src over the former one in dst, by the rule of Write: what is not listed there is nobody's
// but people's and stays, and what people changed since stays changed. What is committed is all it writes: the files
// that bundle.json lists, bundle.json, people's own policies in extra/, and the evidence if it is asked for. With a
// comparison the reviews say what changed since its base, not since what the bundle was learned over.
func Over(ctx context.Context, src, dst string, evidence bool, merge Merge, c *Comparison) (*Laid, error) {
	next, err := Read(src)
	if err != nil {
		return nil, err
	}
	p, former, err := open(realDisk{}, dst, true, true)
	if err != nil {
		return nil, err
	}
	o := &over{src: src, p: p, next: next, former: map[string]string{}, files: map[string][]byte{}, merge: merge,
		laid: Laid{Ours: map[string][]byte{}}}
	if former != nil {
		o.former = former.files
	}
	retell := func() error {
		if c == nil {
			return nil
		}
		return c.retell(ctx, src, next, o.files)
	}
	replace := func() error { return o.evidence(evidence) }
	for _, step := range []func() error{o.read, retell, o.extra, o.layFiles, replace} {
		if err := step(); err != nil {
			return nil, fmt.Errorf("lay bundle over the former one: %w", err)
		}
	}
	return &o.laid, nil
}

// over is one bundle being laid over another.
type over struct {
	src    string
	p      *place            // the former one
	next   *Manifest         // of the bundle in src
	former map[string]string // listed by the former one, with digests
	files  map[string][]byte // what the bundle has
	merge  Merge
	laid   Laid
}

// read takes what the bundle lists, as it is on disk: what its owner changed in it is proposed too.
func (o *over) read() error {
	if o.next.Files == nil {
		return fmt.Errorf("%s in %s does not list its files: run learn again", ManifestFile, o.src)
	}
	for name := range o.next.Files {
		if !filepath.IsLocal(filepath.FromSlash(name)) || name == ManifestFile {
			return fmt.Errorf("%s lists %q, which is no file of a bundle", ManifestFile, name)
		}
		text, err := render.ReadInside(o.src, filepath.Join(o.src, filepath.FromSlash(name)))
		if errors.Is(err, fs.ErrNotExist) {
			continue // its owner removed it
		}
		if err != nil {
			return err
		}
		o.files[name] = text
	}
	return nil
}

// extra adds people's own policies of the bundle, and lists those of both places.
func (o *over) extra() error {
	at, err := lookAt(o.src, true, o.next.Files)
	if err != nil {
		return err
	}
	for _, name := range at.Extra {
		ours, err := at.read(name)
		if err != nil {
			return err
		}
		theirs, err := o.p.read(name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			if err := o.put(name, ours); err != nil {
				return err
			}
		case err != nil:
			return err
		case !bytes.Equal(ours, theirs):
			o.refuse(name, ours)
		}
	}
	both := slices.Concat(at.Extra, o.p.Extra)
	slices.Sort(both)
	if both = slices.Compact(both); slices.Equal(both, at.Extra) {
		return nil
	}
	if err := includeExtra(o.files, both); err != nil {
		return err
	}
	for name, text := range o.files {
		if digest := digestOf(text); path.Base(name) == KustomizationFile && o.next.Files[name] != digest &&
			!slices.Contains(at.Edited, name) {
			o.next.Files[name] = digest
		}
	}
	return nil
}

// layFiles decides on every file that either bundle lists, and writes the manifest.
func (o *over) layFiles() error {
	names := map[string]bool{}
	for _, list := range []map[string]string{o.former, o.next.Files} {
		for name := range list {
			names[name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if err := o.layFile(name); err != nil {
			return err
		}
	}
	for _, list := range []*[]string{&o.laid.Kept, &o.laid.Merged, &o.laid.Refused} {
		slices.Sort(*list)
	}
	text, err := encode(o.next.committed())
	if err != nil {
		return err
	}
	return o.put(ManifestFile, text)
}

func (o *over) layFile(name string) error {
	ours, has := o.files[name]
	theirs, err := o.p.read(name)
	there := err == nil
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	digest, listed := o.former[name]
	switch {
	case there == has && bytes.Equal(ours, theirs):
		return nil
	case !there && !listed, there && listed && digestOf(theirs) == digest:
		if !has {
			return drop(realDisk{}, o.p.dir, name)
		}
		return o.put(name, ours)
	case !listed, o.p.link(name) != "":
		o.refuse(name, ours)
	case has && digestOf(ours) == digest:
		o.laid.Kept = append(o.laid.Kept, name)
	case there && has:
		both, ok := o.merge(name, digest, theirs, ours)
		if !ok {
			o.refuse(name, ours)
			return nil
		}
		o.laid.Merged = append(o.laid.Merged, name)
		o.laid.Ours[name] = ours
		return o.put(name, both)
	case there || has:
		o.refuse(name, ours)
	}
	return nil
}

// refuse lets a file stand as people have it. ours is nil where the bundle has none.
func (o *over) refuse(name string, ours []byte) {
	o.laid.Refused = append(o.laid.Refused, name)
	if ours != nil {
		o.laid.Ours[name] = ours
	}
}

// evidence replaces the evidence of the former bundle, which was for other policies.
func (o *over) evidence(wanted bool) error {
	for name := range o.p.owned {
		if strings.HasPrefix(name, EvidenceDir+"/") || name == ReportFile || name == ReportData {
			if err := drop(realDisk{}, o.p.dir, name); err != nil {
				return err
			}
		}
	}
	if err := drop(realDisk{}, o.p.dir, evidenceList); err != nil || !wanted {
		return err
	}
	names, err := filesIn(filepath.Join(o.src, EvidenceDir))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s has no evidence", o.src)
	}
	if err != nil {
		return err
	}
	for _, name := range names {
		text, err := render.ReadInside(o.src, filepath.Join(o.src, EvidenceDir, filepath.FromSlash(name)))
		if err != nil {
			return err
		}
		if err := o.put(path.Join(EvidenceDir, name), text); err != nil {
			return err
		}
	}
	return nil
}

// put writes a file, and nothing through a link.
func (o *over) put(name string, text []byte) error {
	if link := o.p.link(name); link != "" {
		return fmt.Errorf("%s is a link: nothing is written through links, remove it", link)
	}
	return writeFiles(realDisk{}, o.p.dir, map[string][]byte{name: text})
}

package store

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
)

// Pack writes what a scan with these options would open as a store of one commit, in a tar archive, with what a
// collector needs to go on from there. The commit comes last: what was read of an archive that breaks off is no store.
func (s *Store) Pack(ctx context.Context, w io.Writer, o ScanOptions) error {
	commits := s.snapshot()
	c := commit{Format: formatName, Number: 1}
	c.Segments, c.Hours, c.Sources = o.chosen(commits)
	if err := c.renumber(); err != nil {
		return err
	}
	t := tar.NewWriter(w)
	var data bytes.Buffer
	for _, f := range c.named() {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := read(s.files, f, &data); err != nil {
			return err
		}
		if err := putTar(t, f.name, data.Bytes()); err != nil {
			return err
		}
	}
	name, text, err := c.content()
	if err == nil {
		err = putTar(t, name, text)
	}
	return errors.Join(err, t.Close())
}

// chosen returns the segments with rows in the range, the sums of which all segments are among them, and the sources of
// these rows.
func (o *ScanOptions) chosen(commits []commit) (segments []Segment, hours []Hours, sources []Source) {
	n := newNear(segmentsOf(commits), o.Cluster)
	segments, sources = []Segment{}, []Source{}
	from, to := o.Since, o.Until
	var left []Source // files of which rows are left out
	for i := range commits {
		out := map[string]bool{}
		for _, g := range commits[i].Segments {
			if out[g.Path] = !n.segment(&g) || !o.Overlaps(g.First, g.Last); out[g.Path] {
				continue
			}
			segments = append(segments, g)
			if from = min(from, g.First); to != 0 {
				to = max(to, g.Last+1)
			}
		}
		for _, r := range commits[i].remaining(out) {
			if r.days == nil {
				hours = append(hours, r.Hours)
			}
		}
		for _, src := range commits[i].Sources {
			here, rest := commits[i].rowsOf(&src, out)
			if !here && !rest && !n.source(&src) || src.Stream != nil && !n.source(&src) {
				continue
			}
			gone := src.Stream == nil && rest && !here
			if !gone && src.Stream == nil {
				src.Partial = src.Partial || rest || slices.ContainsFunc(left, src.grewFrom)
			}
			if gone || src.Partial {
				left = append(left, src)
			}
			if !gone {
				sources = append(sources, src)
			}
		}
	}
	for i := range sources {
		sources[i].KeepWithin(from, to)
	}
	return segments, hours, sources
}

// rowsOf reports whether rows of a source may be in segments of its commit that are not left out, and in those that
// are: a segment names no source, but it has a time, and clusters.
func (c *commit) rowsOf(src *Source, out map[string]bool) (here, left bool) {
	for i := range c.Segments {
		g := &c.Segments[i]
		if src.First != 0 && (g.Last < src.First || g.First > src.Last) {
			continue
		}
		if src.Cluster != "" && g.Cluster != UnknownCluster && g.Cluster != src.Cluster && g.Peers != nil &&
			!slices.Contains(g.Peers, src.Cluster) {
			continue
		}
		here, left = here || !out[g.Path], left || out[g.Path]
	}
	return here, left
}

// grewFrom reports whether a file may be another one that has grown since: then its digest is that of both, and its
// rows are those of what came later.
func (s *Source) grewFrom(o Source) bool { return s.Name == o.Name && s.Bytes > o.Bytes }

func putTar(t *tar.Writer, name string, data []byte) error {
	err := t.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(data))})
	if err == nil {
		_, err = t.Write(data)
	}
	if err != nil {
		return fmt.Errorf("pack %s: %w", name, err)
	}
	return nil
}

// Unpack makes a store of what Pack wrote, where there is none. Nothing is left of an archive that is damaged, breaks
// off, holds anything else, or files of more than most bytes.
func Unpack(ctx context.Context, r io.Reader, f Files, most int64) (*Store, error) {
	names, err := f.List(version)
	switch {
	case err == nil && slices.ContainsFunc(names, isCommit):
		err = errors.New("there is a store already")
	case err == nil && len(names) > 0:
		err = fmt.Errorf("%s/%s has files of no commit, as of an unpacking that was killed: remove it, or choose another place", f, version)
	}
	if err != nil {
		return nil, fmt.Errorf("unpack into %s: %w", f, err)
	}
	u := &unpacking{files: f, got: map[string]content{}, left: most, unnamed: MaxCommit}
	if err := u.all(ctx, tar.NewReader(r)); err != nil {
		return nil, fmt.Errorf("unpack into %s: %w", f, errors.Join(err, f.Remove(u.names...)))
	}
	return OpenFiles(f)
}

func isCommit(name string) bool { return strings.HasPrefix(name, commitsDir+"/") }

// unpacking is an archive that is read.
type unpacking struct {
	files Files
	names []string           // that were put
	got   map[string]content // of them

	left    int64 // bytes that may come
	unnamed int64 // bytes of a commit that has yet to name files
}

// ErrTooLarge is a pack that holds more than was asked for.
var ErrTooLarge = errors.New("the pack is larger than it may be")

// admit counts a file before a byte of it is taken: files that no commit has room to name are none of a pack.
func (u *unpacking) admit(h *tar.Header) error {
	if h.Typeflag != tar.TypeReg || !ownPath(h.Name) || h.Size > maxFile {
		return fmt.Errorf("%q is no file of a pack: %w", h.Name, ErrDamaged)
	}
	if u.unnamed -= int64(len(h.Name)) + 2*sha256.Size; u.unnamed < 0 {
		return fmt.Errorf("it has more files than a commit can name: %w", ErrDamaged)
	}
	if u.left -= h.Size; u.left < 0 {
		return ErrTooLarge
	}
	return nil
}

func (u *unpacking) all(ctx context.Context, t *tar.Reader) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return fmt.Errorf("it ends before its commit: %w", ErrDamaged)
		}
		if err != nil {
			return fmt.Errorf("it is no pack of a store: %w: %w", err, ErrDamaged)
		}
		if err := u.admit(h); err != nil {
			return err
		}
		if isCommit(h.Name) {
			return u.commit(h.Name, t)
		}
		u.names = append(u.names, h.Name)
		c, err := put(u.files, h.Name, func(w io.Writer) error {
			_, err := io.Copy(w, t)
			return breaksOff(h.Name, err)
		})
		if err != nil {
			return err
		}
		u.got[h.Name] = c
	}
}

func breaksOff(name string, err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("it breaks off inside of %s: %w", name, ErrDamaged)
	}
	return err
}

// commit puts the commit, if it names the files that came before it and no others.
func (u *unpacking) commit(name string, t *tar.Reader) error {
	text, err := io.ReadAll(io.LimitReader(t, MaxCommit))
	if err != nil {
		return breaksOff(name, err)
	}
	c, err := parseCommit(name, text)
	if err == nil && c.Number > 1 && !slices.Equal(c.Replaces, ranges{{1, c.Number - 1}}) {
		err = fmt.Errorf("commit %s is not the only one: %w", name, ErrDamaged)
	}
	if err == nil {
		err = c.renumber() // former versions packed files of later numbers with commit 1
	}
	if err == nil {
		name, text, err = c.content()
	}
	if err != nil {
		return err
	}
	named := map[string]bool{}
	for _, f := range c.named() {
		named[f.name] = true
		if u.got[f.name].digest != f.digest {
			return fmt.Errorf("%s is not the file that was packed: %w", f.name, ErrDamaged)
		}
	}
	for _, put := range u.names {
		if !named[put] {
			return fmt.Errorf("%s belongs to nothing: %w", put, ErrDamaged)
		}
	}
	if len(named) != len(u.names) {
		return fmt.Errorf("it lacks files that its commit names: %w", ErrDamaged)
	}
	u.names = append(u.names, name)
	if err := u.files.Put(name, func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	}); err != nil {
		return err
	}
	return putHead(u.files, path.Join(headDir, strings.TrimSuffix(path.Base(name), commitSuffix)))
}

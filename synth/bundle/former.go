package bundle

import (
	"os"
	"path/filepath"
)

// Former is an earlier state of a bundle.
type Former struct {
	Manifest *Manifest
	digest   string // of its bundle.json
	review   string // its REVIEW.md
}

// ReadFormer reads the state of the bundle in dir.
func ReadFormer(dir string) (*Former, error) {
	m, err := Read(dir)
	if err != nil {
		return nil, err
	}
	return formerOf(dir, m), nil
}

// formerOf adds to a manifest what is compared as text: what is not there differs.
func formerOf(dir string, m *Manifest) *Former {
	f := &Former{Manifest: m}
	if text, err := os.ReadFile(filepath.Join(dir, ManifestFile)); err == nil {
		f.digest = digestOf(text)
	}
	if text, err := os.ReadFile(filepath.Join(dir, ReviewFile)); err == nil {
		f.review = string(text)
	}
	return f
}

// before is the state that a bundle is compared with: the one that learning started from, else the one in its place.
func before(p *place, former *Manifest, in Input) *Former {
	switch {
	case in.Base != nil:
		return in.Base
	case former != nil:
		return formerOf(p.dir, former)
	}
	return nil
}

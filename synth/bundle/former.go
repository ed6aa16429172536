package bundle

import (
	"os"
	"path/filepath"

	"sluice/synth/policy"
	"sluice/synth/render"
)

// Former is an earlier state of a bundle.
type Former struct {
	Manifest *Manifest
	digest   string // of its bundle.json
	review   string // its REVIEW.md
	// set is what it enforces, with what people changed in it and added; nil where it cannot be read.
	set *policy.PolicySet
}

// ReadFormer reads the state of the bundle in dir, whose policies are of some kinds.
func ReadFormer(dir string, kinds ...render.Kinds) (*Former, error) {
	m, err := Read(dir)
	if err != nil {
		return nil, err
	}
	return formerOf(dir, m, kinds), nil
}

// formerOf adds to a manifest what is compared: what is not there differs.
func formerOf(dir string, m *Manifest, kinds []render.Kinds) *Former {
	f := &Former{Manifest: m}
	if set, problems, err := Policies(dir, Enforced, kinds...); err == nil && render.Unread(problems) == 0 {
		f.set = &set
	}
	if text, err := os.ReadFile(filepath.Join(dir, ManifestFile)); err == nil {
		f.digest = digestOf(text)
	}
	if text, err := os.ReadFile(filepath.Join(dir, ReviewFile)); err == nil {
		f.review = string(text)
	}
	return f
}

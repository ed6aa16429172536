package bundle_test

import (
	"errors"
	"io/fs"
	"path/filepath"
	"testing"

	"sluice/synth/bundle"
)

// TestAhead: what went wrong while files were synced ahead is told when all are. Where a file system is not synced whole,
// all is well without.
func TestAhead(t *testing.T) {
	dir := t.TempDir()
	whole, err := bundle.SyncsFileSystem(dir)
	if err != nil {
		t.Fatal(err)
	}
	d, many := bundle.EagerDisk(), 1<<20
	d.Ahead(dir, many)
	d.Ahead(filepath.Join(dir, "missing"), 1) // too few to begin with
	if err := d.SyncBelow(dir, many); err != nil {
		t.Errorf("synced ahead: %v", err)
	}
	d.Ahead(filepath.Join(dir, "missing"), many)
	if err := d.SyncBelow(dir, many); whole && !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v of what was synced ahead, want that it is told", err)
	}
}

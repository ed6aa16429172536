package bundle_test

import (
	"errors"
	"io/fs"
	"path/filepath"
	"testing"

	"sluice/synth/bundle"
)

// TestSyncsFileSystem: one sync of the file system stands for thousands only where it makes files last as a sync of each
// does, and what cannot be synced is an error.
func TestSyncsFileSystem(t *testing.T) {
	if done, err := bundle.SyncsFileSystem("/proc"); done || err != nil {
		t.Errorf("/proc holds no file that lasts: %v, %v", done, err)
	}
	missing := filepath.Join(t.TempDir(), "missing")
	for _, n := range []int{1, 1_000_000} {
		if err := bundle.RealDisk.SyncBelow(missing, n); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%d files in a directory that is not there: %v", n, err)
		}
	}
}

package bundle_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"sluice/synth"
)

// TestPipesInBundle: a pipe in the place of a file holds nobody up.
func TestPipesInBundle(t *testing.T) {
	for _, name := range []string{"REVIEW.md", "allow/shop/web.yaml", "evidence/FILES"} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "out")
			write(t, dir, synth.Config{All: true}, "shop/web -> shop/db 1/tcp")
			file := filepath.Join(dir, filepath.FromSlash(name))
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
			if err := syscall.Mkfifo(file, 0o600); err != nil {
				t.Fatal(err)
			}
			done := make(chan error, 1)
			go func() {
				_, err := tryWrite(t, dir, false, "shop/web -> shop/db 2/tcp")
				done <- err
			}()
			select {
			case err := <-done:
				if name == "evidence/FILES" {
					return // what evidence there is nobody reads: it is written anew
				}
				if err == nil || !strings.Contains(err.Error(), "is a pipe: not read") {
					t.Error(err)
				}
			case <-time.After(time.Minute):
				t.Fatal("it waits for somebody to write into the pipe")
			}
		})
	}
}

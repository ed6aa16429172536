package run

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"sluice/synth/readiness"
)

// ReadManifests reads the cluster's manifests of files, directories and "-": pods of the log are given the owners that
// these declare, and readiness waits for what is declared and was never seen. What cannot be read is a problem, and
// keeps nothing else from being read.
func (c *Config) ReadManifests(paths []string, stdin io.Reader) error {
	for _, path := range paths {
		before := len(c.Manifests) + len(c.ManifestProblems)
		if err := c.manifests(path, stdin); err != nil {
			return fmt.Errorf("--manifests: %w", err)
		}
		if len(c.Manifests)+len(c.ManifestProblems) == before {
			return fmt.Errorf(
				"--manifests %s: no CronJob, Deployment, StatefulSet or DaemonSet: nothing would be waited for",
				path,
			)
		}
	}
	return nil
}

func (c *Config) manifests(path string, stdin io.Reader) error {
	if path == "-" {
		c.take(stdin, "-")
		return nil
	}
	return filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
		hidden := strings.HasPrefix(d.Name(), ".") && p != path
		switch ext := strings.ToLower(filepath.Ext(p)); {
		case err != nil:
			return err
		case d.IsDir() && hidden:
			return filepath.SkipDir
		case d.IsDir() || hidden, p != path && ext != ".yaml" && ext != ".yml" && ext != ".json":
			return nil
		}
		f, err := os.Open(p)
		if err != nil {
			return err
		}
		defer f.Close()
		c.take(f, p)
		return nil
	})
}

func (c *Config) take(r io.Reader, file string) {
	list, err := readiness.ReadManifests(r, file, "default")
	c.Manifests = append(c.Manifests, list...)
	var several interface{ Unwrap() []error }
	if errors.As(err, &several) {
		c.ManifestProblems = append(c.ManifestProblems, several.Unwrap()...)
	} else if err != nil {
		c.ManifestProblems = append(c.ManifestProblems, err)
	}
}

package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

const (
	version    = "v1"
	commitsDir = version + "/commits"
	formatName = "sluice/store/v1"
)

// commit is one file of v1/commits. A segment belongs to the store from the moment that the commit naming it is renamed
// into place. The name of the file holds its number and the start of its own digest.
type commit struct {
	Format   string    `json:"format"`
	Number   int       `json:"number"`
	Segments []Segment `json:"segments"`
	Sources  []Source  `json:"sources"`
}

func commitName(number int, data []byte) string {
	sum := sha256.Sum256(data)
	return fmt.Sprintf("%08d-%s.json", number, hex.EncodeToString(sum[:8]))
}

// readCommits reads the commits after the first known ones, in order. Unfinished files of a writer that died have other
// names and are passed over.
func readCommits(dir string, known int) ([]commit, error) {
	entries, err := os.ReadDir(filepath.Join(dir, commitsDir))
	if err != nil {
		return nil, err
	}
	entries = slices.DeleteFunc(entries, func(e os.DirEntry) bool { return !strings.HasSuffix(e.Name(), ".json") })
	var out []commit
	for _, e := range entries[min(known, len(entries)):] {
		c, err := readCommit(filepath.Join(dir, commitsDir, e.Name()))
		if err != nil {
			return nil, err
		}
		if want := known + len(out) + 1; c.Number != want {
			return nil, fmt.Errorf("commit %d is missing in %s: %w", want, commitsDir, ErrDamaged)
		}
		out = append(out, c)
	}
	return out, nil
}

func readCommit(file string) (c commit, err error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return c, err
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&c); err != nil || c.Format != formatName || commitName(c.Number, data) != filepath.Base(file) {
		return c, fmt.Errorf("commit %s: %w", file, ErrDamaged)
	}
	for _, g := range c.Segments {
		if !ownPath(g.Path) || !ownPath(g.Labels) {
			return c, fmt.Errorf("commit %s names a file outside the store: %w", file, ErrDamaged)
		}
	}
	return c, nil
}

func ownPath(p string) bool {
	return path.Clean(p) == p && filepath.IsLocal(filepath.FromSlash(p)) && strings.HasPrefix(p, version+"/")
}

// publish makes a commit visible: everything it names must be on disk before. The directory must be synced afterwards.
func (c *commit) publish(dir string) error {
	data, err := json.Marshal(c)
	if err != nil {
		return err
	}
	data = append(data, '\n')
	name := filepath.Join(dir, commitsDir, commitName(c.Number, data))
	f, err := create(name + tmpSuffix)
	if err != nil {
		return err
	}
	if _, err := f.Write(data); err != nil {
		return errors.Join(err, f.discard())
	}
	if err := f.seal(); err != nil {
		return errors.Join(err, f.discard())
	}
	if err := f.publish(); err != nil {
		return errors.Join(err, f.discard())
	}
	return nil
}

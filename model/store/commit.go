package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

const (
	version      = "v1"
	commitsDir   = version + "/commits"
	headDir      = version + "/head"
	commitSuffix = ".json"
	formatName   = "sluice/store/v1"
)

// commit is one file of v1/commits. A segment belongs to the store from the moment that the commit naming it is renamed
// into place. The name of the file holds its number and the start of its own digest.
type commit struct {
	Format   string    `json:"format"`
	Number   int       `json:"number"`
	Segments []Segment `json:"segments"`
	Hours    []Hours   `json:"hours,omitempty"` // sums of segments; those of former versions have none
	Sources  []Source  `json:"sources"`
	// Replaces are the numbers of earlier commits that this one holds the sum of: they no longer count, and their files
	// may be gone.
	Replaces ranges `json:"replaces,omitempty"`
	Level    int    `json:"level,omitempty"` // how many times its rows were merged
	file     string // its name
	newest   int    // the highest number of a commit that a file which it names was written for, as it was read
}

func commitName(number int, data []byte) string {
	sum := sha256.Sum256(data)
	return fmt.Sprintf("%08d-%s.json", number, hex.EncodeToString(sum[:8]))
}

// readCommits reads the commits after the last known one, in order. A listing is no snapshot: commits may be replaced
// and removed while it is read. So what seems to be missing is looked for once more if the listing has changed.
func readCommits(files Files, last int) ([]commit, error) {
	var before []string
	for {
		names, err := listCommits(files, last)
		if err != nil {
			return nil, err
		}
		out, err := readListed(files, names, last)
		if err == nil || !errors.Is(err, errMissing) || slices.Equal(names, before) {
			return out, err
		}
		before = names
	}
}

// listCommits returns the names of the commits after the last known one, sorted. Files of other kinds are passed over.
func listCommits(files Files, last int) (out []string, err error) {
	names, err := files.List(commitsDir)
	for _, name := range names {
		if n, ok := commitNumber(path.Base(name)); ok && n > last {
			out = append(out, path.Base(name))
		}
	}
	return out, err
}

// readListed reads commits. A number may be missing only where a later commit replaces it, and none twice.
func readListed(files Files, names []string, last int) ([]commit, error) {
	var out []commit
	var replaced ranges
	for _, name := range names {
		c, err := readCommit(files, path.Join(commitsDir, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue // replaced and removed meanwhile, or missing, as shows below
		}
		if err != nil {
			return nil, err
		}
		out = append(out, c)
		replaced = replaced.union(c.Replaces)
	}
	slices.SortFunc(out, func(a, b commit) int { return a.Number - b.Number })
	want := last + 1
	for _, c := range out {
		if c.Number < want {
			return nil, fmt.Errorf("commit %d is there twice in %s: %w", c.Number, commitsDir, ErrDamaged)
		}
		for want < c.Number {
			last := replaced.through(want)
			if last == 0 {
				return nil, fmt.Errorf("commit %d is %w in %s: %w", want, errMissing, commitsDir, ErrDamaged)
			}
			want = last + 1
		}
		want = c.Number + 1
	}
	return out, nil
}

// commitNumber returns the number in the name of a commit's file, false for files of other kinds.
func commitNumber(file string) (int, bool) {
	number, rest, ok := strings.Cut(file, "-")
	if !ok || !strings.HasSuffix(rest, commitSuffix) {
		return 0, false
	}
	n, err := strconv.Atoi(number)
	return n, err == nil
}

// MaxCommit is how many bytes the content of a commit has at most, some million segments: nobody who may write to a
// store, or who sends one, can make its readers take more memory than that.
const MaxCommit = 1 << 28

func readCommit(files Files, file string) (c commit, err error) {
	r, _, err := files.Get(file)
	if err != nil {
		return c, err
	}
	data, err := io.ReadAll(io.LimitReader(r, MaxCommit)) // what is cut off is not the commit of its name
	if err := errors.Join(err, r.Close()); err != nil {
		return c, fmt.Errorf("read commit %s: %w", file, err)
	}
	return parseCommit(file, data)
}

// parseCommit reads the content of the file of a commit, and checks that it is that file.
func parseCommit(file string, data []byte) (c commit, err error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	err = d.Decode(&c)
	switch n, ok := commitNumber(path.Base(file)); {
	case !ok || commitName(n, data) != path.Base(file) || err == nil && n != c.Number:
		return c, fmt.Errorf("commit %s: %w", file, ErrDamaged)
	case err != nil || c.Format != formatName: // it is what its writer meant it to be
		return c, fmt.Errorf("commit %s: %w", file, ErrNewer)
	}
	c.file = path.Base(file)
	for _, name := range c.files() {
		if !ownPath(name) {
			return c, fmt.Errorf("commit %s names a file outside the store: %w", file, ErrDamaged)
		}
		n, _ := commitOf(path.Base(name))
		c.newest = max(c.newest, n)
	}
	if err := c.checkHours(); err != nil {
		return c, fmt.Errorf("commit %s: %w", file, err)
	}
	for _, r := range c.Replaces {
		if r[0] < 1 || r[0] > r[1] || r[1] >= c.Number {
			return c, fmt.Errorf("commit %s replaces what is not before it: %w", file, ErrDamaged)
		}
	}
	return c, nil
}

// pairs are the segments of a commit and the sums of them.
func (c *commit) pairs() []Segment {
	out := slices.Clone(c.Segments)
	for i := range c.Hours {
		out = append(out, c.Hours[i].Segment)
	}
	return out
}

// named are the files that a commit names: those of its pairs, and the ids of streams.
func (c *commit) named() (files []named) {
	for _, g := range c.pairs() {
		of := g.files()
		files = append(files, of[:]...)
	}
	for _, src := range c.Sources {
		if src.Stream != nil {
			for i := range src.Stream.Seen {
				files = append(files, src.Stream.Seen[i].file())
			}
		}
	}
	return files
}

// files are the names of the files that a commit names.
func (c *commit) files() (names []string) {
	for _, f := range c.named() {
		names = append(names, f.name)
	}
	return names
}

// maxNumber is the highest number that a commit from elsewhere may have: one a second for thirty years.
const maxNumber = 1 << 30

// renumber makes the only commit of a store the last of as many as its files were written for: the next writer names
// its files by the number that follows, and they must not have the names of these. Terms of rights that other stores
// gave tell nothing there.
func (c *commit) renumber() error {
	for _, name := range c.files() {
		n, _ := commitOf(path.Base(name))
		c.Number = max(c.Number, n)
	}
	if c.Number > maxNumber {
		return fmt.Errorf("commit %d has a number that no store comes to: %w", c.Number, ErrDamaged)
	}
	for i := range c.Sources {
		if st := c.Sources[i].Stream; st != nil {
			here := *st
			here.Term = 0
			c.Sources[i].Stream = &here
		}
	}
	c.Replaces = nil
	if c.Number > 1 {
		c.Replaces = ranges{{1, c.Number - 1}}
	}
	return nil
}

func ownPath(p string) bool {
	return path.Clean(p) == p && filepath.IsLocal(filepath.FromSlash(p)) && strings.HasPrefix(p, version+"/")
}

// content returns the name of the commit's file and what it holds.
func (c *commit) content() (name string, data []byte, err error) {
	data, err = json.Marshal(c)
	data = append(data, '\n')
	return path.Join(commitsDir, commitName(c.Number, data)), data, err
}

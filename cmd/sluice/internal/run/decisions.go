package run

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"reflect"
	"slices"

	"sluice/cmd/sluice/internal/disk"
	"sluice/synth/decision"
)

// ErrConfigChanged says that somebody else wrote the configuration meanwhile.
var ErrConfigChanged = errors.New("the configuration was changed by somebody else: nothing was written")

// ConfigFile is a sluice.yaml that decisions are put into and taken out of again. All else in it stays as it is, to the
// byte.
type ConfigFile struct {
	Path  string
	began []byte // what was there first; nil: no file
	last  []byte // what should be there now
}

// OpenConfigFile reads the configuration of a path, DefaultConfig for "". It need not be there.
func OpenConfigFile(path string) (*ConfigFile, error) {
	f := &ConfigFile{Path: cmp.Or(path, DefaultConfig)}
	text, err := os.ReadFile(f.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return f, nil
	case err != nil:
		return nil, fmt.Errorf("read config: %w", err)
	}
	f.began, f.last = text, text
	if _, err = parseConfig(f.Path, bytes.NewReader(text)); err != nil {
		return nil, err
	}
	return f, nil
}

// Decisions are those that the file began with, in their order.
func (f *ConfigFile) Decisions() ([]decision.Decision, error) {
	list, _, err := f.parsed(f.began)
	return list, err
}

// Save writes the file as it began with a list of decisions before its own: the first that names an edge counts. Some
// of its own are left out, by their index in Decisions. What a former Save wrote is taken out again, what it left out
// is there again.
func (f *ConfigFile) Save(list []decision.Decision, without []int) error {
	now, err := os.ReadFile(f.Path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("write decisions: %w", err)
	}
	if !bytes.Equal(now, f.last) {
		return ErrConfigChanged
	}
	text, err := withoutDecisions(f.began, without)
	if err == nil {
		text, err = withDecisions(text, list)
	}
	if err != nil {
		return fmt.Errorf("write decisions: %s: %w", f.Path, err)
	}
	if err := f.check(text, list, without); err != nil {
		return err
	}
	if len(text) == 0 && f.began == nil {
		err = os.Remove(f.Path)
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
	} else {
		err = disk.Replace(f.Path, text)
	}
	if err != nil {
		return fmt.Errorf("write decisions: %w", err)
	}
	f.last = text
	return nil
}

// check reads back what is about to be written.
func (f *ConfigFile) check(text []byte, list []decision.Decision, without []int) error {
	own, err := f.Decisions()
	if err != nil {
		return err
	}
	want := slices.Clone(list)
	for i := range own {
		if !slices.Contains(without, i) {
			want = append(want, own[i])
		}
	}
	back, rest, err := f.parsed(text)
	if err != nil {
		return fmt.Errorf("write decisions: %s has a form that cannot be changed: do it by hand: %w", f.Path, err)
	}
	_, began, err := f.parsed(f.began)
	if err != nil {
		return err
	}
	if !slices.Equal(back, want) || !reflect.DeepEqual(rest, began) {
		return fmt.Errorf("write decisions: %s has a form that cannot be changed: do it by hand", f.Path)
	}
	return nil
}

// parsed reads a text as a configuration: its decisions, and all else.
func (f *ConfigFile) parsed(text []byte) ([]decision.Decision, any, error) {
	c, err := parseConfig(f.Path, bytes.NewReader(text))
	if err != nil {
		return nil, nil, err
	}
	book, err := c.decisions()
	if err != nil {
		return nil, nil, err
	}
	c.Decisions = nil
	if book == nil {
		return nil, c, nil
	}
	return book.List(), c, nil
}

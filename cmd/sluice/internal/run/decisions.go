package run

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"sluice/model"
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
		err = replaceFile(f.Path, text)
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

// withDecisions puts decisions before those that a configuration has.
func withDecisions(text []byte, list []decision.Decision) ([]byte, error) {
	if len(list) == 0 {
		return text, nil
	}
	key, seq, err := decisionsIn(text)
	if err != nil {
		return nil, err
	}
	lines := strings.SplitAfter(string(text), "\n")
	var entries []string
	for i := range list {
		entries = append(entries, decisionText(&list[i]))
	}
	switch {
	case key == nil:
		out := string(text)
		if out != "" && !strings.HasSuffix(out, "\n") {
			out += "\n"
		}
		return []byte(out + "decisions:\n- " + strings.Join(entries, "\n- ") + "\n"), nil
	case seq.Kind == yaml.SequenceNode && seq.Style&yaml.FlowStyle != 0:
		before := entries
		if len(seq.Content) > 0 {
			before = append(before, "")
		}
		line := []rune(lines[seq.Line-1])
		lines[seq.Line-1] = string(line[:seq.Column]) + strings.Join(before, ", ") + string(line[seq.Column:])
	default:
		indent := ""
		if seq.Kind == yaml.SequenceNode {
			indent = strings.Repeat(" ", seq.Column-1)
		}
		if last := lines[key.Line-1]; !strings.HasSuffix(last, "\n") {
			lines[key.Line-1] = last + "\n"
		}
		lines[key.Line-1] += indent + "- " + strings.Join(entries, "\n"+indent+"- ") + "\n"
	}
	return []byte(strings.Join(lines, "")), nil
}

// decisionsIn finds the list in a configuration; nil: it has none.
func decisionsIn(text []byte) (key, list *yaml.Node, err error) {
	var doc yaml.Node
	if err := yaml.NewDecoder(bytes.NewReader(text)).Decode(&doc); err != nil && !errors.Is(err, io.EOF) {
		return nil, nil, err
	}
	if len(doc.Content) == 0 || doc.Content[0].Kind != yaml.MappingNode {
		return nil, nil, nil
	}
	m := doc.Content[0].Content
	for i := 0; i+1 < len(m); i += 2 {
		if m[i].Value == "decisions" {
			return m[i], m[i+1], nil
		}
	}
	return nil, nil, nil
}

// decisionText is a decision on one line.
func decisionText(d *decision.Decision) string {
	words := []string{
		"source: " + yamlText(d.Source),
		"destination: " + yamlText(d.Destination),
		"port: " + yamlText(d.Port),
		"verdict: " + d.Verdict.String(),
		"reason: " + yamlText(d.Reason),
	}
	if d.By != "" {
		words = append(words, "by: "+yamlText(d.By))
	}
	if !d.Until.IsZero() {
		words = append(words, `until: "`+d.Until.Format(time.DateOnly)+`"`)
	}
	return "{" + strings.Join(words, ", ") + "}"
}

// yamlText writes a text as a scalar: plain where that is read back as the same text, else in quotes, with escapes for
// what does not show as itself.
func yamlText(s string) string {
	var back struct{ V any }
	if model.Printable(s) == s && !strings.ContainsAny(s, "\n\"'\\") &&
		yaml.Unmarshal([]byte("{v: "+s+", w: 0}"), &back) == nil && back.V == s {
		return s
	}
	b, err := json.Marshal(s)
	if err != nil {
		return `""` // a string always has JSON
	}
	return model.Printable(string(b))
}

// replaceFile writes a file at once: after a failure the former one is there, whole. A link stays one.
func replaceFile(path string, text []byte) error {
	if to, err := filepath.EvalSymlinks(path); err == nil {
		path = to
	}
	mode := fs.FileMode(0o644)
	if fi, err := os.Stat(path); err == nil {
		mode = fi.Mode().Perm()
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".sluice-*")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

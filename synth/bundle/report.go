package bundle

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"sluice/synth"
	"sluice/synth/render"
)

const reportKind = "BundleReport"

// Report is report.json: what one run of learn saw and how much, which the next run changes without changing a rule.
// It belongs to the bundle.json that it names. The fields are additive within v1.
type Report struct {
	APIVersion   string       `json:"apiVersion"`
	Kind         string       `json:"kind"`
	Of           string       `json:"of"` // digest of the bundle.json
	Run          Run          `json:"run"`
	Inputs       Inputs       `json:"inputs"`
	Namespaces   []Namespace  `json:"namespaces"`
	Edges        []Edge       `json:"edges"`
	Findings     []Finding    `json:"findings"`
	Verification Verification `json:"verification"`
}

// Run is what was read, by which command.
type Run struct {
	Version string   `json:"version,omitempty"` // of sluice
	Command []string `json:"command,omitempty"` // with its arguments
	Sources []Source `json:"sources,omitempty"`
	Fates   []Fate   `json:"fates,omitempty"` // of the records; they add up to all that were read
	Lost    uint64   `json:"lost,omitempty"`  // events that the log says it lost
	Gaps    int      `json:"gaps,omitempty"`  // times from which records of servers may be missing
	// OutOfRange records lie outside --since and --until.
	OutOfRange uint64   `json:"outOfRange,omitempty"`
	Partial    []string `json:"partial,omitempty"` // sources that could not be read whole
	Lacks      []string `json:"lacks,omitempty"`   // what the log cannot show, however long it is
	Ready      []Ready  `json:"ready,omitempty"`   // whether enough was seen, for each workload and direction
}

// Source is something that was read.
type Source struct {
	Name    string `json:"name"`
	Format  string `json:"format,omitempty"`
	Digest  string `json:"digest,omitempty"`
	Records int64  `json:"records"`
	Bytes   int64  `json:"bytes,omitempty"`
}

// Fate is what became of some records, and why.
type Fate struct {
	Fate    string            `json:"fate"`
	Records uint64            `json:"records"`
	Reasons map[string]uint64 `json:"reasons,omitempty"`
}

// Ready reports whether enough was seen of a direction of a workload.
type Ready struct {
	Workload  string `json:"workload"`
	Direction string `json:"direction"`
	State     string `json:"state"`
	Enough    bool   `json:"-"`      // the state says that enough was seen
	Chance    string `json:"chance"` // of an edge within a week that exists and was never seen
	Why       string `json:"why,omitempty"`
}

// committed is a manifest without all that the next run changes though no rule, edge or decision does. The items of its
// lists lose it when they are written: there may be too many to have them twice.
type committed struct{ Manifest }

func (m *Manifest) committed() *committed {
	c := committed{*m}
	c.Inputs = Inputs{}
	c.Verification.Replayed = nil
	return &c
}

// committedItem is an item of a list as it is committed, nil for one that is not.
func committedItem(item any) any {
	switch x := item.(type) {
	case *Namespace:
		out := *x
		out.WatchedFrom, out.WatchedTo, out.NewEdge = "", "", ""
		return &out
	case *Edge:
		out := *x
		if out.Seen = nil; out.Worked() {
			out.Grade, out.Doubt = "", ""
		}
		return &out
	case *Finding:
		if !x.lasts() {
			return nil
		}
		out := *x
		out.Detail = ""
		return &out
	}
	return item
}

// lasts reports whether a finding is of more than the records of a run.
func (f *Finding) lasts() bool { return synth.Kind(f.Kind) != synth.KindLate }

// lasting are the findings as they are committed, of one namespace where one is named.
func (m *Manifest) lasting(namespace string) []Finding {
	out := make([]Finding, 0, len(m.Findings))
	for _, f := range m.Findings {
		if f.lasts() && (namespace == "" || f.Namespace == namespace) {
			f.Detail = ""
			out = append(out, f)
		}
	}
	return out
}

// reportOf is what committed leaves out, with what was read.
func (m *Manifest) reportOf(digest string, run Run) *Report {
	return &Report{apiVersion, reportKind, digest, run, m.Inputs, m.Namespaces, m.Edges, m.Findings, m.Verification}
}

// ReadReport returns the report of the run that wrote the bundle in dir, nil where it is not there, or is of another
// state of the bundle: it is not committed.
func ReadReport(dir string) (*Report, error) {
	text, err := render.ReadInside(dir, filepath.Join(dir, ManifestFile))
	if err != nil {
		return nil, fmt.Errorf("read bundle: %w", err)
	}
	return readReport(dir, digestOf(text))
}

// readReport reads the report of the bundle.json with a digest.
func readReport(dir, of string) (*Report, error) {
	text, err := render.ReadInside(dir, filepath.Join(dir, ReportData))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read bundle: %w", err)
	}
	r := &Report{}
	if err := json.Unmarshal(text, r); err != nil {
		return nil, fmt.Errorf("read bundle: %s: %w", ReportData, err)
	}
	if r.Of != of {
		return nil, nil
	}
	return r, nil
}

// join fills in what the report of the run knows; without one all counts are 0.
func (m *Manifest) join(r *Report) {
	if r != nil && len(r.Edges) == len(m.Edges) && len(r.Namespaces) == len(m.Namespaces) {
		m.Inputs, m.Namespaces, m.Edges = r.Inputs, r.Namespaces, r.Edges
		m.Findings, m.Verification = r.Findings, r.Verification
	}
	if m.Verification.Replayed == nil {
		m.Verification.Replayed = &Replayed{Connections: map[string]uint64{}, Records: map[string]uint64{},
			UnusedRules: []string{}}
	}
	for i := range m.Edges {
		if m.Edges[i].Seen == nil {
			m.Edges[i].Seen = &Seen{Observers: []string{}}
		}
	}
}

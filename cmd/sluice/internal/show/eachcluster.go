package show

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"sluice/cmd/sluice/internal/run"
	"sluice/cmd/sluice/internal/text"
)

// OfCluster is what a command found of one of the clusters that it was asked about.
type OfCluster struct {
	Cluster string `json:"cluster"`
	Exit    int    `json:"exit"` // the code that the command would have for it alone
	Skipped string `json:"skipped,omitempty"`
	Error   string `json:"error,omitempty"` // what failed, or asks for attention
	// Result is the object that the command prints of it alone, text what it prints where a table was asked for.
	Result json.RawMessage `json:"result,omitempty"`
	text   []byte
	failed bool // nothing was judged, or not all
}

// EachCluster prints what was found of each cluster.
type EachCluster struct {
	w             io.Writer
	format        string
	all           []OfCluster
	failed, found []error
}

// NewEachCluster makes one that prints to w.
func NewEachCluster(w io.Writer, format string) *EachCluster {
	return &EachCluster{w: w, format: format, all: []OfCluster{}}
}

// Add takes what the command printed of the next cluster, and the error that it ended with.
func (e *EachCluster) Add(of OfCluster, printed []byte, err error) {
	switch e.format {
	case Table, SARIF, JUnit:
		of.text = printed
	default:
		of.Result = printed
	}
	if err != nil {
		of.Error = text.Printable(err.Error(), 2000)
		err = fmt.Errorf("cluster %s: %w", text.Printable(of.Cluster, 100), err)
	}
	if findings := (*run.Findings)(nil); errors.As(err, &findings) {
		e.found = append(e.found, err)
	} else if err != nil {
		e.failed = append(e.failed, err)
		of.failed = true
	}
	e.all = append(e.all, of)
}

// Print prints a section for each, or one object of all.
func (e *EachCluster) Print() error {
	switch e.format {
	case SARIF:
		return e.sarif()
	case JUnit:
		return e.junit()
	case Table:
	default:
		h := newHeader("EachClusterResult")
		return printObject(e.w, e.format, object{{"apiVersion", h.APIVersion}, {"kind", h.Kind}, {"clusters", e.all}})
	}
	var out bytes.Buffer
	for i := range e.all {
		of := &e.all[i]
		if i > 0 {
			out.WriteByte('\n')
		}
		fmt.Fprintf(&out, "Cluster %s (exit %d)", text.Printable(of.Cluster, 100), of.Exit)
		switch {
		case of.Skipped != "":
			fmt.Fprintf(&out, ": skipped, %s\n", text.Printable(of.Skipped, 500))
		case of.Error != "":
			fmt.Fprintf(&out, ": %s\n\n", of.Error)
		default:
			out.WriteString("\n\n")
		}
		out.Write(of.text)
	}
	_, err := e.w.Write(out.Bytes())
	return err
}

// Worst returns the worst of the errors: what failed, else what asks for attention. That nothing was judged is one.
func (e *EachCluster) Worst() error {
	switch {
	case len(e.failed) > 0:
		return errors.Join(e.failed...)
	case len(e.found) > 0:
		return &run.Findings{What: []string{errors.Join(e.found...).Error()}}
	}
	for i := range e.all {
		if e.all[i].Skipped == "" {
			return nil
		}
	}
	return errors.New("nothing was judged: no cluster has what was asked for")
}

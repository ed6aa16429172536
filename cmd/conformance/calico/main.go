// Command calico is a judge of the calico and kubernetes dialects and of the calico semantics: Calico 3.31.0's own
// validator, selector parser, calculation graph and policy checker, run offline. It reads one world a line from
// standard input as JSON and writes one Answer a line in the same order.
//
// It converts AdminNetworkPolicy and BaselineAdminNetworkPolicy, and knows nothing of ClusterNetworkPolicy, which took
// their place in 3.32, and 3.32 cannot be had: the module proxy answers "403
// Forbidden: This module version is not available" for v3.31.3, v3.32.0, v3.32.2 and release-v3.32, and for the commits
// of its branch that were tried (ff2223286b9e, fb7b1d4cb3ca). What 3.32 does otherwise rests on its source and stands in
// synth/eval/around.go.
//
// It is a module of its own because Calico's dependencies would force their versions on everybody, and it knows nothing
// of sluice but the YAML and the connections it is shown.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/sirupsen/logrus"
)

func main() {
	logrus.SetLevel(logrus.FatalLevel)
	logrus.SetOutput(os.Stderr)
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "calico:", err)
		os.Exit(1)
	}
}

func run(in io.Reader, out io.Writer) error {
	dec := json.NewDecoder(bufio.NewReaderSize(in, 1<<20))
	dec.DisallowUnknownFields()
	buffered := bufio.NewWriter(out)
	enc := json.NewEncoder(buffered)
	for n := 1; ; n++ {
		var w World
		if err := dec.Decode(&w); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("read world %d: %w", n, err)
		}
		answer, err := judge(&w)
		if err != nil {
			return fmt.Errorf("judge world %d: %w", n, err)
		}
		if err := enc.Encode(answer); err != nil {
			return err
		}
		if err := buffered.Flush(); err != nil {
			return err
		}
	}
}

// judge builds an engine for the world and asks it everything.
func judge(w *World) (Answer, error) {
	var a Answer
	for _, s := range w.Selectors {
		a.Selectors = append(a.Selectors, askSelector(s))
	}
	e, err := newEngine()
	if err != nil {
		return a, err
	}
	if err := e.populate(w); err != nil {
		return a, err
	}
	for _, text := range w.Objects {
		o := e.object(text)
		a.Objects = append(a.Objects, o)
	}
	e.sync()
	for _, c := range w.Connections {
		v, err := e.verdict(c)
		if err != nil {
			return a, err
		}
		a.Verdicts = append(a.Verdicts, v)
	}
	return a, nil
}

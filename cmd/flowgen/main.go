// Command flowgen writes realistic flow logs from a scenario, and the truth of the scenario beside them: the edges
// that the application needs. It knows nothing of sluice, whose reading it is there to test. Hubble's records are
// marshalled through the official types; Calico's have the fields of real ones.
package main

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
)

// options are the flags.
type options struct {
	scenario, out, format  string
	truth, rollout, shapes bool
	seed                   uint64
	cluster                string
	records                int
	stats                  string
}

func main() {
	var o options
	flag.StringVar(&o.scenario, "scenario", "", "the scenario's YAML `FILE`")
	flag.StringVar(&o.out, "o", "-", "write to `FILE`, - for standard output")
	flag.StringVar(&o.format, "format", "hubble", strings.Join(formats(), ", "))
	flag.BoolVar(
		&o.truth,
		"truth",
		false,
		"write the edges that the application needs, as the format names them, instead of records",
	)
	flag.Uint64Var(&o.seed, "seed", 1, "which records are drawn; the same seed gives the same bytes")
	flag.IntVar(
		&o.records,
		"records",
		0,
		"stop after so many records; 0: as the scenario says. Calico's records sum up windows, so that fewer come out",
	)
	flag.StringVar(&o.cluster, "cluster", "", "call the cluster `NAME`; empty: as the scenario says")
	flag.BoolVar(&o.rollout, "rollout", false, "the cluster after a rollout: new hashes, runs and versions")
	flag.BoolVar(&o.shapes, "shapes", false, "of Hubble's records keep the first of each shape")
	flag.StringVar(
		&o.stats,
		"stats",
		"",
		"print which fields the Hubble records of `FILE` have (- for standard input) and write nothing else",
	)
	flag.Parse()
	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, "flowgen:", err)
		os.Exit(1)
	}
}

func run(o options) (err error) {
	var w io.Writer = os.Stdout
	if o.out != "-" {
		f, cerr := os.Create(o.out)
		if cerr != nil {
			return cerr
		}
		defer func() { err = errors.Join(err, f.Close()) }()
		w = f
	}
	b := bufio.NewWriterSize(w, 1<<20)
	if o.stats != "" {
		err = printStats(b, o.stats)
	} else {
		err = write(b, o)
	}
	if err != nil {
		return err
	}
	return b.Flush()
}

// formats are the names that -format takes.
func formats() []string {
	return append(slices.Sorted(maps.Keys(hubbleFormats)), slices.Sorted(maps.Keys(calicoFormats))...)
}

// write writes a capture or its truth.
func write(w io.Writer, o options) error {
	s, err := readScenario(o.scenario)
	if err != nil {
		return err
	}
	if o.cluster != "" {
		s.Cluster = o.cluster
	}
	if o.records < 0 {
		return fmt.Errorf("-records %d: give a number of records", o.records)
	}
	if o.records == 0 {
		o.records = s.Records
	}
	var log flowLog
	switch {
	case hubbleFormats[o.format] != nil:
		enc := newEncoder(w, o.seed, o.format, s.Shuffle)
		if o.shapes {
			enc.shapes = shapes{}
		}
		log = newHubble(s, o.records, enc)
	case calicoFormats[o.format] != nil:
		log = newCalico(s, o.records, w, o.format)
	default:
		return fmt.Errorf("unknown format %q", o.format)
	}
	if o.truth {
		return writeTruth(w, s, o.format)
	}
	return newGenerator(s, rand.New(rand.NewPCG(o.seed, 11)), o.rollout, log).run(o.records)
}

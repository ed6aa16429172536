// Command flowgen writes realistic Hubble captures from a scenario, and the truth of the scenario beside them: the
// edges that the application needs. It knows nothing of sluice, whose reading it is there to test, and marshals
// through the official types.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"os"
	"time"
)

func main() {
	var (
		file    = flag.String("scenario", "", "the scenario's YAML `FILE`")
		out     = flag.String("o", "-", "write to `FILE`, - for standard output")
		format  = flag.String("format", "hubble", "hubble (exporter) or hubble-jsonpb")
		truth   = flag.Bool("truth", false, "write the edges that the application needs instead of records")
		seed    = flag.Uint64("seed", 1, "which records are drawn; the same seed gives the same bytes")
		records = flag.Int("records", 0, "stop after so many records; 0: as the scenario says")
		rollout = flag.Bool("rollout", false, "the cluster after a rollout: new hashes, runs and versions")
	)
	flag.Parse()
	if err := run(*file, *out, *format, *truth, *seed, *records, *rollout); err != nil {
		fmt.Fprintln(os.Stderr, "flowgen:", err)
		os.Exit(1)
	}
}

func run(file, out, format string, truth bool, seed uint64, records int, rollout bool) (err error) {
	s, err := readScenario(file)
	if err != nil {
		return err
	}
	var w io.Writer = os.Stdout
	if out != "-" {
		f, err := os.Create(out)
		if err != nil {
			return err
		}
		defer func() {
			if cerr := f.Close(); err == nil {
				err = cerr
			}
		}()
		w = f
	}
	b := bufio.NewWriterSize(w, 1<<20)
	if truth {
		if err := writeTruth(b, s); err != nil {
			return err
		}
		return b.Flush()
	}
	if format != "hubble" && format != "hubble-jsonpb" {
		return fmt.Errorf("unknown format %q", format)
	}
	if records == 0 {
		records = s.Records
	}
	g := newGenerator(s, seed, rollout, &encoder{w: b, jsonpb: format == "hubble-jsonpb", shuffle: s.Shuffle})
	if err := g.run(records); err != nil {
		return err
	}
	return b.Flush()
}

// start is when scenarios that name no time begin.
var start = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

package clickhouse

import (
	"bytes"
	"cmp"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// number is what the environment says, else a size that takes seconds. make fleet runs the whole.
func number(t *testing.T, name string, small int) int {
	t.Helper()
	n, err := strconv.Atoi(cmp.Or(os.Getenv(name), fmt.Sprint(small)))
	if err != nil || n < 2 {
		t.Fatalf("%s: %d, %v", name, n, err)
	}
	return n
}

// usage is what a command took.
type usage struct {
	wall, cpu time.Duration
	peak      int64 // MiB
	text      string
}

func run(t *testing.T, program string, args ...string) usage {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Getenv(program), args...)
	began := time.Now()
	out, err := cmd.CombinedOutput()
	if code := cmd.ProcessState.ExitCode(); err != nil && code != 3 {
		t.Fatalf("%v: %v\n%s", args, err, out)
	}
	p := cmd.ProcessState
	return usage{time.Since(began), p.UserTime() + p.SystemTime(), p.SysUsage().(*syscall.Rusage).Maxrss >> 10, string(out)}
}

// size is what lies in a directory.
func size(t *testing.T, dir string) (bytes int64) {
	t.Helper()
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		fi, err := d.Info()
		bytes += fi.Size()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return bytes
}

// cpu is what the server has used of the processors.
func (s *server) cpu() time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.pid.Load()))
	if err != nil {
		s.t.Fatal(err)
	}
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	ticks := int64(0)
	for _, f := range fields[11:13] {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			s.t.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

// perSecond is how many rows were written a second, of one cluster alone or of all.
func perSecond(rows int64, clusters int, place string, spent time.Duration) float64 {
	if place == "alone" {
		rows /= int64(clusters)
	}
	return float64(rows) / spent.Seconds()
}

var readLine = regexp.MustCompile(`Read (\d+) of ([\d,]+) segments: ([\d,]+) requests?, ([\d.]+) (k|M|G)?B`)

// fleetPlaces are where a fleet's flows lie; alone is a directory with one cluster of it.
var fleetPlaces = []string{"alone", "directory", "bucket", "clickhouse"}

// learnByTurns learns from every place, by turns, since others' load comes and goes, and returns the least that it took.
// After the first time all is in the memory of the machine.
func (s *server) learnByTurns(at map[string]string, dir string) map[string]usage {
	took, served := map[string]usage{}, time.Duration(0)
	for range 4 {
		for _, place := range fleetPlaces {
			before := s.cpu()
			u := run(s.t, "SLUICE", "learn", "--store", at[place], "--cluster", "c001", "-n", "team-03", "--min-watch", "0",
				"--out", filepath.Join(dir, place+"-bundle"))
			if place == "clickhouse" {
				served = s.cpu() - before
			}
			if best, ok := took[place]; ok {
				u.wall, u.cpu, u.peak = min(u.wall, best.wall), min(u.cpu, best.cpu), max(u.peak, best.peak)
			}
			took[place] = u
		}
	}
	s.t.Logf("the server spent %v on what learn asked last", served)
	return took
}

// TestFleet: of a fleet that many collectors have written, learn for a namespace of one cluster reads what is of that
// cluster, and gives the bundle that the cluster alone gives, from a directory, a bucket and ClickHouse. Its memory is
// that of the cluster and not of the fleet.
func TestFleet(t *testing.T) {
	clusters, records := number(t, "FLEET", 5), number(t, "FLEET_RECORDS", 3000)
	s := newServer(t, "")
	s.start()
	dir := t.TempDir()
	at := map[string]string{"directory": filepath.Join(dir, "store"), "bucket": "file://" + dir + "/bucket?create_dir=true",
		"clickhouse": s.url("fleet"), "alone": filepath.Join(dir, "alone")}
	mustSluice(t, "store", "init", at["clickhouse"])
	spent, before := map[string]time.Duration{}, s.cpu()
	for n := range clusters {
		name, file := fmt.Sprintf("c%03d", n), filepath.Join(dir, "capture.jsonl")
		run(t, "FLOWGEN", "-scenario", "testdata/fleet.yaml", "-cluster", name, "-seed", fmt.Sprint(n+1),
			"-records", fmt.Sprint(records), "-o", file)
		for place, url := range at {
			if place == "alone" && n != 1 {
				continue
			}
			spent[place] += run(t, "SLUICE", "ingest", file, "--cluster", name, "--store", url, "-q").cpu
		}
	}
	if err := os.Remove(filepath.Join(dir, "capture.jsonl")); err != nil {
		t.Fatal(err)
	}
	all := size(t, filepath.Join(dir, "bucket"))
	var onServer, rows int64
	for _, g := range segments(t, at["clickhouse"]) {
		onServer, rows = onServer+g.Bytes, rows+g.Rows
	}
	t.Logf("%d rows; the server spent %v on writing them", rows, s.cpu()-before)
	took := s.learnByTurns(at, dir)
	for _, place := range fleetPlaces {
		u := took[place]
		t.Logf("%-10s written with %v CPU (%.0f rows a CPU s), learned in %v (%v CPU), peak %d MiB", place, spent[place].Round(time.Millisecond),
			perSecond(rows, clusters, place, spent[place]), u.wall.Round(time.Millisecond), u.cpu.Round(time.Millisecond), u.peak)
		if place != "alone" {
			out, err := exec.Command("diff", "-r", "-x", "REPORT.md", "-x", "report.json", filepath.Join(dir, "alone-bundle"),
				filepath.Join(dir, place+"-bundle")).CombinedOutput()
			if err != nil {
				t.Errorf("%s: %v\n%s", place, err, out)
			}
			if u.peak > took["alone"].peak+64 {
				t.Errorf("%s: %d MiB, the cluster alone takes %d", place, u.peak, took["alone"].peak)
			}
		}
	}
	m := readLine.FindStringSubmatch(took["bucket"].text)
	if m == nil {
		t.Fatalf("it does not say what it read:\n%s", took["bucket"].text)
	}
	read, err := strconv.ParseFloat(m[4], 64)
	if err != nil {
		t.Fatal(err)
	}
	read *= map[string]float64{"": 1, "k": 1e3, "M": 1e6, "G": 1e9}[m[5]]
	share, fair := read/float64(all), 1/float64(clusters)
	t.Logf("%d clusters, %d records each: bucket %d bytes, ClickHouse %d; %s: %.2f %% of the bytes, a cluster is %.2f %%",
		clusters, records, all, onServer, m[0], 100*share, 100*fair)
	if share > fair/2+0.005 { // sums of hours of that cluster, and the commits of all: 1 % of a hundred
		t.Errorf("%.2f %% of the bytes are read for one of %d clusters", 100*share, clusters)
	}
	if d, c := took["directory"].cpu, took["clickhouse"].cpu; c > 2*d+200*time.Millisecond { // others' load is no fault
		t.Errorf("ClickHouse takes %v of CPU, a directory %v", c, d)
	}
}

package main

import (
	"bufio"
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"sluice/cmd/conformance/chdb"
)

// usage is what one run of a contender cost, by the kernel's account of the ended process and its children.
type usage struct {
	wall, cpu float64 // seconds
	rss       float64 // MiB, the largest process
}

// contender is a command line; a shell runs it where it has a pipe.
type contender struct {
	name  string
	shell string
	runs  []usage
}

type bench struct {
	self, sluice, flowgen, relay, dir string
	scenarios                         string // the folder of the scenarios
	runs                              int
	records, formRecords              int    // of the large capture, and of it in each other form
	forms                             string // those to measure, "" for all
	monthRecords                      int
	views                             string // the file duckdb.sql of the store
	alone                             bool   // forms are measured without other programs
	followed                          int    // flows of the sustained live run
	out                               strings.Builder
	begun                             bool // the first table has
	goals, failed                     []string
}

// parts are what is measured, in the order of the table.
var parts = []struct {
	name    string
	measure func(b *bench) error
}{
	{"edges", (*bench).reading},
	{"store", (*bench).storing},
	{"compressed", (*bench).compressed},
	{"rotated", (*bench).rotated},
	{"identities", (*bench).identities},
	{"long", (*bench).long},
	{"forms", (*bench).formsOf},
	{"month", (*bench).month},
	{"live", (*bench).live},
}

func partNames() string {
	var names []string
	for _, p := range parts {
		names = append(names, p.name)
	}
	return strings.Join(names, ",")
}

func run(args []string) error {
	f := flag.NewFlagSet("run", flag.ContinueOnError)
	b := &bench{}
	f.StringVar(&b.sluice, "sluice", "", "the sluice binary")
	f.StringVar(&b.flowgen, "flowgen", "", "the flowgen binary")
	f.StringVar(&b.dir, "dir", "", "where the captures are made (about 5 GB)")
	f.IntVar(&b.runs, "runs", 5, "counted runs of each contender")
	f.StringVar(&b.relay, "relay", "", "the lab of cmd/conformance/relay; empty: nothing live")
	f.IntVar(&b.followed, "followed", 1_000_000, "flows of the sustained live run")
	scenarios := f.String("scenarios", "", "the folder of load.yaml and identities.yaml")
	records := f.Int("records", 1_000_000, "records of the large capture")
	formRecords := f.Int("forms", 200_000, "records of each other form of the large capture")
	f.IntVar(&b.monthRecords, "month", 2_000_000, "records of the month")
	f.StringVar(&b.views, "views", "model/store/duckdb.sql", "the store's views for DuckDB")
	only := f.String("only", "", "measure these parts alone, a list of "+partNames()+"; empty: all")
	f.BoolVar(&b.alone, "alone", false, "measure forms without DuckDB and ClickHouse")
	f.StringVar(&b.forms, "form", "", "measure these forms alone, names with commas between")
	out := f.String("o", "", "write the table to this file")
	if err := f.Parse(args); err != nil {
		return err
	}
	var err error
	if b.self, err = os.Executable(); err != nil {
		return err
	}
	if err := os.MkdirAll(b.dir, 0o755); err != nil {
		return err
	}
	b.scenarios, b.records, b.formRecords = *scenarios, *records, *formRecords
	b.machine()
	for _, p := range parts {
		if *only != "" && !slices.Contains(strings.Split(*only, ","), p.name) {
			continue
		}
		if err := p.measure(b); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	fmt.Fprintf(&b.out, "\n| goal of the project | measured | at most | |\n|---|---|---|---|\n%s\n", strings.Join(b.goals, "\n"))
	fmt.Print(b.out.String())
	if *out != "" {
		if err := os.WriteFile(*out, []byte(b.out.String()), 0o644); err != nil {
			return err
		}
	}
	return b.missed()
}

// missed is an error that names the goals not met.
func (b *bench) missed() error {
	if len(b.failed) == 0 {
		return nil
	}
	return fmt.Errorf("goals missed:\n  %s", strings.Join(b.failed, "\n  "))
}

func (b *bench) generate(scenario, file string, records int) error {
	if _, err := os.Stat(file); err == nil {
		return nil
	}
	fmt.Fprintln(os.Stderr, "bench: generating", filepath.Base(file))
	c := exec.Command(b.flowgen, "-scenario", scenario, "-format", "hubble", "-records", fmt.Sprint(records), "-o", file+".part")
	c.Stderr = os.Stderr
	if err := c.Run(); err != nil {
		return err
	}
	return os.Rename(file+".part", file)
}

// capture returns the generated log of a scenario, which it makes where it is not there.
func (b *bench) capture(scenario string, records int) (string, error) {
	file := filepath.Join(b.dir, fmt.Sprintf("%s-%d.jsonl", scenario, records))
	return file, b.generate(filepath.Join(b.scenarios, scenario+".yaml"), file, records)
}

func (b *bench) load() (string, error) { return b.capture("load", b.records) }

// table begins the table of one job and contender a row, where it has not begun.
func (b *bench) table() {
	if !b.begun {
		b.begun = true
		b.out.WriteString("\n| job | contender | wall s | CPU s | peak MiB | wall, ratio | CPU, ratio |\n|---|---|---|---|---|---|---|\n")
	}
}

// machine says where and how often was measured.
func (b *bench) machine() {
	fmt.Fprintf(&b.out, "%s, %d cores, %s, DuckDB 1.5.1 and %s (2 threads). Medians of %d alternating runs, each contender a process of its own.\n"+
		"All contenders gave the same edges (count, first, last). %s, load %s when it began.\n",
		cpuName(), runtime.NumCPU(), runtime.Version(), houseName(), b.runs, time.Now().UTC().Format(time.DateOnly), loadAverage())
}

// houseName names the other engine in process, or says that there is none.
func houseName() string {
	if chdb.Library() == "" {
		return "no ClickHouse, since LIBCHDB names no library,"
	}
	return "ClickHouse 26.7 in process"
}

func loadAverage() string {
	text, _ := os.ReadFile("/proc/loadavg")
	first, _, _ := strings.Cut(string(text), " ")
	return first
}

func cpuName() string {
	text, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(text)) {
		if k, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(k) == "model name" {
			return strings.TrimSpace(v)
		}
	}
	return runtime.GOARCH
}

// same compares the edges of all contenders in a process of its own: a child's peak memory counts from that of the
// process it was forked from, so this one has to stay small.
func (b *bench) same(file string, plain ...string) error {
	c := exec.Command(b.self, append([]string{"same", b.sluice, file}, plain...)...)
	c.Stderr = os.Stderr
	return c.Run()
}

// measure runs the contenders in turn, once to warm up and then as often as asked.
func (b *bench) measure(cs []*contender) error {
	for i := range b.runs + 1 {
		for _, c := range cs {
			u, err := once(c.shell)
			if err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			if i > 0 {
				c.runs = append(c.runs, u)
			}
		}
	}
	return nil
}

func once(shell string) (usage, error) {
	c := exec.Command("sh", "-c", "exec "+shell)
	if strings.Contains(shell, "|") || strings.Contains(shell, "&&") {
		c = exec.Command("sh", "-c", shell)
	}
	c.Stderr = os.Stderr
	start := time.Now()
	err := c.Run()
	wall := time.Since(start).Seconds()
	if err != nil {
		return usage{}, err
	}
	ru := c.ProcessState.SysUsage().(*syscall.Rusage)
	return usage{wall, (c.ProcessState.UserTime() + c.ProcessState.SystemTime()).Seconds(), float64(ru.Maxrss) / 1024}, nil
}

func median(runs []usage, f func(usage) float64) float64 {
	return middle(runs, f)
}

// middle is the median of a figure.
func middle[T any](runs []T, f func(T) float64) float64 {
	v := make([]float64, len(runs))
	for i, r := range runs {
		v[i] = f(r)
	}
	slices.Sort(v)
	return v[len(v)/2]
}

func wall(u usage) float64 { return u.wall }
func cpu(u usage) float64  { return u.cpu }
func rss(u usage) float64  { return u.rss }

// row prints a contender; ratios are the peer's figure over ours.
func (b *bench) row(job string, c, ours *contender) {
	ratio := func(f func(usage) float64) string {
		if c == ours {
			return "1"
		}
		return fmt.Sprintf("%.1f", median(c.runs, f)/median(ours.runs, f))
	}
	fmt.Fprintf(&b.out, "| %s | %s | %.2f | %.2f | %.0f | %s | %s |\n", job, c.name, median(c.runs, wall), median(c.runs, cpu), median(c.runs, rss), ratio(wall), ratio(cpu))
}

// goal notes a figure that is larger than it may be.
func (b *bench) goal(what string, got, most float64) {
	verdict := "met"
	if got > most {
		verdict = "missed"
		b.failed = append(b.failed, fmt.Sprintf("%s: %.2f, at most %.2f", what, got, most))
	}
	b.goals = append(b.goals, fmt.Sprintf("| %s | %.2f | %.2f | %s |", what, got, most, verdict))
	fmt.Fprintf(os.Stderr, "bench: goal %s: %.2f, at most %.2f: %s\n", what, got, most, verdict)
}

func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

func (b *bench) edges(file string) *contender {
	return &contender{name: "sluice show edges", shell: quote(b.sluice) + " show edges " + quote(file) + " -q -o json > /dev/null"}
}

func (b *bench) duck(name, file string) *contender {
	return &contender{name: "DuckDB " + name, shell: quote(b.self) + " duckdb-edges " + quote(file) + " > /dev/null"}
}

// house is ClickHouse reading a log, nothing where there is none.
func (b *bench) house(file string) []*contender {
	if chdb.Library() == "" {
		return nil
	}
	return []*contender{{name: "ClickHouse in process, GROUP BY", shell: quote(b.self) + " clickhouse-edges " + quote(file) + " > /dev/null"}}
}

// ahead prints the rows of ClickHouse and notes that it may not be faster.
func (b *bench) ahead(job string, house []*contender, ours *contender) {
	for _, c := range house {
		b.row(job, c, ours)
		b.goal(job+": wall, share of ClickHouse's", median(ours.runs, wall)/median(c.runs, wall), 1)
		b.goal(job+": CPU, share of ClickHouse's", median(ours.runs, cpu)/median(c.runs, cpu), 1)
	}
}

func (b *bench) reading() error {
	load, err := b.load()
	if err != nil {
		return err
	}
	if err := b.same(load, "plain"); err != nil {
		return err
	}
	b.table()
	ours, duck, house := b.edges(load), b.duck("read_json, GROUP BY", load), b.house(load)
	plain := &contender{name: "encoding/json, structs", shell: quote(b.self) + " encodingjson " + quote(load) + " > /dev/null"}
	if err := b.measure(append(house, ours, duck)); err != nil {
		return err
	}
	u, err := once(plain.shell) // 40 times slower: one run tells enough
	if err != nil {
		return err
	}
	plain.runs = []usage{u}
	for _, c := range []*contender{ours, duck, plain} {
		b.row("records to edges", c, ours)
	}
	b.ahead("records to edges", house, ours)
	b.goal("edges: wall, share of DuckDB's GROUP BY", median(ours.runs, wall)/median(duck.runs, wall), 1.0/6)
	b.goal("edges: CPU, share of DuckDB's GROUP BY", median(ours.runs, cpu)/median(duck.runs, cpu), 1.0/6)
	b.goal("edges: MiB", median(ours.runs, rss), 64)
	return nil
}

func (b *bench) storing() error {
	load, err := b.load()
	if err != nil {
		return err
	}
	b.table()
	store, pq := filepath.Join(b.dir, "store"), filepath.Join(b.dir, "copy.parquet")
	out := filepath.Join(b.dir, "bundles") // a place of its own for each: file systems are slow where much was just deleted
	defer os.RemoveAll(out)
	ours := &contender{name: "sluice ingest", shell: "rm -rf " + quote(store) + " && " + quote(b.sluice) + " ingest " + quote(load) + " -q --store " + quote(store)}
	duck := &contender{name: "DuckDB COPY to Parquet", shell: "rm -f " + quote(pq) + " && " + quote(b.self) + " duckdb-copy " + quote(load) + " " + quote(pq)}
	group := b.duck("read_json, GROUP BY", load)
	learn := &contender{name: "sluice learn -A from the store", shell: "mkdir -p " + quote(out) + " && { " + quote(b.sluice) + " learn -A -q --store " + quote(store) + " --out " + quote(out) + "/$$ --fail-on lost,escaped > /dev/null || test $? = 3; }"}
	if err := b.measure([]*contender{ours, duck, group, learn}); err != nil {
		return err
	}
	for _, c := range []*contender{ours, duck, learn} {
		b.row("records to store", c, ours)
	}
	b.goal("ingest: CPU, share of DuckDB's COPY", median(ours.runs, cpu)/median(duck.runs, cpu), 0.25)
	b.goal("ingest: wall, share of DuckDB's GROUP BY", median(ours.runs, wall)/median(group.runs, wall), 1)
	b.goal("ingest: MiB", median(ours.runs, rss), 128)
	b.goal("learn -A from the store: wall s", median(learn.runs, wall), 1)
	return nil
}

// packings are how logs are packed, and which share of DuckDB's CPU reading one may take.
var packings = []struct {
	ext  string
	most float64
}{{".gz", 1 / 2.2}, {".zst", 1 / 3.5}}

func (b *bench) compressed() error {
	load, err := b.load()
	if err != nil {
		return err
	}
	b.table()
	for _, p := range packings {
		if err := b.compress(load, p.ext); err != nil {
			return err
		}
		if err := b.packed(p.ext, load+p.ext, load+p.ext, p.most); err != nil {
			return err
		}
	}
	return nil
}

// packed measures reading files that are packed, by the name that each contender has for them.
func (b *bench) packed(job, name, duckName string, most float64) error {
	ours, duck := b.edges(name), b.duck("GROUP BY", duckName)
	if err := b.measure([]*contender{ours, duck}); err != nil {
		return err
	}
	b.row("records to edges, "+job, ours, ours)
	b.row("records to edges, "+job, duck, ours)
	b.goal(job+": CPU, share of DuckDB's", median(ours.runs, cpu)/median(duck.runs, cpu), most)
	return nil
}

// rotatedFiles is how many files the large capture is cut into, as a node's agent leaves them.
const rotatedFiles = 20

// rotated measures reading a directory of packed files.
func (b *bench) rotated() error {
	load, err := b.load()
	if err != nil {
		return err
	}
	whole, err := b.sluiceEdges(load)
	if err != nil {
		return err
	}
	b.table()
	for _, p := range packings {
		dir := load + ".rotated" + p.ext
		if err := b.rotate(load, dir, p.ext); err != nil {
			return err
		}
		cut, err := b.sluiceEdges(dir)
		if err != nil {
			return err
		}
		if err := compare(whole, cut); err != nil {
			return fmt.Errorf("%s and the whole capture differ: %w", dir, err)
		}
		if err := b.packed(fmt.Sprintf("%d files %s", rotatedFiles, p.ext), dir, dir+"/*", p.most); err != nil {
			return err
		}
	}
	return nil
}

// rotate cuts a capture into packed files of a directory, unless it is there.
func (b *bench) rotate(file, dir, ext string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	in, err := os.Open(file)
	if err != nil {
		return err
	}
	defer in.Close()
	fi, err := in.Stat()
	if err != nil {
		return err
	}
	part := dir + ".part"
	if err := errors.Join(os.RemoveAll(part), os.Mkdir(part, 0o755)); err != nil {
		return err
	}
	lines := bufio.NewReader(in)
	for i := range rotatedFiles {
		name := filepath.Join(part, fmt.Sprintf("%02d.jsonl", i))
		out, err := os.Create(name)
		if err != nil {
			return err
		}
		_, err = io.CopyN(out, lines, fi.Size()/rotatedFiles+1)
		if err == nil {
			var line []byte // what is left of it
			if line, err = lines.ReadBytes('\n'); len(line) > 0 {
				_, err = out.Write(line)
			}
		}
		if err != nil && !errors.Is(err, io.EOF) { // the last file is shorter
			return err
		}
		if err := errors.Join(out.Close(), compress(name, ext), os.Remove(name)); err != nil {
			return err
		}
	}
	return os.Rename(part, dir)
}

func (b *bench) identities() error {
	many, err := b.capture("identities", b.records/2)
	if err != nil {
		return err
	}
	if err := b.same(many); err != nil {
		return err
	}
	b.table()
	ours, duck, house := b.edges(many), b.duck("read_json, GROUP BY", many), b.house(many)
	if err := b.measure(append(house, ours, duck)); err != nil {
		return err
	}
	b.row("many identities", ours, ours)
	b.row("many identities", duck, ours)
	b.ahead("many identities", house, ours)
	b.goal("identities: CPU, share of DuckDB's", median(ours.runs, cpu)/median(duck.runs, cpu), 1)
	b.goal("identities: memory, share of DuckDB's", median(ours.runs, rss)/median(duck.runs, rss), 1)
	b.goal("identities: wall, share of DuckDB's", median(ours.runs, wall)/median(duck.runs, wall), 1.25)
	return nil
}

// long pipes ten times the records through standard input: memory must not grow with the length of the log.
func (b *bench) long() error {
	scenario, records := filepath.Join(b.scenarios, "load.yaml"), b.records
	b.table()
	pipe := func(total int) (float64, error) {
		gen := func(seed int) string {
			return fmt.Sprintf("%s -scenario %s -format hubble -records %d -seed %d -o -", quote(b.flowgen), quote(scenario), total/2, seed)
		}
		peak := filepath.Join(b.dir, "peak")
		c := exec.Command("sh", "-c", "{ "+gen(1)+"; "+gen(2)+"; } | "+quote(b.self)+" peak "+quote(peak)+" "+quote(b.sluice)+" show edges - -q -o json > /dev/null")
		c.Stderr = os.Stderr
		if err := c.Run(); err != nil {
			return 0, err
		}
		text, err := os.ReadFile(peak)
		if err != nil {
			return 0, err
		}
		var mib float64
		_, err = fmt.Sscan(string(text), &mib)
		return mib, err
	}
	short, err := pipe(records)
	if err != nil {
		return err
	}
	long, err := pipe(10 * records)
	if err != nil {
		return err
	}
	fmt.Fprintf(&b.out, "| %d records piped | sluice show edges | | | %.0f | | |\n| %d records piped | sluice show edges | | | %.0f | | |\n", records, short, 10*records, long)
	b.goal("ten times the records: memory, share of one times", long/short, 1.25)
	return nil
}

// compress makes the packed file beside the capture.
func (b *bench) compress(file, ext string) error {
	if _, err := os.Stat(file + ext); err == nil {
		return nil
	}
	return compress(file, ext)
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K {
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

package clickhouse

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const testdata = "../../../testdata/"

// captures are the captures of the tests, and one of every scenario, those aside that only measure speed: of every
// shape, of both kinds of logs.
func captures(t *testing.T) []string {
	t.Helper()
	out, err := filepath.Glob(testdata + "flows/*.jsonl*")
	if err != nil || len(out) == 0 {
		t.Fatalf("%d captures: %v", len(out), err)
	}
	scenarios, err := filepath.Glob(testdata + "scenarios/*.yaml")
	if err != nil || len(scenarios) == 0 {
		t.Fatalf("%d scenarios: %v", len(scenarios), err)
	}
	dir := t.TempDir()
	generate := func(scenario, format string, records int) {
		name := strings.TrimSuffix(filepath.Base(scenario), ".yaml")
		file := filepath.Join(dir, name+"-"+format+".jsonl")
		cmd := exec.CommandContext(t.Context(), os.Getenv("FLOWGEN"), "-scenario", scenario, "-format", format,
			"-records", fmt.Sprint(records), "-o", file)
		if text, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", cmd, err, text)
		}
		out = append(out, file)
	}
	for _, scenario := range scenarios {
		switch filepath.Base(scenario) {
		case "load.yaml", "sixty.yaml":
		case "identities.yaml":
			generate(scenario, "hubble", 500)
		case "online-boutique.yaml":
			for _, format := range []string{"hubble", "goldmane", "enterprise"} {
				generate(scenario, format, 20000)
			}
		default:
			generate(scenario, "hubble", 20000)
		}
	}
	return out
}

// learn learns from a store. That a bundle has findings is no failure.
func learn(t *testing.T, store, out string, more ...string) error {
	t.Helper()
	args := append([]string{"learn", "--store", store, "-A", "--min-watch", "0", "--out", out, "-q"}, more...)
	text, err := sluice(t, args...)
	if code := new(exec.ExitError); errors.As(err, &code) && code.ExitCode() == 3 {
		err = nil
	}
	if err != nil {
		err = fmt.Errorf("%w: %s", err, text)
	}
	return err
}

// same compares two bundles, but for the report, which names the command.
func same(t *testing.T, what, a, b string) {
	t.Helper()
	if out, err := exec.Command("diff", "-r", "-x", "REPORT.md", "-x", "report.json", a, b).CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s", what, err, out)
	}
	told := func(dir string) string {
		var r map[string]any
		text, err := os.ReadFile(filepath.Join(dir, "report.json"))
		if err == nil {
			err = json.Unmarshal(text, &r)
		}
		if err != nil {
			t.Fatal(err)
		}
		delete(r, "run") // the command line
		if text, err = json.MarshalIndent(r, "", " "); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "report.json")
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	if out, err := exec.Command("diff", told(a), told(b)).CombinedOutput(); err != nil {
		t.Errorf("%s: the reports differ: %v\n%s", what, err, out)
	}
}

// stores is a table of places: one server, and two shards of two replicas.
func stores(t *testing.T) (urls map[string]func(database string) string) {
	one, many := newServer(t, ""), cluster(t)
	one.start()
	return map[string]func(string) string{
		"one": func(db string) string { mustSluice(t, "store", "init", one.url(db)); return one.url(db) },
		"shards": func(db string) string {
			mustSluice(t, "store", "init", many[0][0].url(db), "--on-cluster", "prod", "--replicated")
			return many[0][0].url(db)
		},
	}
}

// TestBundles: the bundle is the same to the byte, wherever the flows lie. TestS3Bundle says the same of a bucket.
func TestBundles(t *testing.T) {
	places := stores(t)
	for i, capture := range captures(t) {
		dir := t.TempDir()
		at := filepath.Join(dir, "store")
		var more []string
		if strings.Contains(capture, "mesh") { // of two clusters
			more = []string{"--cluster", "near"}
		}
		began := time.Now()
		mustSluice(t, "ingest", capture, "--store", at, "-q")
		wrote := time.Since(began)
		began = time.Now()
		if err := learn(t, at, filepath.Join(dir, "dir"), more...); err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: directory: written in %v, learned in %v", filepath.Base(capture), wrote, time.Since(began))
		for name, place := range places {
			url := place(fmt.Sprint("bundle", i))
			began := time.Now()
			mustSluice(t, "ingest", capture, "--store", url, "-q")
			wrote := time.Since(began)
			if out := mustSluice(t, "ingest", capture, "--store", url); !strings.Contains(out, "1 source was already there") {
				t.Errorf("%s: a source is stored twice:\n%s", name, out)
			}
			began = time.Now()
			if err := learn(t, url, filepath.Join(dir, name), more...); err != nil {
				t.Fatal(err)
			}
			t.Logf("%s: %s: written in %v, learned in %v", filepath.Base(capture), name, wrote, time.Since(began))
			same(t, capture+" "+name, filepath.Join(dir, "dir"), filepath.Join(dir, name))
		}
	}
}

// TestRanges: a part of the time is the same part, where hours are cut in two as well.
func TestRanges(t *testing.T) {
	s := newServer(t, "")
	s.start()
	mustSluice(t, "store", "init", s.url("ranges"))
	dir := t.TempDir()
	capture := testdata + "flows/online-boutique.jsonl.gz"
	for _, at := range []string{filepath.Join(dir, "store"), s.url("ranges")} {
		mustSluice(t, "ingest", capture, "--store", at, "-q")
	}
	edges := func(at string, more ...string) string {
		return mustSluice(t, append([]string{"show", "edges", "--store", at, "-o", "json"}, more...)...)
	}
	var list struct {
		Edges []struct{ First, Last time.Time }
	}
	if err := json.Unmarshal([]byte(edges(s.url("ranges"))), &list); err != nil || len(list.Edges) == 0 {
		t.Fatal(err)
	}
	first, last := list.Edges[0].First, list.Edges[0].Last
	for _, e := range list.Edges {
		if e.First.Before(first) {
			first = e.First
		}
		if e.Last.After(last) {
			last = e.Last
		}
	}
	for n := range 5 {
		since := first.Add(last.Sub(first) * time.Duration(n) / 6)
		until := since.Add(last.Sub(first) / 3)
		args := []string{"--since", since.Format(time.RFC3339Nano), "--until", until.Format(time.RFC3339Nano)}
		if a, b := edges(filepath.Join(dir, "store"), args...), edges(s.url("ranges"), args...); a != b {
			t.Errorf("%v differ", args)
		}
	}
}

// TestErrors: what is wrong is said, with what helps, and no bundle is written.
func TestErrors(t *testing.T) {
	s := newServer(t, "")
	s.start()
	capture := testdata + "flows/online-boutique.jsonl.gz"
	as := func(who, db string) string { return strings.Replace(s.url(db), "//", "//"+who+"@", 1) }
	mustSluice(t, "store", "init", s.url("flows"))
	mustSluice(t, "ingest", capture, "--store", s.url("flows"), "-q")
	fails := func(want string, args ...string) {
		t.Helper()
		out, err := sluice(t, args...)
		code := new(exec.ExitError)
		if !errors.As(err, &code) || code.ExitCode() != 1 || !strings.Contains(out, want) || strings.Count(out, "\n") > 2 {
			t.Errorf("%v: %v, want %q:\n%s", args, err, want, out)
		}
	}
	bundle := filepath.Join(t.TempDir(), "bundle")
	learns := func(want, url string) {
		t.Helper()
		fails(want, "learn", "--store", url, "-A", "--out", bundle)
		if _, err := os.Stat(bundle); err == nil {
			t.Errorf("%s: there is a bundle", want)
		}
	}
	learns("there is no such database: sluice store init clickhouse://127.0.0.1", s.url("nothing"))
	learns("the user has a password: set SLUICE_CLICKHOUSE_PASSWORD", as("owner", "flows"))
	learns("the server does not know the user", as("nobody", "flows"))
	t.Run("Password", func(t *testing.T) {
		t.Setenv("SLUICE_CLICKHOUSE_PASSWORD", "wrong")
		learns("the password is wrong: set SLUICE_CLICKHOUSE_PASSWORD", as("owner", "flows"))
		t.Setenv("SLUICE_CLICKHOUSE_PASSWORD", "secret")
		mustSluice(t, "show", "clusters", "--store", as("owner", "flows"))
	})
	for _, who := range []string{"reader", "strict"} {
		mustSluice(t, "show", "edges", "--store", as(who, "flows"))
		one := filepath.Join(t.TempDir(), "one.jsonl")
		if err := os.WriteFile(one, records(t)[0], 0o600); err != nil {
			t.Fatal(err)
		}
		fails("the user may only read", "ingest", one, "--store", as(who, "flows"))
	}
	s.mustQuery("CREATE DATABASE other")
	s.mustQuery("CREATE TABLE other.schema_version (version UInt32, cluster String, replicated UInt8) ENGINE = MergeTree ORDER BY version")
	s.mustQuery("INSERT INTO other.schema_version VALUES (0, '', 0)")
	learns("has a schema of version 0, this sluice needs 1: sluice store init", s.url("other"))
	s.mustQuery("INSERT INTO other.schema_version VALUES (7, '', 0)")
	learns("has a schema of version 7, this sluice knows 1: use a newer sluice", s.url("other"))
	fails("use a newer sluice", "store", "init", s.url("other"))
	s.mustQuery("DROP TABLE flows.commits")
	learns("its tables are not there, or not all of them: sluice store init", s.url("flows"))
	s.kill()
	learns("the server does not answer", s.url("flows"))
}

// TestShards: without a shard there is no answer at all, and its name is told. A replica that was killed is not missed.
func TestShards(t *testing.T) {
	many := cluster(t)
	at := many[0][0].url("flows")
	mustSluice(t, "store", "init", at, "--on-cluster", "prod", "--replicated")
	capture := testdata + "flows/online-boutique.jsonl.gz"
	mustSluice(t, "ingest", capture, "--store", at, "-q")
	dir := t.TempDir()
	if err := learn(t, at, filepath.Join(dir, "all")); err != nil {
		t.Fatal(err)
	}
	for i := range many { // both have some of it
		if n := many[i][0].mustQuery("SELECT count() FROM flows.flows_local"); n == "0" {
			t.Errorf("shard %d has no rows", i)
		}
	}
	replicas := func() bool {
		return many[1][0].mustQuery("SELECT count() FROM flows.flows_local") == many[1][1].mustQuery("SELECT count() FROM flows.flows_local")
	}
	wait(t, replicas)
	many[1][0].kill()
	if err := learn(t, at, filepath.Join(dir, "replica")); err != nil {
		t.Errorf("a replica is left: %v", err)
	} else {
		same(t, "replica", filepath.Join(dir, "all"), filepath.Join(dir, "replica"))
	}
	many[1][1].kill()
	err := learn(t, at, filepath.Join(dir, "none"))
	name := fmt.Sprint("127.0.0.1:", many[1][0].port)
	if err == nil || !strings.Contains(err.Error(), "a shard does not answer") || !strings.Contains(err.Error(), name) {
		t.Errorf("%v: want %s", err, name)
	}
	if _, err := os.Stat(filepath.Join(dir, "none")); err == nil {
		t.Error("there is a bundle")
	}
	many[1][0].start()
	many[1][1].start()
	wait(t, func() bool { return learn(t, at, filepath.Join(dir, "again")) == nil })
	same(t, "again", filepath.Join(dir, "all"), filepath.Join(dir, "again"))
	t.Run("Init", func(t *testing.T) { // the server that is asked ends while the schema is made, and is there again
		done := make(chan struct{})
		go func() {
			defer close(done)
			for range 3 {
				time.Sleep(time.Second / 2)
				_ = syscall.Kill(int(many[0][0].pid.Load()), syscall.SIGKILL)
			}
		}()
		mustSluice(t, "store", "init", many[0][0].url("ended"), "--on-cluster", "prod", "--replicated")
		<-done
		mustSluice(t, "store", "check", many[0][0].url("ended"))
	})
	t.Run("Replicas", func(t *testing.T) { // one of each shard ten times, that which is written to among them
		mustSluice(t, "store", "init", many[0][0].url("killed"), "--on-cluster", "prod", "--replicated")
		amidKills(t, many[0][0].url("killed"), 10, func(n int, _ *os.Process) {
			pair := [2]*server{many[0][n&1], many[1][n>>1&1]}
			for _, replica := range pair {
				replica.kill()
			}
			for _, replica := range pair {
				replica.start()
			}
		})
	})
}

// TestKilled: sluice, and the server, are killed again and again while files are stored. What was acknowledged is there
// once, and what was not counts for nothing.
func TestKilled(t *testing.T) {
	s := newServer(t, "")
	s.start()
	mustSluice(t, "store", "init", s.url("killed"))
	amidKills(t, s.url("killed"), 20, func(n int, p *os.Process) {
		if n%2 == 0 {
			_ = p.Kill()
			return
		}
		s.kill()
		s.start()
	})
}

// amidKills stores so many files, and amid each something is killed. In the end all are there, those that were
// acknowledged before anything was tried again.
func amidKills(t *testing.T, at string, rounds int, kill func(n int, sluice *os.Process)) {
	t.Helper()
	dir := t.TempDir()
	lines := records(t)
	acknowledged, left := map[string]bool{}, 0
	r := rand.New(rand.NewPCG(1, 2))
	var files []string
	for n := range rounds {
		file := filepath.Join(dir, fmt.Sprintf("%02d.jsonl", n))
		if err := os.WriteFile(file, bytes.Join(lines[n*150:(n+1)*150], nil), 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), os.Getenv("SLUICE"), "ingest", file, "--store", at, "-q")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(r.IntN(600)) * time.Millisecond)
		kill(n, cmd.Process)
		acknowledged[file] = cmd.Wait() == nil
		files = append(files, file)
	}
	for _, file := range files {
		var out string
		wait(t, func() (ok bool) { // replicas that were killed may be behind
			text, err := sluice(t, "ingest", file, "--store", at)
			out = text
			return err == nil
		})
		if again := strings.Contains(out, "1 source was already there"); acknowledged[file] && !again {
			t.Errorf("%s was acknowledged and is not there", file)
		} else if !again {
			left++
		}
	}
	t.Logf("of %d files %d were not there and were stored again", rounds, left)
	mustSluice(t, "ingest", dir, "--store", filepath.Join(dir, "store"), "-q")
	for _, what := range []string{"edges", "flows"} {
		a, b := mustSluice(t, "show", what, "--store", filepath.Join(dir, "store"), "-o", "json"), ""
		wait(t, func() bool {
			text, err := sluice(t, "show", what, "--store", at, "-o", "json")
			b = text
			return err == nil
		})
		if a != b {
			t.Errorf("%s differ from those sent", what)
		}
	}
}

// TestLeft: who was killed after it had said what it would store, and before it did, keeps nobody from storing it,
// whichever of the two numbers is smaller.
func TestLeft(t *testing.T) {
	s := newServer(t, "")
	s.start()
	from, capture := s.url("from"), testdata+"flows/online-boutique.jsonl.gz"
	mustSluice(t, "store", "init", from)
	mustSluice(t, "ingest", capture, "--store", from, "-q")
	want := mustSluice(t, "show", "flows", "--store", from, "-o", "json")
	for name, writer := range map[string]string{"smaller": "1", "larger": "18446744073709551615"} {
		at := s.url(name)
		mustSluice(t, "store", "init", at)
		s.mustQuery("INSERT INTO " + name + ".commits SELECT " + writer + ", 1, 1, stream, content, at FROM from.commits WHERE state = 2")
		mustSluice(t, "ingest", capture, "--store", at, "-q")
		if have := mustSluice(t, "show", "flows", "--store", at, "-o", "json"); have != want {
			t.Errorf("%s: the flows differ", name)
		}
		if out := mustSluice(t, "ingest", capture, "--store", at); !strings.Contains(out, "1 source was already there") {
			t.Errorf("%s: stored twice: %s", name, out)
		}
	}
}

// records are the lines of a capture.
func records(t *testing.T) [][]byte {
	t.Helper()
	out, err := exec.Command("gzip", "-dc", testdata+"flows/online-boutique.jsonl.gz").Output()
	if err != nil {
		t.Fatal(err)
	}
	return bytes.SplitAfter(out, []byte("\n"))
}

// TestTwice: a block that is sent twice counts once, and of two that store one file at a time one does.
func TestTwice(t *testing.T) {
	s := newServer(t, "")
	s.start()
	at := s.url("twice")
	mustSluice(t, "store", "init", at)
	capture := testdata + "flows/online-boutique.jsonl.gz"
	var said [4]string
	var all sync.WaitGroup
	for i := range said {
		all.Go(func() {
			out, err := sluice(t, "ingest", capture, "--store", at)
			if err != nil {
				t.Errorf("%v: %s", err, out)
			}
			said[i] = out
		})
	}
	all.Wait()
	if n := strings.Count(strings.Join(said[:], ""), "1 source was already there"); n != 3 {
		t.Errorf("%d of 4 found the file stored, want 3: %q", n, said)
	}
	before := mustSluice(t, "show", "flows", "--store", at, "-o", "json")
	s.mustQuery("INSERT INTO twice.flows SELECT * FROM twice.flows")
	if after := mustSluice(t, "show", "flows", "--store", at, "-o", "json"); after != before {
		t.Error("blocks that were sent twice count twice")
	}
	dir := filepath.Join(t.TempDir(), "store")
	mustSluice(t, "ingest", capture, "--store", dir, "-q")
	if want := mustSluice(t, "show", "flows", "--store", dir, "-o", "json"); want != before {
		t.Error("the flows differ from those of a directory")
	}
	s.mustQuery("ALTER TABLE twice.flows DROP PARTITION '" + s.mustQuery("SELECT min(day) FROM twice.flows") + "'")
	if out, err := sluice(t, "show", "edges", "--store", at); err == nil || !strings.Contains(out, "or a part is lost") {
		t.Errorf("rows are missing: %v\n%s", err, out)
	}
}

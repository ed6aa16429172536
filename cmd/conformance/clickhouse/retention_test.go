package clickhouse

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// midnight is when today began.
func midnight() time.Time { return time.Now().UTC().Truncate(24 * time.Hour) }

// days writes a file of records for each of the last days, oldest first, and one of now.
func days(t *testing.T, dir string, n int) (files []string) {
	t.Helper()
	lines := records(t)
	write := func(name, at string, lines [][]byte) {
		text := moment.ReplaceAll(bytes.Join(lines, nil), []byte(at))
		file := filepath.Join(dir, name+".jsonl")
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	for i := range n {
		day := midnight().AddDate(0, 0, i-n)
		write(day.Format(time.DateOnly), day.Format(time.DateOnly)+"T09:30", lines[i*400:(i+1)*400])
	}
	write("now", time.Now().Add(-2*time.Minute).UTC().Format("2006-01-02T15:04"), lines[n*400:(n+1)*400])
	return files
}

// moment is the minute of a record.
var moment = regexp.MustCompile(`2026-03-02T\d\d:\d\d`)

// segment is what show segments prints of a day.
type segment struct {
	Day         string
	Rows, Bytes int64
}

func segments(t *testing.T, at string) []segment {
	t.Helper()
	var list struct{ Segments []segment }
	if err := json.Unmarshal([]byte(mustSluice(t, "show", "segments", "--store", at, "-o", "json")), &list); err != nil {
		t.Fatal(err)
	}
	return sum(list.Segments)
}

// sum adds up what is of one day, of several clusters.
func sum(list []segment) (days []segment) {
	slices.SortFunc(list, func(a, b segment) int { return strings.Compare(a.Day, b.Day) })
	for _, g := range list {
		if n := len(days); n == 0 || days[n-1].Day != g.Day {
			days = append(days, segment{Day: g.Day})
		}
		last := &days[len(days)-1]
		last.Rows, last.Bytes = last.Rows+g.Rows, last.Bytes+g.Bytes
	}
	return days
}

// TestRetention: --keep and --keep-bytes drop the partitions of the oldest days and nothing newer. Who reads meanwhile
// gets the store of before or of after, and no error. Sizes are those of the servers, and a check reads all of it.
func TestRetention(t *testing.T) {
	one, many := newServer(t, ""), cluster(t)
	one.start()
	lab, feed := newRelay(t), capture(t)
	old := func([]segment) []string {
		return []string{"--keep", (time.Since(midnight()) + 72*time.Hour).Truncate(time.Second).String()}
	}
	for _, c := range []struct {
		name   string
		server *server
		init   []string
		table  string
		keep   func(have []segment) []string
		// How many of the files' days may be left. What a server packs more or less tightly cannot be told to the byte.
		least, most int
	}{
		{"keep", one, nil, "flows", old, 3, 3},
		{"bytes", one, nil, "flows", func(have []segment) []string {
			keep := have[1].Bytes / 2
			for _, g := range have[2:] {
				keep += g.Bytes
			}
			return []string{"--keep-bytes", fmt.Sprint(keep)}
		}, 1, 4},
		{"shards", many[0][0], []string{"--on-cluster", "prod", "--replicated"}, "flows_local",
			old, 3, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			files := days(t, dir, 6)
			at := c.server.url(c.name) + "&grace=2s"
			mustSluice(t, append([]string{"store", "init", at}, c.init...)...)
			mustSluice(t, append(append([]string{"ingest"}, files...), "--store", at, "-q")...)
			have := segments(t, at)
			if len(have) < 6 || have[0].Bytes == 0 {
				t.Fatalf("days: %+v", have)
			}
			if out := mustSluice(t, "store", "check", at); !strings.Contains(out, "of 2,800 records in") {
				t.Errorf("check: %s", out)
			}
			yesterday := []string{"--until", midnight().Add(-time.Hour).Format(time.RFC3339), "-o", "json"}
			flows := func(at string) string {
				return mustSluice(t, append([]string{"show", "flows", "--store", at}, yesterday...)...)
			}
			directory := func(files []string) string {
				at := filepath.Join(dir, "store-"+filepath.Base(files[0]))
				mustSluice(t, append(append([]string{"ingest"}, files...), "--store", at, "-q")...)
				return flows(at)
			}
			states := map[string]int{} // what there may be to read, and of how many days
			for n := range 6 {
				states[directory(files[n:6])] = 6 - n
			}
			state := func() int {
				n, ok := states[flows(at)]
				if !ok {
					t.Fatal("a reader saw a part of what was dropped")
				}
				return n
			}
			if n := state(); n != 6 {
				t.Fatalf("%d of 6 days before anything was dropped", n)
			}
			cmd := exec.Command(os.Getenv("SLUICE"), append([]string{"ingest", "hubble://" + lab.address, "--follow", "--store", at}, c.keep(have)...)...)
			var log bytes.Buffer
			var left, partitions = 6, "?"
			cmd.Stderr = &log
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer func() {
				if _, _ = cmd.Process.Kill(), cmd.Wait(); t.Failed() {
					t.Logf("%d of 6 days left, in %s partitions; the collector: %s", left, partitions, &log)
				}
			}()
			lab.begin("feed", map[string]any{"file": feed, "count": 60, "rate": 20})
			reads := 0
			for end := time.Now().Add(time.Minute); left == 6 && time.Now().Before(end); reads++ {
				left = state()
			}
			lab.end("feed")
			if left > c.most || left < c.least {
				t.Errorf("%d of 6 days are left", left)
			}
			wait(t, func() bool {
				lab.begin("feed", map[string]any{"file": feed, "count": 10, "rate": 100})
				lab.end("feed")
				partitions = c.server.mustQuery(fmt.Sprintf("SELECT count(DISTINCT day) FROM %s.%s WHERE day < today()", c.name, c.table))
				return state() == left && partitions == fmt.Sprint(left)
			})
			_ = cmd.Process.Signal(syscall.SIGTERM)
			if err := cmd.Wait(); err != nil {
				t.Errorf("the collector ends with %v", err)
			}
			out := mustSluice(t, "store", "check", at)
			t.Logf("read %d times before, then %d of 6 days; %s", reads, left, out)
		})
	}
}

// capture is a small one for the relay.
func capture(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "boutique.jsonl")
	cmd := exec.Command(os.Getenv("FLOWGEN"), "-scenario", testdata+"scenarios/online-boutique.yaml", "-records", "1000", "-o", file)
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return file
}

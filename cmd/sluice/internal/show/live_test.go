package show

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"sluice/cmd/sluice/internal/collect"
	"sluice/ingest/live"
	"sluice/model"
)

// TestView: the last state is printed although nothing comes any more, and what did not change is not printed again.
func TestView(t *testing.T) {
	var out, errs bytes.Buffer
	v := NewLive(&out, &errs, "table", false)
	v.every = 5 * time.Millisecond
	var st live.Stats
	v.Source("hubble://a", func() live.Stats { return st })
	err := v.During(func() error {
		time.Sleep(20 * time.Millisecond)
		v.mu.Lock()
		st.Watermark, st.Lost = base2025, 2
		st.Records[model.Used][0] = 5
		v.mu.Unlock()
		time.Sleep(50 * time.Millisecond)
		v.Edge(collect.FoundEdge{Source: "a/web", Destination: "b/db", Port: "5432/tcp"})
		_, _ = v.Write([]byte("a line of the log\n"))
		return nil
	})
	want := "hubble://a: stored to 2025-02-20T10:00:00Z, 5 records, 2 lost by the server\nnew edge: a/web -> b/db 5432/tcp\n"
	if err != nil || out.String() != want || errs.String() != "a line of the log\n" {
		t.Errorf("%v\n%s%s", err, out.String(), errs.String())
	}
}

// TestScan: thousands of new edges at once are a few lines and a count of the others, of which none is missing.
func TestScan(t *testing.T) {
	for _, format := range []string{"table", "json"} {
		var out bytes.Buffer
		v := NewLive(&out, &out, format, false)
		v.every = time.Minute
		const edges = 5000
		_ = v.During(func() error {
			for range edges {
				v.Edge(collect.FoundEdge{Source: "a/web", Destination: "b/db", Port: "1/tcp"})
			}
			return nil
		})
		told := strings.Count(out.String(), "b/db")
		if told > 40*maxEdgeLines {
			t.Errorf("%s: %d lines", format, told)
		}
		for _, n := range regexp.MustCompile(`(?:"count":|edges: )(\d+)`).FindAllStringSubmatch(out.String(), -1) {
			more, _ := strconv.Atoi(n[1])
			told += more
		}
		if told != edges {
			t.Errorf("%s: %d of %d edges are told of:\n%.300s", format, told, edges, out.String())
		}
	}
}

// TestViewOfNothing: a source that had nothing is told at the end, and records without a time have no watermark.
func TestViewOfNothing(t *testing.T) {
	var malformed live.Stats
	malformed.Records[model.Malformed][model.BadValue] = 4
	for want, st := range map[string]live.Stats{"": {}, "a: 0 records\n": {Streams: 1}, "a: 4 records\n": malformed} {
		var out bytes.Buffer
		v := NewLive(&out, nil, "table", false)
		v.Source("a", func() live.Stats { return st })
		if _ = v.During(func() error { return nil }); out.String() != want {
			t.Errorf("%q, want %q", out.String(), want)
		}
	}
}

// TestManySpaces: namespaces that somebody makes up by the thousand are not all counted by name.
func TestManySpaces(t *testing.T) {
	v := NewLive(io.Discard, nil, "table", true)
	for i := range 10 * maxSpaces {
		v.Edge(collect.FoundEdge{Source: fmt.Sprintf("n%d/a", i), Destination: "shop/web"})
	}
	if len(v.spaces) > maxSpaces+1 || v.spaces["shop"] != 10*maxSpaces || v.spaces[otherSpaces] == 0 {
		t.Errorf("%d namespaces, shop %d, others %d", len(v.spaces), v.spaces["shop"], v.spaces[otherSpaces])
	}
}

func TestFit(t *testing.T) {
	for _, c := range []struct {
		text          string
		width, height int
		want          string
	}{
		{"one\ntwo\n", 10, 3, "one|two"}, {"one\ntwo\nthree\n", 10, 3, "one|two|three"}, {"one\ntwo\nthree\nfour\n", 20, 3, "one|two|  and 2 more"},
		{"one\ntwo\n", 20, 1, "  and 2 more"}, {"a long line\n", 6, 3, "a lon…"},
	} {
		if got := strings.Join(fit(c.text, c.width, c.height), "|"); got != c.want {
			t.Errorf("%q: %q, want %q", c.text, got, c.want)
		}
	}
}

var base2025 = time.Date(2025, 2, 20, 10, 0, 0, 0, time.UTC).UnixMicro()

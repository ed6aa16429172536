package show

import (
	"bytes"
	"strings"
	"testing"

	"sluice/model/store"
)

// TestShowStreams: what was lost, and when records may be missing, is there for whoever asks.
func TestStreams(t *testing.T) {
	st, err := store.Create(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for i := range int64(2) {
		w, err := st.Writer(store.WriterOptions{})
		if err != nil {
			t.Fatal(err)
		}
		err = w.Commit([]store.Source{{Name: "hubble://a:4245", Format: "hubble", Records: 1, Lost: 2, Stream: &store.Stream{
			Watermark: i + 1, Opened: 1, Last: map[string]int64{"n1": i + 1}, Lost: []store.Lost{{Node: "n1", Cause: "queue", Events: 2}},
			Gaps: []store.Gap{{Node: "n1", From: i + 1, To: i + 2, Cause: "resume"}}}}})
		if err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	if err := Streams(&out, Table, st.Part("")); err != nil {
		t.Fatal(err)
	}
	want := "SOURCE           NODE  NEWEST                       RECORDS  LOST  GAPS  BREAKS\n" +
		"hubble://a:4245        1970-01-01T00:00:00.000002Z  2        4     2     \n" +
		"                 n1    1970-01-01T00:00:00.000002Z           4     2     0\n"
	if out.String() != want {
		t.Errorf("%s\nwant\n%s", out.String(), want)
	}
	out.Reset()
	if err := Clusters(&out, JSON, st.Part("")); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), `"sources": 1,`) {
		t.Errorf("one stream is not one source of %s", out.String())
	}
	out.Reset()
	if err := Streams(&out, JSON, st.Part("")); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"kind": "StreamList"`, `"queue": 4`, `"cause": "resume"`, `"opened": 2`} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %s in %s", want, out.String())
		}
	}
}

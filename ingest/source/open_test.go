package source

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf16"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"sluice/ingest"
	"sluice/ingest/all"
	"sluice/model"
)

func TestTruncatedGzip(t *testing.T) {
	text, _, _ := many()
	var gz bytes.Buffer
	z := gzip.NewWriter(&gz)
	z.Write(text)
	z.Close()
	l, sum := readAll(t, 2, bytes.NewReader(gz.Bytes()[:gz.Len()/2]), "-")
	if !errors.Is(sum.Sources[0].Err, io.ErrUnexpectedEOF) {
		t.Errorf("error %v", sum.Sources[0].Err)
	}
	if len(l.ports) < 1000 {
		t.Errorf("only %d records of the first half", len(l.ports))
	}
}

func TestMarks(t *testing.T) {
	one, mark := fmt.Sprintf(record, 1), "\xEF\xBB\xBF"
	for _, in := range []string{mark + one, mark + "[" + one + "]", mark + fmt.Sprintf(pretty, 1)} {
		if l, _ := readAll(t, 1, strings.NewReader(in), "-"); !slices.Equal(l.ports, []int{1}) || l.rejects != nil {
			t.Errorf("%q: records %v, rejected %v", in[:8], l.ports, l.rejects)
		}
	}
	for _, c := range []struct{ in, want string }{
		{"\xFF\xFE\x00\x00{\x00\x00\x00", "UTF-32"}, {"BZh91AY", "bzip2"}, {"\xFD7zXZ\x00\x00", "xz"}, {"PK\x03\x04\x14", "unzip -p"},
		{"PAR1", "Parquet"}, {"ARROW1\x00\x00", "Arrow"}, {"ORC\n\x1D\n\x0A", "ORC"}, {"Obj\x01\x04", "avro-tools tojson"}, {"7z\xBC\xAF", "7z"},
		{"\x92\xCE\x69\xA5\x3B\x10\x82\xA3log", "MessagePack"}, {"\x92\xD7\x00\x69\xA5\x3B\x10", "fluent-binlog-reader"},
		{"\xD4\xC3\xB2\xA1\x02\x00\x04\x00", "packets"}, {"SQLite format 3\x00", "SQLite"}, {"\x78\x9C\xED", "zlib"}, {"\x78\xDA\xED", "zlib"},
		{gzipped(t, gzipped(t, one)), "packed twice"},
	} {
		_, sum := readAll(t, 1, strings.NewReader(c.in), "-")
		if err := sum.Sources[0].Err; err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %s", c.in, err, c.want)
		}
	}
}

// TestUTF16: Windows writes it, with a mark or without.
func TestUTF16(t *testing.T) {
	var text strings.Builder
	var ports []int
	for i := range 1000 { // several buffers
		ports = append(ports, i+1)
		fmt.Fprintf(&text, "%s\r\n", strings.Replace(fmt.Sprintf(record, i+1), "till", "till-\U0001F600-\u00e9", 1))
	}
	for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
		var in []byte
		for _, u := range utf16.Encode([]rune(text.String())) {
			in = order.AppendUint16(in, u)
		}
		for _, marked := range []bool{false, true} {
			if marked {
				in = append(order.AppendUint16(nil, 0xFEFF), in...)
			}
			for _, r := range []io.Reader{bytes.NewReader(in), iotest.OneByteReader(bytes.NewReader(in))} {
				l, sum := readAll(t, 2, r, "-")
				if !slices.Equal(l.ports, ports) || len(l.rejects) > 0 || sum.Sources[0].Err != nil {
					t.Errorf("%v, marked %v: %d records, rejected %v, %v", order, marked, len(l.ports), l.rejects, sum.Sources[0].Err)
				}
			}
		}
		if _, sum := readAll(t, 1, bytes.NewReader(in[:len(in)-1]), "-"); !errors.Is(sum.Sources[0].Err, io.ErrUnexpectedEOF) {
			t.Errorf("half a character at the end: %v", sum.Sources[0].Err)
		}
	}
	lone, err := io.ReadAll(&utf16Reader{in: strings.NewReader("\x00\xD8a\x00\x00\xDC\x00\xD8"), order: binary.LittleEndian})
	if string(lone) != "\uFFFDa\uFFFD\uFFFD" || err != nil {
		t.Errorf("halves of pairs: %q, %v", lone, err)
	}
}

// TestPadded: zero bytes behind what gzip packed fill up a block of a tape, and anything else is an error.
func TestPadded(t *testing.T) {
	packed := gzipped(t, fmt.Sprintf(record+"\n", 1)) + gzipped(t, fmt.Sprintf(record, 2))
	l, sum := readAll(t, 1, strings.NewReader(packed+strings.Repeat("\x00", 1000)), "-")
	if !slices.Equal(l.ports, []int{1, 2}) || sum.Sources[0].Err != nil {
		t.Errorf("records %v, %v", l.ports, sum.Sources[0].Err)
	}
	z, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, in := range []string{packed + "\x00\x00more than zero bytes", packed + fmt.Sprintf(record, 3),
		string(z.EncodeAll(fmt.Appendf(nil, record, 1), nil)) + packed} {
		if _, sum = readAll(t, 1, strings.NewReader(in), "-"); !errors.Is(sum.Sources[0].Err, errMixed) {
			t.Errorf("%.4q: error %v", in, sum.Sources[0].Err)
		}
	}
}

// TestRefused: what cannot be read is called by its name, with what to do about it.
func TestRefused(t *testing.T) {
	one := fmt.Sprintf(record, 1)
	long := encode(strings.Repeat(one+"\n", 9))
	for _, c := range []struct{ in, want string }{
		{"Mar  2 09:00:00.1: a/b:1 (ID:7) -> c/d:80 (ID:8) to-endpoint FORWARDED (TCP Flags: SYN)", observed},
		{"Mar  2 09:00:00.1: a/b (ID:7) <> 10.96.0.1:443 (world) pre-xlate-fwd TRACED (TCP)", observed},
		{"Mar  2 09:00:00.1   a/b:1   c/d:80   Policy denied   DROPPED   TCP Flags: SYN", observed},
		{"-> endpoint 1143 flow 0x1 , identity 7->8 state new: 10.0.0.1:1 -> 10.0.0.2:80 tcp SYN", "cilium monitor"},
		{"Healthcheck (via localhost:4245): Ok\nCurrent/Max Flows: 9/9 (100.00%)", "hubble observe -o jsonpb"},
		{"allowlist:\n- '{}'", "--print-raw-filters"},
		{`{'flow': {'verdict': 'FORWARDED'}}`, python},
		{`[["flow","time"],"2026-03-01T10:00:00Z"]` + "\n" + `[["flow","verdict"],"FORWARDED"]` + "\n", streamed},
		{`{"MESSAGE":[123,34,102],"_PID":"1"}`, listed},
		{`{"_PID":"1","MESSAGE":null}`, leftOut},
		{"\x1b[1;39m{\x1b[0m\x1b[34;1m\"verdict\"\x1b[0m", coloured},
		{`<v>{&quot;flow&quot;:{&quot;verdict&quot;`, markup},
		{"log=%7B%22verdict%22%3A", percent},
		{"flow { verdict: FORWARDED }", "protobuf"},
		{"<!DOCTYPE html>\n<html>", "web page"},
		{"<?xml version=\"1.0\"?>\n<Error><Code>AccessDenied</Code></Error>", "error of a server"},
		{"version https://git-lfs.github.com/spec/v1\noid sha256:4d", "git lfs pull"},
		{"a.gz" + strings.Repeat("\x00", 253) + "ustar  \x00\x1f\x8b", "tar -xf"},
		{long[:76] + "\n" + long[76:152] + "\n", encoded},
		{"hello", "no flow log"},
	} {
		l, sum := readAll(t, 1, strings.NewReader(c.in), "-")
		if err := sum.Sources[0].Err; err == nil || !strings.Contains(err.Error(), c.want) || len(l.ports) > 0 {
			t.Errorf("%q: %v, want %s", c.in, err, c.want)
		}
	}
	// Among records it counts as malformed, and is called so too.
	kept := quote(`2026-03-01T10:00:00.1Z stdout P ` + one[:200])
	for in, want := range map[string]string{`{"values":[["1",` + kept + `]]}`: keptPart, `{"log":` + quote(one[:200]) + `}`: "unexpected end",
		`{"_source":{"_p":"P","log":` + quote(one[:200]) + `}}`: keptPart, `{"MESSAGE":null}`: leftOut, "\x1F\x8B\x08\x00": "packed text",
		`{"MESSAGE":[123,34,102]}`: listed, `{'a': 'b', 'verdict': 1}`: python} {
		var details []string
		sink := func(r ingest.Rejection) { details = append(details, r.Detail) }
		_, err := Read(t.Context(), []string{"-"}, strings.NewReader(one+"\n"+in+"\n"), Options{Workers: 1, Formats: all.Formats(),
			Tables: model.NewTables(), NewSink: func() ingest.Sink { return rejections(sink) }})
		if err != nil || len(details) != 1 || !strings.HasPrefix(details[0], want) {
			t.Errorf("%s: %q, %v", in, details, err)
		}
	}
}

func gzipped(t *testing.T, text string) string {
	t.Helper()
	var b strings.Builder
	z := gzip.NewWriter(&b)
	if _, err := io.WriteString(z, text); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestSkippable: what packs on many cores writes frames before those of zstd, which hold nothing.
func TestSkippable(t *testing.T) {
	z, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	in := "\x50\x2A\x4D\x18\x04\x00\x00\x00abcd" + string(z.EncodeAll(fmt.Appendf(nil, record, 1), nil))
	if l, sum := readAll(t, 1, strings.NewReader(in), "-"); !slices.Equal(l.ports, []int{1}) {
		t.Errorf("records %v, %v", l.ports, sum.Sources[0].Err)
	}
}

// TestOneAfterTheOther: what is kept of an input for the next one changes nothing of it, whatever the two are and
// however the first one ended.
func TestOneAfterTheOther(t *testing.T) {
	lines := func(from, n int) (text string) {
		for i := range n {
			text += fmt.Sprintf(record+"\n", from+i)
		}
		return text
	}
	packed := func(text string) string {
		w, err := zstd.NewWriter(nil)
		if err != nil {
			t.Fatal(err)
		}
		return string(w.EncodeAll([]byte(text), nil))
	}
	big, _, _ := many()
	var wide []byte
	for _, c := range utf16.Encode([]rune(lines(7000, 3))) {
		wide = binary.LittleEndian.AppendUint16(wide, c)
	}
	dir := t.TempDir()
	var files []string
	for i, text := range []string{lines(1, 3), lines(4, 1), gzipped(t, lines(10, 5)), gzipped(t, string(big)), packed(lines(20, 5)),
		packed(string(big)), string(big), string(wide), gzipped(t, lines(30, 50))[:200], packed(lines(40, 900))[:200], "\x1f\x8bx",
		"\x28\xb5\x2f\xfdx", "", "[" + fmt.Sprintf(record, 50) + "]", gzipped(t, lines(60, 2)) + gzipped(t, lines(62, 2)),
		"\x50\x2A\x4D\x18\x00\x00\x00\x00" + packed(lines(70, 2))} {
		files = append(files, filepath.Join(dir, fmt.Sprint(i)))
		if err := os.WriteFile(files[i], []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	type result struct {
		ports, rejects string
		err            string
	}
	read := func(files ...string) (r result) {
		l, sum := readAll(t, 2, nil, files...)
		r = result{fmt.Sprint(l.ports), fmt.Sprint(l.rejects), ""}
		for _, s := range sum.Sources {
			r.err += fmt.Sprintln(s.Records, s.Bytes, s.Format, s.Err)
		}
		return r
	}
	join := func(a, b string) string {
		both := append(strings.Fields(strings.Trim(a, "[]")), strings.Fields(strings.Trim(b, "[]"))...)
		slices.Sort(both)
		return strings.Join(both, " ")
	}
	alone := make([]result, len(files))
	for i, f := range files {
		alone[i] = read(f)
	}
	for i := range files {
		for k := range files {
			got, a, b := read(files[i], files[k]), alone[i], alone[k]
			if join(got.ports, "") != join(a.ports, b.ports) || join(got.rejects, "") != join(a.rejects, b.rejects) ||
				got.err != a.err+b.err {
				t.Errorf("%d and %d: %.300q, not %.300q and %.300q", i, k, got, a, b)
			}
		}
	}
}

package source

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sluice/ingest"
	"sluice/model"
)

// TestPieceOf reads lines of containers' logs: the text, its stream, and whether more of it follows.
func TestPieceOf(t *testing.T) {
	for _, c := range []struct {
		line string
		want piece // text is that of the line
		text string
		ok   bool
	}{
		{`{"log":"{\"a\":1}\n","stream":"stdout","time":"t"}`, piece{escaped: true}, `{\"a\":1}\n`, true},
		{`{"log":"a\n","stream":"stderr","time":"t"}`, piece{escaped: true, stderr: true}, `a\n`, true},
		{`{"log":"a\n","stream":"other","time":"t"}`, piece{escaped: true}, `a\n`, true},
		{`{"log":"a\n","stream":"stderr","attrs":{"tag":"x"},"time":"t"}`, piece{escaped: true, stderr: true}, `a\n`, true},
		{`{"log":"{\"a\":","stream":"stdout","time":"t"}`, piece{escaped: true, unended: true}, `{\"a\":`, true},
		{`{"log":"a","stream":"stdout","time":"t"}`, piece{escaped: true, unended: true}, `a`, true},
		{`{"log":"a\n","stream":"stdout","time":"t","_p":"P"}`, piece{escaped: true, more: true}, `a`, true},
		{`{"log":"a\n","stream":"stderr","logtag":"F","time":"t"}`, piece{escaped: true, stderr: true}, `a\n`, true},
		{`{"log":"a\n","stream":"stdout","time":"t"`, piece{escaped: true}, `a\n`, true},
		{`{"log":"\\n","time":"t"}`, piece{}, "", false},
		{`{"log":"a\n","pod":"p","stream":"stdout"}`, piece{escaped: true}, `a\n`, true},
		{`{"log":"a\n","stream":"stdout","of":{"a":"b","stream":"stderr"}}`, piece{escaped: true}, `a\n`, true},
		{`{"log":"a","stream":"stderr","of":{"a":"b\n","stream":"stdout"}}`, piece{escaped: true, stderr: true, unended: true}, `a`, true},
		{`{"log":"\"_p\"\n","stream":"stdout","time":"t","k":1}`, piece{escaped: true}, `\"_p\"\n`, true},
		{`2026-01-01T00:00:00.000000000Z stdout P {"a":`, piece{more: true}, `{"a":`, true},
		{`2026-01-01T00:00:00.000000000Z stderr F 1}`, piece{stderr: true}, `1}`, true},
	} {
		got, ok := pieceOf([]byte(c.line))
		text := string(got.text)
		if got.text = nil; ok != c.ok || text != c.text || got.more != c.want.more || got.unended != c.want.unended || got.stderr != c.want.stderr ||
			got.escaped != c.want.escaped && ok {
			t.Errorf("%s: %q %+v %v", c.line, text, got, ok)
		}
	}
}

// TestPieces: lines that a runtime has split are joined in whatever a pipeline keeps their pieces, those of other
// containers among them, however far from the start of the log and wherever it is cut into blocks.
func TestPieces(t *testing.T) {
	mark := func(more bool) string {
		if more {
			return "P"
		}
		return "F"
	}
	forms := []struct {
		name string
		line func(pod int, text string, more bool) string
	}{
		{"CRI", func(pod int, text string, more bool) string {
			return "2026-03-01T10:00:00.1Z " + []string{"stdout", "stderr"}[pod] + " " + mark(more) + " " + text
		}},
		{"text of CRI", func(pod int, text string, more bool) string {
			return fmt.Sprintf(`{"log":%s,"kubernetes":{"pod_name":"p%d"}}`, quote("2026-03-01T10:00:00.1Z stdout "+mark(more)+" "+text), pod)
		}},
		{"text of CRI with line breaks", func(pod int, text string, more bool) string {
			return fmt.Sprintf(`{"file":"/p%d","message":%s}`, pod, quote("2026-03-01T10:00:00.1Z stderr "+mark(more)+" "+text+"\n"))
		}},
		{"_p", func(pod int, text string, more bool) string {
			return fmt.Sprintf(`{"stream":"stdout","_p":"%s","log":%s,"kubernetes":{"pod_name":"p%d"}}`, mark(more), quote(text), pod)
		}},
		{"logtag", func(pod int, text string, more bool) string {
			return fmt.Sprintf(`{"pod":"p%d","stream":"stderr","logtag":"%s","message":%s}`, pod, mark(more), quote(text+"\n"))
		}},
		{"_partial", func(pod int, text string, more bool) string {
			if more {
				return fmt.Sprintf(`{"_partial":true,"file":"/p%d","message":%s,"stream":"stdout"}`, pod, quote(text))
			}
			return fmt.Sprintf(`{"file":"/p%d","message":%s,"stream":"stdout"}`, pod, quote(text))
		}},
		{"partial_message", func(pod int, text string, more bool) string {
			return fmt.Sprintf(`{"container_id":"c%d","source":"stdout","log":%s,"partial_message":"true","partial_last":"%v"}`,
				pod, quote(text), !more)
		}},
		{"Docker's without line breaks", func(pod int, text string, _ bool) string {
			return fmt.Sprintf(`{"log":%s,"stream":"stdout","kubernetes":{"pod_name":"p%d"}}`, quote(text), pod)
		}},
	}
	for _, f := range forms {
		t.Run(f.name, func(t *testing.T) {
			random := rand.New(rand.NewPCG(1, 2))
			var log strings.Builder
			var ports []int
			for port := 1; port <= 3000; port += 3 {
				rest := make([]string, 3)
				if f.name == "CRI" {
					rest = rest[:2] // streams
				}
				for pod := range rest {
					ports = append(ports, port+pod)
					rest[pod] = fmt.Sprintf(strings.Replace(record, `"flow":{`, `"flow":{"Summary":"a \"{\" and \\   ",`, 1), port+pod)
				}
				for left := len(rest); left > 0; {
					pod := random.IntN(len(rest))
					if rest[pod] == "" {
						continue
					}
					n := len(rest[pod])
					if port > 600 { // behind what tells of what form the log is
						n = min(n, 20+random.IntN(200))
					}
					text := rest[pod][:n]
					if rest[pod] = rest[pod][n:]; rest[pod] == "" {
						left--
					}
					log.WriteString(f.line(pod, text, rest[pod] != "") + "\n")
				}
			}
			for _, workers := range []int{1, 3} {
				path := filepath.Join(t.TempDir(), "log")
				if err := os.WriteFile(path, []byte(log.String()), 0o600); err != nil {
					t.Fatal(err)
				}
				l, _ := readAll(t, workers, nil, path)
				if !slices.Equal(ports, l.ports) || len(l.rejects) > 0 {
					t.Errorf("%d workers: %d records of %d, rejected %.100v", workers, len(l.ports), len(ports), l.rejects)
				}
			}
		})
	}
}

// TestLostPiece: a line whose end never comes costs itself alone.
func TestLostPiece(t *testing.T) {
	part := func(pod string) string {
		return `{"stream":"stdout","_p":"P","log":` + quote(fmt.Sprintf(record, 1)[:90]) + `,"pod":"` + pod + `"}` + "\n"
	}
	whole := func(port int) string {
		return `{"stream":"stdout","_p":"F","log":` + quote(fmt.Sprintf(record, port)) + `,"pod":"a"}` + "\n"
	}
	var log strings.Builder
	log.WriteString(whole(1) + part("b"))
	for range maxApart {
		log.WriteString(whole(2))
	}
	log.WriteString(whole(3)) // b's is given up
	for i := range maxOpenLines + 1 {
		log.WriteString(part(fmt.Sprint("c", i)))
	}
	log.WriteString(whole(4))
	for _, workers := range []int{1, 3} {
		l, _ := readAll(t, workers, strings.NewReader(log.String()), "-")
		if len(l.ports) != 3+maxApart || len(l.rejects) != 2+maxOpenLines || !slices.Contains(l.rejects, "2:bad-json") {
			t.Errorf("%d records, %d rejected: %.100v", len(l.ports), len(l.rejects), l.rejects)
		}
	}
}

// decoderFunc is a decoder of texts.
type decoderFunc func(text string) bool

func (f decoderFunc) Record(_ string, _ int64, text []byte) bool { return f(string(text)) }

// TestBlanksOfParts: blanks at the end of a part stand in a string that goes on.
func TestBlanksOfParts(t *testing.T) {
	const cri, docker = "2026-03-01T10:00:00.1Z stdout ", `{"stream":"stdout","_p":"P","log":`
	for _, in := range []string{
		cri + "P {\"a\":\"b \n" + cri + "P   \r\n" + cri + "F  c\"}  \n",
		docker + quote(`{"a":"b    `) + "} \n" + strings.Replace(docker, "P", "F", 1) + quote(`c"}  `) + "}\r\n",
	} {
		var got []string
		format := ingest.Format{Sniff: func(text []byte) bool { return strings.HasPrefix(string(text), `{"a"`) },
			New: func(model.Tables) func(ingest.Sink) ingest.Decoder {
				return func(ingest.Sink) ingest.Decoder {
					return decoderFunc(func(text string) bool {
						got = append(got, text)
						return true
					})
				}
			}}
		_, err := Read(t.Context(), []string{"-"}, strings.NewReader(in), Options{Workers: 1, Formats: []ingest.Format{format},
			Tables: model.NewTables(), NewSink: func() ingest.Sink { return &log{} }})
		if want := []string{`{"a":"b    c"}`}; err != nil || !slices.Equal(got, want) {
			t.Errorf("%q, %v, want %q", got, err, want)
		}
	}
}

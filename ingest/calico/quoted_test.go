package calico

import (
	"encoding/json"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"sluice/ingest"
	"sluice/model"
)

// told is what a sink was given last, in words.
type told struct {
	tables model.Tables
	text   string
}

// Flow implements ingest.Sink.
func (s *told) Flow(f *model.Flow) { s.text = words(f, s.tables) }

// Reject implements ingest.Sink.
func (s *told) Reject(r ingest.Rejection) { s.text = r.Detail }

// inString is a text as it stands in a string of JSON, with the quote that ends it.
func inString(text string) string {
	b, _ := json.Marshal(text)
	return strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(string(b[1:]))
}

// endsLine reports whether no other object stands behind a record.
func endsLine(behind []byte) bool { return !strings.Contains(string(behind), "{") }

// TestQuoted: a record in a string is what it is outside of one, or it is not read there, whatever was read before.
func TestQuoted(t *testing.T) {
	value := regexp.MustCompile(`:("[^"]*"|-?[0-9]+|null|\[[^\]]*\])`)
	plain := []string{enterprise, protojson, whisker}
	var forms [3][]string
	for form, record := range plain {
		for _, at := range value.FindAllStringSubmatchIndex(record, -1) {
			for _, other := range []string{`"-"`, `""`, `"a\"b"`, `"x\\"`, `"é"`, `7`, `"7"`, `1.5`, `null`, `nul`, `{}`, `["a=b"]`,
				`["a=\"b"]`, `{"labels":["` + strings.Repeat("k=v", 80) + `"]}`, `01`, ` 7 `, `7}`, `[1,`, `"a`} {
				forms[form] = append(forms[form], record[:at[2]]+other+record[at[3]:])
			}
		}
	}
	tables := model.NewTables()
	in := &told{tables: tables}
	d := Format.New(tables)(in).(*records)
	rng := rand.New(rand.NewPCG(1, 2))
	read := 0
	for n := range 3000 {
		form := n / 100 % len(forms) // logs mostly have one
		text := plain[form]
		if n%3 > 0 {
			text = forms[form][rng.IntN(len(forms[form]))]
		}
		alone := &told{tables: model.NewTables()}
		took := Format.New(alone.tables)(alone).Record("", 1, []byte(text))
		in.text = ""
		behind := []string{`}`, `,"stream":"stdout"}`, ` {"a":1}`, ""}[rng.IntN(4)]
		ok := d.Quoted([]byte(inString(text)+behind), endsLine)
		switch {
		case ok && (!took || in.text != alone.text || strings.Contains(behind, "{")):
			t.Fatalf("%s:\n%s, and outside of a string\n%s", text, in.text, alone.text)
		case !ok && in.text != "":
			t.Fatalf("%s: handed on and not taken", text)
		case ok:
			read++
		default:
			d.Record("", 1, []byte(text))
		}
	}
	if read < 800 {
		t.Errorf("%d were read in strings", read)
	}
}

// FuzzQuoted: a text in a string is read as outside of one, or not.
func FuzzQuoted(f *testing.F) {
	for _, text := range []string{enterprise, protojson, whisker} {
		f.Add(text, text)
	}
	f.Fuzz(func(t *testing.T, before, text string) {
		tables := model.NewTables()
		in, alone := &told{tables: tables}, &told{tables: model.NewTables()}
		d := Format.New(tables)(in).(*records)
		d.Record("", 1, []byte(before))
		in.text = ""
		took := Format.New(alone.tables)(alone).Record("", 1, []byte(strings.TrimSpace(text)))
		if d.Quoted([]byte(inString(text)), endsLine) && (!took || in.text != alone.text) {
			t.Errorf("%s:\n%s, and outside of a string\n%s", text, in.text, alone.text)
		}
	})
}

package hubble

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/model"
)

// tree is a JSON value whose members keep their order.
type tree struct {
	open  byte // '{', '[' or 0 for a scalar
	text  string
	keys  []string
	under []*tree
}

func parseTree(t testing.TB, b []byte) *tree {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	v, err := readTree(d)
	if err != nil {
		t.Fatalf("%v: %s", err, b)
	}
	return v
}

func readTree(d *json.Decoder) (*tree, error) {
	tok, err := d.Token()
	if err != nil {
		return nil, err
	}
	open, ok := tok.(json.Delim)
	if !ok {
		b, err := json.Marshal(tok)
		return &tree{text: string(b)}, err
	}
	t := &tree{open: byte(open)}
	for d.More() {
		if open == '{' {
			key, err := d.Token()
			if err != nil {
				return nil, err
			}
			t.keys = append(t.keys, key.(string))
		}
		v, err := readTree(d)
		if err != nil {
			return nil, err
		}
		t.under = append(t.under, v)
	}
	_, err = d.Token()
	return t, err
}

// write appends the JSON of a tree: keys in the order that order gives, blanks and texts as they are to be.
func (t *tree) write(b []byte, order func(keys []string) []int, blank string, text func(string) string) []byte {
	if t.open == 0 {
		return append(b, text(t.text)...)
	}
	b = append(append(b, t.open), blank...)
	places := make([]int, len(t.under))
	for i := range places {
		places[i] = i
	}
	if t.open == '{' {
		places = order(t.keys)
	}
	for n, i := range places {
		if n > 0 {
			b = append(append(append(b, blank...), ','), blank...)
		}
		if t.open == '{' {
			key, _ := json.Marshal(t.keys[i])
			b = append(append(append(append(b, text(string(key))...), blank...), ':'), blank...)
		}
		b = t.under[i].write(b, order, blank, text)
	}
	return append(append(b, blank...), t.open+2)
}

func asWritten(keys []string) []int {
	at := make([]int, len(keys))
	for i := range at {
		at[i] = i
	}
	return at
}

func sortedKeys(keys []string) []int {
	at := asWritten(keys)
	slices.SortFunc(at, func(a, b int) int { return strings.Compare(keys[a], keys[b]) })
	return at
}

func plainText(s string) string { return s }

// escapedText spells a text as nobody needs to.
func escapedText(s string) string {
	if s[0] != '"' {
		return s
	}
	return strings.NewReplacer("/", `\/`, "e", `\u0065`, "L", `\u004c`, "=", `\u003D`, "-", `\u002d`).Replace(s)
}

// formsOf are the forms in which a record may come through what lies between it and its reader.
func formsOf(t testing.TB, r *rand.Rand, record []byte) map[string][]byte {
	v := parseTree(t, record)
	permuted := func(keys []string) []int { return r.Perm(len(keys)) }
	return map[string][]byte{
		"sorted":             v.write(nil, sortedKeys, "", plainText),
		"permuted":           v.write(nil, permuted, "", plainText),
		"blanks":             v.write(nil, asWritten, " \t\r\n", plainText),
		"escaped":            v.write(nil, asWritten, "", escapedText),
		"permuted, all else": v.write(nil, permuted, " ", escapedText),
	}
}

// TestForms: order, blanks and escapes change nothing, whatever the decoder has seen before.
func TestForms(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	records := corpus(t)
	for _, c := range changes {
		if b := []byte(strings.Replace(full, c.from, c.to, 1)); json.Valid(b) {
			records = append(records, b)
		}
	}
	p, written := newPair(), newPair()
	for range 2 {
		for _, b := range records {
			written.d.Record("-", 1, b)
			for name, f := range formsOf(t, r, b) {
				if diff := p.differ(f); diff != "" {
					t.Fatalf("%s: (-oracle +decoder)\n%s\n%s", name, diff, f)
				}
				// What is no text in JSON is another one when it is written again.
				if bytes.ContainsRune(b, '\ufffd') || bytes.Contains(b, []byte{0xff}) {
					continue
				}
				if diff := cmp.Diff(written.a.got, p.a.got, cmp.AllowUnexported(kept{})); diff != "" && p.a.got.src+written.a.got.src != "" {
					t.Fatalf("%s: (-as written +so)\n%s\n%s", name, diff, f)
				}
			}
		}
	}
}

// TestFormsCut cuts forms at every byte.
func TestFormsCut(t *testing.T) {
	p := newPair()
	for name, f := range formsOf(t, rand.New(rand.NewPCG(3, 4)), []byte(full)) {
		for range 3 {
			if p.d.Record("-", 1, f); p.a.got.src == "" {
				t.Fatalf("%s: not read: %s", name, f)
			}
		}
		for i := range f {
			p.a.got = kept{}
			if p.d.Record("-", 1, f[:i]); p.a.got.src != "" {
				t.Errorf("%s: took the first %d bytes for a record", name, i)
			}
		}
	}
}

// TestTwice: a key that says something stands once in an object, in whichever spelling; what says nothing may stand often.
func TestTwice(t *testing.T) {
	for _, c := range []struct{ from, to, wrong string }{
		{`"verdict"`, `"verdict":"DROPPED","verdict"`, "verdict"},
		{`"verdict"`, `"verd\u0069ct":"FORWARDED","verdict"`, "verdict"},
		{`"verdict"`, `"Verdict":"FORWARDED","verdict"`, "verdict"},
		{`"IP":{"source"`, `"IP":{"destination":"10.9.9.9"},"IP":{"source"`, "IP"},
		{`"source_port"`, `"sourcePort":1,"source_port"`, "source_port"},
		{`"SYN"`, `"SYN":false,"SYN"`, "SYN"},
		{`"identity":815`, `"identity":815,"labels":["k8s:app=other"]`, "labels"},
		{`"is_reply"`, `"isReply":true,"is_reply"`, "is_reply"},
		{`{"flow":`, `{"flow":{"verdict":"DROPPED"},"flow":`, "flow"},
		{`{"flow":`, `{"result":{"flow":{"verdict":"DROPPED"}},"flow":`, "flow"},
		{`{"TCP"`, `{"UDP":{"source_port":1},"TCP"`, ""},
		{`"uuid"`, `"uuid":"a","uuid"`, ""},
		{`"node_name":"n1","time"`, `"x":1,"x":2,"node_name":"n1","time":"2026-03-01T10:20:30Z","time"`, ""},
	} {
		for _, spelled := range []string{full, strings.Replace(full, `{"flow":`, `{ "flow":`, 1)} {
			if !strings.Contains(spelled, c.from) {
				continue
			}
			k := &keep{tables: model.NewTables()}
			New(k.tables, k).Record("-", 1, []byte(strings.Replace(spelled, c.from, c.to, 1)))
			want := fmt.Sprintf("%s in %s", twice, c.wrong)
			switch {
			case strings.Contains(c.to, "UDP"):
				if !strings.HasPrefix(k.detail, twoProtocols) {
					t.Errorf("%s: %q, want two protocols", c.to, k.detail)
				}
			case c.wrong == "" && k.got.src == "":
				t.Errorf("%s: refused: %s", c.to, k.detail)
			case c.wrong != "" && (k.detail != want || k.got.reject.Reason != model.BadValue):
				t.Errorf("%s: %q %v, want %q", c.to, k.detail, k.got.reject, want)
			}
		}
	}
}

// TestWrappers: a flow is found in what stands around it, and without it.
func TestWrappers(t *testing.T) {
	want := &keep{tables: model.NewTables()}
	New(want.tables, want).Record("-", 1, []byte(full))
	flow := full[len(`{"flow":`):strings.Index(full, `,"node_name":"n1","time"`)]
	for _, b := range []string{
		full,
		`{"result":` + full + `}`,
		`{"result":{"flow":` + flow + `,"node_name":"n1"}}`,
		`{"tenant_id":"t","source":"stderr","verdict":3,` + full[1:],
		`{"result":"ok",` + full[1:len(full)-1] + `,"reply":"yes"}`,
		flow,
		`{"_id":{"x":[1]},` + flow[1:],
		full,
		`{"flow":` + flow + `}`,
	} {
		for range 3 {
			p := newPair()
			for _, before := range []string{"", full, flow} {
				p.d.Record("-", 1, []byte(before))
				p.d.Record("-", 1, []byte(b))
				if diff := cmp.Diff(want.got, p.a.got, cmp.AllowUnexported(kept{})); diff != "" {
					t.Errorf("%s after %.10q: (-want +got)\n%s", b, before, diff)
				}
			}
		}
	}
}

// FuzzForms looks for records that say something else in another form.
func FuzzForms(f *testing.F) {
	for i, b := range corpus(f) {
		if i%8 == 0 {
			f.Add(b, uint64(i))
		}
	}
	f.Add([]byte(full), uint64(1))
	f.Fuzz(func(t *testing.T, b []byte, seed uint64) {
		if !json.Valid(b) || len(b) == 0 || bytes.TrimLeft(b, " \t\r\n")[0] != '{' {
			return
		}
		p := newPair()
		p.d.Record("-", 1, []byte(full))
		for name, form := range formsOf(t, rand.New(rand.NewPCG(seed, 1)), b) {
			for range 2 {
				if diff := p.differ(form); diff != "" {
					t.Errorf("%s: (-oracle +decoder)\n%s", name, diff)
				}
			}
		}
	})
}

// TestEpoch: a time that a pipeline made a number of is read, whatever parts of a second it counts.
func TestEpoch(t *testing.T) {
	want := &keep{tables: model.NewTables()}
	New(want.tables, want).Record("-", 1, []byte(full))
	for number, same := range map[string]bool{
		"1772360430.123456": true, "1772360430.123456789": true, "1772360430123.456": true, "1772360430123456": true,
		"1772360430123456789": true, `"1772360430.123456"`: true, "1772360430": false, "1772360430.": false,
		`{"seconds":"1772360430","nanos":123456789}`: true, `{ "nanos" : 123456000, "seconds" : 1772360430 }`: true,
		`{"seconds":"1772360430"}`: false, `{"nanos":123456000}`: false, `{}`: false, `{"seconds":1,"x":2}`: false,
		`{"seconds":"1772360430","nanos":1123456789}`: false, `{"seconds":-1}`: false,
		`{"$date":"2026-03-01T10:20:30.123456Z"}`: true, `{"$date":{"$numberLong":"1772360430123"}}`: false,
		`{"$date":1772360430123.456}`: true, `{"$date":{}}`: false, `{"$date":"x"}`: false,
		`"2026-03-01 10:20:30.123456"`: true, `"2026-03-01 10:20:30.123456789 UTC"`: true, `"2026-03-01 10:20:30.123456+00"`: true,
		`"2026-03-01 12:20:30.123456+02"`: true, `"2026-03-01 12:20:30.123456+0200"`: true, `"2026-03-01T10:20:30.123456"`: true,
		`"2026-03-01 10:20:30.123456Z"`: true, `"2026-03-01 12:20:30.123456+02:00"`: true, `"2026-03-01 12:20:30.123456+02 UTC"`: false,
		`"2026-03-01  10:20:30.123456"`: false, `"2026-03-01 10:20:30.123456 "`: false, `"2026-03-01"`: false, `"2026-03-01T1:20:30.1"`: false,
		`{"$date":{"$date":"2026-03-01T10:20:30.123456Z"}}`: false, `{"$date":{"$numberLong":"1772360430123.456"}}`: true,
		`"{\"$numberLong\":\"12"`: false, `"{\"$date\":{\"$numberLong\":\"1772360430123.456"`: false, `"{"`: false,
		"177236043": false, "17723604301": false, "1.772360430e9": false, "-1772360430": false, "1772360430.1.2": false,
	} {
		p := newPair()
		p.d.Record("-", 1, []byte(strings.ReplaceAll(full, `"2026-03-01T10:20:30.123456789Z"`, number)))
		if is := cmp.Diff(want.got, p.a.got, cmp.AllowUnexported(kept{})) == ""; is != same {
			t.Errorf("%s: the same time: %v", number, is)
		}
	}
	for text, want := range map[string]int64{"1772360430": 1772360430e6, "1772360430.5": 17723604305e5, "1772360430.": 1772360430e6,
		"1772360430123": 1772360430123e3} {
		if us, ok := parseTime([]byte(text)); !ok || us != want {
			t.Errorf("%s: %d, %v, want %d", text, us, ok, want)
		}
	}
}

// FuzzTime: no text is too broken to be read as a time, or not.
func FuzzTime(f *testing.F) {
	for _, text := range []string{`{"$date":{"$numberLong":"1772360430123"}}`, `{"seconds":"1772360430","nanos":1}`, "1772360430.5",
		"2026-03-01 10:20:30.1 UTC"} {
		for i := range len(text) + 1 {
			f.Add([]byte(text[:i]))
		}
	}
	f.Fuzz(func(_ *testing.T, text []byte) { parseTime(text) })
}

// TestWrappedReply: what clients make of is_reply that do not know the JSON of a BoolValue is read.
func TestWrappedReply(t *testing.T) {
	want := &keep{tables: model.NewTables()}
	New(want.tables, want).Record("-", 1, []byte(full))
	for value, same := range map[string]bool{
		`{"value":false}`: true, `{ "value" : false }`: true, `{"value":true}`: false, `{}`: false, `{"value":null}`: false,
		`{"value":false,"x":1}`: false, `{"value":{"value":false}}`: false,
	} {
		p := newPair()
		p.d.Record("-", 1, []byte(strings.Replace(full, `"is_reply":false`, `"is_reply":`+value, 1)))
		if is := cmp.Diff(want.got, p.a.got, cmp.AllowUnexported(kept{})) == ""; is != same {
			t.Errorf("%s: the same: %v", value, is)
		}
	}
}

package calico

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/model"
)

// wanted is what a record has.
type wanted struct {
	values   [absent][]byte
	goldmane bool
	ends     int
}

// read reads the values of a record with encoding/json, and is false where it is no object.
func (r *wanted) read(text []byte, depth int) bool {
	d := json.NewDecoder(bytes.NewReader(text))
	if tok, err := d.Token(); err != nil || tok != json.Delim('{') {
		return false
	}
	for d.More() {
		tok, err := d.Token()
		if err != nil {
			return false
		}
		var v json.RawMessage
		if d.Decode(&v) != nil {
			return false
		}
		key := []byte(tok.(string))
		if depth == 0 && (string(key) == "Key" || string(key) == "key") && v[0] == '{' {
			r.goldmane = true
			r.read(v, 1)
			continue
		}
		r.values[fieldOf(key)] = v
		if fieldOf(key).namesEnd() {
			r.ends++
		}
	}
	return true
}

// FuzzRead: the values of a record are those that encoding/json finds, what is no JSON has none, and what a decoder has
// read before changes nothing.
func FuzzRead(f *testing.F) {
	for _, t := range []string{enterprise, protojson, whisker, `{"Key":{"source_name":"a","source_name":"b"},"key":3}`,
		`{"key":{"Key":{}},"dest_name":1} `, `{"dest_name":1}}`, `{"dest_name":01}`, `[]`, ""} {
		f.Add([]byte(t), []byte(protojson))
	}
	f.Add([]byte(`{"source_name":"a" , "DestName" :"b","a":1} `), []byte(`{"a":1,"b":2,"source_name":1}`))
	f.Fuzz(func(t *testing.T, text, before []byte) {
		if bytes.Contains(text, []byte(`\`)) {
			return // an escaped key is none that a flow has
		}
		d := NewDecoder("", model.NewTables())
		d.Decode(before)
		d.Decode(text)
		var want wanted
		if valid := json.Valid(text) && text[0] == '{'; valid {
			want.read(text, 0)
		}
		got := wanted{goldmane: d.rec.goldmane, ends: d.rec.ends}
		for f := noField + 1; f < absent; f++ {
			got.values[f] = d.rec.raw(f)
		}
		want.values[noField] = nil
		if got.goldmane != want.goldmane || got.ends != want.ends {
			t.Errorf("%s: %+v, want %+v", text, got, want)
		}
		if diff := cmp.Diff(want.values, got.values); diff != "" {
			t.Errorf("%s: %s", text, diff)
		}
		if Sniff(text) != (d.rec.signs >= minNames) && json.Valid(text) && text[0] == '{' {
			t.Errorf("%s: %d signs", text, d.rec.signs)
		}
	})
}

package calico

import (
	"strings"
	"testing"

	"sluice/model"
)

// TestID: two spellings of a record are one where they differ in what a server adds up, and two where they do not.
func TestID(t *testing.T) {
	const rec = `{"Key":{"source_name":"a-*","source_namespace":"x","source_type":1,"dest_name":"b-*","dest_namespace":"y","dest_type":1,` +
		`"dest_port":80,"proto":"tcp","reporter":1,"action":1,"policies":{"enforced_policies":[{"kind":9,"name":"kns.x","action":1}]}},` +
		`"start_time":1795229200,"end_time":1795229215,"source_labels":["app=a"],"packets_in":3}`
	d := NewDecoder("test", model.NewTables())
	id := func(obj string) uint64 {
		t.Helper()
		if _, rej := d.Decode([]byte(obj)); rej != nil {
			t.Fatalf("%s: %s", rej.Reason, rej.Detail)
		}
		return d.ID([]byte(obj))
	}
	want := id(rec)
	for _, tt := range []struct {
		old, new string
		same     bool
	}{
		{`"packets_in":3`, `"packets_in":4`, true},
		{`"packets_in":3`, `"num_connections_started":7`, true},
		{`["app=a"]`, `[]`, true},
		{`"start_time":1795229200`, `"start_time":1795229201`, false},
		{`"dest_port":80`, `"dest_port":81`, false},
		{`"reporter":1`, `"reporter":2`, false},
		{`"action":1,"policies"`, `"action":2,"policies"`, false},
		{`kns.x`, `kns.y`, false},
		{`"source_name":"a-*","source_namespace":"x"`, `"source_name":"a-*x","source_namespace":""`, false},
		{`"proto":"tcp"`, `"proto":"udp"`, false},
	} {
		if !strings.Contains(rec, tt.old) {
			t.Fatalf("%s is not in the record", tt.old)
		}
		if got := id(strings.Replace(rec, tt.old, tt.new, 1)); (got == want) != tt.same {
			t.Errorf("%s -> %s: same %t, want %t", tt.old, tt.new, got == want, tt.same)
		}
	}
	for _, junk := range []string{"{", "[]", `{"a":1}`} {
		if f, rej := d.Decode([]byte(junk)); rej == nil || rej.Fate != model.Malformed || f.Time != 0 {
			t.Errorf("%s: %v %+v", junk, rej, f)
		}
	}
}

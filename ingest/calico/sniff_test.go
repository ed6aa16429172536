package calico

import "testing"

func TestSniff(t *testing.T) {
	const hubble = `{"flow":{"time":"2026-09-12T23:28:27Z","verdict":"FORWARDED","IP":{"source":"10.0.0.1"},"source":{"namespace":"a"},"source_names":["x"],"destination_names":["y"]},"node_name":"n"}`
	for _, tt := range []struct {
		want   bool
		object string
	}{
		{true, enterprise},
		{true, protojson},
		{true, emitter},
		{true, whisker},
		{true, `{"Key": {"sourceName" : "a", "destName":"`},
		{true, `{"x": [{"y": "}\""}], "source_name":"a","dest_name":"b`},
		{false, ""},
		{false, "{}"},
		{false, "[]"},
		{false, hubble},
		{false, `{"source_name":"one may be a coincidence"}`},
		{false, `{"id":1,"flow":` + emitter}, // holds one
		{false, `{"flow":{"summary":"\"source_name\": \"a\", \"dest_name\": \"b\""}}`},
		{false, `{"keys":["source_name","dest_name"]}`},
		{false, `time="2026" source_name":"a" "dest_name":"b"`},
		{false, "\x1f\x8b"},
	} {
		if got := Sniff([]byte(tt.object)); got != tt.want {
			t.Errorf("%v, want %v: %s", got, tt.want, tt.object)
		}
	}
}

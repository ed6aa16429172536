package calico

import "testing"

func TestSniff(t *testing.T) {
	const hubble = `{"flow":{"time":"2026-09-12T23:28:27Z","verdict":"FORWARDED","IP":{"source":"10.0.0.1"},"source":{"namespace":"a"},"source_names":["x"],"destination_names":["y"]},"node_name":"n"}`
	for _, tt := range []struct {
		want bool
		head string
	}{
		{true, enterprise},
		{true, enterprise[:60] + `"source_name":`},
		{true, protojson},
		{true, emitter},
		{true, whisker},
		{true, "[\n  " + emitter},
		{true, "\xEF\xBB\xBF\n" + emitter},
		{true, `{"id":1,"flow":` + emitter},
		{true, `{"took":1,"hits":{"hits":[{"_source":` + enterprise},
		{true, `{"total":{"totalPages":0},"items":[]}`},
		{true, "data: " + whisker},
		{true, "id: 1\nevent: x\ndata: " + whisker},
		{true, `{"Key": {"sourceName" : "a"`},
		{false, ""},
		{false, "{}"},
		{false, hubble},
		{false, `{"flow":{"summary":"\"source_name\": \"a\""}}`},
		{false, `{"keys":["source_name","dest_name"]}`},
		{false, `time="2026" source_name":`},
		{false, "\x1f\x8b"},
	} {
		if got := Sniff([]byte(tt.head)); got != tt.want {
			t.Errorf("%v, want %v: %s", got, tt.want, tt.head)
		}
	}
}

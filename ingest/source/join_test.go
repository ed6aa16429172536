package source

import "testing"

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
		{`{"log":"{\"a\":","stream":"stdout","time":"t"}`, piece{escaped: true, more: true}, `{\"a\":`, true},
		{`{"log":"a","stream":"stdout","time":"t"}`, piece{escaped: true, more: true}, `a`, true},
		{`{"log":"a\n","stream":"stdout","time":"t","_p":"P"}`, piece{escaped: true, more: true}, `a\n`, true},
		{`{"log":"a\n","stream":"stderr","logtag":"F","time":"t"}`, piece{escaped: true, stderr: true}, `a\n`, true},
		{`{"log":"a\n","stream":"stdout","time":"t"`, piece{escaped: true}, `a\n`, true},
		{`{"log":"\\n","time":"t"}`, piece{}, "", false},
		{`{"log":"a\n","pod":"p","stream":"stdout"}`, piece{}, "", false},
		{`{"log":"a\n","stream":"stdout","of":{"a":"b","stream":"stderr"}}`, piece{escaped: true}, `a\n`, true},
		{`{"log":"a","stream":"stderr","of":{"a":"b\n","stream":"stdout"}}`, piece{escaped: true, stderr: true, more: true}, `a`, true},
		{`{"log":"\"_p\"\n","stream":"stdout","time":"t","k":1}`, piece{escaped: true}, `\"_p\"\n`, true},
		{`2026-01-01T00:00:00.000000000Z stdout P {"a":`, piece{more: true}, `{"a":`, true},
		{`2026-01-01T00:00:00.000000000Z stderr F 1}`, piece{stderr: true}, `1}`, true},
	} {
		got, ok := pieceOf([]byte(c.line))
		text := string(got.text)
		if got.text = nil; ok != c.ok || text != c.text || got.more != c.want.more || got.stderr != c.want.stderr ||
			got.escaped != c.want.escaped && ok {
			t.Errorf("%s: %q %+v %v", c.line, text, got, ok)
		}
	}
}

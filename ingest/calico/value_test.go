package calico

import (
	"testing"

	"sluice/model"
)

// TestEnum: a number is the same with a fraction, and no text is one.
func TestEnum(t *testing.T) {
	for _, c := range []struct {
		value string
		want  model.Verdict
		ok    bool
	}{
		{`1`, model.Forwarded, true}, {`"1"`, model.Forwarded, true}, {`1.0`, model.Forwarded, true},
		{`2e0`, model.Dropped, true}, {`"DENY"`, model.Dropped, true}, {`0.0`, model.VerdictUnknown, true},
		{`1.5`, 0, false}, {`-1.0`, 0, false}, {`3.0`, 0, false}, {`1e400`, 0, false}, {`"0x1p0"`, 0, false}, {`true`, 0, false},
	} {
		if got, ok := enum([]byte(c.value), actions); got != c.want || ok != c.ok {
			t.Errorf("%s: %v, %v", c.value, got, ok)
		}
	}
}

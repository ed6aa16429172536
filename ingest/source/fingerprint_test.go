package source

import (
	"hash/maphash"
	"testing"
)

// TestFingerprint: records have the same number where they have the same meaning, and only there.
func TestFingerprint(t *testing.T) {
	seed := maphash.MakeSeed()
	records := []string{
		`{"flow":{"a":1,"b":"x"},"time":"t"}`, `{"time":"u","flow":{"b":"\u0078","a":1}}`, `{"a":1,"b":"x"}`,
		`{ "b" : "x" , "a" : 1 }`, `{"flow":{"a":1,"b":"y"}}`, `{"a":"x","b":1}`, `{"a":1,"b":["x"]}`, `{"a":"1","b":"x"}`,
		`{"a":[1,2]}`, `{"a":[2,1]}`, `{"a":[[1],2]}`, `{"a":[1,[2]]}`, `{"a":[]}`, `{"a":{}}`, `{"a":""}`, `{"a":null}`,
		`{"a":{"b":{"c":1}}}`, `{"a":{"c":{"b":1}}}`, `{"b":{"a":{"c":1}}}`, `{"a":true}`, `{"a":"true"}`, `{}`,
		`{"flow":null,"a":1}`, `{"a":1,"flow":null}`, `{"a":"\u00fc\n\"\\"}`, `{"a":"ü\u000a\u0022\u005c"}`, `{"a":1.0}`, `{"a":1}`,
	}
	for _, a := range records {
		for _, b := range records {
			same := meaning([]byte(a)) == meaning([]byte(b))
			if fingerprint(seed, []byte(a)) == fingerprint(seed, []byte(b)) != same {
				t.Errorf("%s and %s: the same meaning is %v", a, b, same)
			}
		}
	}
}

func FuzzFingerprint(f *testing.F) {
	f.Add([]byte(`{"flow":{"a":[1,"\u12"`))
	f.Add([]byte(`{"a":"\`))
	f.Fuzz(func(_ *testing.T, text []byte) {
		if len(text) > 0 {
			fingerprint(maphash.MakeSeed(), text)
		}
	})
}

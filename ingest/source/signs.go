package source

import (
	"strings"

	"sluice/ingest"
)

// signs are the keys of which some format has one in each record, or in an object in it. Letters count in either case.
type signs struct {
	unknown bool // a format does not tell its own: any key may be one
	names   map[string]bool
	// second has a bit for the second byte of each name, by its length: most keys need no other look.
	second [maxSign]uint32
}

// maxSign is more bytes than a sign has.
const maxSign = 32

func newSigns(formats []ingest.Format) *signs {
	s := &signs{names: map[string]bool{}}
	for i := range formats {
		s.unknown = s.unknown || len(formats[i].Signs) == 0
		for _, name := range formats[i].Signs {
			if len(name) < 2 || len(name) >= maxSign {
				s.unknown = true
				continue
			}
			s.names[strings.ToLower(name)] = true
			s.second[len(name)] |= 1 << (name[1] & 31)
		}
	}
	return s
}

// has reports whether a key without escapes may be a sign.
func (s *signs) has(key []byte) bool {
	if s.unknown {
		return true
	}
	if len(key) < 2 || len(key) >= maxSign || s.second[len(key)]>>(key[1]&31)&1 == 0 {
		return false
	}
	return s.names[strings.ToLower(string(key))]
}

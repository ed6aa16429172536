package calico

import (
	"bytes"
	"hash/maphash"
	"strings"

	"sluice/ingest/scan"
)

// labelSets find labels by the set that they are, whatever their order, all of them compared: some pipelines keep
// labels in a hash table, and write them in another order each time.
type labelSets struct {
	seed  maphash.Seed
	slots [][4]labelSlot // by a hash of labels that no order changes, the newest first
	parts scan.Parts
	// Where labels are many, and always in the order that they had, no set is looked for most of the time.
	tried, found int // since the last pause; found in another order
	pause        int // labels that are passed by
}

// Of so many labels a quarter must be found in another order, or the next ones are not looked up.
const (
	setTries = 1 << 10
	setPause = 1 << 13
)

// labelSlot has a set only once its hash came twice, as a repeatedSlot has a text.
type labelSlot struct {
	hash uint64 // 0: none
	set  *labelSet
}

// labelSet are labels whose order says nothing, none where it does.
type labelSet struct {
	scan.Set
	number uint64 // 0: none yet
}

// labelsKey begins the labels of Enterprise's records.
const labelsKey = `"labels"`

// separator stands between the labels of Whisker's records, which are one text.
const separator = " | "

// read reads labels at b[i] that are a list of texts, an object with nothing but such a list, or one text without
// escapes; end is -1 for all else. The set is nil where the same labels did not come before, or say something else in
// another order. h is a hash of how they are written.
func (s *labelSets) read(b []byte, i int, h uint64) (end int, of *labelSet) {
	if s.pause > 0 {
		s.pause--
		return -1, nil
	}
	if s.tried++; s.tried == setTries {
		if s.found < setTries/4 {
			s.pause = setPause
		}
		s.tried, s.found = 0, 0
	}
	s.parts.Reset()
	if end = s.labels(b, i); end < 0 || end-i > maxRepeated {
		return end, nil
	}
	if s.slots == nil {
		s.seed, s.slots = maphash.MakeSeed(), make([][4]labelSlot, 1<<repeatedBits)
	}
	sum := s.parts.Sum(s.seed)
	at := s.slot(sum)
	made := at.set != nil
	if !made {
		if sum == 0 || at.hash != sum {
			at.hash = sum
			return end, nil
		}
		at.set = &labelSet{}
		items := s.parts.Strings()
		if set, ok := scan.NewSet(items, &s.parts); ok && orderless(items) {
			at.set.Set = set
		}
	}
	if !at.set.Holds(&s.parts) {
		return end, nil
	}
	if !at.set.Again(h) && made {
		s.found++
	}
	return end, at.set
}

// labels reads labels into parts, as they are written.
func (s *labelSets) labels(b []byte, i int) int {
	switch b[i] {
	case '"':
		return s.joined(b, i)
	case '[':
		return s.list(b, i)
	default:
		return s.object(b, i)
	}
}

// joined reads labels that are one text.
func (s *labelSets) joined(b []byte, i int) int {
	end := scan.Plain(b, i+1)
	if b[end] != '"' {
		return -1
	}
	for label := range bytes.SplitSeq(b[i+1:end], []byte(separator)) {
		s.parts.Add(label)
	}
	return end + 1
}

// object reads an object that holds labels.
func (s *labelSets) object(b []byte, i int) int {
	if i = scan.Blank(b, i+1); !scan.Has(b, i, labelsKey) {
		return -1
	}
	if i = scan.Blank(b, i+len(labelsKey)); b[i] != ':' {
		return -1
	}
	if i = s.list(b, scan.Blank(b, i+1)); i < 0 {
		return -1
	}
	if i = scan.Blank(b, i); b[i] != '}' {
		return -1
	}
	return i + 1
}

// list reads a list of texts.
func (s *labelSets) list(b []byte, i int) int {
	if b[i] != '[' {
		return -1
	}
	for open := true; ; open = false {
		if i = scan.Blank(b, i+1); b[i] == ']' && open {
			return i + 1
		}
		if b[i] != '"' {
			return -1
		}
		from := i
		if i = scan.TextEnd(b, i+1); i < 0 {
			return -1
		}
		s.parts.Add(b[from:i])
		switch i = scan.Blank(b, i); b[i] {
		case ']':
			return i + 1
		case ',':
		default:
			return -1
		}
	}
}

// slot returns the slot of a hash, or an empty one for it in the place of the oldest.
func (s *labelSets) slot(h uint64) *labelSlot {
	set := &s.slots[h>>(64-repeatedBits)]
	for n := range set {
		if set[n].hash == h {
			return &set[n]
		}
	}
	copy(set[1:], set[:len(set)-1])
	set[0] = labelSlot{}
	return &set[0]
}

// orderless reports whether labels, as written, say the same in any order: not where one counts that comes after others
// of its key.
func orderless(written []string) bool {
	seen := map[string]bool{}
	for _, w := range written {
		if strings.HasPrefix(w, `"`) { // else it is part of a text
			t, _ := text([]byte(w))
			w = string(t)
		}
		key, _, _ := strings.Cut(w, "=")
		switch key {
		case accountLabel, namespaceLabel, templateHash, rolloutHash, revisionHash:
			if seen[key] {
				return false
			}
			seen[key] = true
		}
	}
	return true
}

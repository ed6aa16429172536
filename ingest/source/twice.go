package source

import (
	"errors"
	"slices"

	"sluice/model"
)

// errTwice ends an input that is too large for its records to be compared one by one.
var errTwice = errors.New("the same records stand in it twice, as texts and as objects: " +
	"keep one of both (jq '.NAME[]' FILE | sluice ... -)")

// sample are records of what a splitter has opened. Another member or column that has the same ones in the other form,
// as texts or as objects, has them all twice.
type sample struct {
	known  []string // what records at the start mean
	texts  bool     // they are texts
	depth  int      // of the last value
	begins byte     // how it begins
	alike  int      // how many such there were in turn
	looked int      // how many were looked into
}

const (
	// maxAlike is how many values are looked into of those that follow each other and stand and begin alike.
	maxAlike = 4
	// maxLooked is how many are in all.
	maxLooked = 1 << 10
	// maxKnown is how many records are kept.
	maxKnown = 64
)

// isTwice reports whether a value holds a record that one of the other form held before.
func (s *splitter) isTwice(v *value) bool {
	f := &s.first
	if len(s.outer) == 0 {
		*f = sample{}
		return false
	}
	if v.reason != model.ReasonNone || s.records == nil || f.looked == maxLooked {
		return false
	}
	if f.depth != len(s.outer) || f.begins != v.text[0] {
		f.depth, f.begins, f.alike = len(s.outer), v.text[0], 0
	}
	if f.alike++; f.alike > maxAlike || len(s.outer) == 1 && s.outer[0] == '[' && s.record(v.text) {
		return false // enough, or of a list of records
	}
	f.looked++
	records, texts := s.records(v.text)
	if len(f.known) > 0 && texts != f.texts {
		return slices.ContainsFunc(records, func(r string) bool { return slices.Contains(f.known, r) })
	}
	f.texts = texts
	f.known = append(f.known, records[:min(len(records), max(0, maxKnown-len(f.known)))]...)
	return false
}

package model

import (
	"iter"
	"strings"
)

// NumFates is the number of fates.
const NumFates = int(Undecided) + 1

// Counts are numbers of records by fate and reason.
type Counts [NumFates][NumReasons]uint64

// Total returns the number of all records.
func (c *Counts) Total() (n uint64) {
	for f := range c {
		n += c.Fate(Fate(f))
	}
	return n
}

// Fate returns the number of records of one fate.
func (c *Counts) Fate(f Fate) (n uint64) {
	for _, k := range c[f] {
		n += k
	}
	return n
}

// Add adds other counts.
func (c *Counts) Add(o *Counts) {
	for f := range c {
		for r := range c[f] {
			c[f][r] += o[f][r]
		}
	}
}

// Reasons returns the reasons that records of one fate have, with their numbers; ReasonNone is not among them.
func (c *Counts) Reasons(f Fate) iter.Seq2[Reason, uint64] {
	return func(yield func(Reason, uint64) bool) {
		for r, n := range c[f] {
			if n > 0 && Reason(r) != ReasonNone && !yield(Reason(r), n) {
				return
			}
		}
	}
}

// Texts returns the counts that are not zero by their names, as a store keeps them.
func (c *Counts) Texts() map[string]int64 {
	texts := map[string]int64{}
	for f := range c {
		for r, n := range c[f] {
			if n > 0 {
				texts[FateText(Fate(f), Reason(r))] = int64(n)
			}
		}
	}
	return texts
}

// CountsOf reads what Texts returned. A name that this version does not know is passed over.
func CountsOf(texts map[string]int64) (c Counts) {
	for name, n := range texts {
		fate, reason, _ := strings.Cut(name, "/")
		for f := range fateNames {
			for r := range reasonNames {
				if fateNames[f] == fate && reasonNames[r] == reason {
					c[f][r] += uint64(n)
				}
			}
		}
	}
	return c
}

// FateText names a fate with its reason: "used", "refused/bad-time".
func FateText(f Fate, r Reason) string {
	if r == ReasonNone {
		return f.String()
	}
	return f.String() + "/" + r.String()
}

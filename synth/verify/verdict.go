package verify

// Verdict is what became of a connection. Each has exactly one.
type Verdict uint8

// The verdicts.
const (
	Permitted     Verdict = iota // worked, and is allowed
	Lost                         // worked, and would be denied
	Rejected                     // denied in the log, or pending there, and denied
	Escaped                      // denied in the log, and would be allowed
	Inexpressible                // worked, and the dialect cannot say it
	Unproven                     // refused, undecided, lacking a fact, or pending and allowed
	numVerdicts
)

// String is the lower-case name.
func (v Verdict) String() string {
	return [...]string{"permitted", "lost", "rejected", "escaped", "inexpressible", "unproven"}[v]
}

// Counts are the connections or records of each verdict.
type Counts [numVerdicts]uint64

// Total is the sum.
func (c Counts) Total() (n uint64) {
	for _, x := range c {
		n += x
	}
	return n
}

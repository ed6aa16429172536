package model

// Uses count what the data plane logged of policies, by the text that they were told to log.
type Uses map[string]Use

// Use is how often a text was logged.
type Use struct {
	Count uint64 `json:"count"` // connections that were judged
	Last  Micros `json:"last"`  // of the newest record
}

// The bounds of the texts: a rule has one at most, and Cilium takes none longer than 32 characters.
const (
	maxUses = 1 << 14
	maxText = 1 << 9
)

// Add counts more uses of a text. The texts beyond a bound are left out.
func (u *Uses) Add(text string, more Use) {
	if *u == nil {
		*u = Uses{}
	}
	was, known := (*u)[text]
	if known || len(*u) < maxUses && len(text) <= maxText {
		(*u)[text] = Use{was.Count + more.Count, max(was.Last, more.Last)}
	}
}

// Merge counts those of o as well.
func (u *Uses) Merge(o Uses) {
	for text, more := range o {
		u.Add(text, more)
	}
}

package render

// Losses collects what a dialect cannot say, of one policy after the other.
type Losses struct {
	List         []Loss
	Policy, Rule string // what the next ones are lost of, as Loss names them
}

// Add adds a loss of the present policy and rule.
func (l *Losses) Add(wider bool, lost, consequence string) {
	l.List = append(l.List, Loss{Policy: l.Policy, Rule: l.Rule, Lost: lost, Consequence: consequence, Wider: wider})
}

package hubble

import "sluice/model"

const (
	// toldAfter is how long after a loss an agent may tell of it.
	toldAfter = model.Micros(60e6)
	// longestLoss is what one record may say of how long events were lost.
	longestLoss = model.Micros(24 * 3600e6)
)

// LostTimes returns from when to when events were lost of which a record tells at a time, by the times of the first and
// the last of them where an agent gives them. 0 stands for a time that is not known, of the results too.
func LostTimes(first, last, told model.Micros) (from, to model.Micros) {
	switch {
	case first > 0 && last >= first && last-first <= longestLoss:
		return first, last
	case told > 0:
		return told - toldAfter, told
	}
	return 0, 0
}

// lostTimes are those of the record that was read. Which of two times would count is nobody's to guess.
func (r *reader) lostTimes() (from, to model.Micros) {
	at := func(text []byte) model.Micros {
		us, ok := parseTime(text)
		if !ok {
			return 0
		}
		return us
	}
	if r.lost == 0 {
		return 0, 0
	}
	told := at(r.outer)
	if r.outerTwice {
		told = 0
	}
	return LostTimes(at(r.lostFirst), at(r.lostLast), told)
}

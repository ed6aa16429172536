package eval

import (
	"sluice/model"
	"sluice/synth/policy"
)

// lane is a rule and the ports that it can match at most: most rules of a policy are told apart by them without being
// read.
type lane struct {
	rule        int
	proto       model.Proto // 0: several, or any
	first, last uint16      // inclusive
}

func newLane(rule int, r *policy.Rule) lane {
	l := lane{rule: rule, first: policy.LastPort}
	if r.AnyPort {
		return lane{rule: rule, last: policy.LastPort}
	}
	for i := range r.Ports {
		p := &r.Ports[i]
		first, last := p.First, p.Last
		if p.Name != "" {
			first, last = 0, policy.LastPort
		}
		l.first, l.last = min(l.first, first), max(l.last, last)
		if i == 0 {
			l.proto = p.Proto
		} else if l.proto != p.Proto {
			l.proto = 0
		}
	}
	return l
}

// misses reports whether the rule matches nothing on a port.
func (l *lane) misses(proto model.Proto, port uint16) bool {
	return l.proto != 0 && l.proto != proto || port < l.first || port > l.last
}

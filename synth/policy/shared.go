package policy

import (
	"encoding/binary"
	"sync"
)

// Selectors has equal selectors use one memory: tens of thousands of policies name the same pods. It is safe for
// concurrent use.
type Selectors struct {
	mu    sync.Mutex
	known map[string]Selector
}

// Share has the selectors of policies, which nobody else has yet, be those that were seen before.
func (x *Selectors) Share(list []Policy) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.known == nil {
		x.known = map[string]Selector{}
	}
	var key []byte
	one := func(s *Selector) {
		k, ok := s.appendKey(key[:0])
		if key = k; !ok {
			return
		}
		if had, ok := x.known[string(k)]; ok {
			*s = had
		} else {
			x.known[string(k)] = *s
		}
	}
	for i := range list {
		one(&list[i].Subject)
		for j := range list[i].Rules {
			peers := list[i].Rules[j].Peers
			for k := range peers {
				one(&peers[k].Pods)
				one(&peers[k].Namespaces)
			}
		}
	}
}

// appendKey appends a text that is equal for equal selectors alone. ok is false of all but those of labels that have
// one value each, which are nearly all.
func (s Selector) appendKey(b []byte) (_ []byte, ok bool) {
	if len(s) == 0 {
		return b, false
	}
	for i := range s {
		if s[i].Op != In || len(s[i].Values) != 1 {
			return b, false
		}
		for _, text := range [...]string{s[i].Key, s[i].Values[0]} {
			b = append(binary.AppendUvarint(b, uint64(len(text))), text...)
		}
	}
	return b, true
}

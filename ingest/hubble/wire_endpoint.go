package hubble

import (
	"strconv"
	"unicode/utf8"

	"sluice/model"
)

const (
	// maxEnds and maxEndBytes bound the endpoint messages that are remembered; past them all are learned anew.
	maxEnds     = 1 << 16
	maxEndBytes = 64 << 20
)

// endpoint gives the endpoint of a message.
func (w *Wire) endpoint(b []byte) (model.Ref, []byte, error) {
	id, local, rest := wireIdentity(b)
	if k, pod := w.remembered(id, local, rest); k != nil {
		return k.ref, pod, nil
	}
	if e, ok := w.ends[string(b)]; ok {
		if e.known != nil {
			w.remember(e.known)
		}
		return e.ref, e.pod, nil
	}
	var e end
	if err := e.wire(b); err != nil {
		return model.Ref{}, nil, err
	}
	ep, pod := identity(&e, new([]byte), nil)
	learned := wireEnd{pod: []byte(pod), ref: model.Ref{Kind: ep.Kind, Entities: ep.Entities, Marks: ep.Marks}}
	if ep.Kind != model.KindAddress {
		learned.ref.ID = w.tables.Endpoints.Intern(ep)
	}
	// An endpoint whose name is the pod's is another one for every pod.
	if k := newWireKnown(id, local, rest); k != nil && ep.Name == "" {
		k.ref, k.named = learned.ref, pod != ""
		learned.known = k
		w.remember(k)
	}
	if len(w.ends) >= maxEnds || w.bytes+len(b) > maxEndBytes {
		clear(w.ends)
		w.bytes = 0
	}
	w.ends[string(b)] = learned
	w.bytes += len(b)
	return learned.ref, learned.pod, nil
}

// named gives an endpoint outside the cluster with the names that its client asked for.
func (w *Wire) named(r model.Ref, ip *[]byte) (model.Ref, error) {
	key := append([]byte{}, *ip...)
	names := make([]string, len(w.dns))
	for i, n := range w.dns {
		if !utf8.Valid(n) {
			return r, errText
		}
		names[i] = string(n)
		key = append(append(key, 0), n...)
	}
	if known, ok := w.names[string(key)]; ok {
		return known, nil
	}
	ep, _ := identity(&end{Labels: []string{"reserved:world"}}, ip, names)
	r.ID = w.tables.Endpoints.Intern(ep)
	if !ep.Address.IsValid() {
		return r, nil
	}
	if len(w.names) >= memoEnds {
		clear(w.names)
	}
	w.names[string(key)] = r
	return r, nil
}

// wire reads an Endpoint message.
func (e *end) wire(b []byte) error {
	var f field
	for len(b) > 0 {
		if b = f.next(b); b == nil {
			return errWire
		}
		if !f.text {
			if n := uint32(f.n); f.num == 2 && n != 0 {
				e.Identity = text(strconv.FormatUint(uint64(n), 10))
			}
			continue
		}
		if text := f.num == 3 || f.num == 4 || f.num == 5 || f.num == 7; text && !utf8.Valid(f.b) {
			return errText
		}
		switch f.num {
		case 3:
			e.Namespace = string(f.b)
		case 4:
			e.Labels = append(e.Labels, string(f.b))
		case 5:
			e.Pod = string(f.b)
		case 6:
			if err := e.workload(f.b); err != nil {
				return err
			}
		case 7:
			e.Cluster = string(f.b)
		}
	}
	return nil
}

func (e *end) workload(b []byte) error {
	var w struct{ Name, Kind string }
	bad := false
	err := each(b, func(f *field) {
		if !f.text {
			return
		}
		bad = bad || f.num <= 2 && !utf8.Valid(f.b)
		switch f.num {
		case 1:
			w.Name = string(f.b)
		case 2:
			w.Kind = string(f.b)
		}
	})
	if bad {
		return errText
	}
	e.Workloads = append(e.Workloads, w)
	return err
}

package hubble

import (
	"unicode/utf8"

	"sluice/model"
)

const (
	// maxEnds and maxEndBytes bound the endpoint messages that are remembered; past them all are learned anew.
	maxEnds     = 1 << 16
	maxEndBytes = 64 << 20
)

// endpoint returns the endpoint of a message.
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
	var o object
	if err := o.wire(b); err != nil {
		return model.Ref{}, nil, err
	}
	ep, named := o.identity()
	learned := wireEnd{ref: refer(w.tables, ep)}
	if named {
		learned.pod = []byte(o.pod)
	}
	// An endpoint whose name is the pod's is another one for every pod.
	if k := newWireKnown(id, local, rest); k != nil && ep.Name == "" {
		k.ref, k.named = learned.ref, len(learned.pod) > 0
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

// wire reads an Endpoint message.
func (o *object) wire(b []byte) error {
	var f field
	var labels []string
	first := true
	for len(b) > 0 {
		if b = f.next(b); b == nil {
			return errWire
		}
		if !f.text {
			if f.num == 2 {
				o.known = uint32(f.n) != 0
			}
			continue
		}
		if text := f.num == 3 || f.num == 4 || f.num == 5 || f.num == 7; text && !utf8.Valid(f.b) {
			return errText
		}
		switch f.num {
		case 3:
			o.namespace = string(f.b)
		case 4:
			labels = append(labels, string(f.b))
		case 5:
			o.pod = string(f.b)
		case 6:
			if err := o.workloadMessage(f.b, first); err != nil {
				return err
			}
			first = false
		case 7:
			o.cluster = string(f.b)
		}
	}
	o.labels = newLabelled(labels)
	return nil
}

// workloadMessage reads a Workload message. The first one counts.
func (o *object) workloadMessage(b []byte, first bool) error {
	var w workload
	bad := false
	err := each(b, func(f *field) {
		if !f.text {
			return
		}
		bad = bad || f.num <= 2 && !utf8.Valid(f.b)
		switch f.num {
		case 1:
			w.name = string(f.b)
		case 2:
			w.kind = string(f.b)
		}
	})
	if bad {
		return errText
	}
	if first {
		o.workload = w
	}
	return err
}

package hubble

import (
	"bytes"
	"encoding/json"

	"sluice/model"
)

// decider is a policy of a list of those that decided (flow.proto, Policy).
type decider struct {
	name, namespace, kind []byte
	derived               []byte // the kind that its labels say
}

var derivedFrom = []byte("k8s:io.cilium.k8s.policy.derived-from=")

func (p *decider) label(l []byte) {
	if kind, ok := bytes.CutPrefix(l, derivedFrom); ok && len(p.derived) == 0 {
		p.derived = kind
	}
}

// appendTo adds the policy as model.Flow.Policies has it, nothing for one without a name. Before Cilium 1.19 its
// labels alone say the kind.
func (p *decider) appendTo(to []byte) []byte {
	kind := p.kind
	if len(kind) == 0 {
		kind = p.derived
	}
	if len(p.name) == 0 || bytes.IndexByte(p.name, 0) >= 0 || bytes.ContainsAny(p.namespace, "\x00 /") ||
		bytes.ContainsAny(kind, "\x00 /") {
		return to // no name of Kubernetes has these, by which the text of one policy would be that of another
	}
	switch {
	case len(kind) == 0:
		kind = anyPolicy
	case string(kind) == "NetworkPolicy":
		to = append(to, "networking.k8s.io/v1 "...)
	case bytes.HasPrefix(kind, cilium):
		to = append(to, "cilium.io/v2 "...)
	}
	to = append(append(to, kind...), ' ')
	to = append(append(to, p.namespace...), '/')
	return append(append(to, p.name...), 0)
}

var anyPolicy, cilium = []byte(model.AnyPolicy), []byte("Cilium")

// wireDecider adds a Policy message to the policies that decided. One that is none says nothing.
func wireDecider(to, message []byte) []byte {
	const name, namespace, labels, kind = 1, 2, 3, 5
	var p decider
	if each(message, func(f *field) {
		switch {
		case !f.text:
		case f.num == name:
			p.name = f.b
		case f.num == namespace:
			p.namespace = f.b
		case f.num == labels:
			p.label(f.b)
		case f.num == kind:
			p.kind = f.b
		}
	}) != nil {
		return to
	}
	return p.appendTo(to)
}

// deciderItem reads a policy of a list in JSON. What has another form says nothing.
func deciderItem(r *reader, b []byte, i int, _ *list) int {
	end := r.fill(holeSkip, b, i)
	if end > 0 && b[i] == '{' {
		r.decided = append(r.decided, r.deciders.policy(b[i:end])...)
	}
	return end
}

// deciders remembers what policies in JSON say: but for their revisions few are different.
type deciders struct {
	known map[string]string
	size  int // bytes of it
	key   []byte
}

// The bounds of deciders.
const (
	maxDeciders     = 1 << 14
	maxDecidersSize = 16 << 20
)

// policy reads an object that is valid JSON.
func (d *deciders) policy(raw []byte) string {
	d.key = appendUnrevised(d.key[:0], raw)
	text, ok := d.known[string(d.key)]
	if ok {
		return text
	}
	text = policyText(raw)
	if d.size += len(d.key) + len(text); d.known == nil || len(d.known) == maxDeciders || d.size > maxDecidersSize {
		d.known, d.size = map[string]string{}, len(d.key)+len(text)
	}
	d.known[string(d.key)] = text
	return text
}

func policyText(raw []byte) string {
	var v struct {
		Name, Namespace, Kind string
		Labels                []string
	}
	if json.Unmarshal(raw, &v) != nil {
		return ""
	}
	p := decider{name: []byte(v.Name), namespace: []byte(v.Namespace), kind: []byte(v.Kind)}
	for _, l := range v.Labels {
		p.label([]byte(l))
	}
	return string(p.appendTo(nil))
}

// appendUnrevised adds an object without the number of its revision. Each node counts revisions by itself, and at every
// change of any policy, so that they make one policy many.
func appendUnrevised(to, raw []byte) []byte {
	for {
		i := bytes.Index(raw, revision)
		if i < 0 {
			return append(to, raw...)
		}
		to = append(to, raw[:i+len(revision)]...)
		if raw = raw[i+len(revision):]; to[len(to)-len(revision)-1] != '\\' { // a key, or a text of its own: no part of one
			raw = bytes.TrimLeft(raw, " \t\r\n:\"0123456789")
		}
	}
}

var revision = []byte(`"revision"`)

package hubble

import (
	"encoding/json"
	"strings"

	"sluice/model"
)

// decider is a policy of a list of those that decided (flow.proto, Policy).
type decider struct {
	Name, Namespace, Kind string
	Labels                []string
}

// deciders remembers what lists of policies, and messages of one, say: few are different.
type deciders struct {
	known map[string]string
	size  int // bytes of it
}

// The bounds of deciders.
const (
	maxDeciders     = 1 << 12
	maxDecidersSize = 16 << 20
)

func (d *deciders) once(raw []byte, read func() string) string {
	text, ok := d.known[string(raw)]
	if ok {
		return text
	}
	text = read()
	if d.size += len(raw) + len(text); d.known == nil || len(d.known) == maxDeciders || d.size > maxDecidersSize {
		d.known, d.size = map[string]string{}, len(raw)+len(text)
	}
	d.known[string(raw)] = text
	return text
}

// list reads a list in JSON. One that is none says nothing, as what is not read.
func (d *deciders) list(raw []byte) string {
	return d.once(raw, func() string {
		var list []decider
		if json.Unmarshal(raw, &list) != nil {
			return ""
		}
		text := ""
		for i := range list {
			text += list[i].text()
		}
		return text
	})
}

// message reads a Policy message.
func (d *deciders) message(raw []byte) string {
	return d.once(raw, func() string {
		const name, namespace, labels, kind = 1, 2, 3, 5
		var p decider
		if each(raw, func(f *field) {
			switch {
			case !f.text:
			case f.num == name:
				p.Name = string(f.b)
			case f.num == namespace:
				p.Namespace = string(f.b)
			case f.num == labels:
				p.Labels = append(p.Labels, string(f.b))
			case f.num == kind:
				p.Kind = string(f.b)
			}
		}) != nil {
			return ""
		}
		return p.text()
	})
}

// text is the policy as model.Flow.Policies has it, "" for one without a name. Before Cilium 1.19 its labels alone say
// the kind.
func (p *decider) text() string {
	const from = "k8s:io.cilium.k8s.policy.derived-from="
	kind := p.Kind
	for _, l := range p.Labels {
		if v, ok := strings.CutPrefix(l, from); ok && kind == "" {
			kind = v
		}
	}
	switch {
	case p.Name == "" || strings.Contains(p.Name, "\x00") || strings.ContainsAny(p.Namespace+kind, "\x00 /"):
		return "" // no name of Kubernetes has these, by which the text of one policy would be that of another
	case kind == "":
		kind = model.AnyPolicy
	case kind == "NetworkPolicy":
		kind = "networking.k8s.io/v1 " + kind
	case strings.HasPrefix(kind, "Cilium"):
		kind = "cilium.io/v2 " + kind
	}
	return kind + " " + p.Namespace + "/" + p.Name + "\x00"
}

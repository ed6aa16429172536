package cluster

import (
	"fmt"

	"sluice/model"
	"sluice/synth/policy"
	"sluice/synth/render"
	"sluice/synth/render/kubernetes"
)

// render writes the policies of namespaces as the kubernetes dialect does, and those around them.
func (d Dialect) render(set policy.PolicySet, labels []string) ([]render.File, []render.Loss, error) {
	set, lost := d.project(set)
	var inside, around policy.PolicySet
	for _, p := range set.Policies {
		if p.Around() {
			around = around.Add(p)
		} else {
			inside = inside.Add(p)
		}
	}
	carried := render.LabelMap(labels)
	files, err := render.Files(around, func(p *policy.Policy) any { return d.object(p, carried) })
	if err != nil {
		return nil, nil, err
	}
	named := map[string]bool{}
	for _, f := range files {
		name := objectName(&policy.Policy{Namespace: f.Namespace, Name: f.Name})
		if named[name] {
			return nil, nil, fmt.Errorf("render policy %s: there are two of that name", name)
		}
		named[name] = true
	}
	rest, _, err := kubernetes.Render(inside, labels...)
	return append(files, rest...), lost, err
}

var (
	actionNames = map[policy.Action]string{policy.Allow: "Accept", policy.Deny: "Deny", policy.Pass: "Pass"}
	tierNames   = map[string]string{policy.AdminTier: "Admin", policy.BaselineTier: "Baseline"}
)

func (d Dialect) object(p *policy.Policy, labels map[string]string) clusterPolicy {
	o := clusterPolicy{APIVersion: d.version(), Kind: kind, Metadata: metadata{objectName(p), labels}}
	in := p.SubjectNamespaces
	if p.Namespace != "" {
		in = policy.Namespace(p.Namespace)
	}
	o.Spec = spec{Tier: tierNames[p.Tier], Priority: int(*p.Order), Subject: podsFor(in, p.Subject)}
	for i, r := range p.Rules {
		note, action := render.NoteOf(p, i), actionNames[r.Action]
		if r.Direction == model.Ingress {
			var from []pods
			for _, q := range r.Peers {
				from = append(from, peerFor(&q))
			}
			o.Spec.Ingress = append(o.Spec.Ingress, ingress{note, action, from, protocolsOf(r.Ports)})
		} else {
			o.Spec.Egress = append(o.Spec.Egress, egress{note, action, peersOf(r.Peers), protocolsOf(r.Ports)})
		}
	}
	return o
}

// podsFor selects pods of some namespaces, all of them where it asks for no label of theirs.
func podsFor(namespaces, of policy.Selector) pods {
	if len(of) == 0 {
		return pods{Namespaces: render.NewLabelSelector(namespaces)}
	}
	return pods{Pods: &namespacedPod{*render.NewLabelSelector(namespaces), *render.NewLabelSelector(of)}}
}

// peerFor selects the pods of a peer.
func peerFor(q *policy.Peer) pods {
	if q.Inside {
		return pods{Pods: &namespacedPod{*render.NewLabelSelector(q.Namespaces), *render.NewLabelSelector(nil)}}
	}
	return podsFor(q.Namespaces, q.Pods)
}

// peersOf writes the destinations of a rule.
func peersOf(list []policy.Peer) []peer {
	var out []peer
	for _, item := range itemsOf(list) {
		var p peer
		for _, q := range item {
			switch q.Kind {
			case policy.PeerCIDR:
				p.Networks = append(p.Networks, q.CIDR.String())
			case policy.PeerFQDN:
				p.DomainNames = append(p.DomainNames, apiName(q.Name))
			case policy.PeerNodes:
				p.Nodes = render.NewLabelSelector(q.Pods)
			default:
				of := peerFor(&q)
				p.Namespaces, p.Pods = of.Namespaces, of.Pods
			}
		}
		out = append(out, p)
	}
	return out
}

// apiName is the reverse of domainName.
func apiName(s string) string {
	if len(s) > 2 && s[:3] == "**." {
		return s[1:]
	}
	return s
}

func protocolsOf(ports []policy.Port) []protocol {
	var out []protocol
	for _, p := range ports {
		if p.Name != "" {
			out = append(out, protocol{Name: p.Name})
			continue
		}
		m := &portMatch{port{Number: p.First}}
		if p.First != p.Last {
			m = &portMatch{port{Range: &portRange{max(p.First, 1), p.Last}}}
		}
		switch p.Proto {
		case model.TCP:
			out = append(out, protocol{TCP: m})
		case model.UDP:
			out = append(out, protocol{UDP: m})
		default:
			out = append(out, protocol{SCTP: m})
		}
	}
	return out
}

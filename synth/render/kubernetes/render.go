package kubernetes

import (
	"net/netip"

	"sluice/model"
	"sluice/synth/policy"
	"sluice/synth/render"
)

// Render writes one file for each policy, by namespace and name, and says what the dialect cannot say. Equal sets give
// the same bytes. Every object carries the labels, each "key=value". A name that the API would refuse is an error.
func Render(set policy.PolicySet, labels ...string) ([]render.File, []render.Loss, error) {
	set, lost := Project(set)
	carried := render.LabelMap(labels)
	files, err := render.Files(set, func(p *policy.Policy) any { return object(p, carried) })
	return files, lost, err
}

func object(p *policy.Policy, labels map[string]string) networkPolicy {
	o := networkPolicy{APIVersion: apiVersion, Kind: kind, Metadata: metadata{p.Name, p.Namespace, labels},
		Spec: spec{PodSelector: *render.NewLabelSelector(p.Subject)}}
	if p.Ingress {
		o.Spec.PolicyTypes = append(o.Spec.PolicyTypes, "Ingress")
	}
	if p.Egress {
		o.Spec.PolicyTypes = append(o.Spec.PolicyTypes, "Egress")
	}
	for i, r := range p.Rules {
		note := render.NoteOf(p, i)
		if r.Direction == model.Ingress {
			o.Spec.Ingress = append(o.Spec.Ingress, ingress{note, peersOf(p.Namespace, r.Peers), portsOf(r.Ports)})
		} else {
			o.Spec.Egress = append(o.Spec.Egress, egress{note, peersOf(p.Namespace, r.Peers), portsOf(r.Ports)})
		}
	}
	return o
}

// peersOf names the namespaces of all peers but those of the policy's own.
func peersOf(namespace string, peers []policy.Peer) []peer {
	var out []peer
	for _, p := range peers {
		if p.Kind == policy.PeerCIDR {
			out = append(out, peer{IPBlock: &ipBlock{p.CIDR.String(), prefixTexts(p.Except)}})
			continue
		}
		var q peer
		own := p.Within(namespace)
		if !own {
			q.NamespaceSelector = render.NewLabelSelector(p.Namespaces)
		}
		if own || len(p.Pods) > 0 {
			q.PodSelector = render.NewLabelSelector(p.Pods)
		}
		out = append(out, q)
	}
	return out
}

func prefixTexts(list []netip.Prefix) []string {
	var out []string
	for _, p := range list {
		out = append(out, p.String())
	}
	return out
}

func portsOf(ports []policy.Port) []port {
	var out []port
	for _, p := range ports {
		q := port{Protocol: protocols[p.Proto]}
		switch {
		case p.Name != "":
			q.Port = p.Name
		case !p.Whole():
			q.Port = p.First
			if p.Last != p.First {
				q.EndPort = p.Last
			}
		}
		out = append(out, q)
	}
	return out
}

// protocols are the names that the API has.
var protocols = map[model.Proto]string{model.TCP: "TCP", model.UDP: "UDP", model.SCTP: "SCTP"}

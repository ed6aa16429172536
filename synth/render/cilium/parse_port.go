package cilium

import (
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"sluice/model"
	"sluice/synth/policy"
	"sluice/synth/render"
)

// portRule reads the ports of one item of toPorts.
func (r reader) portRule(n *yaml.Node, path string, a policy.Action) []policy.Port {
	var out []policy.Port
	f := map[string]func(*yaml.Node){"ports": func(v *yaml.Node) {
		items := r.List(v, path+".ports")
		if len(items) > mostPorts {
			r.Bad(v, "%s.ports: %d of them, the API takes %d", path, len(items), mostPorts)
		}
		for _, item := range items {
			out = append(out, r.port(item, path+".ports"))
		}
	}}
	if a == policy.Allow {
		f["rules"] = func(v *yaml.Node) { r.layer7(v, path+".rules") }
		for _, name := range []string{"terminatingTLS", "originatingTLS", "serverNames", "listener"} {
			f[name] = r.requests(path+"."+name, "a proxy decides what of TLS passes")
		}
	}
	r.Fields(n, path, f)
	return out
}

// layer7 notes rules that allow less than the ports do. That every name may be asked is none.
func (r reader) layer7(n *yaml.Node, path string) {
	if render.IsNull(n) {
		return
	}
	less := func(name string) func(*yaml.Node) {
		return r.requests(path+"."+name, "a proxy decides which requests pass")
	}
	r.Fields(
		n,
		path,
		map[string]func(*yaml.Node){
			"http":    less("http"),
			"kafka":   less("kafka"),
			"l7proto": less("l7proto"),
			"l7":      less("l7"),
			"dns": func(v *yaml.Node) {
				every := false
				if items := r.List(v, path+".dns"); len(items) > 0 {
					r.Beside(policy.Manifests{ByDNSProxy: true})
				}
				for _, item := range r.List(v, path+".dns") {
					if p := render.Field(item, "matchPattern"); p != nil {
						every = every || p.Value != "" && strings.Trim(p.Value, "*") == ""
					}
				}
				if !every {
					r.requests(path+".dns", "only some names may be asked")(v)
				}
			},
		},
	)
}

// port reads one port. The API wants it as text, "0" for all of a protocol.
func (r reader) port(n *yaml.Node, path string) policy.Port {
	var p policy.Port
	var number, end *yaml.Node
	r.Fields(
		n,
		path,
		map[string]func(*yaml.Node){"port": render.Keep(&number), "endPort": render.Keep(&end), "protocol": func(v *yaml.Node) {
			if render.IsNull(v) {
				return
			}
			s, ok := r.Text(v, path+".protocol")
			known := s == ""
			for proto, name := range protocols {
				if name == s {
					p.Proto, known = proto, true
				}
			}
			if ok && !known {
				r.Bad(v, "%s.protocol: %q is not TCP, UDP, SCTP or ANY%s", path, s, render.QuoteHint(s)).
					Called(render.WrongValue, r.Meant(v, "TCP", "UDP", "SCTP", "ANY"))
			}
		}},
	)
	switch {
	case r.Invalid():
	case number == nil && hasPorts(p.Proto):
		r.Bad(n, "%s: no port", path)
	case number == nil:
		p.Last = policy.LastPort
	default:
		r.number(number, path+".port", &p)
	}
	if end != nil && !r.Invalid() {
		r.endPort(end, path+".endPort", &p)
	}
	return p
}

// number reads a port as Cilium does: what can be a service's name is one, the rest a number in Go's notation.
func (r reader) number(n *yaml.Node, path string, p *policy.Port) {
	s, ok := r.Text(n, path)
	if !ok {
		return
	}
	if render.ValidPortName(strings.ToLower(s)) && hasPorts(p.Proto) {
		p.Name = strings.ToLower(s)
		return
	}
	v, err := strconv.ParseUint(s, 0, 16)
	switch {
	case err != nil:
		r.Bad(n, "%s: %q is neither a number up to 65535 nor the name of a port%s", path, s, render.QuoteHint(s))
	case v == 0:
		p.Last = policy.LastPort
	case !hasPorts(p.Proto):
		r.Bad(n, "%s: protocol %s has no ports", path, protocols[p.Proto])
	default:
		p.First, p.Last = uint16(v), uint16(v)
	}
}

func (r reader) endPort(n *yaml.Node, path string, p *policy.Port) {
	if n.Kind == yaml.ScalarNode && n.Value == "0" {
		return
	}
	v, ok := r.Number(n, path)
	switch {
	case !ok:
	case p.Name != "" || p.Whole():
		r.Bad(n, "%s: only after a port that is a number", path)
	case v < p.First:
		r.Bad(n, "%s: %d is before %d", path, v, p.First)
	default:
		p.Last = v
	}
}

// icmp reads the message types of one item of icmps.
func (r reader) icmp(n *yaml.Node, path string) []policy.Port {
	var out []policy.Port
	r.Fields(n, path, map[string]func(*yaml.Node){"fields": func(v *yaml.Node) {
		items := r.List(v, path+".fields")
		if len(items) > mostPorts {
			r.Bad(v, "%s.fields: %d of them, the API takes %d", path, len(items), mostPorts)
		}
		for _, item := range items {
			out = append(out, r.message(item, path+".fields"))
		}
	}})
	return out
}

func (r reader) message(n *yaml.Node, path string) policy.Port {
	proto := model.ICMP
	var kind *yaml.Node
	r.Fields(
		n,
		path,
		map[string]func(*yaml.Node){"type": func(v *yaml.Node) { kind = v }, "family": func(v *yaml.Node) {
			if render.IsNull(v) {
				return
			}
			switch s, ok := r.Text(v, path+".family"); {
			case s == families[model.ICMPv6]:
				proto = model.ICMPv6
			case ok && s != families[model.ICMP]:
				r.Bad(v, "%s.family: %q is neither IPv4 nor IPv6%s", path, s, render.QuoteHint(s))
			}
		}},
	)
	switch {
	case r.Invalid():
	case kind == nil || kind.Kind != yaml.ScalarNode || render.IsNull(kind):
		r.Bad(n, "%s: no type", path)
	default:
		if t, ok := icmpTypes[proto][kind.Value]; ok {
			return policy.OnePort(proto, t)
		}
		t, err := strconv.ParseUint(kind.Value, 10, 8)
		if err != nil {
			r.Bad(kind, "%s.type: %q is no message type of %s", path, kind.Value, proto)
		}
		return policy.OnePort(proto, uint16(t))
	}
	return policy.Port{}
}

// requests is a field that lets some requests of a connection pass alone.
func (r reader) requests(path, why string) func(*yaml.Node) {
	return func(v *yaml.Node) {
		if !render.IsNull(v) {
			r.narrow(v, path, why).Requests = path + ": " + render.Flat(v)
		}
	}
}

func (r reader) narrow(v *yaml.Node, path, why string) *render.Problem {
	return r.Report(render.Note, v, "%s: read without it, it allows less: %s", path, why)
}

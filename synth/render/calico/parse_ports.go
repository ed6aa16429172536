package calico

import (
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"sluice/model"
	"sluice/synth/policy"
	"sluice/synth/render"
)

// protocolFields is what a rule says of protocol and port.
type protocolFields struct {
	protocol, notProtocol, icmp, notICMP, ports, notPorts *yaml.Node
}

// ports settles which ports a rule is for.
func (r *reader) ports(n *yaml.Node, path string, f *protocolFields, out *policy.Rule) {
	var proto model.Proto
	if f.protocol != nil {
		proto = r.protocol(f.protocol, path+".protocol")
	}
	if f.notProtocol != nil {
		out.NotPorts = append(out.NotPorts, policy.AllPorts(r.protocol(f.notProtocol, path+".notProtocol")))
	}
	if (f.ports != nil || f.notPorts != nil) && !proto.HasPorts() && !r.Invalid() {
		r.Bad(n, "%s: ports need a protocol that has them: TCP, UDP or SCTP", path).Called(render.AgentDrops)
	}
	messages := messageVersions[valueOf(f.protocol)] != 0
	if (f.icmp != nil || f.notICMP != nil) && !messages && !r.Invalid() {
		r.Bad(n, "%s: icmp needs the protocol ICMP or ICMPv6, by its name", path)
	}
	out.AnyPort = proto == 0
	if proto != 0 {
		out.Ports = []policy.Port{policy.AllPorts(proto)}
	}
	if f.ports != nil {
		if list := r.portList(f.ports, path+".destination.ports", proto); len(list) > 0 {
			out.Ports = list
		}
	}
	if f.icmp != nil {
		out.Ports = []policy.Port{r.message(f.icmp, path+".icmp", proto)}
	}
	if f.notPorts != nil {
		out.NotPorts = append(out.NotPorts, r.portList(f.notPorts, path+".destination.notPorts", proto)...)
	}
	if f.notICMP != nil {
		out.NotPorts = append(out.NotPorts, r.message(f.notICMP, path+".notICMP", proto))
	}
}

// protocolNames are the names that the API takes, in its own case or any other.
var protocolNames = map[string]model.Proto{"tcp": model.TCP, "udp": model.UDP, "sctp": model.SCTP, "icmp": model.ICMP,
	"icmpv6": model.ICMPv6, "udplite": 136}

// protocol reads a name or a number.
func (r *reader) protocol(n *yaml.Node, path string) model.Proto {
	if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!int" {
		v, err := strconv.ParseUint(n.Value, 0, 8)
		if err != nil || v == 0 {
			r.Bad(n, "%s: %s is not the number of a protocol", path, n.Value)
		}
		return model.Proto(v)
	}
	s, ok := r.Text(n, path)
	if !ok {
		return 0
	}
	p := protocolNames[strings.ToLower(s)]
	switch want, known := protocolText(p); {
	case p == 0:
		r.Bad(n, "%s: %q is not TCP, UDP, SCTP, ICMP, ICMPv6, UDPLite or a number%s", path, s, render.QuoteHint(s))
	case known && s != want:
		r.Bad(n, "%s: %q must be written %q", path, s, want).Called(render.WrongValue, r.Replace(n, want))
	}
	return p
}

// protocolText is the name that the API has for a protocol.
func protocolText(p model.Proto) (string, bool) {
	if p == 136 {
		return "UDPLite", true
	}
	s, ok := protocols[p]
	return s, ok
}

// message reads the type and code of an ICMP message.
func (r *reader) message(n *yaml.Node, path string, proto model.Proto) policy.Port {
	p := policy.AllPorts(proto)
	var kind, code *yaml.Node
	r.Fields(n, path, map[string]func(*yaml.Node){"type": render.Keep(&kind), "code": render.Keep(&code)})
	if code != nil && kind == nil {
		r.Bad(n, "%s: a code needs a type", path)
	}
	if kind != nil {
		v := r.small(kind, path+".type", lastMessage)
		p.First, p.Last = v, v
	}
	if code != nil {
		p.Code = r.small(code, path+".code", 255) + 1
	}
	return p
}

// small reads an integer from 0.
func (r *reader) small(n *yaml.Node, path string, last uint64) uint16 {
	v, err := strconv.ParseUint(n.Value, 0, 16)
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!int" || err != nil || v > last {
		r.Bad(n, "%s: want a number up to %d, have %s", path, last, render.TypeOf(n))
		return 0
	}
	return uint16(v)
}

var portRange = regexp.MustCompile(`^([0-9]+)(:([0-9]+))?$`)

// portList reads numbers, ranges "first:last" and names.
func (r *reader) portList(n *yaml.Node, path string, proto model.Proto) []policy.Port {
	var out []policy.Port
	for _, v := range r.List(n, path) {
		if v.Kind == yaml.ScalarNode && v.ShortTag() == "!!int" && !strings.Contains(v.Value, ":") {
			if p, ok := r.Number(v, path); ok {
				out = append(out, policy.OnePort(proto, p))
			}
			continue
		}
		s, ok := r.Text(v, path)
		if !ok {
			continue
		}
		m := portRange.FindStringSubmatch(s)
		switch {
		case m != nil:
			out = append(out, r.portRange(v, path, proto, m))
		case render.ValidPortName(s):
			out = append(out, policy.Port{Proto: proto, Name: s})
		default:
			r.Bad(
				v,
				"%s: %q is neither a number, a range first:last nor the name of a port%s",
				path,
				s,
				render.QuoteHint(s),
			)
		}
	}
	return out
}

// portRange reads what the expression found.
func (r *reader) portRange(n *yaml.Node, path string, proto model.Proto, m []string) policy.Port {
	first, err := strconv.ParseUint(m[1], 10, 16)
	last := first
	if err == nil && m[3] != "" {
		last, err = strconv.ParseUint(m[3], 10, 16)
	}
	if err != nil || first < 1 || last < first {
		r.Bad(n, "%s: %q is not a range of ports between 1 and 65535", path, m[0])
	}
	return policy.Port{Proto: proto, First: uint16(first), Last: uint16(last)}
}

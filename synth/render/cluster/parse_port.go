package cluster

import (
	"go.yaml.in/yaml/v3"

	"sluice/model"
	"sluice/synth/policy"
	"sluice/synth/render"
)

// wire are the protocols by the names that versions have for them.
var wire = map[string]model.Proto{
	"tcp": model.TCP, "udp": model.UDP, "sctp": model.SCTP, "TCP": model.TCP, "UDP": model.UDP, "SCTP": model.SCTP,
}

func (r reader) port(n *yaml.Node, path string) policy.Port {
	if r.api.older {
		return r.olderPort(n, path)
	}
	var tcp, udp, sctp, name *yaml.Node
	r.Fields(n, path, map[string]func(*yaml.Node){
		"tcp": render.Keep(&tcp), "udp": render.Keep(&udp), "sctp": render.Keep(&sctp), "destinationNamedPort": render.Keep(&name),
	})
	if !r.one(n, path, tcp, udp, sctp, name) {
		return policy.Port{}
	}
	for proto, v := range map[string]*yaml.Node{"tcp": tcp, "udp": udp, "sctp": sctp} {
		if v == nil {
			continue
		}
		var port *yaml.Node
		r.Fields(v, path+"."+proto, map[string]func(*yaml.Node){"destinationPort": render.Keep(&port)})
		if port == nil {
			r.Bad(v, "%s.%s: no destinationPort (the range from 1 to 65535 is every port)", path, proto)
			return policy.Port{}
		}
		return r.numbers(port, path+"."+proto+".destinationPort", wire[proto])
	}
	return r.namedPort(name, path+".destinationNamedPort")
}

// numbers reads one port, or a range of them.
func (r reader) numbers(n *yaml.Node, path string, proto model.Proto) policy.Port {
	var number, both *yaml.Node
	r.Fields(n, path, map[string]func(*yaml.Node){"number": render.Keep(&number), "range": render.Keep(&both)})
	switch {
	case !r.one(n, path, number, both):
		return policy.Port{}
	case number != nil:
		v, _ := r.Number(number, path+".number")
		return policy.OnePort(proto, v)
	}
	var first, last *yaml.Node
	r.Fields(both, path+".range", map[string]func(*yaml.Node){"start": render.Keep(&first), "end": render.Keep(&last)})
	return r.between(both, path+".range", proto, first, last)
}

// between reads a range from start to end. That of all ports is the whole of the protocol.
func (r reader) between(n *yaml.Node, path string, proto model.Proto, start, end *yaml.Node) policy.Port {
	if start == nil || end == nil {
		r.Bad(n, "%s: it needs start and end", path)
		return policy.Port{}
	}
	first, _ := r.Number(start, path+".start")
	last, _ := r.Number(end, path+".end")
	if !r.Invalid() && first >= last {
		r.Bad(n, "%s: the end has to be after the start", path)
	}
	if first == 1 && last == policy.LastPort {
		return policy.AllPorts(proto)
	}
	return policy.Port{Proto: proto, First: first, Last: last}
}

// namedPort reads the name of a port, whatever its protocol.
func (r reader) namedPort(n *yaml.Node, path string) policy.Port {
	s, ok := r.Text(n, path)
	if ok && !render.ValidPortName(s) {
		r.Bad(n, "%s: %q is not the name of a port%s", path, s, render.QuoteHint(s)).Called(render.WrongValue)
	}
	return policy.Port{Name: s}
}

// olderPort reads a port as the older kinds have them.
func (r reader) olderPort(n *yaml.Node, path string) policy.Port {
	var number, both, name *yaml.Node
	r.Fields(n, path, map[string]func(*yaml.Node){
		"portNumber": render.Keep(&number), "portRange": render.Keep(&both), "namedPort": render.Keep(&name),
	})
	if !r.one(n, path, number, both, name) {
		return policy.Port{}
	}
	if name != nil {
		return r.namedPort(name, path+".namedPort")
	}
	var protocol, port, start, end *yaml.Node
	if number != nil {
		path += ".portNumber"
		r.Fields(number, path, map[string]func(*yaml.Node){"protocol": render.Keep(&protocol), "port": render.Keep(&port)})
		proto := r.protocol(protocol, path+".protocol")
		if port == nil {
			r.Bad(number, "%s: no port", path)
			return policy.Port{}
		}
		v, _ := r.Number(port, path+".port")
		return policy.OnePort(proto, v)
	}
	path += ".portRange"
	r.Fields(both, path, map[string]func(*yaml.Node){
		"protocol": render.Keep(&protocol), "start": render.Keep(&start), "end": render.Keep(&end),
	})
	return r.between(both, path, r.protocol(protocol, path+".protocol"), start, end)
}

// protocol reads the name of a protocol, TCP where there is none.
func (r reader) protocol(n *yaml.Node, path string) model.Proto {
	if n == nil {
		return model.TCP
	}
	s, ok := r.Text(n, path)
	proto := wire[s]
	if ok && (proto == 0 || s[0] >= 'a') {
		r.Bad(n, "%s: %q is not TCP, UDP or SCTP%s", path, s, render.QuoteHint(s)).
			Called(render.WrongValue, r.Meant(n, "TCP", "UDP", "SCTP"))
	}
	return proto
}

package policy

import (
	"fmt"
	"slices"
	"strings"

	"sluice/model"
)

// Route leads requests that come to a Gateway, an Ingress or a service to the services behind it.
type Route struct {
	Kind, Namespace, Name string
	Parents               []RouteParent // what it is attached to
	Rules                 []RouteRule
}

// RouteParent is what a route is attached to: a Gateway, a Service, or the Ingress that it is.
type RouteParent struct {
	Kind, Namespace, Name string
	Section               string // a listener of a Gateway; "": all
	Port                  uint16 // 0: all
	// Shared says of an Ingress that the service of all Ingresses may serve it, Dedicated that one of its own may.
	Shared, Dedicated bool
}

// RouteRule is one rule of a route.
type RouteRule struct {
	Hosts    []string // lower case, perhaps with a leading "*."; nil: all
	Paths    []PathMatch
	Services []ServiceRef
}

// ServiceRef names a port of a service.
type ServiceRef struct {
	Namespace, Name string
	Port            uint16
	PortName        string // where it has no number
}

// Gateway is what its listeners listen on.
type Gateway struct {
	Namespace, Name string
	Listeners       map[string]uint16 // ports by name
}

// Behind are pods that a service stands for.
type Behind struct {
	Namespace string
	Selector  Selector
	Port      uint16
	Proxied   bool   // a proxy of Ingress or Gateway connects to them
	Unknown   string // what is not known of them; the rest is then empty
}

// Names of the services of Cilium's proxy, and the label by which every Gateway's service is known.
const (
	ciliumGateway = "cilium-gateway-"
	ciliumIngress = "cilium-ingress"
	gatewayLabel  = "gateway.networking.k8s.io/gateway-name"
)

// Behind returns the pods behind a port of a service: those that routes lead to from it, and where it has none, those
// that it selects. Requests are for hosts, each with a path where that is known ("example.com/cart"); nil: nobody knows
// which.
func (m *Manifests) Behind(namespace, service string, port uint16, proto model.Proto, hosts []string) []Behind {
	var rules []RouteRule
	routed := false
	for i := range m.Routes {
		r := &m.Routes[i]
		at := func(p RouteParent) bool { return m.attached(&p, namespace, service, port) }
		if slices.ContainsFunc(r.Parents, at) {
			routed = true
			rules = append(rules, r.Rules...)
		}
	}
	if !routed {
		return m.selected(ServiceRef{namespace, service, port, ""}, proto, false)
	}
	var out []Behind
	var known []ServiceRef
	for _, r := range forHosts(rules, hosts) {
		for _, s := range r.Services {
			if slices.Contains(known, s) {
				continue
			}
			known = append(known, s)
			list := m.selected(s, proto, true)
			if len(list) == 0 {
				list = []Behind{{Unknown: fmt.Sprintf("Service %s/%s is not among the manifests", s.Namespace, s.Name)}}
			}
			out = append(out, list...)
		}
	}
	return out
}

// attached reports whether a service is where requests to a parent of a route come in.
func (m *Manifests) attached(p *RouteParent, namespace, service string, port uint16) bool {
	if p.Port != 0 && p.Port != port {
		return false
	}
	switch p.Kind {
	case "Service":
		return p.Namespace == namespace && p.Name == service
	case "Ingress":
		return p.Shared && service == ciliumIngress ||
			p.Dedicated && p.Namespace == namespace && service == ciliumIngress+"-"+p.Name
	}
	named := service == p.Name || service == ciliumGateway+p.Name || m.ofGateway(namespace, service, p.Name)
	if p.Namespace != namespace || !named {
		return false
	}
	for _, g := range m.Gateways {
		if at := g.Listeners[p.Section]; g.Namespace == p.Namespace && g.Name == p.Name && at != 0 && at != port {
			return false
		}
	}
	return true
}

// ofGateway reports whether a service says that it is a Gateway's.
func (m *Manifests) ofGateway(namespace, service, gateway string) bool {
	return slices.ContainsFunc(m.Services, func(s Service) bool {
		of, ok := s.Labels.Get(gatewayLabel)
		return s.Namespace == namespace && s.Name == service && ok && of == gateway
	})
}

// forHosts returns the rules that requests may come to: for each host those that name it most closely, and of these
// those that its path leaves.
func forHosts(rules []RouteRule, requests []string) []RouteRule {
	if requests == nil {
		return rules
	}
	var out []RouteRule
	for _, request := range requests {
		host, path, known := strings.Cut(request, "/")
		best := -1
		var of []RouteRule
		for _, r := range rules {
			switch n := r.fits(host); {
			case n < 0 || n < best:
			case n > best:
				best, of = n, []RouteRule{r}
			default:
				of = append(of, r)
			}
		}
		if known {
			of = forPath(of, "/"+path)
		}
		out = append(out, of...)
	}
	return out
}

// fits returns how closely a rule names a host, -1 where it does not: all, a pattern by its length, or the host.
func (r *RouteRule) fits(host string) int {
	const exact = 1 << 10
	best := -1
	if len(r.Hosts) == 0 {
		best = 0
	}
	for _, h := range r.Hosts {
		switch tail, wild := strings.CutPrefix(h, "*"); {
		case h == host:
			best = exact
		case h == "*":
			best = max(best, 0)
		case wild && strings.HasSuffix(host, tail):
			best = max(best, len(tail))
		}
	}
	return best
}

// selected returns the pods that a service selects at one of its ports, nothing where no manifest has the service.
func (m *Manifests) selected(ref ServiceRef, proto model.Proto, proxied bool) []Behind {
	for i := range m.Services {
		s := &m.Services[i]
		if s.Namespace != ref.Namespace || s.Name != ref.Name {
			continue
		}
		what := "Service " + s.Namespace + "/" + s.Name
		if len(s.Selector) == 0 {
			return []Behind{{Unknown: what + " selects no pods"}}
		}
		for j, p := range s.Ports {
			named := ref.PortName != "" && j < len(s.Names) && s.Names[j] == ref.PortName
			if !named && (ref.PortName != "" || s.Listens[j] != ref.Port) || p.Proto != proto && !proxied {
				continue
			}
			n := p.First
			if p.Name != "" {
				n = m.numberOf(s, p)
			}
			if n == 0 {
				return []Behind{{Unknown: fmt.Sprintf("the manifests have no pod of %s with a port %s", what, p.Name)}}
			}
			return []Behind{{Namespace: s.Namespace, Selector: s.Selector, Port: n, Proxied: proxied}}
		}
		return []Behind{{Unknown: what + " has no such port"}}
	}
	return nil
}

// numberOf returns the number of a named port of the pods behind a service, 0 where none or several are known.
func (m *Manifests) numberOf(s *Service, p Port) uint16 {
	n := uint16(0)
	for i := range m.Workloads {
		w := &m.Workloads[i]
		if w.Namespace != s.Namespace || !s.Selector.Matches(w.Labels) {
			continue
		}
		for _, x := range w.Ports {
			if x.Name != p.Name || x.Proto != p.Proto {
				continue
			}
			if n != 0 && n != x.Port {
				return 0
			}
			n = x.Port
		}
	}
	return n
}

// Service is an object that PeerService can name.
type Service struct {
	Namespace, Name string
	Labels          model.Labels
	// Selector finds the pods behind it in its namespace; nil: its endpoints are kept by somebody else.
	Selector Selector
	External bool   // a name for something outside (ExternalName): it has no endpoints but those that somebody lists
	Ports    []Port // of its endpoints; a named port has no number
	// Listens are the numbers of the service itself, one for each of Ports.
	Listens []uint16
	Names   []string // of the ports of the service
}

// forPath returns the rules that a request for a path may come to: those that go first, down to one that asks for no
// more, and those of which nobody knows where they stand.
func forPath(rules []RouteRule, path string) []RouteRule {
	type match struct {
		PathMatch
		rule int
	}
	var fit []match
	for i, r := range rules {
		list := r.Paths
		if len(list) == 0 {
			list = []PathMatch{{Kind: PathPrefix, Path: "/"}}
		}
		for _, m := range list {
			if m.fits(path) {
				fit = append(fit, match{m, i})
			}
		}
	}
	slices.SortStableFunc(fit, func(a, b match) int { return a.before(&b.PathMatch) })
	var last *PathMatch
	taken := make([]bool, len(rules))
	for i := range fit {
		m := &fit[i]
		if last != nil && m.Kind != PathOther && last.before(&m.PathMatch) < 0 {
			continue
		}
		taken[m.rule] = true
		if last == nil && !m.More && m.Kind != PathOther {
			last = &m.PathMatch
		}
	}
	var out []RouteRule
	for i, r := range rules {
		if taken[i] {
			out = append(out, r)
		}
	}
	return out
}

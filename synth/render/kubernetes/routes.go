package kubernetes

import (
	"cmp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"sluice/synth/policy"
	"sluice/synth/render"
)

// routes are the kinds that lead requests to services.
var routes = func() render.Kinds {
	const group = "gateway.networking.k8s.io/"
	out := render.Kinds{{APIVersion: "networking.k8s.io/v1", Kind: "Ingress"}: parseIngress}
	for _, v := range []string{"v1", "v1beta1", "v1alpha3", "v1alpha2"} {
		out[render.Kind{APIVersion: group + v, Kind: "Gateway"}] = parseGateway
		for _, kind := range []string{"HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute", "UDPRoute"} {
			out[render.Kind{APIVersion: group + v, Kind: kind}] = parseRoute(kind)
		}
	}
	return out
}()

// parseGateway reads at which ports the listeners of a Gateway listen.
func parseGateway(r *render.Reader, n *yaml.Node) []policy.Policy {
	meta := render.Path(n, "metadata")
	g := policy.Gateway{Namespace: namespaceOf(meta), Name: scalar(meta, "name"), Listeners: map[string]uint16{}}
	for _, l := range items(render.Path(n, "spec", "listeners")) {
		g.Listeners[scalar(l, "name")] = number(l, "port")
	}
	r.Beside(policy.Manifests{Gateways: []policy.Gateway{g}})
	return nil
}

// parseRoute reads where a route of the Gateway API leads to.
func parseRoute(kind string) func(*render.Reader, *yaml.Node) []policy.Policy {
	return func(r *render.Reader, n *yaml.Node) []policy.Policy {
		meta, spec := render.Path(n, "metadata"), render.Path(n, "spec")
		out := policy.Route{Kind: kind, Namespace: namespaceOf(meta), Name: scalar(meta, "name")}
		for _, p := range items(render.Path(spec, "parentRefs")) {
			out.Parents = append(out.Parents, policy.RouteParent{
				Kind:      cmp.Or(scalar(p, "kind"), "Gateway"),
				Namespace: cmp.Or(scalar(p, "namespace"), out.Namespace),
				Name:      scalar(p, "name"), Section: scalar(p, "sectionName"), Port: number(p, "port"),
			})
		}
		var hosts []string
		for _, h := range items(render.Path(spec, "hostnames")) {
			hosts = append(hosts, strings.ToLower(h.Value))
		}
		for _, rule := range items(render.Path(spec, "rules")) {
			x := policy.RouteRule{Hosts: hosts}
			for _, m := range items(render.Path(rule, "matches")) {
				x.Paths = append(x.Paths, routeMatch(kind, m))
			}
			for _, b := range items(render.Path(rule, "backendRefs")) {
				if cmp.Or(scalar(b, "kind"), "Service") == "Service" && scalar(b, "weight") != "0" {
					x.Services = append(x.Services, policy.ServiceRef{
						Namespace: cmp.Or(scalar(b, "namespace"), out.Namespace),
						Name:      scalar(b, "name"), Port: number(b, "port"),
					})
				}
			}
			out.Rules = append(out.Rules, x)
		}
		r.Beside(policy.Manifests{Routes: []policy.Route{out}})
		return nil
	}
}

// routeMatch reads one match of a rule: what it asks of the path, of which a method of gRPC is the whole.
func routeMatch(kind string, n *yaml.Node) policy.PathMatch {
	if kind == "GRPCRoute" {
		m := render.Path(n, "method")
		service, method := scalar(m, "service"), scalar(m, "method")
		out := policy.PathMatch{Kind: policy.PathExact, Path: "/" + service + "/" + method, More: asks(n, "headers")}
		switch {
		case cmp.Or(scalar(m, "type"), "Exact") != "Exact" || service == "" && method != "":
			out.Kind, out.Path = policy.PathOther, ""
		case method == "":
			out.Kind, out.Path = policy.PathPrefix, "/"+service
		}
		return out
	}
	p := render.Path(n, "path")
	return pathMatch(cmp.Or(scalar(p, "type"), "PathPrefix"), cmp.Or(scalar(p, "value"), "/"),
		scalar(n, "method") != "" || asks(n, "headers") || asks(n, "queryParams"))
}

func asks(n *yaml.Node, field string) bool { return len(items(render.Path(n, field))) > 0 }

// pathMatch reads a path by the type that routes and Ingresses call it.
func pathMatch(kind, path string, more bool) policy.PathMatch {
	out := policy.PathMatch{Kind: policy.PathPrefix, Path: path, More: more}
	switch kind {
	case "Exact":
		out.Kind = policy.PathExact
	case "PathPrefix", "Prefix":
	default:
		if path != "" && path != "/" {
			out.Kind, out.Path = policy.PathOther, ""
		}
	}
	return out
}

// parseIngress reads where an Ingress leads to. Cilium serves those of its class, all by one service or each by one of
// its own.
func parseIngress(r *render.Reader, n *yaml.Node) []policy.Policy {
	meta, spec := render.Path(n, "metadata"), render.Path(n, "spec")
	out := policy.Route{Kind: "Ingress", Namespace: namespaceOf(meta), Name: scalar(meta, "name")}
	p := policy.RouteParent{Kind: "Ingress", Namespace: out.Namespace, Name: out.Name, Shared: true, Dedicated: true}
	if class := scalar(spec, "ingressClassName"); class != "" && class != "cilium" {
		return nil
	}
	switch mode := scalar(render.Path(meta, "annotations"), "ingress.cilium.io/loadbalancer-mode"); mode {
	case "dedicated":
		p.Shared = false
	case "shared":
		p.Dedicated = false
	}
	out.Parents = []policy.RouteParent{p}
	backend := func(hosts []string, paths []policy.PathMatch, b *yaml.Node) {
		s := render.Path(b, "service")
		if s == nil {
			return
		}
		port := render.Path(s, "port")
		out.Rules = append(out.Rules, policy.RouteRule{Hosts: hosts, Paths: paths, Services: []policy.ServiceRef{{
			Namespace: out.Namespace, Name: scalar(s, "name"), Port: number(port, "number"), PortName: scalar(port, "name"),
		}}})
	}
	if b := render.Path(spec, "defaultBackend"); b != nil {
		backend(nil, nil, b)
	}
	for _, rule := range items(render.Path(spec, "rules")) {
		var hosts []string
		if h := scalar(rule, "host"); h != "" {
			hosts = []string{strings.ToLower(h)}
		}
		for _, path := range items(render.Path(rule, "http", "paths")) {
			m := pathMatch(cmp.Or(scalar(path, "pathType"), "ImplementationSpecific"), scalar(path, "path"), false)
			backend(hosts, []policy.PathMatch{m}, render.Path(path, "backend"))
		}
	}
	r.Beside(policy.Manifests{Routes: []policy.Route{out}})
	return nil
}

// namespaceOf returns the namespace of an object.
func namespaceOf(meta *yaml.Node) string {
	return cmp.Or(scalar(meta, "namespace"), render.DefaultNamespace)
}

// number returns a field that is a port, 0 where it is none.
func number(n *yaml.Node, field string) uint16 {
	v, _ := strconv.ParseUint(scalar(n, field), 10, 16)
	return uint16(v)
}

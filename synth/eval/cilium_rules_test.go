package eval_test

// spec is that of a CiliumNetworkPolicy, or of one of the whole cluster.
func (a author) spec(wide bool) object {
	s := object{"endpointSelector": a.subject(wide)}
	for len(s) == 1 {
		if a.oneIn(2) {
			s["ingress"] = several(a, 1, 3, func() object { return a.rule("from", false) })
		}
		if a.oneIn(2) {
			s["egress"] = several(a, 1, 3, func() object { return a.rule("to", false) })
		}
		if a.oneIn(4) {
			s["ingressDeny"] = several(a, 1, 2, func() object { return a.rule("from", true) })
		}
		if a.oneIn(4) {
			s["egressDeny"] = several(a, 1, 2, func() object { return a.rule("to", true) })
		}
	}
	if a.oneIn(3) {
		d := object{}
		if a.oneIn(2) {
			d["ingress"] = a.oneIn(4)
		}
		if a.oneIn(2) {
			d["egress"] = a.oneIn(4)
		}
		s["enableDefaultDeny"] = d
	}
	return s
}

func (a author) subject(wide bool) object {
	s := a.labels(choose(a, "", "k8s:", "any:"))
	if wide && a.oneIn(2) {
		return a.inNamespaces(s)
	}
	return s
}

// inNamespaces adds a condition on namespaces to a selector.
func (a author) inNamespaces(s object) object {
	out := object{}
	for k, v := range s {
		out[k] = v
	}
	expressions, _ := out["matchExpressions"].([]object)
	const name, team = "io.kubernetes.pod.namespace", "k8s:io.cilium.k8s.namespace.labels.team"
	switch source := choose(a, "", "k8s:"); a.IntN(6) {
	case 0:
		out["matchExpressions"] = append(expressions, object{"key": source + name, "operator": "Exists"})
	case 1:
		out["matchExpressions"] = append(expressions, object{"key": source + name, "operator": choose(a, "In", "NotIn"), "values": choose(a, []string{"other"}, []string{"shop", "kube-system"})})
	case 2:
		out["matchExpressions"] = append(expressions, object{"key": team, "operator": choose(a, "Exists", "DoesNotExist")})
	case 3:
		out["matchExpressions"] = append(expressions, object{"key": team, "operator": choose(a, "In", "NotIn"), "values": []string{"red"}})
	case 4:
		out["matchExpressions"] = append(expressions, object{"key": "k8s:io.cilium.k8s.namespace.labels.kubernetes.io/metadata.name", "operator": "In", "values": []string{"other"}})
	default:
		labels := object{source + name: choose(a, "shop", "other")}
		if old, ok := out["matchLabels"].(object); ok {
			for k, v := range old {
				labels[k] = v
			}
		}
		out["matchLabels"] = labels
	}
	return out
}

// rule is one of either direction; word is from or to.
func (a author) rule(word string, deny bool) object {
	r := object{}
	switch kind := a.IntN(16); {
	case kind < 5:
		r[word+"Endpoints"] = several(a, 0, 2, a.endpoint)
		if len(r[word+"Endpoints"].([]object)) == 0 && !a.oneIn(4) {
			r[word+"Endpoints"] = []object{a.endpoint()}
		}
	case kind < 8:
		r[word+"Entities"] = several(a, 1, 2, func() string {
			return choose(a, "all", "world", "cluster", "host", "remote-node", "kube-apiserver", "health", "ingress", "unmanaged", "init", "none")
		})
	case kind < 9:
		r[word+"CIDR"] = several(a, 1, 2, func() string {
			return choose(a, "10.1.2.3", "10.0.0.0/8", "0.0.0.0/0", "203.0.113.9/32", "2001:db8::7")
		})
	case kind < 11:
		r[word+"CIDRSet"] = several(a, 1, 2, func() object {
			if a.oneIn(3) {
				return object{"cidrGroupRef": "office"}
			}
			return a.block("cidr", "except")
		})
	case kind < 13 && word == "to" && !deny:
		r["toFQDNs"] = several(a, 1, 2, func() object {
			if a.oneIn(2) {
				return object{"matchName": choose(a, "example.org", "Db.example.org.", "www.example.net")}
			}
			return object{"matchPattern": choose(a, "*.example.org", "*", "**.example.org", "*example.org", "d*.example.org", "www.*.net")}
		})
	}
	switch a.IntN(7) {
	case 0, 1:
		r["icmps"] = []object{{"fields": several(a, 0, 2, func() object {
			return choose(a, object{"type": 8}, object{"type": "EchoRequest", "family": "IPv4"}, object{"type": 128, "family": "IPv6"}, object{"type": "DestinationUnreachable"})
		})}}
	case 2, 3, 4, 5:
		r["toPorts"] = several(a, 0, 2, func() object { return object{"ports": several(a, 0, 3, a.port)} })
	}
	if ports, ok := r["toPorts"].([]object); ok && !deny && len(ports) > 0 && a.oneIn(8) && word == "to" {
		r["toPorts"] = []object{{"ports": []object{{"port": "53", "protocol": choose(a, "ANY", "UDP")}}, "rules": object{"dns": []object{{"matchPattern": "*"}}}}}
	}
	return r
}

func (a author) endpoint() object {
	if a.oneIn(15) {
		return object{"matchLabels": object{"reserved:" + choose(a, "host", "kube-apiserver", "ingress"): ""}}
	}
	s := a.labels(choose(a, "", "k8s:", "any:"))
	if a.oneIn(12) {
		s = object{"matchLabels": object{"k8s:io.cilium.k8s.policy.serviceaccount": choose(a, "default", "web")}}
	}
	if a.oneIn(2) {
		return a.inNamespaces(s)
	}
	return s
}

func (a author) port() object {
	p := object{}
	if !a.oneIn(4) {
		p["protocol"] = choose(a, "TCP", "TCP", "UDP", "SCTP", "ANY", "VRRP")
	}
	if p["protocol"] == "VRRP" {
		if a.oneIn(2) {
			p["port"] = "0"
		}
		return p
	}
	switch a.IntN(8) {
	case 0:
		p["port"] = "0"
	case 1:
		p["port"] = choose(a, "http", "DNS", "nosuch")
		if p["protocol"] == "SCTP" {
			delete(p, "protocol")
		}
	case 2:
		p["port"], p["endPort"] = choose(a, "80", "8000", "8080"), choose(a, 8080, 8085, 9000)
	default:
		p["port"] = choose(a, "80", "8080", "53", "443")
	}
	return p
}

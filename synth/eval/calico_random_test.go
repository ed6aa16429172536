package eval_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"

	"sluice/model"
	"sluice/synth/eval"
	"sluice/synth/eval/calicotest"
	"sluice/synth/policy"
	"sluice/synth/render"
	"sluice/synth/render/calico"
	"sluice/synth/render/kubernetes"
)

// calicoEnds are pods with addresses that labels tell apart, the last two with addresses of IPv6, and addresses of
// nobody.
func calicoEnds() []eval.Facts {
	ends := []eval.Facts{
		in(pod("shop", "app=web", "tier=front"), "team=blue"), in(pod("shop", "app=cart"), "team=blue"), in(pod("shop", "app=web", "canary="), "team=blue"),
		in(pod("other", "app=web"), "team=red", "zone="), in(pod("other", "app=db", "tier=back"), "team=red", "zone="), in(pod("shop"), "team=blue"),
		in(pod("shop", "app=cart", "tier=back"), "team=blue"), in(pod("other", "app=web"), "team=red", "zone="),
	}
	accounts := map[string]model.Labels{"shop/web": {"role=front"}, "other/web": {"role=back"}}
	for i := range ends {
		f := &ends[i]
		f.Address = netip.AddrFrom4([4]byte{10, 1, 2, byte(10 + i)})
		if i >= calicoPods-2 {
			f.Address = netip.MustParseAddr(fmt.Sprintf("2001:db8::%d", 10+i))
		}
		f.NamedPorts = []eval.NamedPort{{Name: "http", Proto: model.TCP, Port: 8080}, {Name: "dns", Proto: model.UDP, Port: 53}}
		f.ServiceAccount = []string{"default", "web"}[i%2]
		f.ServiceAccountLabels = accounts[f.Namespace+"/"+f.ServiceAccount]
		if f.ServiceAccountLabels == nil {
			f.ServiceAccountLabels = model.Labels{}
		}
	}
	for _, a := range []string{"10.9.9.9", "203.0.113.9", "198.51.100.7", "2001:db8:1::7"} {
		ends = append(ends, eval.Facts{Entities: model.World, Address: netip.MustParseAddr(a), Names: []string{}})
	}
	for i := range ends {
		ends[i].Services = []eval.ServicePort{}
		if i%3 == 1 {
			ends[i].Services = append(ends[i].Services, eval.ServicePort{Namespace: "shop", Name: "front", Proto: model.TCP, Port: 8080},
				eval.ServicePort{Namespace: "shop", Name: "front", Proto: model.UDP, Port: 53})
		}
		if i%4 == 0 {
			ends[i].Services = append(ends[i].Services, eval.ServicePort{Namespace: "other", Name: "back", Proto: model.SCTP, Port: 80})
		}
	}
	return ends
}

const calicoPods = 8 // of calicoEnds

// calicoWorld is random policies and connections, and between which ends the connections are.
type calicoWorld struct {
	calicotest.World
	asked [][2]int
}

func calicoWorldOf(a author, ends []eval.Facts) calicoWorld {
	w := calicoWorld{}
	for i := range ends {
		w.Add(fmt.Sprint("pod", i), &ends[i])
	}
	w.Objects = []string{text(object{"apiVersion": "projectcalico.org/v3", "kind": "Tier", "metadata": object{"name": "security"},
		"spec": object{"order": choose(a, 10, 2000000), "defaultAction": choose(a, "Deny", "Pass")}}),
		text(object{"apiVersion": "projectcalico.org/v3", "kind": "GlobalNetworkSet", "metadata": object{"name": "office", "labels": object{"kind": "office"}},
			"spec": object{"nets": []string{choose(a, "10.0.0.0/8", "10.9.0.0/16", "203.0.113.9/32"), "198.51.100.0/24", "2001:db8:1::/48"}}}),
		text(object{"apiVersion": "projectcalico.org/v3", "kind": "NetworkSet", "metadata": object{"name": "partner", "namespace": choose(a, "shop", "other"), "labels": object{"app": choose(a, "web", "cart")}},
			"spec": object{"nets": []string{choose(a, "10.9.0.0/16", "203.0.113.0/24"), "198.51.100.7"}}})}
	for i := range 2 + a.IntN(4) {
		w.Objects = append(w.Objects, a.calicoPolicy(i))
	}
	for len(w.asked) < 24 {
		from, to := a.IntN(calicoPods), a.IntN(len(ends))
		if a.oneIn(3) {
			from, to = to, from
		}
		if ends[from].Address.Is4() != ends[to].Address.Is4() {
			continue
		}
		proto, port := choose(a, model.TCP, model.TCP, model.TCP, model.UDP, model.SCTP, model.ICMP, 112), choose[uint16](a, 80, 8080, 53, 443, 8085)
		if proto == model.ICMP {
			port = choose[uint16](a, 8, 3)
			if ends[to].Address.Is6() {
				proto, port = model.ICMPv6, choose[uint16](a, 128, 3)
			}
		}
		w.Ask(&ends[from], &ends[to], proto, port)
		w.asked = append(w.asked, [2]int{from, to})
	}
	return w
}

func (a author) calicoPolicy(i int) string {
	name, namespace := fmt.Sprintf("p%d", i), choose(a, "shop", "shop", "other")
	meta := object{"name": name, "namespace": namespace}
	switch a.IntN(10) {
	case 0, 1:
		return text(object{"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": meta, "spec": a.plain()})
	case 2:
		spec := a.plain()
		if spec["policyTypes"] == nil {
			spec["policyTypes"] = []string{"Ingress", "Egress"} // the staged form has no default of the API server's
		}
		return text(object{"apiVersion": "projectcalico.org/v3", "kind": "StagedKubernetesNetworkPolicy", "metadata": meta, "spec": spec})
	}
	spec := object{}
	if !a.oneIn(4) {
		spec["selector"] = a.calicoSelector()
	}
	if a.oneIn(6) {
		spec["serviceAccountSelector"] = a.calicoRoles()
	}
	kind := "NetworkPolicy"
	if a.oneIn(4) {
		kind = "GlobalNetworkPolicy"
		delete(meta, "namespace")
		if !a.oneIn(4) {
			spec["namespaceSelector"] = a.calicoNamespaces()
		}
	}
	if a.oneIn(3) {
		spec["tier"] = "security"
		meta["name"] = "security." + name
	}
	if a.oneIn(2) {
		spec["order"] = choose(a, 1, 5, 500, 1500)
	}
	types := choose(a, []string{"Ingress"}, []string{"Egress"}, []string{"Ingress", "Egress"})
	if !a.oneIn(5) {
		spec["types"] = types
	}
	for _, d := range types {
		spec[strings.ToLower(d)] = several(a, 0, 3, func() object { return a.calicoRule(d == "Egress") })
	}
	if a.oneIn(8) {
		kind = "Staged" + kind
	}
	return text(object{"apiVersion": "projectcalico.org/v3", "kind": kind, "metadata": meta, "spec": spec})
}

// calicoSelector is one of pods and network sets.
func (a author) calicoSelector() string {
	return choose(a, "all()", "app == 'web'", "app == 'cart'", "app != 'web'", "has(tier)", "!has(tier)", "app in {'web', 'db'}", "app not in {'cart'}",
		"app == 'web' && has(tier)", "app == 'cart' || tier == 'back'", "app == 'db' || tier == 'front'", "!(app == 'web')", "app starts with 'w'", "app ends with 'b'", "app contains 'ar'", "has(canary)",
		"app not in {}", "app in {}", "pcns.team == 'red'", "pcsa.role == 'front'", "projectcalico.org/serviceaccount == 'web'", "projectcalico.org/namespace == 'shop'")
}

func (a author) calicoNamespaces() string {
	return choose(a, "all()", "kubernetes.io/metadata.name == 'shop'", "projectcalico.org/name in {'shop', 'none'}", "team == 'red'", "team != 'red'", "has(zone)", "!has(zone)",
		"projectcalico.org/name starts with 'sh'", "!(projectcalico.org/name starts with 'sh')", "projectcalico.org/name not in {'other'}", "projectcalico.org/name not in {}",
		"projectcalico.org/name in {}", "team ends with 'ue'", "team contains 'lu'", "has(team) && projectcalico.org/name != 'other'", "team == 'red' || projectcalico.org/name == 'shop'")
}

// calicoRoles is a selector of service accounts.
func (a author) calicoRoles() string {
	return choose(a, "role == 'front'", "has(role)", "!has(role)", "role in {'front', 'back'}", "role != 'back'")
}

func (a author) calicoRule(egress bool) object {
	r := object{"action": choose(a, "Allow", "Allow", "Allow", "Deny", "Pass", "Log")}
	six := a.oneIn(5)
	if a.oneIn(8) {
		r["ipVersion"] = 4
		if six {
			r["ipVersion"] = 6
		}
	}
	ports := false
	switch a.IntN(8) {
	case 0, 1:
	case 2:
		a.calicoMessages(r, six)
	case 3:
		r[choose(a, "notProtocol", "protocol")] = choose[any](a, "TCP", "UDP", "ICMP", 112)
	default:
		r["protocol"], ports = choose[any](a, "TCP", "TCP", "TCP", "UDP", "SCTP", 6), true
	}
	for _, side := range []string{"source", "destination"} {
		e := a.calicoEntity(six != a.oneIn(300), egress == (side == "destination"))
		if ports && side == "destination" && !a.oneIn(3) && e["services"] == nil {
			e[choose(a, "ports", "ports", "notPorts")] = choose(a, []any{80}, []any{8080, 53}, []any{"8000:8090"}, []any{"http", 53}, []any{"dns", 443}, []any{"http", "dns"})
		}
		if len(e) > 0 {
			r[side] = e
		}
	}
	return r
}

// calicoMessages makes r a rule for ICMP.
func (a author) calicoMessages(r object, six bool) {
	r["protocol"] = "ICMP"
	kind := choose(a, 8, 3)
	if six {
		r["protocol"], kind = "ICMPv6", choose(a, 128, 3)
	}
	switch a.IntN(4) {
	case 0:
	case 1:
		r["notICMP"] = object{"type": kind}
	case 2:
		r["icmp"] = object{"type": kind, "code": choose(a, 0, 1)}
	default:
		r["icmp"] = object{"type": kind}
	}
}

// calicoEntity is one end of a rule; peer says that it is not the policy's own.
func (a author) calicoEntity(six, peer bool) object {
	e := object{}
	switch a.IntN(12) {
	case 0:
		e["selector"] = a.calicoSelector()
	case 1:
		e["selector"], e["namespaceSelector"] = a.calicoSelector(), a.calicoNamespaces()
	case 2:
		e["nets"] = []string{choose(a, "10.0.0.0/8", "10.1.2.0/24", "203.0.113.0/24", "0.0.0.0/0")}
		if six {
			e["nets"] = []string{choose(a, "2001:db8::/32", "2001:db8::/48", "::/0")}
		}
	case 3:
		e["namespaceSelector"] = "global()"
		if !a.oneIn(4) {
			e["selector"] = choose(a, "kind == 'office'", "has(kind)", "!has(kind)")
		}
	case 4:
		e["namespaceSelector"] = a.calicoNamespaces()
	case 5:
		e["serviceAccounts"] = object{"names": []string{choose(a, "web", "default")}}
		if a.oneIn(3) {
			e["namespaceSelector"] = a.calicoNamespaces()
		}
	case 6:
		e["serviceAccounts"] = object{"selector": a.calicoRoles()}
	case 7:
		if peer {
			return object{"services": choose(a, object{"name": "front", "namespace": "shop"}, object{"name": "back", "namespace": "other"})}
		}
	}
	if a.oneIn(6) {
		e["notSelector"] = a.calicoSelector()
	}
	if a.oneIn(8) {
		e["notNets"] = []string{choose(a, "10.1.2.0/28", "203.0.113.9/32", "10.9.0.0/16")}
		if six {
			e["notNets"] = []string{choose(a, "2001:db8:1::/48", "2001:db8::10/124")}
		}
	}
	return e
}

// readCalico reads the objects of a world.
func readCalico(objects ...string) (policy.PolicySet, []render.Problem) {
	return render.Parse(strings.NewReader(strings.Join(objects, "\n---\n")), "world", kubernetes.Dialect{}.Kinds(), calico.Dialect{}.Kinds())
}

// decide returns what eval says of a world's connections, for each end that is a pod.
func (w *calicoWorld) decide(set policy.PolicySet, ends []eval.Facts) [][2]string {
	ev := eval.New(set, eval.Calico)
	prepared := make([]*eval.End, len(ends))
	for i := range ends {
		prepared[i] = ev.End(ends[i])
	}
	out := make([][2]string, len(w.asked))
	for i, c := range w.Connections {
		from, to := prepared[w.asked[i][0]], prepared[w.asked[i][1]]
		d := ev.Decide(from, to, model.Proto(c.Protocol), c.PortOrType())
		for side, p := range []eval.Part{d.Egress, d.Ingress} {
			if []*eval.End{from, to}[side].IsPod {
				out[i][side] = strings.TrimSpace(p.Outcome.String() + " " + p.Needs)
			}
		}
	}
	return out
}

// randomCalico returns world i.
func randomCalico(i int, ends []eval.Facts) calicoWorld {
	return calicoWorldOf(author{rand.New(rand.NewPCG(uint64(i), 31))}, ends)
}

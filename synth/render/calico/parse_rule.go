package calico

import (
	"net/netip"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"sluice/model"
	"sluice/synth/policy"
	"sluice/synth/render"
)

// rules reads the rules of one direction.
func (r *reader) rules(n *yaml.Node, path string, d model.Direction) {
	if n == nil {
		return
	}
	for _, item := range r.List(n, path) {
		if rule, ok := r.rule(item, path, d); ok {
			r.p.Rules = append(r.p.Rules, rule)
		}
	}
}

var actionNames = map[string]policy.Action{"Allow": policy.Allow, "Deny": policy.Deny, "Pass": policy.Pass}

// rule reads one rule, and reports whether it decides anything: one that logs does not.
func (r *reader) rule(n *yaml.Node, path string, d model.Direction) (policy.Rule, bool) {
	out := policy.Rule{Direction: d, Source: r.Position(n)}
	var src, dst, action, version *yaml.Node
	var ports protocolFields
	r.Fields(
		n,
		path,
		map[string]func(*yaml.Node){"action": render.Keep(&action), "ipVersion": render.Keep(&version), "source": render.Keep(&src),
			"destination": render.Keep(&dst), "protocol": render.Keep(&ports.protocol), "notProtocol": render.Keep(&ports.notProtocol),
			"icmp": render.Keep(&ports.icmp), "notICMP": render.Keep(&ports.notICMP), "metadata": nil,
			"http": func(v *yaml.Node) {
				if !render.IsNull(v) {
					r.Report(
						render.Note,
						v,
						"%s.http: requests are not looked at, the connections of all of them are allowed",
						path,
					).Requests = render.Flat(v)
				}
			}},
	)
	decides := r.action(action, n, path, &out)
	family := r.version(version, path)
	client, server := entityFields{path: path + ".source"}, entityFields{path: path + ".destination", server: true}
	r.entity(src, &client)
	r.entity(dst, &server)
	r.oneFamily(n, path, family, &client, &server)
	client.family, server.family = family, family
	if client.ports != nil || client.notPorts != nil {
		r.Report(render.Unsupported, n, "%s.source: ports of the client: no log tells them of a connection", path)
	}
	ports.ports, ports.notPorts = server.ports, server.notPorts
	r.ports(n, path, &ports, &out)
	for _, v := range []*yaml.Node{ports.protocol, ports.notProtocol} {
		if want := messageVersions[valueOf(v)]; want != 0 && family != 0 && family != want {
			r.Bad(v, "%s: %s is of IP version %d, the rule of %d", path, v.Value, want, family)
		}
	}
	self, other := &server, &client
	if d == model.Egress {
		self, other = other, self
	}
	self.family = 0
	if self.service != nil {
		r.Bad(self.service, "%s.services: only at the other end", self.path)
	}
	out.Self = r.peers(self)
	out.Peers = r.peers(other)
	out.AnyPeer = out.Peers == nil
	return out, decides
}

// action reads the action, which there must be.
func (r *reader) action(n, rule *yaml.Node, path string, out *policy.Rule) bool {
	if n == nil {
		r.Bad(rule, "%s: no action", path)
		return false
	}
	s, ok := r.Text(n, path+".action")
	a, known := actionNames[s]
	if ok && !known && s != "Log" {
		r.Bad(n, "%s.action: %q is not Allow, Deny, Log or Pass%s", path, s, render.QuoteHint(s)).
			Called(render.WrongValue, r.Meant(n, "Allow", "Deny", "Log", "Pass"))
	}
	out.Action = a
	return known
}

// version reads the IP version that a rule is for, 0 for both.
func (r *reader) version(n *yaml.Node, path string) int {
	if n == nil {
		return 0
	}
	if n.ShortTag() == "!!int" && (n.Value == "4" || n.Value == "6") {
		return int(n.Value[0] - '0')
	}
	r.Bad(n, "%s.ipVersion: want 4 or 6, have %s", path, render.TypeOf(n))
	return 0
}

// entityFields is one end of a rule.
type entityFields struct {
	path                                                 string
	server                                               bool
	family                                               int // of the addresses, 0 for both
	selector, namespaces, notSelector, accounts, service *yaml.Node
	nets, notNets                                        []netip.Prefix
	ports, notPorts                                      *yaml.Node
}

func (r *reader) entity(n *yaml.Node, e *entityFields) {
	if n == nil {
		return
	}
	nets := func(field string, to *[]netip.Prefix) func(*yaml.Node) {
		return func(v *yaml.Node) {
			for _, x := range r.List(v, e.path+field) {
				*to = append(*to, r.prefix(x, e.path+field))
			}
		}
	}
	r.Fields(
		n,
		e.path,
		map[string]func(*yaml.Node){"selector": text(&e.selector), "namespaceSelector": text(&e.namespaces),
			"notSelector": text(&e.notSelector), "serviceAccounts": render.Keep(&e.accounts), "services": render.Keep(&e.service),
			"nets": nets(".nets", &e.nets), "notNets": nets(".notNets", &e.notNets),
			"ports": render.Keep(&e.ports), "notPorts": render.Keep(&e.notPorts)},
	)
	for _, x := range e.notNets {
		if x.IsValid() && x.Bits() == 0 {
			r.Bad(n, "%s.notNets: %s leaves nothing", e.path, x)
		}
	}
}

// prefix reads a network or a single address.
func (r *reader) prefix(n *yaml.Node, path string) netip.Prefix {
	if s, ok := r.Text(n, path); ok && !strings.Contains(s, "/") {
		if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
			return netip.PrefixFrom(a, a.BitLen())
		}
	}
	return r.Prefix(n, path)
}

// peers returns what the end can be: any of the peers, nil for everything. What Calico asks for all at once is a
// conjunction of one of the selected, one of the networks, and nothing of what is excluded. What is selected leaves out
// what it should by its labels; a rule that selects nothing leaves out addresses, whoever else has them.
func (r *reader) peers(e *entityFields) []policy.Peer {
	selected := r.selected(e)
	var nets []policy.Peer
	for _, c := range r.networks(e) {
		nets = append(nets, policy.Peer{Kind: policy.PeerCIDR, CIDR: c, Except: e.notNets})
	}
	var none []policy.Peer
	if e.notSelector != nil && selected == nil {
		s := r.selector(e.notSelector, e.path+".notSelector", "")
		none = []policy.Peer{{Kind: policy.PeerPods, Pods: s}, {Kind: policy.PeerNetwork, Pods: s}}
	}
	if e.service != nil {
		if selected != nil || len(e.nets)+len(e.notNets) > 0 || none != nil ||
			e.server && (e.ports != nil || e.notPorts != nil) {
			r.Bad(e.service, "%s.services: stands alone", e.path)
		}
		selected = r.services(e)
	}
	switch {
	case none == nil && nets == nil:
		return selected
	case none == nil && selected == nil:
		return nets
	}
	var out []policy.Peer
	for _, s := range orNothing(selected) {
		for _, c := range orNothing(nets) {
			p := policy.Peer{Kind: policy.PeerAll, None: none}
			for _, q := range []*policy.Peer{s, c} {
				if q != nil {
					p.All = append(p.All, *q)
				}
			}
			out = append(out, p)
		}
	}
	return out
}

// orNothing returns pointers to the peers, one nil pointer if there are none.
func orNothing(list []policy.Peer) []*policy.Peer {
	if len(list) == 0 {
		return []*policy.Peer{nil}
	}
	var out []*policy.Peer
	for i := range list {
		out = append(out, &list[i])
	}
	return out
}

// everywhere is every address of a family.
var everywhere = map[int]netip.Prefix{4: netip.MustParsePrefix("0.0.0.0/0"), 6: netip.MustParsePrefix("::/0")}

// networks returns the networks that the end must be in. Networks that are left out are left out of their family.
func (r *reader) networks(e *entityFields) []netip.Prefix {
	family := e.family
	if len(e.notNets) > 0 {
		family = familyOf(e.notNets[0])
	}
	if len(e.nets) > 0 || family == 0 {
		return e.nets
	}
	return []netip.Prefix{everywhere[family]}
}

// oneFamily wants all networks of a rule, at both ends, to be of one IP version.
func (r *reader) oneFamily(n *yaml.Node, path string, family int, ends ...*entityFields) {
	for _, e := range ends {
		for _, x := range append(slices.Clone(e.nets), e.notNets...) {
			if f := familyOf(x); family == 0 {
				family = f
			} else if family != f && !r.Invalid() {
				r.Bad(n, "%s: %s is not of IP version %d like the rest of the rule", path, x, family)
			}
		}
	}
}

// selected returns the pods and network sets that the selectors find, nil where there are none. Any selector keeps a
// policy with a namespace to that, unless it names others.
func (r *reader) selected(e *entityFields) []policy.Peer {
	var all []policy.Selector
	if e.selector != nil {
		all = append(all, r.selector(e.selector, e.path+".selector", ""))
	}
	if e.accounts != nil {
		all = append(all, r.serviceAccounts(e.accounts, e.path+".serviceAccounts")...)
	}
	narrowed := len(all) > 0
	own := e.namespaces == nil && r.p.Namespace != ""
	if e.notSelector != nil && (narrowed || own || e.namespaces != nil) {
		all, narrowed = append(all, r.opposite(e.notSelector, e.path+".notSelector")), true
	}
	pods := both(all)
	inPods := policy.Peer{Kind: policy.PeerPods, Pods: pods}
	inNetworks := policy.Peer{Kind: policy.PeerNetwork, Pods: pods}
	if name, ok := networkName(pods); ok {
		inNetworks = policy.Peer{Kind: policy.PeerNetwork, Name: name}
	}
	switch {
	case e.namespaces != nil:
		return r.inNamespaces(e, inPods, inNetworks)
	case own && narrowed:
		inPods.Namespaces = policy.Namespace(r.p.Namespace)
		return []policy.Peer{inPods}
	case narrowed:
		return []policy.Peer{inPods, inNetworks}
	}
	return nil
}

// networkName returns the name of the one network that a selector finds by the label that Render writes.
func networkName(s policy.Selector) (string, bool) {
	if len(s) == 1 && s[0].Key == networkLabel && s[0].Op == policy.In && len(s[0].Values) == 1 {
		return s[0].Values[0], true
	}
	return "", false
}

// inNamespaces returns the peers of a namespaceSelector. One whose conditions are met by a missing label finds what has
// no namespace, too.
func (r *reader) inNamespaces(e *entityFields, inPods, inNetworks policy.Peer) []policy.Peer {
	text, ok := r.Text(e.namespaces, e.path+".namespaceSelector")
	if !ok {
		return nil
	}
	if isGlobal(text) {
		return []policy.Peer{inNetworks}
	}
	inPods.Namespaces = r.selector(e.namespaces, e.path+".namespaceSelector", "")
	outside, err := parseSelector(text, never(), "")
	if err == nil && outside.Matches(nil) {
		return []policy.Peer{inPods, inNetworks}
	}
	return []policy.Peer{inPods}
}

// isGlobal reports whether a selector is global() alone.
func isGlobal(text string) bool {
	rest, ok := strings.CutPrefix(strings.Trim(text, " \t"), "global(")
	return ok && strings.TrimLeft(rest, " \t") == ")"
}

// serviceAccounts returns what it asks of the pods' labels, nothing where it is empty.
func (r *reader) serviceAccounts(n *yaml.Node, path string) []policy.Selector {
	var out []policy.Selector
	r.Fields(n, path, map[string]func(*yaml.Node){
		"names": func(v *yaml.Node) {
			q := policy.Requirement{Key: accountName}
			for _, x := range r.List(v, path+".names") {
				if s, ok := r.Text(x, path+".names"); ok && !render.ValidName(s) {
					r.Bad(x, "%s.names: %q is not a name%s", path, s, render.QuoteHint(s))
				} else if ok {
					q.Values = append(q.Values, s)
				}
			}
			if len(q.Values) > 0 {
				out = append(out, policy.Selector{q})
			}
		},
		"selector": func(v *yaml.Node) {
			if !render.IsNull(v) && (v.Kind != yaml.ScalarNode || v.Value != "") {
				out = append(out, r.selector(v, path+".selector", accountPrefix))
			}
		},
	})
	return out
}

func (r *reader) services(e *entityFields) []policy.Peer {
	p := policy.Peer{Kind: policy.PeerService}
	path := e.path + ".services"
	r.Fields(e.service, path, map[string]func(*yaml.Node){
		"name":      func(v *yaml.Node) { p.Name, _ = r.Text(v, path+".name") },
		"namespace": func(v *yaml.Node) { p.Namespace = r.word(v, path+".namespace") },
	})
	switch {
	case p.Name == "" && !r.Invalid():
		r.Bad(e.service, "%s: no name", path)
	case p.Namespace == "" && r.p.Namespace == "":
		r.Bad(e.service, "%s: a policy without namespace must name that of the service", path)
	case p.Namespace == "":
		r.Report(
			render.Note,
			e.service,
			"%s: Calico 3.31 finds no service without its namespace, though it should be the policy's",
			path,
		)
	}
	return []policy.Peer{p}
}

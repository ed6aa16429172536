package calico

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"sluice/model"
	"sluice/synth/policy"
	"sluice/synth/render"
)

// Project returns the part of a set that the dialect can say, in canonical order, and the rest as losses. A peer or
// port that cannot be said is left out of its rule, and a rule with none left is left out whole: it never becomes a
// rule for every peer or port. Every policy comes to stand in a tier, the default one if it has none.
func Project(set policy.PolicySet) (policy.PolicySet, []render.Loss) {
	set = set.Canonical()
	out := policy.PolicySet{Tiers: set.Tiers, Networks: set.Networks}
	var l losses
	for _, p := range set.Policies {
		if q, ok := l.policy(p); ok {
			out.Policies = append(out.Policies, q)
		}
	}
	return out.Canonical(), l.List
}

// losses cuts one policy after the other to what can be said.
type losses struct{ render.Losses }

func (l *losses) policy(p policy.Policy) (policy.Policy, bool) {
	l.Whole(p.Namespace, p.Name)
	for _, s := range []policy.Selector{p.Subject, p.SubjectNamespaces} {
		if !sayable(s) {
			l.Add(p.Ingress || p.Egress, "the selector "+s.String(), "nothing of the policy is in force")
			return p, false
		}
	}
	if !l.PodsOnly(&p) {
		return p, false
	}
	if p.Tier == "" {
		p.Tier = policy.DefaultTier
		if p.Sequential() {
			p = l.onlyAllows(p)
		}
	}
	p.Name = calicoName(p.Tier, p.Name)
	var rules []policy.Rule
	for i := range p.Rules {
		l.Of(&p, i)
		if r, ok := l.ruleOf(&p, p.Rules[i]); ok {
			rules = append(rules, l.conditions(r)...)
		}
	}
	l.Of(nil, 0)
	if p.Rules = rules; p.Sequential() {
		p.Rules = nil
		for _, r := range rules {
			p.Rules = append(p.Rules, split(r)...)
		}
		// The directions are lists of their own.
		slices.SortStableFunc(p.Rules, func(a, b policy.Rule) int { return cmp.Compare(a.Direction, b.Direction) })
	} else {
		p.Rules = merge(rules)
	}
	return p, p.Ingress || p.Egress
}

// onlyAllows leaves out the denials of a policy without tier: they come before what any other policy allows, which no
// order of Calico's says.
func (l *losses) onlyAllows(p policy.Policy) policy.Policy {
	var rules []policy.Rule
	for i, r := range p.Rules {
		if r.Action == policy.Allow {
			rules = append(rules, r)
			continue
		}
		l.Of(&p, i)
		l.Add(true, "the rule's action "+r.Action.String(), "what other rules allow of it stays allowed")
	}
	p.Rules = rules
	return p
}

// calicoName returns the name that Calico takes in a tier: one without dots but for that behind the tier. Where dots
// are replaced a hash keeps names apart.
func calicoName(tier, name string) string {
	prefix := ""
	if tier != policy.DefaultTier {
		prefix = tier + "."
	}
	base := strings.TrimPrefix(name, prefix)
	if !strings.Contains(base, ".") {
		return prefix + base
	}
	sum := sha256.Sum256([]byte(name))
	base = strings.ReplaceAll(base, ".", "-")
	return prefix + base[:min(len(base), 54)] + "-" + hex.EncodeToString(sum[:4])
}

func (l *losses) ruleOf(p *policy.Policy, r policy.Rule) (policy.Rule, bool) {
	if !p.Isolates(r.Direction) {
		l.Add(
			false,
			"a rule for "+r.Direction.String()+" that does not isolate",
			"where another policy isolates the pods, "+r.String()+" is denied",
		)
		return r, false
	}
	peers, self := l.peers(p, &r, r.Peers), l.peers(p, &r, r.Self)
	var ports []policy.Port
	for _, q := range r.Ports {
		ports = append(ports, l.ports(r, q)...)
	}
	some := (r.AnyPeer || len(peers) > 0) && (r.AnyPort || len(ports) > 0) && (len(r.Self) == 0 || len(self) > 0)
	r.Peers, r.Self, r.Ports = peers, self, ports
	return r.Canonical(), some
}

// peers returns those of the peers, or conditions on the own pod, that the dialect can say.
func (l *losses) peers(p *policy.Policy, r *policy.Rule, list []policy.Peer) []policy.Peer {
	var out []policy.Peer
	for _, q := range list {
		if why := unsayable(p, r, &q); why != "" {
			l.Add(r.Action != policy.Allow, why, "its "+r.Direction.String()+" connections are not "+r.Action.String())
		} else {
			out = append(out, q)
		}
	}
	return out
}

// unsayable says what of a peer the dialect cannot say, "" if nothing.
func unsayable(p *policy.Policy, r *policy.Rule, q *policy.Peer) string {
	what := "the peer " + q.String()
	switch q.Kind {
	case policy.PeerPods, policy.PeerNetwork:
		if sayable(q.Namespaces) && sayable(q.Pods) && !strings.ContainsAny(q.Name, "'\"\n") && !isNever(q.Pods) {
			return ""
		}
	case policy.PeerCIDR:
		for _, x := range q.Except {
			if x.Addr().Is4() != q.CIDR.Addr().Is4() || x.Bits() == 0 {
				return what
			}
		}
		return ""
	case policy.PeerService:
		// At the destination a service stands for its own ports, and at the own end for nothing.
		ports := slices.ContainsFunc(r.Ports, func(x policy.Port) bool { return !x.Whole() })
		own := slices.ContainsFunc(r.Self, func(x policy.Peer) bool { return x.Kind == policy.PeerService })
		if q.Namespace != "" && (r.Direction == model.Ingress || !ports) && !own {
			return ""
		}
	case policy.PeerAll:
		if sayableAll(p, r, q) {
			return ""
		}
	default:
	}
	return what
}

// sayableAll reports whether a conjunction is one of a selector and a network, or one that leaves out addresses: only a
// policy without namespace can do that, in which a notSelector stands for itself.
func sayableAll(p *policy.Policy, r *policy.Rule, q *policy.Peer) bool {
	selectors, networks := 0, 0
	for i := range q.All {
		switch x := &q.All[i]; {
		case unsayable(p, r, x) != "":
			return false
		case x.Kind == policy.PeerCIDR:
			networks++
		case x.Kind == policy.PeerPods || x.Kind == policy.PeerNetwork:
			selectors++
		default:
			return false
		}
	}
	if len(q.None) == 0 {
		return selectors == 1 && networks == 1
	}
	return p.Namespace == "" && selectors == 0 && networks <= 1 && len(q.None) == 2 && sayable(q.None[0].Pods) &&
		everywhereBy(
			&q.None[0],
			policy.PeerPods,
		) && everywhereBy(&q.None[1], policy.PeerNetwork) && q.None[0].Pods.Compare(q.None[1].Pods) == 0
}

// everywhereBy reports whether a peer is of a kind and names nothing but labels.
func everywhereBy(q *policy.Peer, k policy.PeerKind) bool {
	return q.Kind == k && q.Name == "" && len(q.Namespaces) == 0
}

// conditions returns the rules that Calico needs for one with conditions on the own pod, or with ports that it is not
// for: each has one condition, one peer and one protocol. Others stay as they are.
func (l *losses) conditions(r policy.Rule) []policy.Rule {
	if len(r.Self) == 0 && len(r.NotPorts) == 0 {
		return []policy.Rule{r}
	}
	var out []policy.Rule
	for _, one := range split(r) {
		notPorts, matches := l.notPorts(one)
		if one.NotPorts = notPorts; !matches {
			continue
		}
		if len(r.Self) == 0 {
			out = append(out, one.Canonical())
		}
		for _, self := range splitPeers(policy.Rule{Peers: r.Self}) {
			if one.Self = self.Peers; !opposed(one.Self, one.Peers) {
				out = append(out, one.Canonical())
			}
		}
	}
	return out
}

// opposed reports whether two ends are of different IP versions, which no connection has.
func opposed(a, b []policy.Peer) bool {
	x, y := versionOf(a), versionOf(b)
	return x != 0 && y != 0 && x != y
}

// versionOf is the IP version of peers that split left together, 0 for both.
func versionOf(list []policy.Peer) int {
	for _, p := range list {
		if p.Kind == policy.PeerCIDR {
			return familyOf(p.CIDR)
		}
		if v := versionOf(p.All); v != 0 {
			return v
		}
	}
	return 0
}

// notPorts returns the ports that a rule of one protocol, or of all, is not for, and reports whether it matches
// anything.
func (l *losses) notPorts(r policy.Rule) (out []policy.Port, matches bool) {
	unsaid := func() ([]policy.Port, bool) {
		l.Add(r.Action != policy.Allow, "ports that the rule is not for", r.String()+" is left out")
		return nil, false
	}
	if r.AnyPort {
		if n := len(r.NotPorts); n == 1 && r.NotPorts[0].Whole() && r.NotPorts[0].Proto != 0 || n == 0 {
			return r.NotPorts, true
		}
		return unsaid()
	}
	proto := r.Ports[0].Proto
	for _, q := range r.NotPorts {
		switch {
		case q.Proto != proto && (q.Proto != 0 || !proto.HasPorts()):
			continue
		case q.Whole():
			return nil, false
		case proto.HasPorts() && q.Name == "":
			if q.First = max(q.First, 1); q.Last == 0 {
				continue // port 0 is none
			}
		case !proto.HasPorts() && (q.First != q.Last || q.Last > lastMessage):
			return unsaid()
		}
		q.Proto = proto
		out = append(out, q)
	}
	service := len(r.Peers) == 1 && r.Peers[0].Kind == policy.PeerService && r.Direction == model.Egress
	if !proto.HasPorts() && (len(out) > 1 || proto != model.ICMP && proto != model.ICMPv6 && len(out) > 0) ||
		service && len(out) > 0 {
		return unsaid()
	}
	return out, true
}

// ports returns what the dialect says for one port: none, itself, or one for each of what it stands for.
func (l *losses) ports(r policy.Rule, q policy.Port) []policy.Port {
	switch {
	case q.Proto == 0:
		var out []policy.Port
		for _, proto := range []model.Proto{model.TCP, model.UDP, model.SCTP} {
			q.Proto = proto
			out = append(out, l.ports(r, q)...)
		}
		return out
	case q.Proto == model.ICMP || q.Proto == model.ICMPv6:
		return l.messages(r, q)
	case !q.Proto.HasPorts():
		return []policy.Port{policy.AllPorts(q.Proto)}
	case q.Name == "" && q.First == 0 && !q.Whole():
		q.First = 1 // port 0 is none
		if q.Last == 0 {
			l.Add(r.Action != policy.Allow, "port 0/"+q.Proto.String(), "it is left out")
			return nil
		}
	}
	return []policy.Port{q}
}

// lastMessage is the highest type of an ICMP message that a rule can name.
const lastMessage = 254

// messages returns a port for each type of message: a rule names one, or all.
func (l *losses) messages(r policy.Rule, q policy.Port) []policy.Port {
	if q.Whole() || q.Name == "" && q.First == 0 && q.Last >= lastMessage+1 && q.Code == 0 {
		return []policy.Port{policy.AllPorts(q.Proto)}
	}
	if q.Last > lastMessage {
		l.Add(r.Action != policy.Allow, "messages above type 254 of "+q.Proto.String(), "they are left out")
	}
	var out []policy.Port
	for t := int(q.First); t <= min(int(q.Last), lastMessage); t++ {
		one := policy.OnePort(q.Proto, uint16(t))
		one.Code = q.Code
		out = append(out, one)
	}
	return out
}

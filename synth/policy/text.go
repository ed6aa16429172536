package policy

import (
	"fmt"
	"strings"
)

// String is the range as people write it: "6379/tcp", "8000-8010/tcp", "http/tcp", "tcp" for the whole protocol.
func (p Port) String() string {
	switch {
	case p.Name != "":
		return p.Name + "/" + p.protocol()
	case p.Whole():
		return p.protocol()
	case p.Code > 0:
		return fmt.Sprintf("%d.%d/%s", p.First, p.Code-1, p.protocol())
	case p.First == p.Last:
		return fmt.Sprintf("%d/%s", p.First, p.protocol())
	}
	return fmt.Sprintf("%d-%d/%s", p.First, p.Last, p.protocol())
}

// protocol names the protocol; none stands for all that have ports.
func (p Port) protocol() string {
	if p.Proto == 0 {
		return "any"
	}
	return p.Proto.String()
}

// String is the requirement in the notation of kubectl: "app=web", "tier in (a,b)", "!canary".
func (r Requirement) String() string {
	switch {
	case r.Op == In && len(r.Values) == 1:
		return r.Key + "=" + r.Values[0]
	case r.Op == In:
		return r.Key + " in (" + strings.Join(r.Values, ",") + ")"
	case r.Op == NotIn:
		return r.Key + " notin (" + strings.Join(r.Values, ",") + ")"
	case r.Op == Exists:
		return r.Key
	case r.Op == DoesNotExist:
		return "!" + r.Key
	case r.Op == Either:
		return "(" + strings.Join(texts(r.Any), " or ") + ")"
	}
	return r.Key + " " + [...]string{"contains", "does not contain", "starts with", "does not start with", "ends with",
		"does not end with"}[r.Op-Contains] + " " + r.Values[0]
}

// String joins the requirements with commas; "all" for the empty selector.
func (s Selector) String() string {
	if len(s) == 0 {
		return "all"
	}
	return strings.Join(texts(s), ",")
}

// String names the peer in a few words for reports.
func (p Peer) String() string {
	switch p.Kind {
	case PeerPods:
		if ns, ok := p.OneNamespace(); ok {
			return ns + "/" + p.Pods.String()
		}
		return "(" + p.Namespaces.String() + ")/" + p.Pods.String()
	case PeerCIDR:
		if len(p.Except) > 0 {
			return p.CIDR.String() + " except " + strings.Join(texts(p.Except), ",")
		}
		return p.CIDR.String()
	case PeerEntities:
		return "entity " + p.Entities.String()
	case PeerFQDN:
		return "name " + p.Name
	case PeerService:
		if p.Name == "" {
			return "services " + p.Namespace + "/" + p.Pods.String()
		}
		return "service " + p.Namespace + "/" + p.Name
	case PeerAll:
		return p.allText()
	case PeerNodes:
		return "nodes " + p.Pods.String()
	default:
	}
	if p.Name == "" {
		return "networks " + p.Pods.String()
	}
	return "network " + p.Name
}

func (p Peer) allText() string {
	all, none := strings.Join(texts(p.All), " and "), strings.Join(texts(p.None), " or ")
	if all == "" {
		all = "anywhere"
	}
	if none == "" {
		return all
	}
	return all + " but not " + none
}

// OneNamespace returns the name of the only namespace that the peer's pods can be in, false if there are several.
func (p Peer) OneNamespace() (string, bool) {
	for _, r := range p.Namespaces {
		if r.Key == NamespaceName && r.Op == In && len(r.Values) == 1 {
			return r.Values[0], true
		}
	}
	return "", false
}

// String is the rule on one line: "allow ingress 80/tcp from shop/app=web".
func (r Rule) String() string {
	ports, peers, word := strings.Join(texts(r.Ports), ","), strings.Join(texts(r.Peers), "; "), "from"
	if r.AnyPort {
		ports = "any port"
	}
	if r.AnyPeer {
		peers = "anywhere"
	}
	if r.Direction.String() == "egress" {
		word = "to"
	}
	if len(r.NotPorts) > 0 {
		ports += " but not " + strings.Join(texts(r.NotPorts), ",")
	}
	if len(r.Self) > 0 {
		peers += ", where the pod is " + strings.Join(texts(r.Self), "; ")
	}
	return fmt.Sprintf("%s %s %s %s %s", r.Action, r.Direction, ports, word, peers)
}

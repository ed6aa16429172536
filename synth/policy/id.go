package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// RuleID is the stable id of p.Rules[i]: the first 10 hex digits of SHA-256 over direction, subject, canonical peers and
// ports. The names of the policy and its other rules have no part in it, so that a rule keeps its id when it moves.
// The hashed text is a contract: ids stand in bundles and decisions.
func (p *Policy) RuleID(i int) string {
	r := p.Rules[i].Canonical()
	var e encoder
	e.word("sluice/rule/v1", r.Direction.String())
	if r.Action != Allow {
		e.word("action", r.Action.String())
	}
	e.word("namespace", p.Namespace)
	e.selector("subject", p.Subject.Canonical())
	e.selector("subject-namespaces", p.SubjectNamespaces.Canonical())
	e.peers(r)
	e.ports(r)
	sum := sha256.Sum256([]byte(e.b.String()))
	return hex.EncodeToString(sum[:5])
}

// encoder writes lines of quoted words: what differs in meaning differs in text.
type encoder struct{ b strings.Builder }

func (e *encoder) word(name string, values ...string) {
	e.b.WriteString(name)
	for _, v := range values {
		fmt.Fprintf(&e.b, " %q", v)
	}
	e.b.WriteByte('\n')
}

func (e *encoder) selector(name string, s Selector) {
	if len(s) == 0 {
		return
	}
	e.word(name)
	for _, r := range s {
		e.word(" "+r.Op.String(), append([]string{r.Key}, r.Values...)...)
	}
}

func (e *encoder) peers(r Rule) {
	if r.AnyPeer {
		e.word("any-peer")
	}
	for _, p := range r.Peers {
		switch p.Kind {
		case PeerPods:
			e.word("pods")
			e.selector("namespaces", p.Namespaces)
			e.selector("labels", p.Pods)
		case PeerCIDR:
			e.word("cidr", append([]string{p.CIDR.String()}, texts(p.Except)...)...)
		case PeerEntities:
			e.word("entities", p.Entities.String())
		case PeerFQDN:
			e.word("fqdn", p.Name)
		case PeerNetwork:
			e.word("network", p.Name)
		}
	}
}

func (e *encoder) ports(r Rule) {
	if r.AnyPort {
		e.word("any-port")
	}
	for _, p := range r.Ports {
		e.word("port", p.Proto.String(), fmt.Sprintf("%d-%d", p.First, p.Last), p.Name)
	}
}

func texts[T fmt.Stringer](list []T) []string {
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = v.String()
	}
	return out
}

package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
)

// RuleID is the stable id of p.Rules[i]: the first 10 hex digits of SHA-256 over direction, subject, canonical peers
// and ports. The names of the policy and its other rules have no part in it, so that a rule keeps its id when it
// moves. The hashed text is a contract: ids stand in bundles and decisions.
func (p *Policy) RuleID(i int) string {
	r := p.Rules[i].Canonical()
	e := encoder{make([]byte, 0, 512)}
	e.word("sluice/rule/v1", r.Direction.String())
	if r.Action != Allow {
		e.word("action", r.Action.String())
	}
	e.word("namespace", p.Namespace)
	e.selector("subject", p.Subject.Canonical())
	e.selector("subject-namespaces", p.SubjectNamespaces.Canonical())
	if p.SubjectEntities != 0 {
		e.word("subject-entities", p.SubjectEntities.String(), strconv.FormatBool(p.EntitiesOnly))
	}
	if len(r.Self) > 0 {
		e.word("self")
		e.peers(r.Self)
	}
	if r.AnyPeer {
		e.word("any-peer")
	}
	e.peers(r.Peers)
	if r.AnyPort {
		e.word("any-port")
	}
	e.ports("port", r.Ports)
	e.ports("not-port", r.NotPorts)
	sum := sha256.Sum256(e.b)
	return hex.EncodeToString(sum[:5])
}

// encoder writes lines of quoted words: what differs in meaning differs in text.
type encoder struct{ b []byte }

func (e *encoder) word(name string, values ...string) {
	e.b = append(e.b, name...)
	for _, v := range values {
		e.value(v)
	}
	e.b = append(e.b, '\n')
}

// value adds a quoted word to a line. Most hold nothing that strconv would write otherwise.
func (e *encoder) value(v string) {
	e.b = append(e.b, ' ')
	for i := range len(v) {
		if v[i] < ' ' || v[i] > '~' || v[i] == '"' || v[i] == '\\' {
			e.b = strconv.AppendQuote(e.b, v)
			return
		}
	}
	e.b = append(append(append(e.b, '"'), v...), '"')
}

func (e *encoder) selector(name string, s Selector) {
	if len(s) == 0 {
		return
	}
	e.word(name)
	for i := range s {
		r := &s[i]
		e.b = append(append(e.b, ' '), r.Op.String()...)
		e.value(r.Key)
		for _, v := range r.Values {
			e.value(v)
		}
		e.b = append(e.b, '\n')
		for _, t := range r.Any {
			e.word("or")
			e.selector("of", t)
		}
		if r.Op == Either {
			e.word("end")
		}
	}
}

func (e *encoder) peers(list []Peer) {
	for i := range list {
		switch p := &list[i]; p.Kind {
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
			e.selector("labels", p.Pods)
		case PeerNodes:
			e.word("nodes")
			e.selector("labels", p.Pods)
		case PeerService:
			e.word("service", p.Namespace, p.Name)
			e.selector("labels", p.Pods)
		case PeerAll:
			e.word("all")
			e.peers(p.All)
			e.word("none")
			e.peers(p.None)
			e.word("end")
		}
	}
}

func (e *encoder) ports(name string, list []Port) {
	for _, p := range list {
		numbers := strconv.Itoa(int(p.First)) + "-" + strconv.Itoa(int(p.Last))
		if p.Code > 0 {
			e.word(name, p.Proto.String(), numbers, p.Name, "code "+strconv.Itoa(int(p.Code)-1))
			continue
		}
		e.word(name, p.Proto.String(), numbers, p.Name)
	}
}

func texts[T fmt.Stringer](list []T) []string {
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = v.String()
	}
	return out
}

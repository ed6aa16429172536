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
	var room [2048]byte // most rules need no more
	b := word(room[:0], "sluice/rule/v1", r.Direction.String())
	if r.Action != Allow {
		b = word(b, "action", r.Action.String())
	}
	b = word(b, "namespace", p.Namespace)
	b = words(b, "subject", p.Subject.Canonical())
	b = words(b, "subject-namespaces", p.SubjectNamespaces.Canonical())
	if p.SubjectEntities != 0 {
		b = word(b, "subject-entities", p.SubjectEntities.String(), strconv.FormatBool(p.EntitiesOnly))
	}
	if len(r.Self) > 0 {
		b = wordsOf(word(b, "self"), r.Self)
	}
	if r.AnyPeer {
		b = word(b, "any-peer")
	}
	b = wordsOf(b, r.Peers)
	if r.AnyPort {
		b = word(b, "any-port")
	}
	b = numbers(b, "port", r.Ports)
	b = numbers(b, "not-port", r.NotPorts)
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:5])
}

// The functions below append lines of quoted words: what differs in meaning differs in text.

// word appends a line of quoted words after a name.
func word(b []byte, name string, values ...string) []byte {
	b = append(b, name...)
	for _, v := range values {
		b = quoted(b, v)
	}
	return append(b, '\n')
}

// quoted adds a quoted word to a line. Most hold nothing that strconv would write otherwise.
func quoted(b []byte, v string) []byte {
	b = append(b, ' ')
	for i := range len(v) {
		if v[i] < ' ' || v[i] > '~' || v[i] == '"' || v[i] == '\\' {
			return strconv.AppendQuote(b, v)
		}
	}
	return append(append(append(b, '"'), v...), '"')
}

// words appends a selector, nothing for an empty one.
func words(b []byte, name string, s Selector) []byte {
	if len(s) == 0 {
		return b
	}
	b = word(b, name)
	for i := range s {
		r := &s[i]
		b = append(append(b, ' '), r.Op.String()...)
		b = quoted(b, r.Key)
		for _, v := range r.Values {
			b = quoted(b, v)
		}
		b = append(b, '\n')
		for _, t := range r.Any {
			b = words(word(b, "or"), "of", t)
		}
		if r.Op == Either {
			b = word(b, "end")
		}
	}
	return b
}

// wordsOf appends peers.
func wordsOf(b []byte, list []Peer) []byte {
	for i := range list {
		switch p := &list[i]; p.Kind {
		case PeerPods:
			b = words(word(b, "pods"), "namespaces", p.Namespaces)
			b = words(b, "labels", p.Pods)
		case PeerCIDR:
			b = word(b, "cidr", append([]string{p.CIDR.String()}, texts(p.Except)...)...)
		case PeerEntities:
			b = word(b, "entities", p.Entities.String())
		case PeerFQDN:
			b = word(b, "fqdn", p.Name)
		case PeerNetwork:
			b = words(word(b, "network", p.Name), "labels", p.Pods)
		case PeerNodes:
			b = words(word(b, "nodes"), "labels", p.Pods)
		case PeerService:
			b = words(word(b, "service", p.Namespace, p.Name), "labels", p.Pods)
		case PeerAll:
			b = wordsOf(word(b, "all"), p.All)
			b = wordsOf(word(b, "none"), p.None)
			b = word(b, "end")
		}
	}
	return b
}

// numbers appends ports.
func numbers(b []byte, name string, list []Port) []byte {
	for _, p := range list {
		span := strconv.Itoa(int(p.First)) + "-" + strconv.Itoa(int(p.Last))
		if p.Code > 0 {
			b = word(b, name, p.Proto.String(), span, p.Name, "code "+strconv.Itoa(int(p.Code)-1))
			continue
		}
		b = word(b, name, p.Proto.String(), span, p.Name)
	}
	return b
}

func texts[T fmt.Stringer](list []T) []string {
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = v.String()
	}
	return out
}

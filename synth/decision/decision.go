// Package decision holds what people said of edges: learn this, deny that, this is no dependency. Decisions stand in
// sluice.yaml and name what they mean, a client, a server and a port, never a rule or a record, so that they outlive
// the next learning. This package matches them; it changes no policy and reads no file.
package decision

import (
	"errors"
	"fmt"
	"net/netip"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"sluice/model"
)

// Verdict is what a person decided.
type Verdict uint8

// The verdicts.
const (
	Accept Verdict = iota // learn it, whatever the log says of it
	Reject                // deny it on purpose: it may be cut, and counts as rejected
	Ignore                // it is no dependency: nothing is learned of it and it holds nothing open
	Widen                 // allow it although it was never seen; it has a price
)

var verdictNames = [...]string{"accept", "reject", "ignore", "widen"}

// String is the word in the file.
func (v Verdict) String() string { return verdictNames[v] }

// ParseVerdict is the reverse of Verdict.String.
func ParseVerdict(s string) (Verdict, error) {
	if i := slices.Index(verdictNames[:], s); i >= 0 {
		return Verdict(i), nil
	}
	return 0, fmt.Errorf("%q is no verdict: accept, reject, ignore or widen", s)
}

// Decision is one entry of the list. Source and Destination name peers as every table and review does ("shop/web",
// "world:192.0.2.7", "entity:remote-node", "network:pub"); "*" stands for any text but a slash, "world:" takes a CIDR,
// "name:" a DNS name that the client asked for, and "*" alone is every peer. Port is "5432/tcp", a range
// "8000-8010/tcp", a protocol "icmp", or "*".
type Decision struct {
	Source, Destination, Port string
	Verdict                   Verdict
	Reason                    string // why; never empty
	By                        string // who decided
	// Until is the first day on which it holds no more, 00:00 UTC; zero: it holds for good.
	Until time.Time
}

// Expired reports whether the decision no longer holds at an instant.
func (d *Decision) Expired(at time.Time) bool { return !d.Until.IsZero() && !at.Before(d.Until) }

// String is the decision on one line.
func (d *Decision) String() string {
	s := fmt.Sprintf("%s %s -> %s %s", d.Verdict, d.Source, d.Destination, d.Port)
	if !d.Until.IsZero() {
		s += " until " + d.Until.Format(time.DateOnly)
	}
	return s
}

// Edge is what decisions are matched with.
type Edge struct {
	Source, Destination               string // ids of the peers
	SourceAddress, DestinationAddress netip.Addr
	Names                             []string // that the client asked for and got the destination's address
	Proto                             model.Proto
	Port                              uint16 // ICMP: the type
}

// Book is a list of decisions made ready for matching. It is immutable.
type Book struct {
	list []Decision
	made []matcher
}

// New checks a list. The error names the entry, counted from 1.
func New(list []Decision) (*Book, error) {
	b := &Book{list: slices.Clone(list)}
	var errs []error
	for i := range list {
		m, err := newMatcher(&list[i])
		if err != nil {
			errs = append(errs, fmt.Errorf("decision %d: %w", i+1, err))
		}
		b.made = append(b.made, m)
	}
	return b, errors.Join(errs...)
}

// List returns the decisions in their order.
func (b *Book) List() []Decision { return b.list }

// Of returns the index of the decision on an edge: the first that names it. A person who wants an exception writes it
// before the rule.
func (b *Book) Of(e *Edge) (int, bool) {
	for i := range b.made {
		if b.made[i].names(e) {
			return i, true
		}
	}
	return 0, false
}

// matcher is a decision with its texts taken apart.
type matcher struct {
	source, destination end
	ports               ports
}

func newMatcher(d *Decision) (matcher, error) {
	var m matcher
	if strings.TrimSpace(d.Reason) == "" {
		return m, errors.New("no reason: say why, the next person will ask")
	}
	var err error
	if m.source, err = newEnd(d.Source); err != nil {
		return m, fmt.Errorf("source: %w", err)
	}
	if m.source.name != "" {
		return m, errors.New("source: a client is never known by a DNS name")
	}
	if m.destination, err = newEnd(d.Destination); err != nil {
		return m, fmt.Errorf("destination: %w", err)
	}
	if m.ports, err = newPorts(d.Port); err != nil {
		return m, fmt.Errorf("port: %w", err)
	}
	if d.Verdict == Widen && (m.source.vague() || m.destination.vague() || m.ports.proto == 0) {
		return m, errors.New("widen: name both ends and the port outright, what it opens has to have a price")
	}
	return m, nil
}

func (m *matcher) names(e *Edge) bool {
	return m.ports.names(e.Proto, e.Port) && m.source.names(e.Source, e.SourceAddress, nil) &&
		m.destination.names(e.Destination, e.DestinationAddress, e.Names)
}

// end names peers.
type end struct {
	pattern string
	network netip.Prefix // of "world:CIDR"
	name    string       // of "name:NAME"
}

func newEnd(s string) (end, error) {
	if s == "" {
		return end{}, errors.New("missing: name a peer, or write \"*\" for every one")
	}
	if name, ok := strings.CutPrefix(s, "name:"); ok {
		if name == "" {
			return end{}, errors.New("name: without a name")
		}
		return end{name: strings.ToLower(strings.TrimSuffix(name, "."))}, nil
	}
	if address, ok := strings.CutPrefix(s, "world:"); ok && strings.Contains(address, "/") {
		p, err := netip.ParsePrefix(address)
		if err != nil {
			return end{}, fmt.Errorf("%q is no network", address)
		}
		return end{network: p.Masked()}, nil
	}
	if _, err := path.Match(s, ""); err != nil || strings.ContainsAny(s, "?[]\\") {
		return end{}, fmt.Errorf("%q: only * stands for other text", s)
	}
	return end{pattern: s}, nil
}

// vague reports whether more than one peer may be meant by a pattern.
func (n *end) vague() bool { return strings.Contains(n.pattern, "*") }

func (n *end) names(id string, address netip.Addr, asked []string) bool {
	switch {
	case n.name != "":
		return slices.ContainsFunc(asked, func(a string) bool {
			return strings.EqualFold(strings.TrimSuffix(a, "."), n.name)
		})
	case n.network.IsValid():
		return n.network.Contains(address.Unmap())
	case n.pattern == "*":
		return true
	}
	ok, _ := path.Match(n.pattern, id)
	return ok
}

// ports names ports of one protocol, or all.
type ports struct {
	any         bool
	proto       model.Proto
	first, last uint16 // inclusive
}

// protocols are those that a port can be of by their names. Zero is for records that name none: "0/unknown".
var protocols = []model.Proto{model.TCP, model.UDP, model.SCTP, model.ICMP, model.ICMPv6, model.IGMP, model.VRRP, 0}

func newPorts(s string) (ports, error) {
	if s == "*" {
		return ports{any: true}, nil
	}
	number, name, ok := strings.Cut(s, "/")
	switch {
	case !ok && isProtocol(s):
		number, name = "0-65535", s
	case !ok:
		name = model.TCP.String()
	}
	i := slices.IndexFunc(protocols, func(p model.Proto) bool { return p.String() == name })
	byNumber, err := strconv.ParseUint(name, 10, 8)
	proto := model.Proto(byNumber)
	if i >= 0 {
		proto = protocols[i]
	} else if err != nil {
		return ports{}, fmt.Errorf("%q: there is no protocol %q (tcp, udp, sctp, icmp, icmpv6, igmp, vrrp)", s, name)
	}
	low, high, isRange := strings.Cut(number, "-")
	if !isRange {
		high = low
	}
	first, err1 := strconv.ParseUint(low, 10, 16)
	last, err2 := strconv.ParseUint(high, 10, 16)
	if err1 != nil || err2 != nil || first > last {
		return ports{}, fmt.Errorf("%q is no port: write 5432/tcp, 8000-8010/tcp, icmp or \"*\"", s)
	}
	return ports{proto: proto, first: uint16(first), last: uint16(last)}, nil
}

// Ports returns the protocol and the first and last port, inclusive, that a decision's Port names. "*" is an error: it
// names no protocol.
func Ports(s string) (proto model.Proto, first, last uint16, err error) {
	p, err := newPorts(s)
	if err == nil && p.any {
		err = errors.New("every port is none")
	}
	return p.proto, p.first, p.last, err
}

func isProtocol(s string) bool {
	return slices.ContainsFunc(protocols, func(p model.Proto) bool { return p.String() == s })
}

func (p *ports) names(proto model.Proto, port uint16) bool {
	return p.any || p.proto == proto && p.first <= port && port <= p.last
}

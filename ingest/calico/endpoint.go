package calico

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"slices"
	"strings"

	"sluice/model"
)

// end is one end of a flow as the record tells it, before it is looked up. It aliases the record.
type end struct {
	kind      endKind
	name      []byte // what its replicas share ("frontend-7d9fbd6c7b-*"), or the one name it has
	namespace []byte
	pod       []byte     // full pod name where given
	ip        []byte     // where it is one address
	address   netip.Addr // of a network that is one address
	labels    []byte     // raw JSON
	same      uint64     // number of labels, 0 where they have none
	domains   []byte     // raw JSON
}

// readEnd reads one end.
func readEnd(r *record, s *side, kind *meant[endKind]) (end, *rejection) {
	e := end{labels: r.raw(s.labels), same: r.same[s.same]}
	var texts [4][]byte
	var ok bool
	for i, f := range [...]field{s.name, s.aggr, s.namespace, s.ip} {
		if texts[i], ok = r.plain(f); !ok {
			return e, badValue("%s_%s is no text", s.prefix, [...]string{"name", "name_aggr", "namespace", "ip"}[i])
		}
	}
	name, aggr := oneName(texts[0]), oneName(texts[1])
	e.namespace, e.ip = texts[2], texts[3]
	if e.kind, ok = kind.enum(r.raw(s.kind), endKinds); !ok && s == &sourceSide && r.besideVector() {
		e.kind, ok = kind.enum(r.keyed(sourceType), endKinds)
	}
	if !ok {
		return e, notOfEnds(r, s)
	}
	if e.name = aggr; aggr == nil {
		e.name = name
	}
	e.address = oneAddress(e.ip)
	if !e.address.IsValid() {
		e.ip = nil
	}
	if e.kind == kindAbsent {
		e.kind = e.guess()
	}
	switch {
	case e.kind == network && e.address.IsValid():
		e.name, e.namespace, e.labels, e.same, e.domains = nil, nil, nil, 0, r.raw(s.domains)
		return e, nil
	case e.kind == network:
		e.namespace, e.labels, e.same = nil, nil, 0
	case e.kind == workloadEndpoint && !bytes.HasSuffix(name, []byte("*")):
		e.pod = name
	}
	e.address = netip.Addr{}
	return e, nil
}

// oneName is a name, nil for Enterprise's word for several.
func oneName(name []byte) []byte {
	if string(name) == "*" {
		return nil
	}
	return name
}

// besideVector reports whether a source_type that is none of an endpoint need not be that of the record: Vector calls
// the kind of its own source so. Goldmane's stands in the FlowKey, and Whisker has none of either end.
func (r *record) besideVector() bool {
	if r.goldmane {
		return !r.quoted
	}
	v, ok := text(r.raw(sourceType))
	return ok && len(v) > 0 && r.raw(destType) == nil
}

// notOfEnds says that a type is none of an endpoint.
func notOfEnds(r *record, s *side) *rejection {
	if v, ok := text(r.raw(s.kind)); ok && s == &sourceSide && len(v) > 0 {
		return badValue("source_type is no type of an endpoint but %q: "+
			"Vector writes its own over that of a record; merge the record last", v)
	}
	return badValue("%s_type is no type of an endpoint", s.prefix)
}

// guess returns the kind where the record has none (Whisker): only workloads and their own NetworkSets have a
// namespace, and these cannot be told apart.
func (e *end) guess() endKind {
	switch {
	case len(e.namespace) > 0:
		return workloadEndpoint
	case networkName(e.name) != "":
		return network
	case len(e.name) == 0 && len(e.ip) > 0:
		return network
	}
	return networkSet
}

// networkName returns Goldmane's word for the networks that Whisker spells out, "" for other names.
func networkName(name []byte) string {
	switch string(name) {
	case "pub", "PUBLIC NETWORK":
		return "pub"
	case "pvt", "PRIVATE NETWORK":
		return "pvt"
	}
	return ""
}

// oneAddress is the address that text is, invalid where it is none or stands for any.
func oneAddress(text []byte) netip.Addr {
	if len(text) == 0 {
		return netip.Addr{}
	}
	if a, ok := ipv4(text); ok && a != [4]byte{} {
		return netip.AddrFrom4(a)
	}
	a, err := netip.ParseAddr(string(text))
	if err != nil || a.IsUnspecified() {
		return netip.Addr{}
	}
	return a.Unmap().WithZone("")
}

// ipv4 reads an address of version 4, which most are.
func ipv4(text []byte) (a [4]byte, ok bool) {
	part, n, digits := 0, 0, 0
	for _, c := range text {
		switch {
		case c-'0' <= 9 && (n > 0 || digits == 0):
			if n, digits = n*10+int(c-'0'), digits+1; n > 255 {
				return a, false
			}
		case c == '.' && digits > 0 && part < 3:
			a[part] = byte(n)
			part, n, digits = part+1, 0, 0
		default:
			return a, false
		}
	}
	a[3] = byte(n)
	return a, part == 3 && digits > 0
}

// known reports whether the record tells anything that the end can be known by.
func (e *end) known() bool {
	switch {
	case len(e.name) > 0 || e.address.IsValid():
		return true
	case e.kind == workloadEndpoint:
		k := kindOf(e.labels)
		return len(e.namespace) > 0 && (k == '[' || k == '{' || k == '"' && len(e.labels) > 3)
	}
	return false
}

// maxCached is how many ends are remembered: many times what a cluster has in an hour, at about 300 bytes each.
const maxCached = 1 << 15

// ends interns endpoints and remembers the texts they were made of, since the same few come again and again.
type ends struct {
	tables model.Tables
	cache  map[string]model.Ref
	key    []byte
	recent []recentEnd // by the number of the labels
	labels labelTexts
}

// recentEnd is the end that was last read with labels of a number.
type recentEnd struct {
	kind                     endKind
	same                     uint64 // 0: none
	name, namespace, domains string
	ref                      model.Ref
}

const recentBits = 12

func newEnds(t model.Tables) *ends {
	return &ends{tables: t, cache: map[string]model.Ref{}, recent: make([]recentEnd, 1<<recentBits),
		labels: labelTexts{known: map[string]string{}}}
}

// intern returns the reference of an end. Labels that have a number are of few ends, mostly of one.
func (c *ends) intern(e *end) (model.Ref, *rejection) {
	if e.same == 0 || e.address.IsValid() {
		return c.lookUp(e)
	}
	at := &c.recent[e.same&(1<<recentBits-1)]
	if at.same == e.same && at.kind == e.kind && at.name == string(e.name) && at.namespace == string(e.namespace) &&
		at.domains == string(e.domains) {
		return at.ref, nil
	}
	ref, rej := c.lookUp(e)
	if rej == nil {
		*at = recentEnd{e.kind, e.same, string(e.name), string(e.namespace), string(e.domains), ref}
	}
	return ref, rej
}

// lookUp is intern for any end.
func (c *ends) lookUp(e *end) (model.Ref, *rejection) {
	c.key = binary.AppendUvarint(append(c.key[:0], byte(e.kind)), e.same)
	parts := [...][]byte{e.name, e.namespace, e.labels, e.domains, nil}
	if e.same != 0 {
		parts[2] = nil
	}
	if e.address.IsValid() {
		parts[4] = e.ip
	}
	for _, p := range parts { // lengths first, so that no text can pose as two
		c.key = append(binary.AppendUvarint(c.key, uint64(len(p))), p...)
	}
	if ref, ok := c.cache[string(c.key)]; ok {
		return ref, nil
	}
	ep, rej := e.endpoint(&c.labels)
	if rej != nil {
		return model.Ref{}, rej
	}
	ref := model.Ref{ID: c.tables.Endpoints.Intern(ep), Kind: ep.Kind}
	if len(c.cache) == maxCached {
		clear(c.cache)
	}
	c.cache[string(c.key)] = ref
	return ref, nil
}

// endpoint makes the identity of an end.
func (e *end) endpoint(texts *labelTexts) (model.Endpoint, *rejection) {
	labels, err := texts.read(e.labels)
	if err != nil {
		return model.Endpoint{}, err
	}
	ep := model.Endpoint{Namespace: string(e.namespace), Name: string(e.name)}
	if !e.known() {
		if e.kind != workloadEndpoint || ep.Namespace == "" {
			return model.Endpoint{}, nil
		}
		ep.Kind, ep.Name = model.KindPod, anyPod // no default deny before it is known of which
		return ep, nil
	}
	switch e.kind {
	case workloadEndpoint:
		ep.Kind = model.KindPod
		pod(&ep, labels)
	case hostEndpoint:
		ep.Kind, ep.Namespace, ep.Labels = model.KindHost, "", labels.kept
	case networkSet:
		ep.Kind, ep.Labels = model.KindNetworkSet, labels.kept
	case network:
		ep.Kind, ep.Address = model.KindNetwork, e.address
		if n := networkName(e.name); n != "" {
			ep.Name = n
		}
		if e.address.IsValid() {
			ep.Kind, ep.Names = model.KindAddress, readDomains(e.domains)
		}
	default:
	}
	return ep, nil
}

// pod fills in a workload endpoint. Its name stays only where nothing else tells it from others.
func pod(ep *model.Endpoint, l labels) {
	ep.Owner = owner(ep.Name, &l)
	ep.Labels, ep.ServiceAccount = l.kept, l.serviceAccount
	if ep.Namespace == "" {
		ep.Namespace = l.namespace
	}
	if len(ep.Labels) > 0 || ep.Owner != (model.Owner{}) {
		ep.Name = ""
	} else if ep.Name == "" {
		ep.Name = anyPod
	}
}

// anyPod is Calico's name for some pod of a namespace.
const anyPod = "*"

// readDomains returns the names that the source had resolved to the destination; anything but a list is none.
func readDomains(v []byte) []string {
	if kindOf(v) != '[' {
		return nil
	}
	var names []string
	for e := range elements(v) {
		if t, ok := text(e); ok && t != nil {
			names = append(names, strings.Clone(string(t)))
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

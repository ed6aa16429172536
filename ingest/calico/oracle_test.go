package calico

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"sluice/ingest"
	"sluice/model"
)

// oracle reads one record with encoding/json and without anything that was read before, in words of its own: what
// the decoder says has to be what it says.
type oracle struct {
	last   map[string]json.RawMessage // members by their names in lower case without underscores, the last of each
	key    map[string]json.RawMessage // of them the first in Goldmane's FlowKey, nil where there is none
	parts  bool                       // it was flattened
	tables model.Tables
	flow   model.Flow
}

type oracleMember struct {
	key   string
	value json.RawMessage
}

// oracleMembers are the members of an object in their order, nil of what is none.
func oracleMembers(text []byte) []oracleMember {
	d := json.NewDecoder(bytes.NewReader(text))
	if tok, err := d.Token(); err != nil || tok != json.Delim('{') {
		return nil
	}
	list := []oracleMember{}
	for d.More() {
		tok, err := d.Token()
		var m oracleMember
		if err != nil || d.Decode(&m.value) != nil {
			return nil
		}
		m.key = tok.(string)
		list = append(list, m)
	}
	return list
}

// oracleText is a text or a number; "" is what is absent, null, empty or "-".
func oracleText(v json.RawMessage) (string, bool) {
	if len(v) == 0 {
		return "", true
	}
	var s string
	switch v[0] {
	case 'n':
		return "", true
	case '"':
		if _ = json.Unmarshal(v, &s); s == "-" {
			s = ""
		}
		return s, true
	case '{', '[', 't', 'f':
		return "", false
	}
	return string(v), true
}

// oracleWhole is a whole number, 0 where there is none.
func oracleWhole(v json.RawMessage) (int64, bool) {
	t, ok := oracleText(v)
	if !ok || t == "" {
		return 0, ok
	}
	if n, err := strconv.ParseInt(t, 10, 64); err == nil {
		return n, true
	}
	x, err := strconv.ParseFloat(t, 64)
	return int64(x), err == nil && x == math.Trunc(x) && math.Abs(x) < 1<<62
}

// oracleOne finds the one of several meanings, each by its names and its number.
func oracleOne(v json.RawMessage, meanings ...string) (int, bool) {
	t, ok := oracleText(v)
	if !ok {
		return 0, false
	}
	words := []string{strings.ToLower(t)}
	if n, ok := oracleWhole(v); ok && len(v) > 0 && v[0] != '"' && t != "" {
		words = append(words, strconv.FormatInt(n, 10))
	}
	for i, names := range meanings {
		for name := range strings.SplitSeq(names, "|") {
			if slices.Contains(words, name) {
				return i, true
			}
		}
	}
	return 0, false
}

var oracleEnds = []string{"sourcename", "sourcenameaggr", "sourcenamespace", "destname", "destnameaggr",
	"destnamespace"}

// read reads a record, and says its fate where it becomes no flow.
func (o *oracle) read(text []byte) string {
	if !json.Valid(text) {
		return "malformed/bad-json"
	}
	o.key, o.last, o.flow, o.parts = nil, map[string]json.RawMessage{}, model.Flow{}, false
	ends := 0
	take := func(m oracleMember, keyed bool) {
		name := strings.ToLower(strings.ReplaceAll(m.key, "_", ""))
		if slices.Contains(oracleEnds, name) {
			ends++
		}
		for _, whole := range []string{"sourcelabels", "destlabels", "policies"} {
			o.parts = o.parts || strings.HasPrefix(name, whole) && name != whole
		}
		switch name {
		case "proto":
			name = "protocol"
		case "numconnectionsstarted":
			name = "numflowsstarted"
		case "numconnectionscompleted":
			name = "numflowscompleted"
		}
		o.last[name] = m.value
		if _, twice := o.key[name]; keyed && !twice {
			o.key[name] = m.value
		}
	}
	for _, m := range oracleMembers(text) {
		if (m.key == "Key" || m.key == "key") && m.value[0] == '{' {
			if o.key == nil {
				o.key = map[string]json.RawMessage{}
			}
			for _, m := range oracleMembers(m.value) {
				take(m, true)
			}
			continue
		}
		take(m, false)
	}
	switch {
	case ends < 2:
		return "malformed/not-a-flow-log"
	case o.parts || !o.fill():
		return "malformed/bad-value"
	}
	src, ok1 := o.end("source")
	dst, ok2 := o.end("dest")
	ghost, ok3 := o.ghost()
	switch {
	case !ok1 || !ok2 || !ok3:
		return "malformed/bad-value"
	case ghost:
		return "irrelevant/ghost"
	}
	f := &o.flow
	f.Aggregated = f.Proto.HasPorts() && f.DstPort == 0 || !src.told() || !dst.told()
	if f.Src, f.SrcPod, f.SrcIP, ok1 = o.endpoint(src); !ok1 {
		return "malformed/bad-value"
	}
	if f.Dst, f.DstPod, f.DstIP, ok1 = o.endpoint(dst); !ok1 {
		return "malformed/bad-value"
	}
	return ""
}

// oracleTime is a time since 1970 in seconds, or RFC 3339.
func oracleTime(v json.RawMessage) (int64, bool) {
	t, ok := oracleText(v)
	if !ok || t == "" {
		return 0, ok
	}
	if s, err := strconv.ParseFloat(t, 64); err == nil && s == s {
		if math.Abs(s) >= math.MaxInt64/1000000 {
			return math.MaxInt64, true
		}
		return int64(math.Trunc(s))*1000000 + int64(math.Round((s-math.Trunc(s))*1e6)), true
	}
	at, err := time.Parse(time.RFC3339, t)
	return at.UnixMicro(), err == nil
}

func (o *oracle) number(name string) (n int64, ok bool) { return oracleWhole(o.last[name]) }

// fill reads all but the ends.
func (o *oracle) fill() bool {
	f := &o.flow
	*f = model.Flow{Event: model.EventConnection, IsReply: model.No}
	var ok [9]bool
	f.Time, ok[0] = oracleTime(o.last["starttime"])
	f.End, ok[1] = oracleTime(o.last["endtime"])
	f.End = max(f.End, f.Time)
	protos := []model.Proto{0, 6, 17, 132, 1, 58, 4, 50, 136}
	p, known := oracleOne(o.last["protocol"], "", "tcp", "udp", "sctp", "icmp", "icmp6|icmpv6", "ipip", "esp", "udplite")
	f.Proto = protos[p]
	n, whole := oracleWhole(o.last["protocol"])
	if ok[2] = known || whole && n >= 0 && n < 256; !known {
		f.Proto = model.Proto(n)
	}
	for i, c := range []struct {
		name string
		to   *uint16
	}{{"destport", &f.DstPort}, {"sourceport", &f.SrcPort}} {
		n, whole := o.number(c.name)
		*c.to, ok[3+i] = uint16(n), whole && n >= 0 && n < 65536
	}
	if f.Proto != 6 && f.Proto != 17 && f.Proto != 132 {
		f.SrcPort, f.DstPort = 0, 0
	}
	conns, whole := o.number("numflowsstarted")
	f.Conns, ok[5] = uint32(min(max(conns, 0), math.MaxUint32)), whole
	v, known := oracleOne(o.last["action"], "|0|actionunspecified", "allow|1", "deny|2")
	f.Verdict, ok[6] = []model.Verdict{model.VerdictUnknown, model.Forwarded, model.Dropped}[v], known
	if f.Verdict == model.Dropped {
		f.Drop = model.DropPolicy
	}
	by, known := oracleOne(o.last["reporter"], "|0|reporterunspecified", "src|1|src, fwd|src,fwd|fwd, src|fwd,src",
		"dst|2|dst, fwd|dst,fwd|fwd, dst|fwd,dst", "fwd")
	f.Observer, ok[7] = []model.Observer{model.Elsewhere, model.AtSource, model.AtDestination, model.Elsewhere}[by],
		known
	f.Direction = []model.Direction{model.DirectionUnknown, model.Egress, model.Ingress, model.DirectionUnknown}[by]
	f.Transit = by == 3
	if slices.Contains(ok[:8], false) {
		return false
	}
	o.cameBack()
	return o.policies()
}

// cameBack marks what the counters show of the answer.
func (o *oracle) cameBack() {
	f := &o.flow
	started := o.last["numflowsstarted"]
	if o.key == nil && (len(started) == 0 || string(started) == "null") || f.Observer == model.Elsewhere {
		return
	}
	var n [6]int64
	var ok [6]bool
	for i, name := range []string{
		"packetsin", "packetsout", "numflowsstarted", "numflowscompleted", "numconnectionslive", "bytesout",
	} {
		n[i], ok[i] = o.number(name)
	}
	if !ok[0] || !ok[1] || !ok[2] || !ok[3] {
		return
	}
	sent, back := n[0], n[1]
	if f.Observer == model.AtSource {
		sent, back = back, sent
		n[5], ok[5] = o.number("bytesin")
	}
	size := int64(40)
	if bytes.Contains(o.last["destip"], []byte(":")) {
		size = 60
	}
	over := back > 0 && n[3] >= n[2]
	switch {
	case over && (f.Proto == 6 || f.Proto == 132) && sent == back && back == n[2],
		over && f.Proto == 6 && n[2] > 0 && n[2] == n[3] && ok[4] && ok[5] && n[4] == 0 && n[5] == size*back:
		f.Marks |= model.MarkReset
	case back > 0:
		f.Marks |= model.MarkAnswered
	case sent == 1 || sent > 0 && f.Proto.NeedsAnswer():
		f.Marks |= model.MarkUnanswered
	}
}

func (o *oracle) ghost() (ghost, ok bool) {
	f := &o.flow
	start := o.last["starttime"]
	if f.Time != 0 || f.End != 0 || o.key == nil && (len(start) == 0 || string(start) == "null") {
		return false, true
	}
	for _, name := range []string{
		"numflowsstarted", "numflowscompleted", "numconnectionslive", "packetsin", "packetsout", "bytesin", "bytesout",
	} {
		if n, ok := o.number(name); !ok || n != 0 {
			return false, ok
		}
	}
	return true, true
}

type oracleHit struct {
	index                       int64
	deny, profile, rule, staged bool
}

// policies reads the traces.
func (o *oracle) policies() bool {
	raw := o.last["policies"]
	if t, ok := oracleText(raw); ok && t == "" {
		return true
	}
	if raw[0] != '{' {
		return false
	}
	lists := map[string][]oracleHit{}
	given := map[string]bool{}
	f := &o.flow
	f.Policies = []byte{}
	for _, m := range oracleMembers(raw) {
		name, ok := map[string]string{"enforced_policies": "e", "enforcedPolicies": "e", "enforced": "e",
			"pending_policies": "p", "pendingPolicies": "p", "pending": "p", "all_policies": "a"}[m.key]
		var list []json.RawMessage
		if m.value[0] == '[' {
			_ = json.Unmarshal(m.value, &list)
		}
		var hits []oracleHit
		for _, e := range list {
			var h *oracleHit
			var by string
			switch e[0] {
			case '"':
				h, by = oracleLine(e)
			case '{':
				h, by = oracleObject(e)
			}
			if f.Policies = append(f.Policies, by...); h != nil {
				hits = append(hits, *h)
			}
		}
		if ok {
			lists[name], given[name] = hits, string(m.value) != "null"
		}
	}
	if !given["e"] {
		lists["e"] = lists["a"]
	}
	last := func(hits []oracleHit) *oracleHit {
		slices.SortStableFunc(hits, func(a, b oracleHit) int { return cmp.Compare(a.index, b.index) })
		if len(hits) == 0 {
			return nil
		}
		return &hits[len(hits)-1]
	}
	enforced := last(slices.DeleteFunc(lists["e"], func(h oracleHit) bool { return h.staged }))
	pending := last(lists["p"])
	if f.Verdict == model.Forwarded && enforced != nil && enforced.profile && !enforced.deny {
		f.Marks |= model.MarkProfile
	}
	if f.Verdict == model.Forwarded && pending != nil && pending.deny {
		f.Marks |= model.MarkStagedDeny
	}
	if f.Verdict == model.Dropped && enforced != nil && enforced.deny && enforced.rule {
		f.Drop = model.DropRule
	}
	return true
}

var oracleKinds = map[string]string{
	"CalicoNetworkPolicy": "projectcalico.org/v3 NetworkPolicy", "1": "projectcalico.org/v3 NetworkPolicy",
	"np": "projectcalico.org/v3 NetworkPolicy", "GlobalNetworkPolicy": "projectcalico.org/v3 GlobalNetworkPolicy",
	"2": "projectcalico.org/v3 GlobalNetworkPolicy", "gnp": "projectcalico.org/v3 GlobalNetworkPolicy",
	"NetworkPolicy": "networking.k8s.io/v1 NetworkPolicy", "6": "networking.k8s.io/v1 NetworkPolicy",
	"knp": "networking.k8s.io/v1 NetworkPolicy",
}

// oracleLine is a hit that is one text.
func oracleLine(v json.RawMessage) (*oracleHit, string) {
	var s string
	_ = json.Unmarshal(v, &s)
	p := strings.Split(s, "|")
	if len(p) != 5 {
		return nil, ""
	}
	n, err := strconv.ParseInt(p[0], 10, 64)
	h := oracleHit{index: n, deny: strings.EqualFold(p[3], "deny"), rule: !strings.HasPrefix(p[4], "-"),
		staged:  regexp.MustCompile("staged:|^(s|sg|sk)np:").MatchString(p[2]),
		profile: regexp.MustCompile(`^(__PROFILE__\.|pro:)kns\.`).MatchString(p[2])}
	by := ""
	if !h.staged && !h.profile {
		kind, name, marked := strings.Cut(p[2], ":")
		if !marked {
			kind, name = "", p[2]
		}
		ns, own, namespaced := strings.Cut(name, "/")
		if !namespaced {
			ns, own = "", name
		}
		if k := oracleKinds[kind]; !marked || k != "" && kind == strings.ToLower(kind) && kind[0] > '9' {
			by = oracleName(k, ns, p[1], own)
		}
	}
	if err != nil {
		return nil, by
	}
	return &h, by
}

func oracleName(kind, ns, tier, name string) string {
	if s, ok := strings.CutPrefix(name, "knp.default."); ok {
		kind, name = oracleKinds["6"], s
	}
	if tier != "" {
		name = strings.TrimPrefix(name, tier+".")
	}
	if strings.ContainsAny(ns, " /\x00") || strings.Contains(name, "\x00") || name == "" {
		return ""
	}
	if kind == "" && ns == "" {
		kind = oracleKinds["2"]
	}
	return cmp.Or(kind, oracleKinds["1"]) + " " + ns + "/" + name + "\x00"
}

// oracleInt is a number's text as a whole one, where it has a fraction or exponent.
func oracleInt(s string) string {
	x, err := strconv.ParseFloat(s, 64)
	if err == nil && s[0] >= '0' && s[0] <= '9' && strings.ContainsAny(s, ".eE") && x == math.Trunc(x) && x < 1<<53 {
		return strconv.FormatInt(int64(x), 10)
	}
	return s
}

// oracleObject is a hit that is an object.
func oracleObject(v json.RawMessage) (*oracleHit, string) {
	of := map[string]string{}
	by, triggered := "", false
	for _, m := range oracleMembers(v) {
		if m.key == "trigger" && m.value[0] == '{' {
			if _, b := oracleObject(m.value); !triggered {
				by, triggered = b, true
			}
			continue
		}
		of[m.key], _ = oracleText(m.value)
		if m.key == "policyIndex" || m.key == "ruleIndex" {
			of[map[string]string{"policyIndex": "policy_index", "ruleIndex": "rule_index"}[m.key]] = of[m.key]
		}
	}
	kind, action := oracleInt(of["kind"]), oracleInt(of["action"])
	h := oracleHit{deny: action == "2" || strings.EqualFold(action, "deny"),
		rule:    kind != "10" && kind != "EndOfTier" && !strings.HasPrefix(of["rule_index"], "-"),
		profile: (kind == "9" || kind == "Profile") && strings.HasPrefix(of["name"], "kns.")}
	h.index, _ = strconv.ParseInt(oracleInt(of["policy_index"]), 10, 64)
	if k := oracleKinds[kind]; !triggered && k != "" && (kind[0] <= '9' || kind[0] < 'a') {
		by = oracleName(k, of["namespace"], of["tier"], of["name"])
	}
	return &h, by
}

// oracleEnd is an end as the record has it.
type oracleEnd struct {
	kind, name, ns, pod, ip string
	labels, domains         json.RawMessage
}

const (
	oracleWorkload = "workload"
	oracleHost     = "host"
	oracleSet      = "set"
	oracleNetwork  = "network"
)

// end reads an end.
func (o *oracle) end(side string) (e oracleEnd, ok bool) {
	var t [4]string
	for i, name := range []string{"name", "nameaggr", "namespace", "ip"} {
		if t[i], ok = oracleText(o.last[side+name]); !ok {
			return e, false
		}
	}
	for i := range 2 {
		if t[i] == "*" {
			t[i] = ""
		}
	}
	kinds := []string{"", oracleWorkload, oracleHost, oracleSet, oracleNetwork}
	words := []string{"|0|endpointtypeunspecified", "1|wep|workloadendpoint", "2|hep|hostendpoint", "3|ns|networkset",
		"4|net|network"}
	k, ok := oracleOne(o.last[side+"type"], words...)
	if !ok && side == "source" {
		typ, text := oracleText(o.last["sourcetype"])
		_, hasDest := o.last["desttype"]
		switch { // Vector's own
		case o.key != nil:
			k, ok = oracleOne(o.key["sourcetype"], words...)
		case text && typ != "" && !hasDest:
			k, ok = 0, true
		}
	}
	if !ok {
		return e, false
	}
	e = oracleEnd{kind: kinds[k], name: cmp.Or(t[1], t[0]), ns: t[2], ip: t[3], labels: o.last[side+"labels"]}
	if a, err := netip.ParseAddr(e.ip); err != nil || a.IsUnspecified() {
		e.ip = ""
	}
	if e.kind == "" {
		switch {
		case e.ns != "":
			e.kind = oracleWorkload
		case slices.Contains([]string{"pub", "pvt", "PUBLIC NETWORK", "PRIVATE NETWORK"}, e.name),
			e.name == "" && e.ip != "":
			e.kind = oracleNetwork
		default:
			e.kind = oracleSet
		}
	}
	if e.kind == oracleNetwork {
		e.ns, e.labels = "", nil
		if e.ip != "" {
			e.name = ""
			if side == "dest" {
				e.domains = o.last["destdomains"]
			}
		}
	}
	if e.kind == oracleWorkload && !strings.HasSuffix(t[0], "*") {
		e.pod = t[0]
	}
	return e, true
}

// told reports whether anything tells which end it is.
func (e *oracleEnd) told() bool {
	if e.name != "" || e.kind == oracleNetwork && e.ip != "" {
		return true
	}
	l := e.labels
	return e.kind == oracleWorkload && e.ns != "" && len(l) > 0 &&
		(l[0] == '[' || l[0] == '{' || len(l) > 3 && l[0] == '"')
}

// endpoint makes the endpoint.
func (o *oracle) endpoint(e oracleEnd) (ref model.Ref, pod, ip []byte, ok bool) {
	labels, ok := oracleLabels(e.labels)
	if !ok {
		return ref, nil, nil, false
	}
	var ep model.Endpoint
	switch {
	case !e.told() && e.kind == oracleWorkload && e.ns != "":
		ep = model.Endpoint{Kind: model.KindPod, Namespace: e.ns, Name: "*"}
	case !e.told():
	case e.kind == oracleWorkload:
		l := labelsOf(labels)
		ep = model.Endpoint{Kind: model.KindPod, Namespace: cmp.Or(e.ns, l.namespace), Labels: l.kept,
			ServiceAccount: l.serviceAccount, Owner: owner(e.name, &l)}
		if len(ep.Labels) == 0 && ep.Owner.Name == "" {
			ep.Name = cmp.Or(e.name, "*")
		}
	case e.kind == oracleHost:
		ep = model.Endpoint{Kind: model.KindHost, Name: e.name, Labels: labelsOf(labels).kept}
	case e.kind == oracleSet:
		ep = model.Endpoint{Kind: model.KindNetworkSet, Namespace: e.ns, Name: e.name, Labels: labelsOf(labels).kept}
	case e.ip != "":
		a, _ := netip.ParseAddr(e.ip)
		ep = model.Endpoint{Kind: model.KindAddress, Address: a.Unmap().WithZone("")}
		var list []json.RawMessage
		if len(e.domains) > 0 && e.domains[0] == '[' {
			_ = json.Unmarshal(e.domains, &list)
		}
		for _, v := range list {
			if t, ok := oracleText(v); ok && t != "" {
				ep.Names = append(ep.Names, t)
			}
		}
		slices.Sort(ep.Names)
		ep.Names = slices.Compact(ep.Names)
	default:
		ep = model.Endpoint{Kind: model.KindNetwork, Name: e.name}
		switch e.name {
		case "PUBLIC NETWORK":
			ep.Name = "pub"
		case "PRIVATE NETWORK":
			ep.Name = "pvt"
		}
	}
	return model.Ref{ID: o.tables.Endpoints.Intern(ep), Kind: ep.Kind}, []byte(e.pod), []byte(e.ip), true
}

// oracleLabels are labels in each of their forms.
func oracleLabels(v json.RawMessage) ([]string, bool) {
	if len(v) > 0 && v[0] == '{' {
		var of json.RawMessage
		for _, m := range oracleMembers(v) {
			if m.key == "labels" {
				of = m.value
			}
		}
		v = of
	}
	if t, ok := oracleText(v); ok && (t == "" || v[0] == '"') {
		return strings.Split(t, " | "), true
	}
	var list []json.RawMessage
	if v[0] != '[' || json.Unmarshal(v, &list) != nil {
		return nil, false
	}
	labels := []string{}
	for _, e := range list {
		t, ok := oracleText(e)
		if !ok {
			return nil, false
		}
		labels = append(labels, t)
	}
	return labels, true
}

// labelsOf takes out of labels what does not belong to the pod's own. Of a key that comes again the last counts.
func labelsOf(list []string) labels {
	var l labels
	var own []string
	for _, label := range list {
		k, v, _ := strings.Cut(label, "=")
		switch k {
		case "":
		case "projectcalico.org/serviceaccount":
			l.serviceAccount = v
		case "projectcalico.org/namespace":
			l.namespace = v
		case "pod-template-hash":
			l.templateHash = v
		case "rollouts-pod-template-hash":
			l.rolloutHash = v
		case "controller-revision-hash":
			l.revisionHash = v
		default:
			if !strings.HasPrefix(k, "projectcalico.org/") {
				own = append(own, strings.TrimSuffix(k+"="+v, "="))
			}
		}
	}
	if len(own) > 0 {
		l.kept = model.MakeLabels(own)
	}
	return l
}

// say is what the oracle makes of a text, as fates has it.
func (o *oracle) say(text []byte) string {
	if fate := o.read(text); fate != "" {
		return fate
	}
	return words(&o.flow, o.tables)
}

// words are a flow, without the numbers of its ends.
func words(f *model.Flow, tables model.Tables) string {
	c := *f
	c.Src.ID, c.Dst.ID = 0, 0
	pods := fmt.Sprintf("%s %s %s %s %q", c.SrcPod, c.DstPod, c.SrcIP, c.DstIP, c.Policies)
	c.SrcPod, c.DstPod, c.SrcIP, c.DstIP, c.Policies = nil, nil, nil, nil, nil
	ends := tables.Endpoints
	return fmt.Sprintf("%+v %s %q %q", c, pods, ends.Get(f.Src.ID).Key(), ends.Get(f.Dst.ID).Key())
}

// fates is told with the fates of what is refused.
type fates struct{ told }

// Reject implements ingest.Sink.
func (s *fates) Reject(r ingest.Rejection) { s.text = model.FateText(r.Fate, r.Reason) }

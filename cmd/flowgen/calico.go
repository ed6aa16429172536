package main

import (
	"cmp"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Types, reporters, actions and kinds, with Goldmane's numbers.
const (
	workloadEndpoint = 1
	networkSet       = 3
	networkEndpoint  = 4

	srcReporter = 1
	dstReporter = 2

	allow = 1
	deny  = 2

	kindStaged        = 3
	kindNetworkPolicy = 6
	kindProfile       = 9
	kindEndOfTier     = 10
)

// calicoEnd is an end as Felix names it.
type calicoEnd struct {
	name, namespace string
	kind            int
}

// calicoHit is what decided: a namespace's profile, or the end of a tier.
type calicoHit struct {
	kind            int
	name, namespace string // of the profile, or of the policy because of which the tier ends in deny
	trigger         int    // that policy's kind
	action          int
}

// calicoKey is what one record of a window sums up.
type calicoKey struct {
	src, dst           calicoEnd
	service, serviceNS string // "-" if none
	port, servicePort  uint32
	proto              string
	reporter, action   int
	hit, pending       calicoHit // as enforced, and as it would be with what is staged
	pods               [2]string // the pods' names where Enterprise tells them apart
}

// calicoFlow is one record.
type calicoFlow struct {
	calicoKey
	sorts                    string // the key as text
	start, end               int64  // seconds since 1970 UTC, of the window
	srcLabels, dstLabels     []string
	srcPods, dstPods         map[*party]bool
	ips                      [2]string // where Enterprise tells them
	domains                  []string
	packetsIn, packetsOut    int64
	started, completed, live int64
}

// calico sums connections up as Felix does: by window, and by all pods that one controller made.
type calico struct {
	s      *scenario
	w      io.Writer
	format string
	window int64 // seconds
	clock  time.Time
	step   time.Duration
	until  time.Time
	flows  map[calicoKey]*calicoFlow
	first  bool // no record is written yet
	err    error
}

func newCalico(s *scenario, records int, w io.Writer, format string) *calico {
	c := &calico{s: s, w: w, format: format, window: 15, clock: start, flows: map[calicoKey]*calicoFlow{}, first: true}
	if calicoFormats[format].enterprise {
		c.window = 300
	}
	span := time.Duration(s.Minutes) * time.Minute
	c.until, c.step = start.Add(span), 2*span/time.Duration(max(records, 1)) // most connections have two reporters
	return c
}

func (c *calico) elapsed() float64 {
	if c.err != nil {
		return 1
	}
	return float64(c.clock.Sub(start)) / float64(c.until.Sub(start))
}

// health: Felix reports what its policies judge, and they do not judge nodes.
func (c *calico) health(*rand.Rand) {}

func (c *calico) connection(x *conn, _ int) {
	now := c.clock.Unix() / c.window
	c.clock = c.clock.Add(c.step)
	switch x.e.Kind {
	case "icmp-error", "solicitation", "drop", "unasked": // conntrack knows of no connection
	default:
		c.report(x)
	}
	if c.clock.Unix()/c.window != now {
		c.flush(now * c.window)
	}
}

// report adds what both ends say. The source of a connection that its destination denies knows nothing of that.
func (c *calico) report(x *conn) {
	if endpoint(x.client) {
		action := allow
		if x.denied && !endpoint(x.server) {
			action = deny
		}
		c.add(x, srcReporter, action)
	}
	if endpoint(x.server) && x.e.From != "host" && !(onHost(x.client) && x.client.node == x.server.node) {
		action := allow
		if x.denied {
			action = deny
		}
		c.add(x, dstReporter, action)
	}
}

// endpoint reports whether a party is a pod of this cluster with an address of its own: Calico has policies for it, and
// knows no unmanaged ones.
func endpoint(p *party) bool { return p.w != nil && !p.w.HostNetwork && p.w.Cluster == "" }

func (c *calico) add(x *conn, reporter, action int) {
	k := calicoKey{src: c.end(x.client, x.v6), dst: c.end(x.server, x.v6), service: "-", serviceNS: "-", port: x.port,
		proto: cmp.Or(x.e.Proto, "tcp"), reporter: reporter, action: action}
	local := x.client
	if reporter == dstReporter {
		local = x.server
	}
	k.hit = calicoHit{kind: kindProfile, name: "kns." + local.w.Namespace, action: allow}
	if action == deny {
		k.hit = calicoHit{
			kind:      kindEndOfTier,
			name:      local.w.Name + "-only",
			namespace: local.w.Namespace,
			trigger:   kindNetworkPolicy,
			action:    deny,
		}
	}
	if k.pending = k.hit; action == allow && slices.Contains(c.s.Staged, local.w.Namespace) {
		k.pending = calicoHit{
			kind:      kindEndOfTier,
			name:      "default-deny",
			namespace: local.w.Namespace,
			trigger:   kindStaged,
			action:    deny,
		}
	}
	if k.proto == "icmp" {
		if k.port = 0; x.v6 {
			k.proto = "icmp6"
		}
	}
	if x.e.Service && reporter == srcReporter {
		k.service, k.serviceNS, k.servicePort = x.server.w.Name, x.server.w.Namespace, 80
	}
	told := calicoFormats[c.format].enterprise && action == deny // its default: details of what was denied alone
	if told {
		k.pods = [2]string{x.client.name, x.server.name}
	}
	f := c.flows[k]
	if f == nil {
		f = &calicoFlow{calicoKey: k, sorts: fmt.Sprint(k), srcPods: map[*party]bool{}, dstPods: map[*party]bool{}}
		c.flows[k] = f
	}
	f.srcPods[x.client], f.dstPods[x.server] = true, true
	if told {
		f.ips = [2]string{x.client.address(x.v6), x.server.address(x.v6)}
	}
	if reporter == srcReporter && len(x.e.Names) > 0 {
		f.domains = x.e.Names
	}
	f.count(x, reporter, action)
}

// count adds the packets, in and out of the reporter's end.
func (f *calicoFlow) count(x *conn, reporter, action int) {
	there, back := int64(3+x.r.IntN(9)), int64(2+x.r.IntN(9))
	switch {
	case x.e.Kind == "unanswered" && x.e.Proto == "udp": // one datagram
		f.started++
		there, back = 1, 0
	case action == deny, x.e.Kind == "unanswered":
		f.started++
		back = 0
	case x.e.OneWay:
		f.live++
		back = 0
	case slices.Contains(scans, x.e.Kind):
		f.started++
		f.completed++
		if there, back = 1, 1; x.e.Kind == "udp-scan" {
			back = 0
		}
	default:
		if f.live++; !x.e.Old {
			f.started++
			f.completed++
		}
	}
	if reporter == srcReporter {
		f.packetsOut, f.packetsIn = f.packetsOut+there, f.packetsIn+back
	} else {
		f.packetsIn, f.packetsOut = f.packetsIn+there, f.packetsOut+back
	}
}

// end is what Felix calls a party: what the names of a controller's pods have in common, a NetworkSet, or a network.
func (c *calico) end(p *party, v6 bool) calicoEnd {
	switch {
	case endpoint(p) && p.generate != "":
		return calicoEnd{p.generate + "*", p.w.Namespace, workloadEndpoint}
	case endpoint(p):
		return calicoEnd{p.name, p.w.Namespace, workloadEndpoint}
	}
	if n := networkOf(c.s.Networks, p.address(v6)); n != nil {
		return calicoEnd{n.Name, cmp.Or(n.Namespace, "-"), networkSet}
	}
	return calicoEnd{publicOrPrivate(p.address(v6)), "-", networkEndpoint}
}

// publicOrPrivate is Felix's word for an address that no NetworkSet has: pvt for RFC 1918 and fc00::/7 alone.
func publicOrPrivate(address string) string {
	if a, err := netip.ParseAddr(address); err == nil && a.IsPrivate() {
		return "pvt"
	}
	return "pub"
}

// flush writes the records of a window, sorted.
func (c *calico) flush(windowStart int64) {
	list := make([]*calicoFlow, 0, len(c.flows))
	for _, f := range c.flows {
		list = append(list, f)
	}
	slices.SortFunc(list, func(a, b *calicoFlow) int { return strings.Compare(a.sorts, b.sorts) })
	for _, f := range list {
		f.start, f.end = windowStart, windowStart+c.window
		f.srcLabels, f.dstLabels = c.labels(f.src, f.srcPods), c.labels(f.dst, f.dstPods)
		if c.err == nil {
			c.err = calicoFormats[c.format].write(c.w, f, c.first)
		}
		c.first = false
	}
	clear(c.flows)
}

func (c *calico) close() error {
	c.flush(c.clock.Unix() / c.window * c.window)
	if c.err == nil {
		_, c.err = io.WriteString(c.w, calicoFormats[c.format].tail)
	}
	return c.err
}

// labels are those that all pods behind an end share. Calico's own stay where it was one pod, in Goldmane.
func (c *calico) labels(e calicoEnd, pods map[*party]bool) []string {
	var shared []string
	firstPod := true
	for p := range pods {
		own := c.own(e, p)
		if len(pods) == 1 && e.kind == workloadEndpoint && !calicoFormats[c.format].enterprise {
			own = append(own, "projectcalico.org/namespace="+p.w.Namespace, "projectcalico.org/orchestrator=k8s",
				"projectcalico.org/serviceaccount="+cmp.Or(p.w.ServiceAccount, "default"))
		}
		if firstPod {
			shared, firstPod = own, false
			continue
		}
		shared = slices.DeleteFunc(shared, func(l string) bool { return !slices.Contains(own, l) })
	}
	slices.Sort(shared)
	return shared
}

func (c *calico) own(e calicoEnd, p *party) []string {
	switch e.kind {
	case workloadEndpoint:
		return slices.Concat(p.labels, p.hashes)
	case networkSet:
		for i := range c.s.Networks {
			if n := &c.s.Networks[i]; n.Name == e.name && cmp.Or(n.Namespace, "-") == e.namespace {
				var out []string
				for k, v := range n.Labels {
					out = append(out, k+"="+v)
				}
				return out
			}
		}
	}
	return nil
}

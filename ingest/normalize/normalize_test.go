package normalize

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/ingest"
	"sluice/model"
)

var at = time.Date(2026, 9, 12, 23, 28, 27, 980513000, time.UTC).UnixMicro()

// The ends that the tables speak of.
const (
	shop model.EndpointID = iota
	cart
	node
	world
	dns
	health
	apiserver
)

func pod(id model.EndpointID) model.Ref { return model.Ref{ID: id, Kind: model.KindPod} }
func entity(id model.EndpointID, e model.Entities) model.Ref {
	return model.Ref{ID: id, Kind: model.KindEntity, Entities: e}
}
func outside(id model.EndpointID) model.Ref {
	return model.Ref{ID: id, Kind: model.KindAddress, Entities: model.World}
}

// tcp is a TCP record between pods as the datapath reports it when it is delivered.
func tcp(sport, dport uint16, flags model.TCPFlags, reply model.Tri, change ...func(*model.Flow)) *model.Flow {
	f := &model.Flow{
		Time: at, Src: pod(shop), Dst: pod(cart), SrcPod: []byte("shop-7d9f-a"), DstPod: []byte("cart-0"), SrcIP: []byte("10.0.1.1"), DstIP: []byte("10.0.1.2"),
		SrcPort: sport, DstPort: dport, Proto: model.TCP, Flags: flags, HasFlags: true, Verdict: model.Forwarded, IsReply: reply,
		Event: model.EventTrace, Observer: model.AtDestination,
	}
	for _, c := range change {
		c(f)
	}
	return f
}

func dropped(reason model.Drop) func(*model.Flow) {
	return func(f *model.Flow) {
		f.Verdict, f.Drop, f.Event, f.Observer = model.Dropped, reason, model.EventDrop, model.AtDrop
	}
}
func ends(src, dst model.Ref) func(*model.Flow) {
	return func(f *model.Flow) { f.Src, f.Dst = src, dst; f.SrcPod, f.DstPod = nil, nil }
}
func proto(p model.Proto) func(*model.Flow) {
	return func(f *model.Flow) { f.Proto, f.HasFlags, f.Flags = p, false, 0 }
}
func icmp(p model.Proto, typ uint16) func(*model.Flow) {
	return func(f *model.Flow) { proto(p)(f); f.SrcPort, f.DstPort = 0, typ }
}
func with(c func(*model.Flow)) func(*model.Flow) { return c }

func run(flows ...*model.Flow) ([]model.Observation, *ingest.Report) {
	var rows []model.Observation
	n := New(ingest.NewFold(model.NewStrings(), ingest.MinuteRows, func(o []model.Observation) { rows = append(rows, o...) }), 1)
	for _, f := range flows {
		n.Flow(f)
	}
	n.Flush()
	return rows, &n.Report
}

type want struct {
	src, dst model.EndpointID
	port     uint16
	fate     model.Fate
	reason   model.Reason
}

// TestRules is the specification: what each kind of record becomes.
func TestRules(t *testing.T) {
	const S, A = model.SYN, model.ACK
	for _, c := range []struct {
		name string
		flow *model.Flow
		want want
	}{
		// 1 and 2: direction
		{"new connection", tcp(40000, 8080, S, model.No), want{shop, cart, 8080, model.Used, 0}},
		{"established counts as new does", tcp(40000, 8080, A, model.No), want{shop, cart, 8080, model.Used, 0}},
		{"reply folds into its connection", tcp(8080, 40000, S|A, model.Yes), want{cart, shop, 8080, model.Reply, 0}},
		{"overlay reply without is_reply stays open", tcp(9080, 58950, A, model.Unknown), want{shop, cart, 0, model.Undecided, 0}},
		{"SYN decides where is_reply is absent", tcp(40000, 8080, S, model.Unknown), want{shop, cart, 8080, model.Used, 0}},
		{"SYN ACK decides the other way", tcp(8080, 40000, S|A, model.Unknown), want{cart, shop, 8080, model.Reply, 0}},
		{"is_reply=false from a service port to a client's", tcp(6379, 40000, A, model.No), want{shop, cart, 0, model.Undecided, 0}},
		{"a high server port is a server's", tcp(40000, 50051, A, model.No), want{shop, cart, 50051, model.Used, 0}},
		{"late DNS answer", tcp(53, 40000, 0, model.No, proto(model.UDP)), want{shop, cart, 0, model.Undecided, 0}},
		{"UDP without is_reply", tcp(40000, 8125, 0, model.Unknown, proto(model.UDP)), want{shop, cart, 8125, model.Undecided, 0}},
		// 4: verdicts
		{"policy denied", tcp(40000, 80, S, model.Unknown, dropped(model.DropPolicy)), want{shop, cart, 80, model.Denied, 0}},
		{"denied datagram", tcp(40000, 53, 0, model.Unknown, dropped(model.DropPolicy), proto(model.UDP)), want{shop, cart, 53, model.Denied, 0}},
		{"denied SYN ACK is an answer", tcp(80, 40000, S|A, model.Unknown, dropped(model.DropPolicy)), want{shop, cart, 0, model.Irrelevant, model.Related}},
		{"invalid source address", tcp(40000, 80, S, model.Unknown, dropped(model.DropOther)), want{shop, cart, 0, model.Irrelevant, model.NonPolicyDrop}},
		{"auth required", tcp(40000, 80, S, model.Unknown, dropped(model.DropAuth)), want{shop, cart, 0, model.Irrelevant, model.AuthRequired}},
		{"drop without a reason", tcp(40000, 80, S, model.Unknown, dropped(model.DropNone)), want{shop, cart, 80, model.Refused, model.UnknownVerdict}},
		{"redirected to a proxy is allowed", tcp(40000, 80, S, model.No, with(func(f *model.Flow) { f.Verdict = model.Redirected })), want{shop, cart, 80, model.Used, 0}},
		{"audit is allowed", tcp(40000, 80, S, model.No, with(func(f *model.Flow) { f.Verdict = model.Audit })), want{shop, cart, 80, model.Used, 0}},
		{"L7 denial leaves the connection allowed", tcp(40000, 80, 0, model.No, dropped(model.DropNone), with(func(f *model.Flow) { f.Event, f.HasFlags = model.EventL7, false })), want{shop, cart, 80, model.Used, 0}},
		{"error verdict", tcp(40000, 80, S, model.No, with(func(f *model.Flow) { f.Verdict = model.VerdictError })), want{shop, cart, 80, model.Irrelevant, model.VerdictOther}},
		// 6 and 8: entities and noise
		{"kubelet probe", tcp(40000, 8080, S, model.No, ends(entity(node, model.Host), pod(cart))), want{node, cart, 8080, model.Irrelevant, model.OwnNode}},
		{"answer to a kubelet probe", tcp(8080, 40000, A, model.Yes, ends(pod(cart), entity(node, model.Host))), want{node, cart, 8080, model.Irrelevant, model.OwnNode}},
		{"another node is an edge", tcp(40000, 8080, S, model.No, ends(entity(node, model.RemoteNode), pod(cart))), want{node, cart, 8080, model.Used, 0}},
		{"pod to its kubelet is an edge", tcp(40000, 10250, S, model.No, ends(pod(shop), entity(node, model.Host))), want{shop, node, 10250, model.Used, 0}},
		{"pod to the API server", tcp(40000, 6443, S, model.No, ends(pod(shop), entity(apiserver, model.KubeAPIServer|model.World))), want{shop, apiserver, 6443, model.Used, 0}},
		{"health", tcp(40000, 4240, S, model.No, ends(entity(node, model.RemoteNode), entity(health, model.HealthEndpoint))), want{node, health, 4240, model.Irrelevant, model.Health}},
		{"node to node", tcp(40000, 6443, S, model.No, ends(entity(node, model.RemoteNode), entity(node, model.Host))), want{node, node, 6443, model.Irrelevant, model.NodeToNode}},
		{"outside to the proxy of an Ingress", tcp(40000, 80, S, model.No,
			ends(entity(apiserver, model.World), entity(node, model.IngressEntity))), want{apiserver, node, 80, model.Used, 0}},
		{"the proxy of an Ingress to what is no pod", tcp(40000, 80, S, model.No,
			ends(entity(node, model.IngressEntity), entity(apiserver, model.World))), want{node, apiserver, 80, model.Used, 0}},
		{"a pod that reaches itself through a service", tcp(40000, 53, 0, model.No, proto(model.UDP),
			with(func(f *model.Flow) { f.SrcIP, f.SrcPod = []byte("169.254.42.1"), nil })),
			want{shop, cart, 53, model.Irrelevant, model.SelfTalk}},
		{"a pod that reaches itself through a service of IPv6", tcp(40000, 53, 0, model.No, proto(model.UDP),
			with(func(f *model.Flow) { f.SrcIP, f.SrcPod = []byte("fe80::1"), nil })),
			want{shop, cart, 53, model.Irrelevant, model.SelfTalk}},
		{"a pod that reaches itself, with the identity of the world", tcp(40000, 80, S, model.No, ends(outside(world), pod(cart)),
			with(func(f *model.Flow) { f.SrcIP = []byte("169.254.42.1") })), want{world, cart, 80, model.Irrelevant, model.SelfTalk}},
		{"its answer to itself", tcp(80, 40000, A, model.Yes, ends(pod(cart), outside(world)),
			with(func(f *model.Flow) { f.DstIP = []byte("169.254.42.1") })), want{world, cart, 80, model.Irrelevant, model.SelfTalk}},
		{"its answer to itself, by a record that does not say so", tcp(80, 40000, A, model.Unknown, ends(pod(cart), outside(world)),
			with(func(f *model.Flow) { f.DstIP = []byte("fe80::1") })), want{cart, world, 0, model.Irrelevant, model.SelfTalk}},
		{"a pod that asks the address of another loopback", tcp(40000, 80, S, model.No, ends(pod(cart), outside(world)),
			with(func(f *model.Flow) { f.DstIP = []byte("169.254.42.1") })), want{cart, world, 80, model.Used, 0}},
		{"port unreachable, denied", tcp(0, 3, 0, model.Unknown, dropped(model.DropPolicy), icmp(model.ICMP, 3)), want{shop, cart, 3, model.Irrelevant, model.ICMPError}},
		{"router solicitation", tcp(0, 133, 0, model.Unknown, icmp(model.ICMPv6, 133)), want{shop, cart, 133, model.Irrelevant, model.NeighborDiscovery}},
		{"ping", tcp(0, 8, 0, model.No, icmp(model.ICMP, 8)), want{shop, cart, 8, model.Used, 0}},
		{"pong", tcp(0, 0, 0, model.Yes, icmp(model.ICMP, 0)), want{cart, shop, 8, model.Reply, 0}},
		{"pong whose ping conntrack lost", tcp(0, 0, 0, model.No, icmp(model.ICMP, 0)), want{cart, shop, 8, model.Reply, 0}},
		{"pong over IPv6 whose ping conntrack lost", tcp(0, 0, 0, model.No, icmp(model.ICMPv6, 129)), want{cart, shop, 128, model.Reply, 0}},
		{"ICMP of a log without types", tcp(0, 0, 0, model.No, icmp(model.ICMP, 0), with(func(f *model.Flow) { f.Event = model.EventConnection })), want{shop, cart, 8, model.Used, 0}},
		{"related", tcp(40000, 80, A, model.No, with(func(f *model.Flow) { f.Related = true })), want{shop, cart, 80, model.Irrelevant, model.Related}},
		{"a pod talking to itself", tcp(40000, 80, S, model.No, with(func(f *model.Flow) { f.Dst = f.Src; f.DstPod = f.SrcPod })), want{shop, shop, 80, model.Irrelevant, model.SelfTalk}},
		{"a member talking to another", tcp(40000, 80, S, model.No, with(func(f *model.Flow) { f.Dst = f.Src })), want{shop, shop, 80, model.Used, 0}},
		// 7: services
		{"service address before translation", tcp(40000, 443, S, model.No, ends(pod(shop), outside(world)), with(func(f *model.Flow) { f.Dst.Kind = model.KindService })), want{shop, world, 443, model.Irrelevant, model.ServiceAddress}},
		// 9: refusals
		{"masked export", tcp(40000, 443, A, model.No, with(func(f *model.Flow) { f.Dst = model.Ref{ID: dns} })), want{shop, dns, 443, model.Refused, model.FieldMasked}},
		{"empty endpoint", tcp(40000, 443, A, model.No, with(func(f *model.Flow) { f.Dst = model.Ref{ID: dns}; f.DstPod = nil })), want{shop, dns, 443, model.Refused, model.EmptyEndpoint}},
		{"outside peer without address", tcp(40000, 443, S, model.No, ends(pod(shop), outside(world)), with(func(f *model.Flow) { f.DstIP = nil })), want{shop, world, 443, model.Refused, model.NoAddress}},
		{"no verdict", tcp(40000, 443, S, model.No, with(func(f *model.Flow) { f.Verdict = 0 })), want{shop, cart, 443, model.Refused, model.UnknownVerdict}},
		{"no layer 4", tcp(0, 0, 0, model.No, proto(0)), want{shop, cart, 0, model.Refused, model.NoPort}},
		{"Calico's aggregation removed the port", tcp(0, 0, 0, model.No, with(func(f *model.Flow) { f.Aggregated, f.Event = true, model.EventConnection })), want{shop, cart, 0, model.Refused, model.Aggregated}},
		{"Calico's transit", tcp(0, 80, 0, model.No, with(func(f *model.Flow) { f.Transit, f.Event = true, model.EventConnection })), want{shop, cart, 80, model.Irrelevant, model.Transit}},
	} {
		t.Run(c.name, func(t *testing.T) {
			rows, rep := run(c.flow)
			if len(rows) != 1 || rep.Total() != 1 {
				t.Fatalf("%d rows, %d records counted, want one each", len(rows), rep.Total())
			}
			got := want{rows[0].Src, rows[0].Dst, rows[0].Port, rows[0].Fate, rows[0].Reason}
			if d := cmp.Diff(c.want, got, cmp.AllowUnexported(want{})); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
			if rep.Counts[c.want.fate][c.want.reason] != 1 {
				t.Errorf("not counted under %s/%s", c.want.fate, c.want.reason)
			}
		})
	}
}

func TestTimes(t *testing.T) {
	for _, c := range []struct {
		t    time.Time
		good bool
	}{
		{time.Time{}, false}, {time.Unix(0, 0), false}, {time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC).Add(1), false}, {time.Unix(-1, 0), false},
		{time.Date(1999, 12, 31, 23, 59, 59, 0, time.UTC), false}, {time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC), true},
		{time.Date(2099, 12, 31, 23, 59, 59, 0, time.UTC), true}, {time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC), false},
	} {
		f := tcp(40000, 80, model.SYN, model.No)
		f.Time = 0
		if !c.t.IsZero() {
			f.Time = c.t.UnixMicro()
		}
		rows, rep := run(f)
		if good := len(rows) == 1; good != c.good || rep.Counts[model.Refused][model.BadTime] == 1 == c.good {
			t.Errorf("%s: learned %v, want %v", c.t, good, c.good)
		}
	}
}

// TestRange: --since and --until pass over what lies outside; a record whose time cannot be believed lies nowhere.
func TestRange(t *testing.T) {
	n := New(ingest.NewFold(model.NewStrings(), ingest.MinuteRows, func([]model.Observation) {}), 1)
	n.Since, n.Until = at, at+2
	for _, when := range []int64{at - 1, at, at + 1, at + 2, 0, -1} {
		f := tcp(40000, 80, model.SYN, model.No)
		f.Time = when
		n.Flow(f)
	}
	if r := n.Report; r.OutOfRange != 2 || r.Fate(model.Used) != 2 || r.Counts[model.Refused][model.BadTime] != 2 {
		t.Errorf("%d out of range, %d used, %d without a time", r.OutOfRange, r.Fate(model.Used), r.Counts[model.Refused][model.BadTime])
	}
}

// TestFold adds up records of one key, whatever their order, and keeps the earliest sample.
func TestFold(t *testing.T) {
	a, b := tcp(40000, 80, model.SYN, model.No), tcp(40001, 80, model.ACK, model.No)
	b.Time, b.SrcPod = at-10, []byte("shop-7d9f-b")
	for _, order := range [][]*model.Flow{{a, b, b}, {b, a, b}, {b, b, a}} {
		rows, _ := run(order...)
		if len(rows) != 1 {
			t.Fatalf("%d rows, want 1", len(rows))
		}
		if r := rows[0]; r.Records != 3 || r.Conns != 1 || r.First != at-10 || r.Last != at || r.Marks&model.MarkSYN == 0 {
			t.Errorf("folded to %+v", r)
		}
	}
}

// TestFoldSpills: a fold that is full hands partial sums on and loses nothing.
func TestFoldSpills(t *testing.T) {
	var n int
	var records uint32
	fold := ingest.NewFold(model.NewStrings(), ingest.MinuteRows, func(o []model.Observation) {
		n++
		for i := range o {
			records += o[i].Records
		}
	})
	const total = 100_000
	for i := range total {
		fold.Add(&model.Observation{Src: model.EndpointID(i), Records: 1}, nil, nil)
	}
	fold.Flush()
	if records != total || n < 2 {
		t.Errorf("%d records in %d batches, want %d in several", records, n, total)
	}
}

// TestDeniedAt: a row says at which end a policy denied it, where the record does and the observer does not, and whether
// a rule did.
func TestDeniedAt(t *testing.T) {
	to := func(d model.Direction, o model.Observer) func(*model.Flow) {
		return func(f *model.Flow) { f.Direction, f.Observer = d, o }
	}
	for _, c := range []struct {
		name   string
		flow   *model.Flow
		reason model.Reason
		marks  model.Marks
	}{
		{"of the client", tcp(40000, 80, model.SYN, model.Unknown, dropped(model.DropPolicy), to(model.Egress, model.AtVerdict)), model.AtEgress, 0},
		{"of the server", tcp(40000, 80, model.SYN, model.Unknown, dropped(model.DropPolicy), to(model.Ingress, model.AtDrop)), model.AtIngress, 0},
		{"of either", tcp(40000, 80, model.SYN, model.Unknown, dropped(model.DropPolicy), to(0, model.AtDrop)), 0, 0},
		{"by a rule", tcp(40000, 80, model.SYN, model.Unknown, dropped(model.DropRule), to(model.Ingress, model.AtDrop)), model.AtIngress, model.MarkDenyRule},
		{"said by the observer", tcp(40000, 80, 0, model.No, dropped(model.DropRule), to(model.Egress, model.AtSource)), 0, model.MarkDenyRule},
		{"a packet in the middle", tcp(40000, 80, model.ACK, model.Unknown, dropped(model.DropPolicy), to(model.Egress, model.AtDrop)), model.AtEgress, model.MarkDenied},
		{"allowed", tcp(40000, 80, model.SYN, model.No, to(model.Egress, model.ToStack)), 0, 0},
	} {
		rows, rep := run(c.flow)
		if r := rows[0]; r.Reason != c.reason || r.Marks&(model.MarkDenyRule|model.MarkDenied) != c.marks {
			t.Errorf("%s: %s %s %s", c.name, r.Fate, r.Reason, r.Marks)
		}
		if n := rep.Counts[model.Denied][c.reason]; c.reason != 0 && n != 0 {
			t.Errorf("%s: counted by its end", c.name)
		}
	}
}

// TestCameBack: every row says what it shows of the server's answer.
func TestCameBack(t *testing.T) {
	const ours = model.MarkNoted | model.MarkAnswered | model.MarkReset | model.MarkUnanswered
	for _, c := range []struct {
		name string
		flow *model.Flow
		want model.Marks
	}{
		{"an opening", tcp(40000, 80, model.SYN, model.No), model.MarkNoted},
		{"its answer", tcp(80, 40000, model.SYN|model.ACK, model.Yes), model.MarkNoted | model.MarkAnswered},
		{"data of the server", tcp(80, 40000, model.ACK, model.Yes), model.MarkNoted | model.MarkAnswered},
		{"a reset of the server", tcp(80, 40000, model.RST|model.ACK, model.Yes), model.MarkNoted | model.MarkReset},
		{"a reset of the client", tcp(40000, 80, model.RST, model.No), model.MarkNoted},
		{"a reset of either", tcp(80, 40000, model.RST|model.ACK, model.Unknown), model.MarkNoted | model.MarkReset},
		{"a packet of either", tcp(80, 40000, model.ACK, model.Unknown), model.MarkNoted | model.MarkAnswered},
		{"an answer over UDP", tcp(53, 40000, 0, model.Yes, proto(model.UDP)), model.MarkNoted | model.MarkAnswered},
		{"a denied packet", tcp(40000, 80, model.SYN, model.Unknown, dropped(model.DropPolicy)), model.MarkNoted},
		{"a record that counts packets", tcp(0, 80, 0, model.No, func(f *model.Flow) {
			f.Event, f.Marks = model.EventConnection, model.MarkUnanswered
		}), model.MarkNoted | model.MarkUnanswered},
	} {
		t.Run(c.name, func(t *testing.T) {
			if rows, _ := run(c.flow); rows[0].Marks&ours != c.want {
				t.Errorf("marks %09b, want %09b", rows[0].Marks&ours, c.want)
			}
		})
	}
	// An ICMP error tells of its sender, even where it is taken for a reply.
	rows, _ := run(tcp(0, 0, 0, model.Yes, icmp(model.ICMP, 3)))
	if r := rows[0]; r.Src != shop || r.Reason != model.ICMPError || r.Port != 3 {
		t.Errorf("ICMP error: %+v", r)
	}
}

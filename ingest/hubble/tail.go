package hubble

import (
	"strings"

	"sluice/model"
)

// tail is what the keys after the destination say.
type tail struct {
	seen    uint64
	typ     uint32
	event   bool
	sub     bool // has a sub type other than 0
	replied model.Tri
	reply   bool
	service bool
	names   bool
	kind    []byte
	dir     []byte
	obs     []byte
	reason  []byte
	desc    []byte
}

// tailKey numbers the keys after the destination in the order the exporter writes them, -1 for any other.
func tailKey(key []byte) int {
	switch string(key) {
	case "Type":
		return 0
	case "node_name":
		return 1
	case "node_labels":
		return 2
	case "source_names":
		return 3
	case "destination_names":
		return 4
	case "l7":
		return 5
	case "reply":
		return 6
	case "event_type":
		return 7
	case "source_service":
		return 8
	case "destination_service":
		return 9
	case "traffic_direction":
		return 10
	case "policy_match_type":
		return 11
	case "trace_observation_point":
		return 12
	case "trace_reason":
		return 13
	case "file":
		return 14
	case "ip_trace_id":
		return 15
	case "drop_reason_desc":
		return 16
	case "is_reply":
		return 17
	case "debug_capture_point":
		return 18
	case "interface":
		return 19
	case "proxy_port":
		return 20
	case "trace_context":
		return 21
	case "sock_xlate_point":
		return 22
	case "socket_cookie":
		return 23
	case "cgroup_id":
		return 24
	case "Summary":
		return 25
	case "extensions":
		return 26
	case "egress_allowed_by":
		return 27
	case "ingress_allowed_by":
		return 28
	case "egress_denied_by":
		return 29
	case "ingress_denied_by":
		return 30
	case "policy_log":
		return 31
	case "egress_enforced_by":
		return 32
	case "ingress_enforced_by":
		return 33
	}
	return -1
}

// observer gives the point of a trace.
func observer(point []byte) (model.Observer, bool) {
	switch string(point) {
	case "TO_ENDPOINT", "101":
		return model.AtDestination, true
	case "TO_PROXY", "1":
		return model.ToProxy, true
	case "TO_STACK", "3":
		return model.ToStack, true
	case "TO_OVERLAY", "4":
		return model.ToOverlay, true
	case "TO_NETWORK", "11":
		return model.ToNetwork, true
	}
	return model.Elsewhere, false
}

// unjudged says whether a trace reason tells that no policy was asked.
func unjudged(reason string) bool {
	switch reason {
	case "RELATED", "4", "6", "7":
		return true
	}
	return strings.HasPrefix(reason, "SRV6")
}

// fastTail reads the keys after the destination in any order, each at most once.
func (d *Decoder) fastTail(b []byte, i int) int {
	t := &d.tail
	end := d.tails.find(d, b, i, &t)
	if end < 0 {
		*t = tail{}
		if end = d.tailKeys(t, b, i); end < 0 {
			return -1
		}
	}
	if t.names && d.flow.Dst.Kind == model.KindAddress {
		return -1
	}
	t.apply(&d.flow)
	return end
}

// tailKeys reads into t what stands after the destination, to the end of the flow.
func (d *Decoder) tailKeys(t *tail, b []byte, i int) int {
	for at(b, i) == ',' {
		if at(b, i+1) != '"' {
			return -1
		}
		from := i + 2
		if i = textEnd(b, from); i < 0 || at(b, i) != ':' {
			return -1
		}
		key := b[from : i-1]
		n := tailKey(key)
		if n < 0 || t.seen&(1<<n) != 0 {
			return -1
		}
		t.seen |= 1 << n
		if i = d.tailValue(t, key, b, i+1); i < 0 {
			return -1
		}
	}
	if at(b, i) != '}' {
		return -1
	}
	return i + 1
}

func (d *Decoder) tailValue(t *tail, key, b []byte, i int) int {
	switch string(key) {
	case "Type":
		return str(b, i, &t.kind)
	case "traffic_direction":
		return str(b, i, &t.dir)
	case "trace_observation_point":
		return str(b, i, &t.obs)
	case "trace_reason":
		return str(b, i, &t.reason)
	case "drop_reason_desc":
		return str(b, i, &t.desc)
	case "reply":
		return boolean(b, i, &t.reply)
	case "is_reply":
		var yes bool
		i = boolean(b, i, &yes)
		if t.replied = model.No; yes {
			t.replied = model.Yes
		}
		return i
	case "event_type":
		return t.eventType(b, i)
	case "node_labels":
		return d.repeated(b, i, 1)
	case "destination_names":
		t.names = true
		if at(b, i) != '[' {
			return -1
		}
		return strs(b, i+1)
	case "destination_service":
		end := skip(b, i, 0)
		t.service = end-i > 4
		return end
	}
	return skip(b, i, 0)
}

// strs reads the rest of a list of strings.
func strs(b []byte, i int) int {
	if at(b, i) == ']' {
		return i + 1
	}
	for at(b, i) == '"' {
		if i = textEnd(b, i+1); i < 0 {
			return -1
		}
		if at(b, i) == ']' {
			return i + 1
		}
		if at(b, i) != ',' {
			return -1
		}
		i++
	}
	return -1
}

func str(b []byte, i int, to *[]byte) int {
	if at(b, i) != '"' {
		return -1
	}
	end := textEnd(b, i+1)
	if end > 0 {
		*to = b[i+1 : end-1]
	}
	return end
}

func boolean(b []byte, i int, to *bool) int {
	switch {
	case has(b, i, "false"):
		return i + 5
	case has(b, i, "true"):
		*to = true
		return i + 4
	}
	return -1
}

func (t *tail) eventType(b []byte, i int) int {
	if !has(b, i, `{"type":`) {
		return -1
	}
	if t.typ, i = number(b, i+8); i < 0 {
		return -1
	}
	t.event = true
	if has(b, i, `,"sub_type":`) {
		var n uint32
		if n, i = number(b, i+12); i < 0 {
			return -1
		}
		t.sub = n != 0
	}
	if at(b, i) != '}' {
		return -1
	}
	return i + 1
}

// apply says in f what the general way says of the same keys.
func (t *tail) apply(f *model.Flow) {
	if f.Drop == model.DropNone {
		f.Drop = dropNamed(string(t.desc))
	}
	f.IsReply = t.replied
	if f.IsReply == model.Unknown && t.reply {
		f.IsReply = model.Yes
	}
	switch string(t.dir) {
	case "INGRESS", "1":
		f.Direction = model.Ingress
	case "EGRESS", "2":
		f.Direction = model.Egress
	}
	f.Related = unjudged(string(t.reason))
	t.observe(f)
	f.Service = t.service && f.Dst.Kind == model.KindAddress && f.IsReply != model.Yes
}

func (t *tail) observe(f *model.Flow) {
	switch {
	case t.event && t.typ == 1:
		f.Event, f.Observer = model.EventDrop, model.AtDrop
	case t.event && t.typ == 5:
		f.Event, f.Observer = model.EventVerdict, model.AtVerdict
	case t.event && t.typ == 129, string(t.kind) == "L7":
		f.Event, f.Observer = model.EventL7, model.AtL7
	case t.event && t.typ == 7, string(t.kind) == "SOCK":
		f.Event = model.EventSock
	case t.event && t.typ == 3:
		f.Event = model.EventDebug
	case t.event && t.typ == 4:
		f.Event = model.EventTrace
		if len(t.obs) == 0 && !t.sub {
			f.Observer = model.AtDestination
		}
	}
	if f.Event == model.EventTrace || f.Event == model.EventNone {
		if o, ok := observer(t.obs); ok {
			f.Observer = o
		}
	}
	if f.Event == model.EventNone && f.Verdict == model.Dropped {
		f.Observer = model.AtDrop
	}
}

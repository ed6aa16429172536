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

// The keys after the destination, in the order the exporter writes them.
var tailKeys = func() map[string]uint8 {
	m := map[string]uint8{}
	for i, k := range []string{"Type", "node_name", "node_labels", "source_names", "destination_names", "l7", "reply",
		"event_type", "source_service", "destination_service", "traffic_direction", "policy_match_type",
		"trace_observation_point", "trace_reason", "file", "ip_trace_id", "drop_reason_desc", "is_reply", "debug_capture_point",
		"interface", "proxy_port", "trace_context", "sock_xlate_point", "socket_cookie", "cgroup_id", "Summary", "extensions",
		"egress_allowed_by", "ingress_allowed_by", "egress_denied_by", "ingress_denied_by", "policy_log", "egress_enforced_by",
		"ingress_enforced_by"} {
		m[k] = uint8(i)
	}
	return m
}()

// fastTail reads the keys after the destination in any order, each at most once.
func (d *Decoder) fastTail(b []byte, i int) int {
	var t tail
	for at(b, i) == ',' {
		if at(b, i+1) != '"' {
			return -1
		}
		from := i + 2
		if i = textEnd(b, from); i < 0 || at(b, i) != ':' {
			return -1
		}
		key := b[from : i-1]
		n, ok := tailKeys[string(key)]
		if !ok || t.seen&(1<<n) != 0 {
			return -1
		}
		t.seen |= 1 << n
		if i = d.tailValue(&t, string(key), b, i+1); i < 0 {
			return -1
		}
	}
	if at(b, i) != '}' || t.names && d.flow.Dst.Kind == model.KindAddress {
		return -1
	}
	t.apply(&d.flow)
	return i + 1
}

func (d *Decoder) tailValue(t *tail, key string, b []byte, i int) int {
	switch key {
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
	if len(t.desc) > 0 && f.DropReason == 0 && string(t.desc) != "DROP_REASON_UNKNOWN" {
		f.DropReason = 1
		if n, ok := drops[text(t.desc)]; ok {
			f.DropReason = n
		}
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
	f.Related = string(t.reason) == "RELATED" || string(t.reason) == "4" || strings.HasPrefix(string(t.reason), "SRV6")
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
		if o, ok := points[text(t.obs)]; ok {
			f.Observer = o
		}
	}
	if f.Event == model.EventNone && f.Verdict == model.Dropped {
		f.Observer = model.AtDrop
	}
}

package calico

// record is one record of any form as raw JSON values, nil where it has none. It aliases the text.
type record struct {
	start, end                  []byte
	proto, destPort, sourcePort []byte
	action, reporter            []byte
	policies                    []byte
	started, completed          []byte // connections that began and ended in the window
	packetsIn, packetsOut       []byte // as the reporter counts them
	counters                    [maxCounters][]byte
	numCounters                 int
	src, dst                    side
	// goldmane says that the record has a FlowKey: there, absent is zero.
	goldmane bool
}

// maxCounters is how many counters a record has: packets and bytes both ways, connections started, completed, live.
const maxCounters = 7

// side is one end of a record, as raw JSON values.
type side struct {
	name, aggr, namespace, kind, labels, ip, domains []byte
}

// read collects the values of a valid JSON object, and is false where it is no Calico flow.
func (r *record) read(obj []byte) bool {
	*r = record{}
	found := 0
	for k, v := range members(obj) {
		if string(k) == "Key" || string(k) == "key" {
			if kindOf(v) == '{' {
				r.goldmane = true
				for k, v := range members(v) {
					found += r.set(k, v)
				}
			}
			continue
		}
		found += r.set(k, v)
	}
	return found >= minNames
}

// minNames is how many of the keys that name ends make a flow of an object; one may be a coincidence.
const minNames = 2

// set keeps the value of one key in either spelling (source_name, sourceName). It gives 1 for a key that names an
// end, which no other log has.
func (r *record) set(key, v []byte) int {
	var canon [32]byte
	n := 0
	for _, c := range key {
		if c == '_' {
			continue
		}
		if n == len(canon) {
			return 0
		}
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		canon[n] = c
		n++
	}
	switch string(canon[:n]) {
	case "sourcename":
		r.src.name = v
	case "sourcenameaggr":
		r.src.aggr = v
	case "sourcenamespace":
		r.src.namespace = v
	case "destname":
		r.dst.name = v
	case "destnameaggr":
		r.dst.aggr = v
	case "destnamespace":
		r.dst.namespace = v
	default:
		r.setOther(string(canon[:n]), v)
		return 0
	}
	return 1
}

func (r *record) setOther(key string, v []byte) {
	switch key {
	case "starttime":
		r.start = v
	case "endtime":
		r.end = v
	case "proto", "protocol":
		r.proto = v
	case "destport":
		r.destPort = v
	case "sourceport":
		r.sourcePort = v
	case "action":
		r.action = v
	case "reporter":
		r.reporter = v
	case "policies":
		r.policies = v
	case "sourcetype":
		r.src.kind = v
	case "sourcelabels":
		r.src.labels = v
	case "sourceip":
		r.src.ip = v
	case "desttype":
		r.dst.kind = v
	case "destlabels":
		r.dst.labels = v
	case "destip":
		r.dst.ip = v
	case "destdomains":
		r.dst.domains = v
	case "numflowsstarted", "numconnectionsstarted":
		r.started = v
		r.count(v)
	case "packetsin":
		r.packetsIn = v
		r.count(v)
	case "packetsout":
		r.packetsOut = v
		r.count(v)
	case "numflowscompleted", "numconnectionscompleted":
		r.completed = v
		r.count(v)
	case "bytesin", "bytesout", "numconnectionslive":
		r.count(v)
	}
}

func (r *record) count(v []byte) {
	if r.numCounters < maxCounters {
		r.counters[r.numCounters] = v
		r.numCounters++
	}
}

package hubble

import "sluice/model"

// The keys that stand before the others in the exporter's order, numbered after those of the tail.
const (
	seenTime = 1 << (40 + iota)
	seenUUID
	seenEmitter
	seenVerdict
	seenDrop
	seenEthernet
	seenIP
	seenL4
	seenSource
	seenDestination
)

// needed are the keys without which the general way has to say what the record is.
const needed = seenTime | seenVerdict | seenIP | seenL4 | seenSource | seenDestination

// unordered decodes a record whose keys stand in another order than the exporter's, as pipelines that hold
// records in maps leave them. What it does not know it leaves to the general way, as fast does.
func (d *Decoder) unordered(b []byte) bool {
	d.flow = model.Flow{Observer: model.Elsewhere}
	i, seen := 1, 0
	if at(b, 0) != '{' {
		return false
	}
	for {
		bit := 0
		switch {
		case has(b, i, `"flow":{`):
			bit, i = 1, d.flowKeys(b, i+8)
		case has(b, i, `"node_name":"`):
			bit, i = 2, textEnd(b, i+13)
		case has(b, i, `"time":"`):
			bit, i = 4, textEnd(b, i+8)
		default:
			return false
		}
		if i < 0 || seen&bit != 0 {
			return false
		}
		seen |= bit
		if at(b, i) != ',' {
			return seen&1 != 0 && i == len(b)-1 && b[i] == '}'
		}
		i++
	}
}

// flowKeys reads the members of the flow object from the first on. The endpoints come last: an address outside the
// cluster is known by the addresses of the record.
func (d *Decoder) flowKeys(b []byte, i int) int {
	var t tail
	var src, dst int
	for {
		if at(b, i) != '"' {
			return -1
		}
		from := i + 1
		if i = textEnd(b, from); i < 0 || at(b, i) != ':' {
			return -1
		}
		key := b[from : i-1]
		i++
		bit := uint64(0)
		switch string(key) {
		case "time":
			bit = seenTime
			if at(b, i) != '"' {
				return -1
			}
			d.flow.Time, i = d.minute.parse(b, i+1)
		case "uuid":
			bit, i = seenUUID, skip(b, i, 0)
		case "emitter":
			bit, i = seenEmitter, skip(b, i, 0)
		case "ethernet":
			bit, i = seenEthernet, skip(b, i, 0)
		case "verdict":
			bit, i = seenVerdict, d.verdict(b, i)
		case "drop_reason":
			var n uint32
			if n, i = number(b, i); n > 1<<16-1 {
				return -1
			}
			bit, d.flow.Drop = seenDrop, dropOf(n)
		case "IP":
			bit, i = seenIP, d.ip(b, i)
		case "l4":
			bit, i = seenL4, d.layer4(b, i)
		case "source":
			bit, src, i = seenSource, i, skip(b, i, 0)
		case "destination":
			bit, dst, i = seenDestination, i, skip(b, i, 0)
		default:
			n := tailKey(key)
			if n < 0 {
				return -1
			}
			bit, i = 1<<n, d.tailValue(&t, key, b, i)
		}
		if i < 0 || t.seen&bit != 0 {
			return -1
		}
		t.seen |= bit
		if at(b, i) != ',' {
			break
		}
		i++
	}
	if at(b, i) != '}' || t.seen&needed != needed {
		return -1
	}
	f := &d.flow
	end := 0
	if f.Src, f.SrcPod, end = d.fastEndpoint(b, src, &f.SrcIP); end < 0 {
		return -1
	}
	if f.Dst, f.DstPod, end = d.fastEndpoint(b, dst, &f.DstIP); end < 0 {
		return -1
	}
	if t.names && f.Dst.Kind == model.KindAddress {
		return -1
	}
	t.apply(f)
	return i + 1
}

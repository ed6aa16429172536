package hubble

import (
	"bytes"
	"time"

	"sluice/model"
)

// fast decodes a record into d.flow if it has the shape the exporter writes: its keys in its order up to the
// destination, no blanks, no escapes. The order is a prediction and never an assumption: false says that the
// record is another one, and that the general way has to decide what it is.
func (d *Decoder) fast(b []byte) bool {
	if !has(b, 0, `{"flow":{"time":"`) {
		return false
	}
	f := &d.flow
	*f = model.Flow{Observer: model.Elsewhere}
	i := 0
	if f.Time, i = d.minute.parse(b, 17); i < 0 {
		return false
	}
	d.timeLen, d.node = i-18, nil
	if has(b, i, `,"uuid":"`) {
		if i = textEnd(b, i+9); i < 0 {
			return false
		}
	}
	if has(b, i, `,"emitter":{`) {
		if i = d.repeated(b, i+11, 0); i < 0 {
			return false
		}
	}
	if i = d.fastVerdict(b, i); i < 0 {
		return false
	}
	if has(b, i, `,"ethernet":{`) {
		if i = ethernet(b, i+12); i < 0 {
			return false
		}
	}
	if !has(b, i, `,"IP":`) {
		return false
	}
	if i = d.ip(b, i+6); i < 0 || !has(b, i, `,"l4":`) {
		return false
	}
	if i = d.layer4(b, i+6); i < 0 {
		return false
	}
	if !has(b, i, `,"source":`) {
		return false
	}
	if f.Src, f.SrcPod, i = d.fastEndpoint(b, i+10, &f.SrcIP); i < 0 || !has(b, i, `,"destination":`) {
		return false
	}
	if f.Dst, f.DstPod, i = d.fastEndpoint(b, i+15, &f.DstIP); i < 0 {
		return false
	}
	if i = d.fastTail(b, i); i < 0 {
		return false
	}
	return d.fastEnvelope(b, i)
}

// repeated passes over a value that is mostly the one of the record before.
func (d *Decoder) repeated(b []byte, i, n int) int {
	if s := d.same[n]; s != "" && has(b, i, s) {
		return i + len(s)
	}
	end := skip(b, i, 0)
	if end > 0 && end-i < 4096 && (b[i] == '{' || b[i] == '[') {
		d.same[n] = string(b[i:end])
	}
	return end
}

// ethernet passes over the addresses of the frame.
func ethernet(b []byte, i int) int {
	if !has(b, i, `{"source":"`) {
		return skip(b, i, 0)
	}
	n := textEnd(b, i+11)
	if n < 0 || !has(b, n, `,"destination":"`) {
		return skip(b, i, 0)
	}
	if n = textEnd(b, n+16); n < 0 || at(b, n) != '}' {
		return skip(b, i, 0)
	}
	return n + 1
}

// minute remembers the last minute parsed: records of a log mostly share it with the one before.
type minute struct {
	text [16]byte
	base int64
}

// nano makes nanoseconds of a fraction of so many digits.
var nano = [...]uint64{0, 1e8, 1e7, 1e6, 1e5, 1e4, 1e3, 1e2, 1e1, 1}

// parse reads the rest of a string with a time in UTC.
func (m *minute) parse(b []byte, i int) (int64, int) {
	if i+21 > len(b) || b[i] == 0 {
		return 0, -1
	}
	if string(b[i:i+16]) != string(m.text[:]) {
		t, err := time.Parse(time.RFC3339, string(b[i:i+16])+":00Z")
		if err != nil {
			return 0, -1
		}
		copy(m.text[:], b[i:])
		m.base = t.UnixMicro()
	}
	tens, secs := b[i+17]-'0', b[i+18]-'0'
	if b[i+16] != ':' || tens > 5 || secs > 9 {
		return 0, -1
	}
	us := m.base + int64(tens)*10e6 + int64(secs)*1e6
	if i += 19; b[i] == '.' {
		start, frac := i+1, uint64(0)
		for i++; i < len(b) && b[i]-'0' <= 9; i++ {
			frac = frac*10 + uint64(b[i]-'0')
		}
		if i == start || i > start+9 {
			return 0, -1
		}
		us += int64(frac * nano[i-start] / 1000)
	}
	if !has(b, i, `Z"`) {
		return 0, -1
	}
	return us, i + 2
}

func (d *Decoder) fastVerdict(b []byte, i int) int {
	f := &d.flow
	if !has(b, i, `,"verdict":`) {
		return -1
	}
	if i = d.verdict(b, i+11); i < 0 {
		return -1
	}
	if has(b, i, `,"drop_reason":`) {
		var n uint32
		if n, i = number(b, i+15); i < 0 || n > 1<<16-1 {
			return -1
		}
		f.Drop = dropOf(n)
	}
	return i
}

func (d *Decoder) verdict(b []byte, i int) int {
	f := &d.flow
	if at(b, i) != '"' {
		return -1
	}
	i++
	switch {
	case has(b, i, `FORWARDED"`):
		f.Verdict, i = model.Forwarded, i+10
	case has(b, i, `DROPPED"`):
		f.Verdict, i = model.Dropped, i+8
	case has(b, i, `AUDIT"`):
		f.Verdict, i = model.Audit, i+6
	case has(b, i, `REDIRECTED"`):
		f.Verdict, i = model.Redirected, i+11
	case has(b, i, `TRACED"`):
		f.Verdict, i = verdicts["TRACED"], i+7
	case has(b, i, `TRANSLATED"`):
		f.Verdict, i = verdicts["TRANSLATED"], i+11
	default:
		return -1
	}
	return i
}

// ip reads the addresses.
func (d *Decoder) ip(b []byte, i int) int {
	f := &d.flow
	if !has(b, i, `{"source":"`) {
		return -1
	}
	from := i + 11
	if i = textEnd(b, from); i < 0 || !has(b, i, `,"destination":"`) {
		return -1
	}
	f.SrcIP = b[from : i-1]
	from = i + 16
	if i = textEnd(b, from); i < 0 || !has(b, i, `,"ipVersion":"`) {
		return -1
	}
	f.DstIP = b[from : i-1]
	i += 14
	if has(b, i, `IPv4"}`) {
		return i + 6
	}
	if i = textEnd(b, i); i < 0 || at(b, i) != '}' {
		return -1
	}
	return i + 1
}

// layer4 reads protocol, ports and flags.
func (d *Decoder) layer4(b []byte, i int) int {
	f := &d.flow
	switch {
	case has(b, i, `{"TCP":{"source_port":`):
		f.Proto, i = model.TCP, i+22
	case has(b, i, `{"UDP":{"source_port":`):
		f.Proto, i = model.UDP, i+22
	case has(b, i, `{"ICMPv4":{"type":`):
		f.Proto = model.ICMP
		return d.fastICMP(b, i+18)
	case has(b, i, `{"ICMPv6":{"type":`):
		f.Proto = model.ICMPv6
		return d.fastICMP(b, i+18)
	default:
		return -1
	}
	src, i := number(b, i)
	if i < 0 || !has(b, i, `,"destination_port":`) {
		return -1
	}
	dst, i := number(b, i+20)
	if i < 0 || src > 1<<16-1 || dst > 1<<16-1 {
		return -1
	}
	f.SrcPort, f.DstPort = uint16(src), uint16(dst)
	if f.Proto == model.TCP && has(b, i, `,"flags":{`) {
		if i = d.fastFlags(b, i+10); i < 0 {
			return -1
		}
	}
	if !has(b, i, "}}") {
		return -1
	}
	return i + 2
}

func (d *Decoder) fastICMP(b []byte, i int) int {
	n, i := number(b, i)
	if i < 0 || n > 255 {
		return -1
	}
	d.flow.DstPort = uint16(n)
	if has(b, i, `,"code":`) {
		if _, i = number(b, i+8); i < 0 {
			return -1
		}
	}
	if !has(b, i, "}}") {
		return -1
	}
	return i + 2
}

// fastFlags reads the flags that are set; the exporter leaves out the others.
func (d *Decoder) fastFlags(b []byte, i int) int {
	f := &d.flow
	f.HasFlags = true
	if at(b, i) == '}' {
		return i + 1
	}
	for {
		switch {
		case has(b, i, `"SYN":true`):
			f.Flags |= model.SYN
		case has(b, i, `"ACK":true`):
			f.Flags |= model.ACK
		case has(b, i, `"FIN":true`):
			f.Flags |= model.FIN
		case has(b, i, `"RST":true`):
			f.Flags |= model.RST
		case has(b, i, `"PSH":true`), has(b, i, `"URG":true`), has(b, i, `"ECE":true`), has(b, i, `"CWR":true`):
		default:
			return -1
		}
		switch i += 10; at(b, i) {
		case '}':
			return i + 1
		case ',':
			i++
		default:
			return -1
		}
	}
}

// fastEnvelope checks what follows the flow: the node and the time again, and the end.
func (d *Decoder) fastEnvelope(b []byte, i int) bool {
	if has(b, i, nodeKey) {
		if n := i + len(nodeKey) + len(d.node); d.node != nil && n <= len(b) && bytes.Equal(b[i+len(nodeKey):n], d.node) {
			i = n
		} else if i = textEnd(b, i+14); i < 0 {
			return false
		}
	}
	if has(b, i, `,"time":"`) {
		if n := i + 9 + d.timeLen; n < len(b) && b[n] == '"' && bytes.Equal(b[i+9:n], b[17:17+d.timeLen]) {
			i = n + 1
		} else if i = textEnd(b, i+9); i < 0 {
			return false
		}
	}
	return i == len(b)-1 && b[i] == '}'
}

package hubble

import (
	"strconv"

	"sluice/ingest"
	"sluice/model"
)

// answers reports whether a record may have the answer of a resolver, as a proxy handed it to a pod.
func answers(f *model.Flow) bool {
	return f.Event == model.EventL7 && f.IsReply == model.Yes && f.Verdict == model.Forwarded &&
		f.Dst.Kind == model.KindPod
}

// maxAnswers is how many addresses of one answer are read.
const maxAnswers = 64

// answered is what the record of a proxy says of the answer of a resolver.
type answered struct {
	Query string
	IPs   []string
	TTL   uint32
}

// lookUp says in f what a proxy read of a question to a resolver or of its answer.
func (x *facts) lookUp(f *model.Flow) {
	var q answered
	if x.message {
		q = wireAnswer(x.layer7)
	} else {
		q = jsonAnswer(x.layer7)
	}
	f.Asked = q.Query
	if answers(f) {
		f.Answer = q.answer()
	}
}

// answer returns the addresses of a name that a resolver answered with, nil where it gave none or it cannot be read.
// The name is the one that was asked for, whatever other names it led to: policies go by it.
func (q *answered) answer() *model.Answer {
	name, ok := model.DNSName(q.Query)
	if !ok || len(q.IPs) == 0 {
		return nil
	}
	return &model.Answer{Name: name, TTL: q.TTL, Addresses: q.IPs[:min(len(q.IPs), maxAnswers)]}
}

// jsonAnswer reads the DNS of an l7 object, which is valid JSON.
func jsonAnswer(text []byte) (q answered) {
	for k, v := range within(text, "dns") {
		switch {
		case isNamed(k, "query"):
			q.Query = textOf(v)
		case isNamed(k, "ips"):
			q.IPs = q.IPs[:0]
			for v := range ingest.Elements(v) {
				q.IPs = append(q.IPs, textOf(v))
			}
		case isNamed(k, "ttl"):
			n, _ := strconv.ParseUint(scalarOf(v), 10, 32)
			q.TTL = uint32(n)
		}
	}
	return q
}

// wireAnswer reads the DNS of a Layer7 message.
func wireAnswer(b []byte) (q answered) {
	const dns, query, ips, ttl = 100, 1, 2, 3
	_ = each(b, func(f *field) {
		if f.num != dns || !f.text {
			return
		}
		_ = each(f.b, func(f *field) {
			switch {
			case f.text && f.num == query:
				q.Query = string(f.b)
			case f.text && f.num == ips:
				q.IPs = append(q.IPs, string(f.b))
			case !f.text && f.num == ttl:
				q.TTL = uint32(f.n)
			}
		})
	})
	return q
}

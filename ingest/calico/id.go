package calico

import "github.com/zeebo/xxh3"

// ID is a hash of what tells the record last decoded from others of its stream: its window and the members of
// Goldmane's FlowKey. Counters and labels are not among them: a server that aggregates gives a record again with
// larger counts and fewer labels when more of its window came in. A record that is no flow log has the ID of its text.
func (d *Decoder) ID(obj []byte) uint64 {
	r := &d.rec
	if kindOf(r.raw(action)) == 0 && kindOf(r.raw(reporter)) == 0 {
		return xxh3.Hash(obj)
	}
	d.key = d.key[:0]
	for _, f := range [...]field{
		startTime, protocol, destPort, action, reporter, policies,
		sourceName, sourceAggr, sourceNamespace, sourceType, sourceIP,
		destName, destAggr, destNamespace, destType, destIP,
	} {
		d.key = append(append(d.key, r.raw(f)...), 0) // JSON has no such byte
	}
	return xxh3.Hash(d.key)
}

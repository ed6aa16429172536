package ingest

import "sluice/model"

// Nodes count the records of each node by the hour (since 1970 UTC) of the node's own clock.
type Nodes map[string]map[uint32]uint64

// The bounds of Nodes: what is beyond them is not counted. A log of a year has 8,784 hours.
const (
	maxNodes     = 1 << 12
	maxNodeHours = 1 << 14
	hourMicros   = 3600e6
)

// Add counts records of a node at a time.
func (n *Nodes) Add(name string, hour uint32, records uint64) {
	if *n == nil {
		*n = Nodes{}
	}
	of := (*n)[name]
	if of == nil {
		if len(*n) == maxNodes {
			return
		}
		of = map[uint32]uint64{}
		(*n)[name] = of
	}
	if _, ok := of[hour]; ok || len(of) < maxNodeHours {
		of[hour] += records
	}
}

// Merge adds others.
func (n *Nodes) Merge(o Nodes) {
	for name, hours := range o {
		for hour, records := range hours {
			n.Add(name, hour, records)
		}
	}
}

// NodeCounter counts for Nodes record by record. It serves one goroutine.
type NodeCounter struct {
	last [8]nodeRun // by what the name ends with: the records of a log take turns
}

// nodeRun is a node with its records of one hour that are not in Nodes yet.
type nodeRun struct {
	name    []byte
	hour    uint32
	records uint64
}

// Count takes a record.
func (c *NodeCounter) Count(n *Nodes, name []byte, at model.Micros) {
	if len(name) == 0 {
		return
	}
	r := &c.last[int(name[len(name)-1])%len(c.last)]
	hour := uint32(at / hourMicros)
	if r.hour != hour || string(r.name) != string(name) {
		r.flush(n)
		r.name, r.hour = append(r.name[:0], name...), hour
	}
	r.records++
}

// Flush adds what is not in Nodes yet.
func (c *NodeCounter) Flush(n *Nodes) {
	for i := range c.last {
		c.last[i].flush(n)
	}
}

func (r *nodeRun) flush(n *Nodes) {
	if r.records > 0 {
		n.Add(string(r.name), r.hour, r.records)
		r.records = 0
	}
}

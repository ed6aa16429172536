package ingest

import (
	"encoding/binary"

	"sluice/model"
)

// MaxNodeName is how long the name of a node may be, in bytes: that of an object of Kubernetes, behind that of a
// cluster. No more of it counts.
const MaxNodeName = 253 + 1 + 253

const hourMicros = 3600e6

// NodeCounter counts for model.Nodes record by record. It serves one goroutine.
type NodeCounter struct {
	all  map[string]*nodeRun
	last [nodePlaces]*nodeRun // by a hash of the name: the records of a log take turns
}

// nodePlaces is a power of two: a few times the nodes of most logs.
const nodePlaces = 64

// nodeRun is a node with its records of one hour that are not in model.Nodes yet.
type nodeRun struct {
	name    string
	hour    uint32
	records uint64
}

// Count takes a record.
func (c *NodeCounter) Count(n *model.Nodes, name []byte, at model.Micros) {
	if len(name) == 0 {
		return
	}
	name = name[:min(len(name), MaxNodeName)]
	place := &c.last[nameHash(name)%nodePlaces]
	if *place == nil || (*place).name != string(name) {
		*place = c.of(n, name)
	}
	r := *place
	if hour := uint32(at / hourMicros); r.hour != hour {
		r.flush(n)
		r.hour = hour
	}
	r.records++
}

// of returns the run of a node. Where they are too many all begin anew: those of a stream come and go.
func (c *NodeCounter) of(n *model.Nodes, name []byte) *nodeRun {
	r := c.all[string(name)]
	if r != nil {
		return r
	}
	if c.all == nil || len(c.all) == model.MaxNodes {
		c.Flush(n)
		*c = NodeCounter{all: map[string]*nodeRun{}}
	}
	r = &nodeRun{name: string(name)}
	c.all[r.name] = r
	return r
}

// nameHash tells names apart that differ at either end or in the middle, as those of the nodes of a cluster do.
func nameHash(name []byte) uint32 {
	h := uint32(len(name))
	for len(name) > 4 {
		h = (h ^ binary.LittleEndian.Uint32(name)) * 0x9E3779B1
		name = name[4:]
	}
	for _, c := range name {
		h = (h ^ uint32(c)) * 0x9E3779B1
	}
	return h >> 16
}

// Flush adds what is not in model.Nodes yet.
func (c *NodeCounter) Flush(n *model.Nodes) {
	for _, r := range c.all {
		r.flush(n)
	}
}

func (r *nodeRun) flush(n *model.Nodes) {
	if r.records > 0 {
		n.Add(r.name, r.hour, r.records)
		r.records = 0
	}
}

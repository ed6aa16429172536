//lint:file-ignore SA1019 The exporter still writes Summary, reply and drop_reason, and so do real captures.

package main

import (
	"strconv"
	"strings"

	flowpb "github.com/cilium/cilium/api/v1/flow"
)

// older makes the records of nodes that run an older Cilium: without what their version did not have.
type older struct {
	minors []int // by node; 0 is the newest
	cache  map[oldEnd]*flowpb.Endpoint
}

type oldEnd struct {
	e     *flowpb.Endpoint
	minor int
}

// The minor versions that first wrote a field, by the captures of known age.
const (
	isReplySince    = 10
	overlaySince    = 12 // is_reply and the direction on the overlay
	workloadsSince  = 12
	uuidSince       = 14
	reasonSince     = 16 // trace_reason, cluster_name
	emitterSince    = 18 // emitter, node_labels
	proxyPortSince  = 14
	dropReasonsDesc = 11
)

func newOlder(s *scenario) *older {
	o := &older{cache: map[oldEnd]*flowpb.Endpoint{}}
	for _, v := range s.Versions {
		_, minor, _ := strings.Cut(v, ".")
		n, _ := strconv.Atoi(minor)
		o.minors = append(o.minors, n)
	}
	return o
}

// strip takes from a record what the version of its node does not write.
func (o *older) strip(f *flowpb.Flow, node int) {
	if len(o.minors) == 0 {
		return
	}
	minor := o.minors[node%len(o.minors)]
	if minor >= emitterSince {
		f.Emitter = &flowpb.Emitter{Name: "Hubble", Version: "1." + strconv.Itoa(minor) + ".1"}
		f.NodeLabels = []string{
			"kubernetes.io/arch=amd64",
			"kubernetes.io/hostname=" + f.NodeName,
			"topology.kubernetes.io/zone=a",
		}
		return
	}
	f.Source, f.Destination = o.end(f.Source, minor), o.end(f.Destination, minor)
	if minor < reasonSince {
		f.TraceReason = 0
	}
	if minor < uuidSince {
		f.Uuid = ""
	}
	if minor < proxyPortSince {
		f.ProxyPort = 0
	}
	if minor < dropReasonsDesc {
		f.DropReasonDesc = 0
	}
	if minor < overlaySince && f.TraceObservationPoint == toOverlay {
		f.IsReply, f.TrafficDirection = nil, 0
	}
	if minor < isReplySince {
		f.IsReply = nil
	}
}

func (o *older) end(e *flowpb.Endpoint, minor int) *flowpb.Endpoint {
	if minor >= reasonSince {
		return e
	}
	k := oldEnd{e, minor}
	if c, ok := o.cache[k]; ok {
		return c
	}
	c := &flowpb.Endpoint{ID: e.ID, Identity: e.Identity, Namespace: e.Namespace, Labels: e.Labels, PodName: e.PodName}
	if minor >= workloadsSince {
		c.Workloads = e.Workloads
	}
	o.cache[k] = c
	return c
}

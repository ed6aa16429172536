package graph

import (
	"sluice/model"
	"sluice/model/workload"
)

// Config is what Build leaves to its caller.
type Config struct {
	Workloads workload.Config
	// Backends lists what the manifests have behind a port of a service, of requests for some hosts; nil hosts: nobody
	// knows which. nil: there are no manifests.
	Backends func(namespace, service string, port uint16, proto model.Proto, hosts []string) []Backend
	// Incomplete reports whether records of an hour (since 1970 UTC) are missing, so that silence in it means nothing.
	// nil: none is known to be.
	Incomplete func(hour uint32) bool
	// Now is the clock, microseconds since 1970 UTC; what is dated later has a wrong time. 0: it is not known.
	Now model.Micros
	// AsOf is the time that ages are to be counted to; 0: the end of nearly all records.
	AsOf model.Micros
	// Begin and Through are those of the graph of a log that the records are a part of; 0: they are all of it.
	Begin, Through model.Micros
}

// Backend is what manifests say of the pods that a service stands for.
type Backend struct {
	Namespace string
	Matches   func(model.Labels) bool
	Port      uint16 // of the pods
	Proxied   bool   // a proxy of Ingress or Gateway connects to them
	Unknown   string // what the manifests lack to tell: the pods are not known
}

func (c *Config) incomplete(hour uint32) bool { return c.Incomplete != nil && c.Incomplete(hour) }

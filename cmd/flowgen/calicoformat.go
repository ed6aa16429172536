package main

import (
	"encoding/json"
	"fmt"
	"io"
)

// calicoFormat writes records with the fields, in the spelling and with the omissions of real ones.
type calicoFormat struct {
	value           func(*calicoFlow) any
	head, sep, tail string // around records
	indent          bool
	// enterprise: windows of five minutes instead of 15 seconds, labels without Calico's own, and names and addresses
	// of what was denied.
	enterprise bool
}

var calicoFormats = map[string]*calicoFormat{
	"goldmane": {value: goldmaneFlow, sep: "\n", tail: "\n"},
	"emitter":  {value: emitterFlow, sep: "\n", tail: "\n"},
	// Goldmane's stream command prints results, the emitter's flows with an id, over many lines.
	"stream": {value: streamResult, sep: "\n", tail: "\n", indent: true},
	// Whisker's backend answers with a page, or with events as they come.
	"whisker":       {value: whiskerFlow, head: `{"total":{"totalPages":1},"items":[`, sep: ",", tail: "]}\n"},
	"whisker-watch": {value: whiskerFlow, head: "data: ", sep: "\n\ndata: ", tail: "\n\n"},
	"enterprise":    {value: enterpriseFlow, sep: "\n", tail: "\n", enterprise: true},
	// Elasticsearch answers a search with the documents that the log shipper made of the lines.
	"elasticsearch": {
		value:      searchHit,
		head:       `{"took":3,"timed_out":false,"hits":{"total":{"value":10000,"relation":"gte"},"hits":[`,
		sep:        ",",
		tail:       "]}}\n",
		enterprise: true,
	},
}

func (f *calicoFormat) write(w io.Writer, flow *calicoFlow, first bool) error {
	text, err := json.Marshal(f.value(flow))
	if f.indent {
		text, err = json.MarshalIndent(f.value(flow), "", "  ")
	}
	if err != nil {
		return err
	}
	before := f.sep
	if first {
		before = f.head
	}
	_, err = fmt.Fprintf(w, "%s%s", before, text)
	return err
}

var (
	typeNames = map[int]string{
		workloadEndpoint: "WorkloadEndpoint",
		networkSet:       "NetworkSet",
		networkEndpoint:  "Network",
	}
	shortTypes = map[int]string{workloadEndpoint: "wep", networkSet: "ns", networkEndpoint: "net"}
	kindNames  = map[int]string{
		kindStaged:        "StagedNetworkPolicy",
		kindNetworkPolicy: "NetworkPolicy",
		kindProfile:       "Profile",
		kindEndOfTier:     "EndOfTier",
	}
	reporterNames = map[int]string{srcReporter: "Src", dstReporter: "Dst"}
	actionNames   = map[int]string{allow: "Allow", deny: "Deny"}
)

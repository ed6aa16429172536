package main

import (
	"fmt"
	"strings"

	flowpb "github.com/cilium/cilium/api/v1/flow"
)

// shapes lets through the first record of each shape: a capture made of one of each is small and has everything.
type shapes map[string]bool

// fresh reports whether a shape is new. A nil shapes lets everything through.
func (s shapes) fresh(shape string) bool {
	if s == nil {
		return true
	}
	seen := s[shape]
	s[shape] = true
	return !seen
}

// shapeOf is what readers can tell records apart by: the event, its verdict, where it was seen, the layers and what the
// ends are.
func shapeOf(f *flowpb.Flow) string {
	reply := "unknown"
	if f.IsReply != nil {
		reply = fmt.Sprint(f.IsReply.Value)
	}
	return fmt.Sprintf(
		"%d.%d %s %s %s %T %t %T %s %s %t %t",
		f.EventType.GetType(),
		f.EventType.GetSubType(),
		f.Verdict,
		reply,
		f.TrafficDirection,
		f.GetL4().
			GetProtocol(),
		f.GetL4().GetTCP().GetFlags() != nil,
		f.GetL7().GetRecord(),
		endShape(f.Source),
		endShape(f.Destination),
		len(f.DestinationNames) > 0,
		f.DestinationService != nil,
	)
}

func endShape(e *flowpb.Endpoint) string {
	var reserved []string
	for _, l := range e.Labels {
		if strings.HasPrefix(l, "reserved:") {
			reserved = append(reserved, l)
		}
	}
	return fmt.Sprint(reserved, e.Namespace != "")
}

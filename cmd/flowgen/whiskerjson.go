package main

import (
	"strings"
	"time"
)

type whiskerHit struct {
	Kind        string      `json:"kind"`
	Name        string      `json:"name"`
	Namespace   string      `json:"namespace"`
	Tier        string      `json:"tier"`
	Action      string      `json:"action"`
	PolicyIndex int         `json:"policy_index"`
	RuleIndex   int         `json:"rule_index"`
	Trigger     *whiskerHit `json:"trigger"`
}

type whiskerPolicies struct {
	Enforced []whiskerHit `json:"enforced"`
	Pending  []whiskerHit `json:"pending"`
}

func whiskerHits(h calicoHit) []whiskerHit {
	hit := whiskerHit{Kind: kindNames[h.kind], Name: h.name, Action: actionNames[h.action]}
	if h.kind == kindEndOfTier {
		hit.Name, hit.Tier, hit.RuleIndex = "", "default", -1
		hit.Trigger = &whiskerHit{
			Kind:      kindNames[h.trigger],
			Name:      h.name,
			Namespace: h.namespace,
			Tier:      "default",
			Action:    "ActionUnspecified",
		}
	}
	return []whiskerHit{hit}
}

// whiskerFlow is an item of Whisker's backend: no types, no services, no counts of connections.
func whiskerFlow(f *calicoFlow) any {
	name := func(e calicoEnd) string {
		if e.kind != networkEndpoint {
			return e.name
		}
		return map[string]string{"pub": "PUBLIC NETWORK", "pvt": "PRIVATE NETWORK"}[e.name]
	}
	return struct {
		StartTime       time.Time       `json:"start_time"`
		EndTime         time.Time       `json:"end_time"`
		Action          string          `json:"action"`
		SourceName      string          `json:"source_name"`
		SourceNamespace string          `json:"source_namespace"`
		SourceLabels    string          `json:"source_labels"`
		DestName        string          `json:"dest_name"`
		DestNamespace   string          `json:"dest_namespace"`
		DestLabels      string          `json:"dest_labels"`
		Protocol        string          `json:"protocol"`
		DestPort        uint32          `json:"dest_port"`
		Reporter        string          `json:"reporter"`
		Policies        whiskerPolicies `json:"policies"`
		PacketsIn       int64           `json:"packets_in"`
		PacketsOut      int64           `json:"packets_out"`
		BytesIn         int64           `json:"bytes_in"`
		BytesOut        int64           `json:"bytes_out"`
	}{time.Unix(f.start, 0).UTC(), time.Unix(f.end, 0).UTC(), actionNames[f.action], name(f.src), f.src.namespace,
		strings.Join(f.srcLabels, " | "),
		name(
			f.dst,
		), f.dst.namespace, strings.Join(f.dstLabels, " | "), f.proto, f.port, reporterNames[f.reporter],
		whiskerPolicies{whiskerHits(f.hit), whiskerHits(f.pending)},
		f.packetsIn, f.packetsOut, 100 * f.packetsIn, 100 * f.packetsOut}
}

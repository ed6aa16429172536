package main

import "strconv"

// long is a 64-bit number as protojson writes it.
type long int64

// MarshalText makes it a text.
func (n long) MarshalText() ([]byte, error) { return strconv.AppendInt(nil, int64(n), 10), nil }

type goldmaneHit struct {
	Kind      string       `json:"kind"`
	Namespace string       `json:"namespace,omitempty"`
	Name      string       `json:"name,omitempty"`
	Tier      string       `json:"tier,omitempty"`
	Action    string       `json:"action,omitempty"`
	RuleIndex long         `json:"ruleIndex,omitempty"`
	Trigger   *goldmaneHit `json:"trigger,omitempty"`
}

type goldmanePolicies struct {
	Enforced []goldmaneHit `json:"enforcedPolicies"`
	Pending  []goldmaneHit `json:"pendingPolicies"`
}

type goldmaneKey struct {
	SourceName           string           `json:"sourceName"`
	SourceNamespace      string           `json:"sourceNamespace"`
	SourceType           string           `json:"sourceType"`
	DestName             string           `json:"destName"`
	DestNamespace        string           `json:"destNamespace"`
	DestType             string           `json:"destType"`
	DestPort             long             `json:"destPort,omitempty"`
	DestServiceName      string           `json:"destServiceName"`
	DestServiceNamespace string           `json:"destServiceNamespace"`
	DestServicePortName  string           `json:"destServicePortName"`
	DestServicePort      long             `json:"destServicePort,omitempty"`
	Proto                string           `json:"proto"`
	Reporter             string           `json:"reporter"`
	Action               string           `json:"action"`
	Policies             goldmanePolicies `json:"policies"`
}

func goldmaneHits(h calicoHit) []goldmaneHit {
	hit := goldmaneHit{Kind: kindNames[h.kind], Name: h.name, Action: actionNames[h.action]}
	if h.kind == kindEndOfTier {
		hit.Name, hit.Tier, hit.RuleIndex = "", "default", -1
		hit.Trigger = &goldmaneHit{Kind: kindNames[h.trigger], Namespace: h.namespace, Name: h.name, Tier: "default"}
	}
	return []goldmaneHit{hit}
}

// goldmaneFlow is goldmane.Flow by protojson: names of enums, 64-bit numbers as text, nothing that is zero.
func goldmaneFlow(f *calicoFlow) any {
	return struct {
		Key                     goldmaneKey
		StartTime               long     `json:"startTime"`
		EndTime                 long     `json:"endTime"`
		SourceLabels            []string `json:"sourceLabels,omitempty"`
		DestLabels              []string `json:"destLabels,omitempty"`
		PacketsIn               long     `json:"packetsIn,omitempty"`
		PacketsOut              long     `json:"packetsOut,omitempty"`
		BytesIn                 long     `json:"bytesIn,omitempty"`
		BytesOut                long     `json:"bytesOut,omitempty"`
		NumConnectionsStarted   long     `json:"numConnectionsStarted,omitempty"`
		NumConnectionsCompleted long     `json:"numConnectionsCompleted,omitempty"`
		NumConnectionsLive      long     `json:"numConnectionsLive,omitempty"`
	}{goldmaneKey{f.src.name, f.src.namespace, typeNames[f.src.kind], f.dst.name, f.dst.namespace,
		typeNames[f.dst.kind], long(f.port),
		f.service, f.serviceNS, f.portName(), long(f.servicePort), f.proto, reporterNames[f.reporter],
		actionNames[f.action], goldmanePolicies{goldmaneHits(f.hit), goldmaneHits(f.pending)}},
		long(
			f.start,
		), long(f.end), f.srcLabels, f.dstLabels, long(f.packetsIn), long(f.packetsOut), long(100 * f.packetsIn),
		long(100 * f.packetsOut),
		long(f.started), long(f.completed), long(f.live)}
}

func (f *calicoFlow) portName() string {
	if f.service == "-" {
		return "-"
	}
	return "http"
}

type emitterHit struct {
	Kind      int         `json:"kind,omitempty"`
	Namespace string      `json:"namespace,omitempty"`
	Name      string      `json:"name,omitempty"`
	Tier      string      `json:"tier,omitempty"`
	Action    int         `json:"action,omitempty"`
	RuleIndex int         `json:"rule_index,omitempty"`
	Trigger   *emitterHit `json:"trigger,omitempty"`
}

type emitterPolicies struct {
	Enforced []emitterHit `json:"enforced_policies,omitempty"`
	Pending  []emitterHit `json:"pending_policies,omitempty"`
}

type emitterKey struct {
	SourceName           string          `json:"source_name,omitempty"`
	SourceNamespace      string          `json:"source_namespace,omitempty"`
	SourceType           int             `json:"source_type,omitempty"`
	DestName             string          `json:"dest_name,omitempty"`
	DestNamespace        string          `json:"dest_namespace,omitempty"`
	DestType             int             `json:"dest_type,omitempty"`
	DestPort             uint32          `json:"dest_port,omitempty"`
	DestServiceName      string          `json:"dest_service_name,omitempty"`
	DestServiceNamespace string          `json:"dest_service_namespace,omitempty"`
	DestServicePortName  string          `json:"dest_service_port_name,omitempty"`
	DestServicePort      uint32          `json:"dest_service_port,omitempty"`
	Proto                string          `json:"proto,omitempty"`
	Reporter             int             `json:"reporter,omitempty"`
	Action               int             `json:"action,omitempty"`
	Policies             emitterPolicies `json:"policies"`
}

func emitterHits(h calicoHit) []emitterHit {
	hit := emitterHit{Kind: h.kind, Name: h.name, Action: h.action}
	if h.kind == kindEndOfTier {
		hit.Name, hit.Tier, hit.RuleIndex = "", "default", -1
		hit.Trigger = &emitterHit{Kind: h.trigger, Namespace: h.namespace, Name: h.name, Tier: "default"}
	}
	return []emitterHit{hit}
}

// emitterFlow is goldmane.Flow by encoding/json, as its emitter posts it: snake case, enums as numbers.
func emitterFlow(f *calicoFlow) any {
	return struct {
		Key                     emitterKey
		StartTime               int64    `json:"start_time,omitempty"`
		EndTime                 int64    `json:"end_time,omitempty"`
		SourceLabels            []string `json:"source_labels,omitempty"`
		DestLabels              []string `json:"dest_labels,omitempty"`
		PacketsIn               int64    `json:"packets_in,omitempty"`
		PacketsOut              int64    `json:"packets_out,omitempty"`
		BytesIn                 int64    `json:"bytes_in,omitempty"`
		BytesOut                int64    `json:"bytes_out,omitempty"`
		NumConnectionsStarted   int64    `json:"num_connections_started,omitempty"`
		NumConnectionsCompleted int64    `json:"num_connections_completed,omitempty"`
		NumConnectionsLive      int64    `json:"num_connections_live,omitempty"`
	}{emitterKey{f.src.name, f.src.namespace, f.src.kind, f.dst.name, f.dst.namespace, f.dst.kind, f.port, f.service,
		f.serviceNS, f.portName(),
		f.servicePort, f.proto, f.reporter, f.action, emitterPolicies{emitterHits(f.hit), emitterHits(f.pending)}},
		f.start, f.end, f.srcLabels, f.dstLabels, f.packetsIn, f.packetsOut, 100 * f.packetsIn, 100 * f.packetsOut,
		f.started, f.completed, f.live}
}

// streamResult is a goldmane.FlowResult by encoding/json.
func streamResult(f *calicoFlow) any {
	return struct {
		ID   int64 `json:"id"`
		Flow any   `json:"flow"`
	}{f.start, emitterFlow(f)}
}

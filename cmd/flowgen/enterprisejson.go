package main

import (
	"hash/fnv"
	"strconv"
	"strings"
)

// enterpriseRecord is a line of Enterprise's flows.log.
type enterpriseRecord struct {
	StartTime            int64               `json:"start_time"`
	EndTime              int64               `json:"end_time"`
	SourceIP             *string             `json:"source_ip"`
	SourceName           string              `json:"source_name"`
	SourceNameAggr       string              `json:"source_name_aggr"`
	SourceNamespace      string              `json:"source_namespace"`
	NatOutgoingPorts     []int               `json:"nat_outgoing_ports"`
	SourcePort           *uint32             `json:"source_port"`
	SourceType           string              `json:"source_type"`
	SourceLabels         *enterpriseLabels   `json:"source_labels"`
	DestIP               *string             `json:"dest_ip"`
	DestName             string              `json:"dest_name"`
	DestNameAggr         string              `json:"dest_name_aggr"`
	DestNamespace        string              `json:"dest_namespace"`
	DestPort             *uint32             `json:"dest_port"`
	DestType             string              `json:"dest_type"`
	DestLabels           *enterpriseLabels   `json:"dest_labels"`
	DestServiceNamespace string              `json:"dest_service_namespace"`
	DestServiceName      string              `json:"dest_service_name"`
	DestServicePort      string              `json:"dest_service_port"`
	DestServicePortNum   *uint32             `json:"dest_service_port_num"`
	DestDomains          []string            `json:"dest_domains"`
	Proto                string              `json:"proto"`
	Action               string              `json:"action"`
	Reporter             string              `json:"reporter"`
	Policies             map[string][]string `json:"policies"`
	BytesIn              int64               `json:"bytes_in"`
	BytesOut             int64               `json:"bytes_out"`
	NumFlows             int64               `json:"num_flows"`
	NumFlowsStarted      int64               `json:"num_flows_started"`
	NumFlowsCompleted    int64               `json:"num_flows_completed"`
	PacketsIn            int64               `json:"packets_in"`
	PacketsOut           int64               `json:"packets_out"`
}

type enterpriseLabels struct {
	Labels []string `json:"labels"`
}

// enterpriseHit is index, tier, policy, action and rule, the last -1 at the end of a tier.
func enterpriseHit(h calicoHit) string {
	switch {
	case h.kind == kindProfile:
		return "0|__PROFILE__|__PROFILE__." + h.name + "|allow|0"
	case h.trigger == kindStaged:
		return "0|default|" + h.namespace + "/staged:default." + h.name + "|deny|-1"
	}
	return "0|default|" + h.namespace + "/knp.default." + h.name + "|deny|-1"
}

// enterpriseFlow is a line of Enterprise's flows.log at the default levels: what was allowed is summed up over pods,
// what was denied names pods and addresses.
func enterpriseFlow(f *calicoFlow) any { return enterpriseOf(f) }

func enterpriseOf(f *calicoFlow) enterpriseRecord {
	text := func(s string) *string {
		if s == "" {
			return nil
		}
		return &s
	}
	labels := func(l []string) *enterpriseLabels {
		if len(l) == 0 {
			return nil
		}
		return &enterpriseLabels{l}
	}
	pod := func(s string) string {
		if s == "" {
			return "-"
		}
		return s
	}
	enforced, pending := enterpriseHit(f.hit), enterpriseHit(f.pending)
	all := []string{enforced}
	if pending != enforced {
		all = append(all, pending)
	}
	policies := map[string][]string{"all_policies": all, "enforced_policies": {enforced}, "pending_policies": {pending}}
	var port, servicePort *uint32
	if f.port != 0 {
		port = &f.port
	}
	if f.servicePort != 0 {
		servicePort = &f.servicePort
	}
	return enterpriseRecord{
		f.start,
		f.end,
		text(f.ips[0]),
		pod(f.pods[0]),
		f.src.name,
		f.src.namespace,
		nil,
		nil,
		shortTypes[f.src.kind],
		labels(f.srcLabels),
		text(f.ips[1]),
		pod(f.pods[1]),
		f.dst.name,
		f.dst.namespace,
		port,
		shortTypes[f.dst.kind],
		labels(f.dstLabels),
		f.serviceNS,
		f.service,
		f.portName(),
		servicePort,
		f.domains,
		f.proto,
		strings.ToLower(actionNames[f.action]),
		strings.ToLower(reporterNames[f.reporter]),
		policies,
		100 * f.packetsIn,
		100 * f.packetsOut,
		max(f.live, f.started),
		f.started,
		f.completed,
		f.packetsIn,
		f.packetsOut,
	}
}

// searchHit is a document of Elasticsearch: a line with what the log shipper adds.
func searchHit(f *calicoFlow) any {
	type source struct {
		enterpriseRecord
		Host      string `json:"host"`
		Timestamp int64  `json:"@timestamp"`
	}
	return struct {
		Index  string `json:"_index"`
		ID     string `json:"_id"`
		Source source `json:"_source"`
	}{"tigera_secure_ee_flows.cluster.20260302", documentID(f), source{enterpriseOf(f), "node-1", 1000 * f.end}}
}

// documentID is different for every record, and the same in every run.
func documentID(f *calicoFlow) string {
	h := fnv.New64a()
	h.Write([]byte(f.sorts)) // never fails
	return strconv.FormatInt(f.start, 36) + strconv.FormatUint(h.Sum64(), 36)
}

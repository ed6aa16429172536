package hubble_test

import (
	"testing"

	"sluice/ingest/hubble"
	"sluice/ingest/ingesttest"
)

var (
	good = []string{
		`{"flow":{"time":"2026-03-01T10:20:30.123456789Z","verdict":"FORWARDED","IP":{"source":"10.0.0.1","destination":"10.0.0.2","ipVersion":"IPv4"},"l4":{"TCP":{"source_port":48674,"destination_port":443,"flags":{"SYN":true}}},"source":{"ID":7,"identity":815,"namespace":"bank","labels":["k8s:app=till","k8s:io.kubernetes.pod.namespace=bank"],"pod_name":"till-1","workloads":[{"name":"till","kind":"Deployment"}]},"destination":{"identity":816,"namespace":"bank","labels":["k8s:app=ledger"],"pod_name":"ledger-0"},"Type":"L3_L4","node_name":"n1","event_type":{"type":4},"traffic_direction":"INGRESS","trace_observation_point":"TO_ENDPOINT","is_reply":false,"Summary":"TCP Flags: SYN"},"node_name":"n1","time":"2026-03-01T10:20:30.123456789Z"}`,
		`{"time":"2026-03-01T10:20:31Z","flow":{"time":"2026-03-01T10:20:31Z","verdict":"DROPPED","drop_reason":133,"drop_reason_desc":"POLICY_DENIED","IP":{"source":"10.0.0.1","destination":"192.0.2.7"},"l4":{"UDP":{"source_port":4000,"destination_port":53}},"source":{"identity":815,"namespace":"bank","labels":["k8s:app=till"]},"destination":{"identity":2,"labels":["reserved:world"]},"destination_names":["one.example","two.example"],"event_type":{"type":1,"sub_type":133},"traffic_direction":"EGRESS"},"node_name":"n1"}`,
		`{"time":"2026-03-01T10:20:32Z","verdict":"FORWARDED","source":{"identity":815,"namespace":"bank","labels":["k8s:app=till"]},"destination":{"identity":1,"labels":["reserved:host"]},"l7":{"type":"REQUEST","http":{"method":"GET","url":"http://x/?q={\"flow\":{}}","headers":[{"key":"X","value":"{\"flow\":{\"verdict\":\"FORWARDED\"}}"}]}},"IP":{"source":"10.0.0.1","destination":"10.0.0.9"},"l4":{"TCP":{"source_port":1,"destination_port":80}},"event_type":{"type":129},"is_reply":false}`,
	}
	bad = []string{
		`{"lost_events":{"source":"HUBBLE_RING_BUFFER","num_events_lost":"12"},"node_name":"n1"}`,
		`{"flow":{"time":"yesterday","verdict":"FORWARDED"}}`,
		`{"flow":{"time":"2026-03-01T10:20:31Z","l4":{"TCP":{"source_port":"\u001b[31m"}}}}`,
	}
)

func TestFormat(t *testing.T) { ingesttest.Format(t, hubble.Format, good, bad) }

func FuzzFormat(f *testing.F) { ingesttest.Fuzz(f, hubble.Format, append(good, bad...)) }

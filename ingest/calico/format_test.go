package calico_test

import (
	"testing"

	"sluice/ingest/calico"
	"sluice/ingest/ingesttest"
)

var (
	good = []string{
		`{"start_time":1730000000,"end_time":1730000300,"source_ip":"-","source_name":"-","source_name_aggr":"till-7d9fbd6c7b-*","source_namespace":"bank","source_type":"wep","source_labels":{"labels":["app=till","pod-template-hash=7d9fbd6c7b"]},"dest_ip":"10.1.2.3","dest_name":"ledger-0","dest_name_aggr":"ledger-*","dest_namespace":"bank","dest_type":"wep","dest_port":5432,"dest_labels":{"labels":["app=ledger"]},"proto":"tcp","action":"allow","reporter":"dst","policies":{"all_policies":["0|default|bank/default.db|allow|0"]},"num_flows_started":2}`,
		`{"Key":{"source_name":"till-7d9fbd6c7b-*","source_namespace":"bank","source_type":1,"dest_name":"pub","dest_type":4,"dest_port":443,"proto":"tcp","reporter":1,"action":1,"policies":{"enforced_policies":[{"kind":9,"name":"kns.bank","action":1}]}},"start_time":1730000000,"end_time":1730000015,"source_labels":["app=till"],"num_connections_started":1}`,
		`{"start_time":"2024-10-27T03:33:20Z","end_time":"2024-10-27T03:33:35Z","action":"Deny","source_name":"a-*","source_namespace":"x","source_labels":"app=a | b={}","dest_name":"PUBLIC NETWORK","dest_namespace":"-","dest_labels":"","protocol":"udp","dest_port":53,"reporter":"Src"}`,
	}
	bad = []string{
		`{"source_name":"a","dest_name":"b","action":"perhaps","start_time":1}`,
		`{"source_name":"a","dest_name":"b","dest_port":70000,"start_time":1}`,
		`{"source_name":"a","dest_name":"b\u001b[31m","action":nope}`,
	}
)

func TestFormat(t *testing.T) { ingesttest.Format(t, calico.Format, good, bad) }

func FuzzFormat(f *testing.F) { ingesttest.Fuzz(f, calico.Format, append(good, bad...)) }

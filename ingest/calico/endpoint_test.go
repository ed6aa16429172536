package calico

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"sluice/model"
)

// TestEnds: what the end of a record becomes, in the fields of Enterprise and of the forms that have one name only.
func TestEnds(t *testing.T) {
	for _, tt := range []struct{ side, want string }{
		// workloads: name shared by replicas, labels of controllers
		{`"name":"web-7d9fbd6c7b-*","namespace":"a","type":1,"labels":["app=web","pod-template-hash=7d9fbd6c7b"]`, "pod ns=a owner=Deployment/web labels=app=web"},
		{`"name":"web-7d9fbd6c7b-*","namespace":"a","type":1`, "pod ns=a owner=Deployment/web"},
		{`"name":"web-7d9fbd6c7b-x2x4k","namespace":"a","type":1,"labels":["pod-template-hash=7d9fbd6c7b"]`, "pod ns=a owner=Deployment/web pod=web-7d9fbd6c7b-x2x4k"},
		{`"name":"web-canary-*","namespace":"a","type":1,"labels":["app=web","pod-template-hash=7d9fbd6c7b"]`, "pod ns=a labels=app=web"},
		{`"name":"web-abc-*","namespace":"a","type":1,"labels":["pod-template-hash=abc"]`, "pod ns=a owner=Deployment/web"},
		{`"name":"web-5c8d-*","namespace":"a","type":1,"labels":["rollouts-pod-template-hash=5c8d"]`, "pod ns=a owner=Rollout/web"},
		{`"name":"node-exporter-*","namespace":"a","type":1,"labels":["app=x","controller-revision-hash=5bb8c89b95"]`, "pod ns=a owner=DaemonSet/node-exporter labels=app=x"},
		{`"name":"db-*","namespace":"a","type":1,"labels":["app=x","controller-revision-hash=db-5bb8c89b95"]`, "pod ns=a owner=StatefulSet/db labels=app=x"},
		{`"name":"db-*","namespace":"a","type":1,"labels":["controller-revision-hash=5bb8c89b95","statefulset.kubernetes.io/pod-name=db-0"]`,
			"pod ns=a owner=StatefulSet/db labels=statefulset.kubernetes.io/pod-name=db-0"},
		{`"name":"backup-28912345-*","namespace":"a","type":1,"labels":["batch.kubernetes.io/job-name=backup-28912345"]`, "pod ns=a owner=CronJob/backup labels=batch.kubernetes.io/job-name=backup-28912345"},
		{`"name":"migrate-7-*","namespace":"a","type":1,"labels":["job-name=migrate-7"]`, "pod ns=a owner=Job/migrate-7 labels=job-name=migrate-7"},
		{`"name":"node-exporter-*","namespace":"a","type":1,"labels":["app=x"]`, "pod ns=a labels=app=x"},
		{`"name":"node-exporter-*","namespace":"a","type":1`, "pod ns=a name=node-exporter-*"},
		{`"name":"-7d9fbd6c7b-*","namespace":"a","type":1`, "pod ns=a name=-7d9fbd6c7b-*"},
		{`"name":"shell","namespace":"a","type":1`, "pod ns=a name=shell pod=shell"},
		{`"name":"shell","namespace":"a","type":1,"labels":["run=shell"]`, "pod ns=a labels=run=shell pod=shell"},
		{`"name":"web-7d9fbd6c7b-x2x4k","name_aggr":"web-7d9fbd6c7b-*","namespace":"a","type":"wep"`, "pod ns=a owner=Deployment/web pod=web-7d9fbd6c7b-x2x4k"},
		{`"name":"*","name_aggr":"*","namespace":"a","type":"wep","labels":["app=x"]`, "pod ns=a labels=app=x"},
		{`"name":"*","name_aggr":"-","namespace":"a","type":"wep"`, "pod ns=a name=* aggregated"},
		{`"name":"*","name_aggr":"*","namespace":"a","type":"wep","labels":[]`, "pod ns=a name=*"},
		{`"name":"*","name_aggr":"-","namespace":"-","type":"wep"`, "unknown aggregated"},
		{`"name":"web","namespace":"-","type":1,"labels":["projectcalico.org/namespace=a","app=x"]`, "pod ns=a labels=app=x pod=web"},
		// other kinds
		{`"name":"node-1","namespace":"-","type":2,"labels":["role=worker","projectcalico.org/created-by=x"]`, "host name=node-1 labels=role=worker"},
		{`"name":"banks","namespace":"-","type":3`, "networkset name=banks"},
		{`"name":"banks","namespace":"a","type":"NetworkSet","labels":["x=y"]`, "networkset ns=a name=banks labels=x=y"},
		{`"name":"pvt","namespace":"-","type":"Network"`, "network name=pvt"},
		{`"name":"-","name_aggr":"pub","namespace":"-","type":"net","ip":"2001:db8::1"`, "address addr=2001:db8::1 ip=2001:db8::1"},
		{`"name":"-","name_aggr":"pub","namespace":"-","type":"net","ip":"::ffff:192.0.2.1"`, "address addr=192.0.2.1 ip=::ffff:192.0.2.1"},
		{`"name":"-","name_aggr":"pub","namespace":"-","type":"net","ip":"192.0.2.1,192.0.2.2"`, "network name=pub"},
		{`"name":"-","name_aggr":"pub","namespace":"-","type":"net","ip":"::"`, "network name=pub"},
		{`"name":"-","namespace":"-","type":"net"`, "unknown aggregated"},
		{`"name":"-","namespace":"-","type":"ns"`, "unknown aggregated"},
		// no type: Whisker
		{`"name":"web-*","namespace":"a"`, "pod ns=a name=web-*"},
		{`"name":"PRIVATE NETWORK","namespace":"-"`, "network name=pvt"},
		{`"name":"pub","namespace":""`, "network name=pub"},
		{`"name":"banks","namespace":"-","labels":"x=y | z=w"`, "networkset name=banks labels=x=y,z=w"},
		{`"name":"pub","namespace":"a"`, "pod ns=a name=pub pod=pub"},
		// hostile names stay what they are
		{`"name":"../../etc\u0000\u001b[2J","namespace":"a\nb","type":1`, "pod ns=a\nb name=../../etc\x00\x1b[2J pod=../../etc\x00\x1b[2J"},
		{`"name":"a|b -> c","namespace":"{{.}}","type":1,"labels":["=x",""," = "]`, "pod ns={{.}} labels= =  pod=a|b -> c"},
	} {
		in := recordFrom(t, tt.side)
		got := decode(t, in).String()
		if i := strings.LastIndex(got, " -> network name=pub |"); i >= 0 {
			aggregated := strings.HasSuffix(got, " aggregated\n")
			if got = got[:i]; aggregated {
				got += " aggregated"
			}
		}
		if got = strings.TrimSuffix(got, "\n"); got != tt.want {
			t.Errorf("%s\n got %q\nwant %q", in, got, tt.want)
		}
	}
}

// recordFrom makes a record of the fields of its source.
func recordFrom(t *testing.T, fields string) string {
	t.Helper()
	all := map[string]json.RawMessage{}
	var side map[string]json.RawMessage
	if err := json.Unmarshal([]byte("{"+fields+"}"), &side); err != nil {
		t.Fatalf("%s: %v", fields, err)
	}
	for k, v := range side {
		all["source_"+k] = v
	}
	for k, v := range map[string]string{"start_time": "1730000000", "dest_name": `"pub"`, "dest_type": "4", "dest_port": "1", "proto": `"tcp"`, "action": "1", "reporter": "1"} {
		all[k] = json.RawMessage(v)
	}
	text, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestCache: more ends than are remembered still get one id each.
func TestCache(t *testing.T) {
	var in strings.Builder
	const n = maxCached + 10
	for range 2 {
		for i := range n {
			name, _ := json.Marshal(fmt.Sprintf("pod-%d", i))
			fmt.Fprintf(&in, `{"start_time":1730000000,"source_name":%s,"source_namespace":"a","dest_name":"pub","dest_namespace":"-","dest_port":1,"proto":"tcp","action":1,"reporter":1}`+"\n", name)
		}
	}
	got := decode(t, in.String())
	if len(got.flows) != 2*n || got.tables.Endpoints.Len() != n+1 {
		t.Fatalf("%d flows, %d endpoints; want %d and %d", len(got.flows), got.tables.Endpoints.Len(), 2*n, n+1)
	}
	for i := range n {
		if got.flows[i].Src.ID != got.flows[n+i].Src.ID {
			t.Fatalf("flow %d: two ids of one endpoint", i)
		}
	}
}

func TestOwner(t *testing.T) {
	for _, tt := range []struct {
		name, hash string
		want       model.Owner
	}{
		{"coredns-559f6c778d-*", "", model.Owner{Kind: "Deployment", Name: "coredns"}},
		{"a-b-c-6c8f4d9c5-*", "", model.Owner{Kind: "Deployment", Name: "a-b-c"}},
		{"x-bcdfghjk-*", "", model.Owner{Kind: "Deployment", Name: "x"}},
		{"x-bcdfghj-*", "", model.Owner{}},      // 7
		{"x-bcdfghjklmn-*", "", model.Owner{}},  // 11
		{"kube-proxyyyyy-*", "", model.Owner{}}, // o is not in the alphabet
		{"x-20240101-*", "", model.Owner{}},     // 0 and 1 are not
		{"x-559f6c778d", "", model.Owner{}},     // no replicas
		{"559f6c778d-*", "559f6c778d", model.Owner{}},
		{"", "", model.Owner{}},
		{"*", "", model.Owner{}},
		{"-*", "", model.Owner{}},
	} {
		if got := owner(tt.name, &labels{templateHash: tt.hash}); got != tt.want {
			t.Errorf("%q with hash %q: got %v, want %v", tt.name, tt.hash, got, tt.want)
		}
	}
}

// TestIPv4: what is read as an address of version 4 is what net/netip reads, and nothing else is.
func TestIPv4(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	texts := []string{"", ".", "1.2.3", "1.2.3.", "1.2.3.4.", "1.2.3.4.5", "01.2.3.4", "1.2.3.00", "256.1.1.1", "1..2.3", "::1", "1.2.3.4%a"}
	for range 100_000 {
		b := make([]byte, r.IntN(16))
		for i := range b {
			b[i] = "00112259..:/"[r.IntN(12)]
		}
		texts = append(texts, string(b), fmt.Sprintf("%d.%d.%d.%d", r.IntN(300), r.IntN(300), r.IntN(300), r.IntN(300)))
	}
	read := 0
	for _, text := range texts {
		a, ok := ipv4([]byte(text))
		want, err := netip.ParseAddr(text)
		if is := err == nil && want.Is4(); ok != is || ok && netip.AddrFrom4(a) != want {
			t.Fatalf("%q: %v %v, want %v %v", text, a, ok, want, is)
		}
		if ok {
			read++
		}
	}
	if read < 10_000 {
		t.Errorf("only %d of %d are addresses", read, len(texts))
	}
}

package normalize

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"sluice/ingest"
	"sluice/model"
)

// TestCalls: what is found of the backends of services depends neither on the order of the records nor on who reads
// which of them, also where there are more connections than are kept.
func TestCalls(t *testing.T) {
	const connections = 3 * maxCalls / 2
	tables := model.NewTables()
	pod := func(name string) model.Ref {
		return model.Ref{Kind: model.KindPod, ID: tables.Endpoints.Intern(model.Endpoint{Kind: model.KindPod, Namespace: "shop", Name: name})}
	}
	web, abc := pod("web"), pod("abc")
	service := model.Ref{Kind: model.KindService, ID: tables.Endpoints.Intern(model.Endpoint{Kind: model.KindService, Namespace: "shop", Name: "front"})}
	flow := func(i int, to model.Ref, port uint16) model.Flow {
		return model.Flow{Time: 1772359200e6 + int64(i)*1e5, Src: web, Dst: to, SrcIP: fmt.Appendf(nil, "10.0.%d.5", i/40000),
			DstIP: []byte("10.0.9.9"), SrcPort: uint16(20000 + i%40000), DstPort: port, Proto: model.TCP, HasFlags: true,
			Flags: model.SYN, Verdict: model.Forwarded, IsReply: model.No, Event: model.EventTrace}
	}
	var flows []model.Flow
	for i := range connections {
		flows = append(flows, flow(i, service, 80))
		if i < 36000 { // the first hour
			flows = append(flows, flow(i, abc, 8080))
		}
	}
	read := func(workers int) string {
		var rows []string
		var all []*Normalizer
		for range workers {
			n := New(ingest.NewFold(tables.Names, func(list []model.Observation) {
				for _, o := range list {
					if o.Reason == model.Backend {
						rows = append(rows, fmt.Sprint(o.Window, o.Src, o.Dst, o.Port, o.Records))
					}
				}
			}), 60)
			n.Endpoints = tables.Endpoints
			all = append(all, n)
		}
		for i := range flows {
			all[i%workers].Flow(&flows[i])
		}
		JoinCalls(all)
		for _, n := range all {
			n.Flush()
		}
		slices.Sort(rows)
		return strings.Join(rows, "\n")
	}
	want := read(1)
	if n := strings.Count(want, "\n") + 1; n != 1 {
		t.Fatalf("%d hours are explained, want one:\n%s", n, want)
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 2 {
		r.Shuffle(len(flows), func(i, j int) { flows[i], flows[j] = flows[j], flows[i] })
		if got := read(3); got != want {
			t.Errorf("in another order:\n%s\nwant\n%s", got, want)
		}
	}
}

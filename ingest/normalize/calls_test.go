package normalize

import (
	"cmp"
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
			n := New(ingest.NewFold(tables.Names, ingest.MinuteRows, func(list []model.Observation) {
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

// TestJoinBound: of more arrivals than are kept the same share is, whoever had which of them.
func TestJoinBound(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	all := make([]arrival, 3*maxCalls)
	for i := range all {
		all[i] = arrival{of: hashOf(nil, uint64(i)), slot: r.Int32N(9), server: model.EndpointID(r.Uint32N(9)), port: 80}
	}
	kept := func(workers int) (uint, []arrival) {
		parts := make([]calls, workers)
		for i, a := range all {
			c := &parts[i%workers]
			c.asked = map[ask]struct{}{}
			if c.keeps(a.of) {
				c.reached.add(a)
				c.bound()
			}
		}
		for i := range parts[1:] {
			parts[0].join(&parts[1+i])
		}
		parts[0].settle()
		list := slices.Collect(parts[0].reached.all)
		slices.SortFunc(list, func(a, b arrival) int { return cmp.Compare(a.of, b.of) })
		return parts[0].rate, list
	}
	rate, want := kept(1)
	if rate == 0 || len(want) > maxCalls {
		t.Fatalf("%d of %d are kept, one in 2^%d", len(want), len(all), rate)
	}
	for _, workers := range []int{2, 3, 7} {
		r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		if now, got := kept(workers); now != rate || !slices.Equal(got, want) {
			t.Errorf("%d workers kept %d, one in 2^%d, not %d, one in 2^%d", workers, len(got), now, len(want), rate)
		}
	}
}

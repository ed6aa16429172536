package main

import (
	"fmt"
	"math/rand/v2"
)

// load asks for a cluster of a size.
type load struct {
	Seed       uint64 `json:"seed"` // of the cluster; the records have their own
	Namespaces int    `json:"namespaces"`
	Workloads  int    `json:"workloads"`
	Pods       int    `json:"pods"`
	Edges      int    `json:"edges"`
	Outside    int    `json:"outside"` // addresses outside the cluster
}

// generate makes the workloads and edges of a load scenario.
func (s *scenario) generate() {
	l := s.Load
	r := rand.New(rand.NewPCG(l.Seed, 7))
	words := []string{"billing", "orders", "search", "media", "auth", "report", "ledger", "mail", "stock", "price"}
	for i := range l.Workloads {
		ns := fmt.Sprintf("team-%02d", i%l.Namespaces)
		name := fmt.Sprintf("%s-%04d", words[i%len(words)], i)
		labels := map[string]string{
			"app.kubernetes.io/name": name, "app.kubernetes.io/instance": ns, "app.kubernetes.io/part-of": words[i%len(words)],
			"app.kubernetes.io/managed-by": "Helm", "app.kubernetes.io/version": fmt.Sprintf("1.%d.0", i%20), "team": fmt.Sprintf("t%02d", i%23),
			"tier": []string{"front", "middle", "back"}[i%3], "helm.sh/chart": fmt.Sprintf("%s-2.%d.1", words[i%len(words)], i%9),
		}
		for j := range i % 7 {
			labels[fmt.Sprintf("example.com/attribute-%d", j)] = fmt.Sprintf("value-%d", (i+j)%5)
		}
		n := l.Pods / l.Workloads
		s.Workloads = append(
			s.Workloads,
			workload{Namespace: ns, Name: name, Kind: "Deployment", Replicas: n, ServiceAccount: name, Labels: labels},
		)
	}
	seen := map[[3]int]bool{}
	for len(s.Edges) < l.Edges {
		from, to, port := r.IntN(l.Workloads), r.IntN(l.Workloads), 8000+r.IntN(4)
		k := [3]int{from, to, port}
		if l.Outside > 0 && r.IntN(20) == 0 {
			to = -1 - r.IntN(l.Outside)
			k = [3]int{from, to, 443}
		}
		if from == to || seen[k] {
			continue
		}
		seen[k] = true
		e := edge{
			From:   s.Workloads[from].id(),
			Port:   uint32(k[2]),
			Weight: 1 + r.IntN(20),
			L7:     r.IntN(15) == 0,
			Old:    r.IntN(15) == 0,
		}
		if to < 0 {
			e.To, e.L7 = fmt.Sprintf("world:203.0.%d.%d", 112+(-to)/250, 1+(-to)%250), false
		} else {
			e.To = s.Workloads[to].id()
		}
		s.Edges = append(s.Edges, e)
	}
}

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"
)

// scenario says what runs in a cluster and who needs whom.
type scenario struct {
	Cluster   string     `json:"cluster"`
	Minutes   int        `json:"minutes"` // how long the capture is
	Records   int        `json:"records"`
	Nodes     int        `json:"nodes"`
	Shuffle   float64    `json:"shuffle"` // share of lines with their keys in another order
	Workloads []workload `json:"workloads"`
	Edges     []edge     `json:"edges"` // what the application needs
	Noise     []edge     `json:"noise"` // what is in the log as well: attackers, people's own tests, probes
	// Resolver is who answers DNS, and Users who asks: "namespace/name", or "namespace/*".
	Resolver string   `json:"resolver"`
	Users    []string `json:"resolverUsers"`
	Load     *load    `json:"load"` // workloads and edges made by the number
}

type workload struct {
	Namespace      string            `json:"namespace"`
	Name           string            `json:"name"`
	Kind           string            `json:"kind"`
	Replicas       int               `json:"replicas"`
	ServiceAccount string            `json:"serviceAccount"`
	Labels         map[string]string `json:"labels"`
	// PerRollout are labels whose value changes with every rollout; %s stands for the version.
	PerRollout map[string]string `json:"perRollout"`
}

// edge is a dependency. An end is "namespace/name", "world:ADDRESS", "node" (another node), "host" (the own node),
// "apiserver".
type edge struct {
	From   string   `json:"from"`
	To     string   `json:"to"`
	Port   uint32   `json:"port"`
	Proto  string   `json:"proto"` // tcp if empty, udp
	Weight int      `json:"weight"`
	Names  []string `json:"names"` // DNS names of an outside destination
	Kind   string   `json:"kind"`  // of noise: denied, test, probe, icmp-error, world-pod
	L7     bool     `json:"l7"`    // the proxy reports requests
	Old    bool     `json:"old"`   // connections older than the capture: never a SYN
}

// load asks for a cluster of a size.
type load struct {
	Seed       uint64 `json:"seed"` // of the cluster; the records have their own
	Namespaces int    `json:"namespaces"`
	Workloads  int    `json:"workloads"`
	Pods       int    `json:"pods"`
	Edges      int    `json:"edges"`
	Outside    int    `json:"outside"` // addresses outside the cluster
}

func readScenario(file string) (*scenario, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	s := &scenario{Cluster: "default", Minutes: 20, Nodes: 3}
	if err := yaml.UnmarshalStrict(text, s); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if s.Load != nil {
		s.generate()
	}
	for _, u := range s.Users {
		for _, w := range s.Workloads {
			id := w.Namespace + "/" + w.Name
			if id == u || u == w.Namespace+"/*" && id != s.Resolver {
				s.Edges = append(s.Edges, edge{From: id, To: s.Resolver, Port: 53, Proto: "udp", Weight: 1})
			}
		}
	}
	return s, s.check()
}

func (s *scenario) check() error {
	known := map[string]bool{"node": true, "host": true, "apiserver": true}
	for _, w := range s.Workloads {
		known[w.Namespace+"/"+w.Name] = true
	}
	for _, e := range append(slices.Clone(s.Edges), s.Noise...) {
		for _, end := range []string{e.From, e.To} {
			if !known[end] && !strings.HasPrefix(end, "world:") {
				return fmt.Errorf("edge %s -> %s: there is no workload %s", e.From, e.To, end)
			}
		}
	}
	return nil
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
		s.Workloads = append(s.Workloads, workload{Namespace: ns, Name: name, Kind: "Deployment", Replicas: n, ServiceAccount: name, Labels: labels})
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
		e := edge{From: s.id(from), Port: uint32(k[2]), Weight: 1 + r.IntN(20), L7: r.IntN(15) == 0, Old: r.IntN(15) == 0}
		if to < 0 {
			e.To, e.L7 = fmt.Sprintf("world:203.0.%d.%d", 112+(-to)/250, 1+(-to)%250), false
		} else {
			e.To = s.id(to)
		}
		s.Edges = append(s.Edges, e)
	}
}

func (s *scenario) id(i int) string { return s.Workloads[i].Namespace + "/" + s.Workloads[i].Name }

// writeTruth writes the edges of the scenario, sorted, as JSON.
func writeTruth(w io.Writer, s *scenario) error {
	type line struct {
		Source      string `json:"source"`
		Destination string `json:"destination"`
		Port        string `json:"port"`
	}
	list := []line{}
	for _, e := range s.Edges {
		proto := e.Proto
		if proto == "" {
			proto = "tcp"
		}
		list = append(list, line{e.From, e.To, fmt.Sprintf("%d/%s", e.Port, proto)})
	}
	slices.SortFunc(list, func(a, b line) int {
		return strings.Compare(a.Source+" "+a.Destination+" "+a.Port, b.Source+" "+b.Destination+" "+b.Port)
	})
	var b bytes.Buffer
	b.WriteString("{\"edges\":[\n")
	for i, l := range slices.Compact(list) {
		if i > 0 {
			b.WriteString(",\n")
		}
		text, err := json.Marshal(l)
		if err != nil {
			return err
		}
		b.Write(text)
	}
	b.WriteString("\n]}\n")
	_, err := w.Write(b.Bytes())
	return err
}

//go:build conformance

package cli

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// strangeSeeds are how many strange worlds an engine is asked about.
const strangeSeeds = 12

// TestCiliumStrange: bundles of strange worlds, learned in each dialect, Cilium's engine decides as eval and verify do.
func TestCiliumStrange(t *testing.T) {
	dialects := []string{"kubernetes", "cilium", "cluster", inBaseline}
	for seed := range uint64(strangeSeeds) {
		dialect := dialects[seed%4]
		t.Run(fmt.Sprint(seed, "/", dialect), func(t *testing.T) {
			t.Parallel()
			flows, dir := learnStrange(t, seed, dialect, "cilium")
			judgeFiles(t, dir, dialect)
			if _, err := os.Stat(filepath.Join(dir, "open")); err == nil {
				judgeForm(t, flows, dir, "demo", "open", "allow", "deny")
			}
			judgeForm(t, flows, dir, "demo", "allow", "deny")
		})
	}
}

// TestCalicoStrange: as TestCiliumStrange, of Calico's engine.
func TestCalicoStrange(t *testing.T) {
	for seed := range uint64(strangeSeeds) {
		dialect := []string{"kubernetes", "calico"}[seed%2]
		t.Run(fmt.Sprint(seed, "/", dialect), func(t *testing.T) {
			t.Parallel()
			flows, dir := learnStrange(t, seed, dialect, "calico")
			judgeCalico(t, flows, dir, "demo", "open", "allow", "deny")
			judgeCalico(t, flows, dir, "demo", "allow", "deny")
		})
	}
}

// learnStrange writes the log of a strange world and a bundle of it, by every third seed one that denies whatever it
// cuts.
func learnStrange(t *testing.T, seed uint64, dialect, cni string) (flows, dir string) {
	t.Helper()
	flows, dir = filepath.Join(t.TempDir(), "flows.jsonl"), filepath.Join(t.TempDir(), "bundle")
	word, _, baseline := strings.Cut(dialect, ",")
	text := []string{"", "resolver: none\n", "suspicion: hold\n"}[seed%3]
	if baseline {
		text += "clusterPolicies: {baseline: true}\n"
	}
	config := filepath.Join(t.TempDir(), "sluice.yaml")
	for name, text := range map[string]string{config: text, flows: strangeLog(seed)} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	args := []string{"learn", flows, "-A", "--cluster", "demo", "--dialect", word, "--cni", cni, "--out", dir,
		"--config", config, "--min-watch", "0", "-q"}
	if seed%3 == 0 {
		args = append(args, "--enforce-anyway")
	}
	var out, log strings.Builder
	if code := Main(args, strings.NewReader(""), &out, &log); code != ExitOK && code != ExitFindings {
		t.Fatalf("%q: exit %d: %s", args, code, log.String())
	}
	return flows, dir
}

type object = map[string]any

// party is one who talks in a strange world: a pod, or an entity or address.
type party struct {
	end    object
	v4, v6 string // "" where it has none
	local  bool   // a pod of the cluster
}

// oddWorld draws a world in which little tells pods apart: workloads of one name, labels that others have as well or that
// a namespace has, or none; pods of another cluster with the same; every entity; both families.
type oddWorld struct {
	*rand.Rand
	labels  map[string][]string // of namespaces
	parties []party
	locals  []int
	out     strings.Builder
	now     time.Time
}

func pick[T any](s *oddWorld, list ...T) T { return list[s.IntN(len(list))] }
func (s *oddWorld) oneIn(n int) bool       { return s.IntN(n) == 0 }

// strangeLog is the log of a world, by its seed.
func strangeLog(seed uint64) string {
	s := &oddWorld{
		Rand:   rand.New(rand.NewPCG(seed, 99)),
		labels: map[string][]string{},
		now:    time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC),
	}
	namespaces := []string{"shop", "data-1", pick(s, "ci", "1", "true")}
	for _, n := range namespaces {
		s.labels[n] = []string{"kubernetes.io/metadata.name=" + n}
		if s.oneIn(2) {
			s.labels[n] = append(s.labels[n], pick(s, "app=web", "team=blue", "a.b/c-d_e.f=", "app=x.y_z-1"))
		}
	}
	s.pod("demo", "kube-system", "coredns", "Deployment", "k8s-app=kube-dns")
	for i := range 4 + s.IntN(5) {
		ns, name := pick(s, namespaces...), pick(s, "web", "db", fmt.Sprint("cart", i))
		var labels []string
		for _, l := range []string{"app=" + pick(s, "web", "db", name, ""), "tier=" + pick(s, "front", "back"),
			"app.kubernetes.io/name=" + name, pick(s, "canary=", "team=blue", "x=yes", "x=1e3")} {
			if s.oneIn(2) {
				labels = append(labels, l)
			}
		}
		kind := pick(s, "Deployment", "Deployment", "StatefulSet", "DaemonSet")
		for range 1 + s.IntN(3) {
			own := labels
			if s.oneIn(6) {
				own = append(own[:len(own):len(own)], fmt.Sprint("run=", s.IntN(1000)))
			}
			s.pod("demo", ns, name, kind, own...)
		}
		if s.oneIn(4) {
			s.pod("west", ns, name, kind, labels...)
		}
	}
	s.others()
	for range 10 + s.IntN(20) {
		s.edge()
	}
	return s.out.String()
}

func (s *oddWorld) pod(cluster, namespace, name, kind string, labels ...string) {
	i := len(s.parties)
	all := []string{"k8s:io.cilium.k8s.policy.cluster=" + cluster, "k8s:io.kubernetes.pod.namespace=" + namespace}
	for _, l := range labels {
		all = append(all, "k8s:"+l)
	}
	for _, l := range s.labels[namespace] {
		all = append(all, "k8s:io.cilium.k8s.namespace.labels."+l)
	}
	end := object{"identity": 20000 + i, "namespace": namespace, "labels": all, "cluster_name": cluster,
		"pod_name":  fmt.Sprintf("%s-6d5f7c8b9d-x2x4%c", name, "bcdfghjklm"[i%10]),
		"workloads": []object{{"name": name, "kind": kind}}}
	net := 1
	if cluster == "demo" {
		s.locals = append(s.locals, i)
	} else {
		net = 2
	}
	v4, v6 := fmt.Sprintf("10.%d.1.%d", net, i), fmt.Sprintf("fd00:%d::%x", net, i)
	s.parties = append(s.parties, party{end, v4, v6, cluster == "demo"})
}

// others adds all that is no pod.
func (s *oddWorld) others() {
	add := func(v4, v6 string, labels ...string) {
		s.parties = append(s.parties, party{object{"identity": 2, "labels": labels}, v4, v6, false})
	}
	add("192.168.7.10", "fd01::10", "reserved:host")
	add("192.168.7.11", "fd01::11", "reserved:remote-node")
	add("192.168.7.2", "fd01::2", "reserved:kube-apiserver", "reserved:remote-node")
	add("192.0.2.9", "", "reserved:kube-apiserver", "reserved:world")
	add("10.0.0.8", "", "reserved:ingress")
	add("10.0.0.9", "", "reserved:health")
	add("10.0.0.10", "", pick(s, "reserved:unmanaged", "reserved:init"))
	for range 1 + s.IntN(3) {
		a := fmt.Sprintf("203.0.113.%d", s.IntN(32))
		add(a, "", "cidr:"+a+"/32", "reserved:world")
		add(fmt.Sprintf("198.51.100.%d", s.IntN(9)), "", pick(s, "reserved:world", "reserved:world-ipv4"))
		add("", fmt.Sprintf("2001:db8::%x", s.IntN(9)), pick(s, "reserved:world", "reserved:world-ipv6"))
	}
}

// edge writes the records of connections between two, of which one is a pod of the cluster.
func (s *oddWorld) edge() {
	a, b := pick(s, s.locals...), s.IntN(len(s.parties))
	if s.oneIn(2) {
		b = pick(s, s.locals...)
	}
	if s.oneIn(2) {
		a, b = b, a
	}
	src, dst := &s.parties[a], &s.parties[b]
	from, to, version := src.v4, dst.v4, "IPv4"
	if from == "" || to == "" || src.v6 != "" && dst.v6 != "" && s.oneIn(4) {
		from, to, version = src.v6, dst.v6, "IPv6"
	}
	if from == "" || to == "" {
		return
	}
	proto := pick(s, "TCP", "TCP", "TCP", "TCP", "UDP", "UDP", "SCTP", "ICMP")
	port := pick(s, 80, 443, 8080, 53, 30000+s.IntN(20), 32768+s.IntN(3), 1)
	if b == 0 && !s.oneIn(4) {
		proto, port = "UDP", 53
	}
	fate := pick(s, "worked", "worked", "worked", "worked", "denied", "attempted", "reset", "answers")
	seen := pick(s, []string{"INGRESS"}, []string{"EGRESS"}, []string{"EGRESS", "INGRESS"})
	for range 1 + s.IntN(4) {
		s.now = s.now.Add(time.Duration(s.IntN(30)) * time.Minute)
		client := 35000 + s.IntN(20000)
		for _, direction := range seen {
			if !src.local && direction == "EGRESS" || !dst.local && direction == "INGRESS" {
				continue
			}
			there := object{"source": src.end, "destination": dst.end, "traffic_direction": direction, "is_reply": false,
				"IP": object{"source": from, "destination": to, "ipVersion": version},
				"l4": layer4(proto, version, client, port, "SYN")}
			back := object{"source": dst.end, "destination": src.end, "traffic_direction": direction, "is_reply": true,
				"IP": object{"source": to, "destination": from, "ipVersion": version},
				"l4": layer4(proto, version, port, client, "ACK", "SYN")}
			for _, flow := range []object{there, back} {
				flow["verdict"], flow["Type"], flow["event_type"] = "FORWARDED", "L3_L4", object{"type": 4}
				flow["trace_observation_point"] = "TO_ENDPOINT"
			}
			switch fate {
			case "denied":
				there["verdict"], there["drop_reason"], there["event_type"] = "DROPPED", 133, object{"type": 1}
				back = nil
			case "attempted":
				back = nil
			case "reset":
				back["l4"] = layer4(proto, version, port, client, "ACK", "RST")
			case "answers":
				there = nil
			}
			s.record(there)
			s.record(back)
		}
	}
}

// layer4 is what a record has above IP; an echo where the protocol is ICMP.
func layer4(proto, version string, source, destination int, flags ...string) object {
	switch proto {
	case "TCP":
		set := object{}
		for _, f := range flags {
			set[f] = true
		}
		return object{proto: object{"source_port": source, "destination_port": destination, "flags": set}}
	case "ICMP":
		types := map[string][]int{"IPv4": {8, 0}, "IPv6": {128, 129}}
		return object{"ICMP" + strings.ToLower(version[2:]): object{"type": types[version][len(flags)-1]}}
	}
	return object{proto: object{"source_port": source, "destination_port": destination}}
}

func (s *oddWorld) record(flow object) {
	if flow == nil {
		return
	}
	s.now = s.now.Add(time.Duration(1+s.IntN(9000)) * time.Millisecond)
	at := s.now.Format(time.RFC3339Nano)
	flow["time"] = at
	line, err := json.Marshal(object{"flow": flow, "node_name": "n1", "time": at})
	if err != nil {
		panic(err)
	}
	s.out.Write(append(line, '\n'))
}

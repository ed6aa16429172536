package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"sluice/cmd/conformance/chdb"
)

// sameEdges fails unless sluice, DuckDB, ClickHouse (where there is one) and, where asked since it is slow, encoding/json find the same edges.
func (b *bench) sameEdges(file string, plain bool) error {
	ours, err := b.sluiceEdges(file)
	if err != nil {
		return err
	}
	peers := []string{"duckdb-edges"}
	if chdb.Library() != "" {
		peers = append(peers, "clickhouse-edges")
	}
	if plain {
		peers = append(peers, "encodingjson")
	}
	names, err := b.peerNames(file)
	if err != nil {
		return err
	}
	for _, p := range peers {
		out, err := exec.Command(b.self, p, file).Output()
		if err != nil {
			return fmt.Errorf("%s: %w", p, err)
		}
		theirs, err := readEdges(out, names)
		if err != nil {
			return fmt.Errorf("%s: %w", p, err)
		}
		if err := compare(ours, theirs); err != nil {
			return fmt.Errorf("sluice and %s differ on %s: %w", p, file, err)
		}
	}
	fmt.Fprintf(os.Stderr, "bench: %d edges, the same for all on %s\n", len(ours), file)
	return nil
}

// sluiceEdges are count, first and last of every TCP and UDP edge.
func (b *bench) sluiceEdges(file string) (map[string]total, error) {
	out, err := exec.Command(b.sluice, "show", "edges", file, "-q", "-o", "json").Output()
	if err != nil {
		return nil, err
	}
	var list struct {
		Edges []struct {
			Source, Destination, Port, First, Last string
			Records                                int64
		}
	}
	if err := json.Unmarshal(out, &list); err != nil {
		return nil, err
	}
	m := map[string]total{}
	for _, e := range list.Edges {
		if strings.Contains(e.Port, "icmp") {
			continue
		}
		t := total{e.Records, micro(e.First), micro(e.Last)}
		if _, ok := m[e.Source+" "+e.Destination+" "+e.Port]; ok {
			return nil, fmt.Errorf("edge %s -> %s %s is there twice", e.Source, e.Destination, e.Port)
		}
		m[e.Source+" "+e.Destination+" "+e.Port] = t
	}
	return m, nil
}

func micro(s string) int64 {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return -1
	}
	return t.UnixMicro()
}

// peerNames maps namespace and labels to the workload that sluice grouped them under.
func (b *bench) peerNames(file string) (map[string]string, error) {
	out, err := exec.Command(b.sluice, "show", "endpoints", file, "-q", "-o", "json").Output()
	if err != nil {
		return nil, err
	}
	var list struct {
		Endpoints []struct {
			Kind, Namespace, Peer string
			Labels                []string
		}
	}
	if err := json.Unmarshal(out, &list); err != nil {
		return nil, err
	}
	m := map[string]string{}
	for _, e := range list.Endpoints {
		if e.Kind == "pod" && e.Peer != "" {
			m[e.Namespace+"\x01"+strings.Join(e.Labels, "\x01")] = e.Peer
		}
	}
	return m, nil
}

// peerName names the end of a peer's row: by its labels, or by its address outside the cluster.
func peerName(labels, ip string, names map[string]string) (string, error) {
	var ns string
	var own, reserved []string
	for l := range strings.SplitSeq(labels, "\x01") {
		if e, ok := strings.CutPrefix(l, "reserved:"); ok {
			reserved = append(reserved, e)
			continue
		}
		l = strings.TrimPrefix(l, "k8s:")
		if n, ok := strings.CutPrefix(l, "io.kubernetes.pod.namespace="); ok {
			ns = n
		} else if !strings.HasPrefix(l, "io.cilium.k8s.") {
			own = append(own, l)
		}
	}
	if ip != "" {
		return "world:" + ip, nil
	}
	if len(reserved) > 0 {
		order := []string{"host", "remote-node", "kube-apiserver", "health", "ingress", "world", "unmanaged", "init", "unknown"}
		slices.SortFunc(reserved, func(a, b string) int { return slices.Index(order, a) - slices.Index(order, b) })
		return "entity:" + strings.Join(reserved, "+"), nil
	}
	slices.Sort(own)
	n, ok := names[ns+"\x01"+strings.Join(own, "\x01")]
	if !ok {
		return "", fmt.Errorf("no workload for %s %q", ns, own)
	}
	return n, nil
}

// readEdges adds a peer's rows up by workload. Health checks and a node reaching its own pods are no edges.
func readEdges(out []byte, names map[string]string) (map[string]total, error) {
	m := map[string]total{}
	sc := bufio.NewScanner(bytes.NewReader(out))
	sc.Buffer(nil, 1<<20)
	for sc.Scan() {
		f := strings.Split(sc.Text(), "\t")
		if len(f) != 8 {
			return nil, fmt.Errorf("row with %d columns", len(f))
		}
		if strings.Contains(f[0]+f[1], "reserved:health") || strings.Contains(f[0], "reserved:host") {
			continue
		}
		src, err := peerName(f[0], f[2], names)
		if err != nil {
			return nil, err
		}
		dst, err := peerName(f[1], f[3], names)
		if err != nil {
			return nil, err
		}
		if strings.HasPrefix(src, "entity:") && strings.HasPrefix(dst, "entity:") {
			continue
		}
		var n [3]int64
		for i := range n {
			if n[i], err = strconv.ParseInt(f[5+i], 10, 64); err != nil {
				return nil, err
			}
		}
		k := src + " " + dst + " " + f[4]
		t, ok := m[k]
		if !ok {
			t = total{0, n[1], n[2]}
		}
		m[k] = total{t.n + n[0], min(t.first, n[1]), max(t.last, n[2])}
	}
	return m, sc.Err()
}

func compare(a, b map[string]total) error {
	var diff []string
	for _, k := range sortedKeys(a) {
		if t, ok := b[k]; !ok || t != a[k] {
			diff = append(diff, fmt.Sprintf("%s: sluice %v, peer %v", k, a[k], t))
		}
	}
	for _, k := range sortedKeys(b) {
		if _, ok := a[k]; !ok {
			diff = append(diff, fmt.Sprintf("%s: only the peer has it: %v", k, b[k]))
		}
	}
	if len(diff) > 0 {
		return fmt.Errorf("%d edges, the first:\n%s", len(diff), strings.Join(diff[:min(len(diff), 5)], "\n"))
	}
	return nil
}

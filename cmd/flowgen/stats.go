package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"os"
	"strings"
)

// object is a JSON object of any shape: real captures have more of them than the official type reads.
type object map[string]any

// at follows a path of keys, nil where it ends.
func (o object) at(path ...string) any {
	var v any = map[string]any(o)
	for _, k := range path {
		m, _ := v.(map[string]any)
		v = m[k]
	}
	return v
}

func (o object) has(path ...string) bool { return o.at(path...) != nil }

func (o object) is(want any, path ...string) bool { return o.at(path...) == want }

// either reports whether f holds for the source or the destination.
func (o object) either(f func(end string) bool) bool { return f("source") || f("destination") }

// labelled reports whether an end has a label that begins with prefix.
func (o object) labelled(end, prefix string) bool {
	list, _ := o.at(end, "labels").([]any)
	for _, l := range list {
		if s, _ := l.(string); strings.HasPrefix(s, prefix) {
			return true
		}
	}
	return false
}

// coverage are the rows of the table: what share of the flows has a field, or a value of it.
var coverage = []struct {
	name  string
	holds func(f object) bool
}{
	{"uuid", func(f object) bool { return f.has("uuid") }},
	{"emitter / node_labels", func(f object) bool { return f.has("emitter") || f.has("node_labels") }},
	{"ethernet", func(f object) bool { return f.has("ethernet") }},
	{"IP", func(f object) bool { return f.has("IP") }},
	{"verdict FORWARDED", func(f object) bool { return f.is("FORWARDED", "verdict") }},
	{"verdict REDIRECTED", func(f object) bool { return f.is("REDIRECTED", "verdict") }},
	{"verdict DROPPED", func(f object) bool { return f.is("DROPPED", "verdict") }},
	{"verdict AUDIT", func(f object) bool { return f.is("AUDIT", "verdict") }},
	{"is_reply true", func(f object) bool { return f.is(true, "is_reply") }},
	{"is_reply false", func(f object) bool { return f.is(false, "is_reply") }},
	{"is_reply ABSENT", func(f object) bool { return !f.has("is_reply") }},
	{"old reply = true", func(f object) bool { return f.is(true, "reply") }},
	{"traffic_direction ABSENT", func(f object) bool { return !f.has("traffic_direction") }},
	{"event trace (4)", func(f object) bool { return f.is(4., "event_type", "type") }},
	{"event drop (1)", func(f object) bool { return f.is(1., "event_type", "type") }},
	{"event policy-verdict (5)", func(f object) bool { return f.is(5., "event_type", "type") }},
	{"event L7 (129)", func(f object) bool { return f.is(129., "event_type", "type") }},
	{"event_type ABSENT", func(f object) bool { return !f.has("event_type") }},
	{"obs TO_ENDPOINT", func(f object) bool { return f.is("TO_ENDPOINT", "trace_observation_point") }},
	{"obs TO_STACK", func(f object) bool { return f.is("TO_STACK", "trace_observation_point") }},
	{"obs TO_PROXY", func(f object) bool { return f.is("TO_PROXY", "trace_observation_point") }},
	{"obs TO_OVERLAY", func(f object) bool { return f.is("TO_OVERLAY", "trace_observation_point") }},
	{"obs TO_NETWORK", func(f object) bool { return f.is("TO_NETWORK", "trace_observation_point") }},
	{"trace_reason", func(f object) bool { return f.has("trace_reason") }},
	{"source is a reserved id", func(f object) bool { return f.labelled("source", "reserved:") }},
	{"destination is a reserved id", func(f object) bool { return f.labelled("destination", "reserved:") }},
	{"reserved label AND pod_name", func(f object) bool {
		return f.either(func(end string) bool { return f.labelled(end, "reserved:") && f.has(end, "pod_name") })
	}},
	{"source k8s labels, no namespace/pod_name", func(f object) bool {
		return f.labelled("source", "k8s:") && !f.has("source", "namespace") && !f.has("source", "pod_name")
	}},
	{"source {} or destination {}", func(f object) bool {
		return f.either(func(end string) bool { m, ok := f[end].(map[string]any); return ok && len(m) == 0 })
	}},
	{"source.workloads", func(f object) bool { return f.has("source", "workloads") }},
	{"destination.workloads", func(f object) bool { return f.has("destination", "workloads") }},
	{"source.cluster_name", func(f object) bool { return f.has("source", "cluster_name") }},
	{"source.labels ABSENT", func(f object) bool { return !f.has("source", "labels") }},
	{"destination_names", func(f object) bool { return f.has("destination_names") }},
	{
		"source_service/destination_service",
		func(f object) bool { return f.has("source_service") || f.has("destination_service") },
	},
	{"policy_match_type", func(f object) bool { return f.has("policy_match_type") }},
	{"proxy_port", func(f object) bool { return f.has("proxy_port") }},
	{"l7", func(f object) bool { return f.has("l7") }},
	{"TCP", func(f object) bool { return f.has("l4", "TCP") }},
	{"UDP", func(f object) bool { return f.has("l4", "UDP") }},
	{"ICMP v4/v6", func(f object) bool { return f.has("l4", "ICMPv4") || f.has("l4", "ICMPv6") }},
	{"TCP flags present", func(f object) bool { return f.has("l4", "TCP", "flags") }},
	{"TCP bare SYN", func(f object) bool {
		return f.is(true, "l4", "TCP", "flags", "SYN") && !f.is(true, "l4", "TCP", "flags", "ACK")
	}},
	{"IPv6", func(f object) bool { return f.is("IPv6", "IP", "ipVersion") }},
}

// stats counts the flows of a capture.
type stats struct {
	flows, wrapped int
	holds          []int // by row of coverage
	seed           maphash.Seed
	seen           map[uint64]bool
}

func newStats() *stats {
	return &stats{holds: make([]int, len(coverage)), seed: maphash.MakeSeed(), seen: map[uint64]bool{}}
}

// add counts a record that was not there before; what is no flow does not count.
func (s *stats) add(text json.RawMessage) error {
	if h := maphash.Bytes(s.seed, text); s.seen[h] {
		return nil
	} else {
		s.seen[h] = true
	}
	var r object
	if err := json.Unmarshal(text, &r); err != nil {
		return err
	}
	f := r
	if inner, ok := r["flow"].(map[string]any); ok {
		f = inner
		s.wrapped++
	} else if !r.has("verdict") {
		return nil
	}
	s.flows++
	for i, c := range coverage {
		if c.holds(f) {
			s.holds[i]++
		}
	}
	return nil
}

// read counts JSON values, one after the other or in arrays.
func (s *stats) read(r io.Reader) error {
	d := json.NewDecoder(bufio.NewReaderSize(r, 1<<20))
	for {
		var v json.RawMessage
		if err := d.Decode(&v); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if v[0] != '[' {
			if err := s.add(v); err != nil {
				return err
			}
			continue
		}
		var list []json.RawMessage
		if err := json.Unmarshal(v, &list); err != nil {
			return err
		}
		for _, v := range list {
			if err := s.add(v); err != nil {
				return err
			}
		}
	}
}

// share is a row's share in per cent.
func (s *stats) share(n int) float64 { return 100 * float64(n) / float64(max(s.flows, 1)) }

// percent is how the table writes it: "0" is none, "0%" is few.
func (s *stats) percent(n int) string {
	if n == 0 {
		return "0"
	}
	return fmt.Sprintf("%.0f%%", s.share(n))
}

// printStats prints the table of a capture.
func printStats(w io.Writer, file string) error {
	in := io.Reader(os.Stdin)
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return err
		}
		defer f.Close()
		in = f
	}
	s := newStats()
	if err := s.read(in); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	fmt.Fprintf(
		w,
		"| field / value | share |\n|---|---|\n| records (unique) | %d |\n| wrapped in {\"flow\":…} | %s |\n",
		s.flows,
		s.percent(s.wrapped),
	)
	for i, c := range coverage {
		fmt.Fprintf(w, "| %s | %s |\n", c.name, s.percent(s.holds[i]))
	}
	return nil
}

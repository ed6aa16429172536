package kubernetes

import (
	"cmp"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"sluice/model"
	"sluice/synth/policy"
	"sluice/synth/render"
)

// workloads are the objects that make pods, by where the template of these stands.
var workloads = map[render.Kind][]string{
	{APIVersion: "apps/v1", Kind: "Deployment"}:           {"spec", "template"},
	{APIVersion: "apps/v1", Kind: "StatefulSet"}:          {"spec", "template"},
	{APIVersion: "apps/v1", Kind: "DaemonSet"}:            {"spec", "template"},
	{APIVersion: "apps/v1", Kind: "ReplicaSet"}:           {"spec", "template"},
	{APIVersion: "v1", Kind: "ReplicationController"}:     {"spec", "template"},
	{APIVersion: "batch/v1", Kind: "Job"}:                 {"spec", "template"},
	{APIVersion: "batch/v1", Kind: "CronJob"}:             {"spec", "jobTemplate", "spec", "template"},
	{APIVersion: "v1", Kind: "Pod"}:                       {},
	{APIVersion: "argoproj.io/v1alpha1", Kind: "Rollout"}: {"spec", "template"},
}

// parseWorkload returns the function that reads an object whose pods stand below some fields. Pods on
// the network of their node are left out: no policy selects them.
func parseWorkload(of render.Kind, template []string) func(*render.Reader, *yaml.Node) []policy.Policy {
	return func(r *render.Reader, n *yaml.Node) []policy.Policy {
		r.Report(render.Skipped, n, "%s %s is no policy", of.APIVersion, of.Kind)
		meta := render.Field(n, "metadata")
		w := policy.Workload{Kind: of.Kind, Namespace: scalar(meta, "namespace"), Name: scalar(meta, "name")}
		if w.Namespace == "" {
			w.Namespace = render.DefaultNamespace
		}
		pod := render.Path(n, template...)
		spec := render.Path(pod, "spec")
		if of.Kind == "DaemonSet" {
			r.Beside(policy.Manifests{Plugins: agents(spec)})
		}
		if spec == nil || scalar(spec, "hostNetwork") == "true" {
			return nil
		}
		own := render.Path(n, "spec", "selector")
		w.Labels = labels(render.Path(pod, "metadata"), "labels")
		if w.Selector = labels(own, "matchLabels"); len(w.Selector) == 0 || render.Path(own, "matchExpressions") != nil {
			w.Selector = w.Labels
		}
		w.ServiceAccount = cmp.Or(scalar(spec, "serviceAccountName"), "default")
		for _, field := range []string{"containers", "initContainers"} {
			w.Ports = append(w.Ports, containerPorts(render.Field(spec, field))...)
			w.Probes = append(w.Probes, probes(render.Field(spec, field))...)
		}
		slices.SortFunc(w.Ports, func(a, b policy.NamedPort) int {
			return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Proto, b.Proto), cmp.Compare(a.Port, b.Port))
		})
		slices.SortFunc(w.Probes, func(a, b policy.Probe) int {
			return cmp.Or(cmp.Compare(a.Port, b.Port), cmp.Compare(a.Use, b.Use), cmp.Compare(a.Way, b.Way))
		})
		w.Probes = slices.Compact(w.Probes)
		r.Beside(policy.Manifests{Workloads: []policy.Workload{w}})
		return nil
	}
}

// containerPorts reads the ports of containers that have a name.
func containerPorts(list *yaml.Node) []policy.NamedPort {
	var out []policy.NamedPort
	for _, c := range items(list) {
		for _, p := range items(render.Path(c, "ports")) {
			number, err := strconv.ParseUint(scalar(p, "containerPort"), 10, 16)
			proto, ok := wire[scalar(p, "protocol")]
			if !ok {
				proto = model.TCP
			}
			if name := scalar(p, "name"); name != "" && err == nil {
				out = append(out, policy.NamedPort{Name: name, Proto: proto, Port: uint16(number)})
			}
		}
	}
	return out
}

// labels are a map of texts as labels of pods: a key alone where the value is empty. It is nil for none.
func labels(n *yaml.Node, field string) model.Labels {
	kv := stringMap(n, field)
	for i := range kv {
		kv[i] = strings.TrimSuffix(kv[i], "=")
	}
	if len(kv) == 0 {
		return nil
	}
	return model.MakeLabels(kv)
}

// nodeAnnotations hold addresses that the network plugins give a node beside those of its status. What a node sends to
// pods of other nodes through a tunnel comes from there: a rule for the address of its status would not let it in.
var nodeAnnotations = []string{
	"projectcalico.org/IPv4Address", "projectcalico.org/IPv6Address", "projectcalico.org/IPv4IPIPTunnelAddr",
	"projectcalico.org/IPv4VXLANTunnelAddr", "projectcalico.org/IPv6VXLANTunnelAddr",
	"projectcalico.org/IPv4WireguardInterfaceAddr", "projectcalico.org/IPv6WireguardInterfaceAddr",
	"network.cilium.io/ipv4-cilium-host", "network.cilium.io/ipv6-cilium-host",
	"io.cilium.network.ipv4-cilium-host", "io.cilium.network.ipv6-cilium-host",
}

// ownAddresses returns those of a node's annotations: addresses, or with the length of their network.
func ownAddresses(meta *yaml.Node) []netip.Addr {
	var out []netip.Addr
	for _, name := range nodeAnnotations {
		text, _, _ := strings.Cut(scalar(render.Field(meta, "annotations"), name), "/")
		if a, err := netip.ParseAddr(text); err == nil {
			out = append(out, a)
		}
	}
	return out
}

// parseNode reads which addresses the pods of a node have, and what it is found by itself.
func parseNode(r *render.Reader, n *yaml.Node) []policy.Policy {
	r.Report(render.Skipped, n, "v1 Node is no policy")
	spec := render.Field(n, "spec")
	texts := []string{scalar(spec, "podCIDR")}
	for _, c := range items(render.Path(spec, "podCIDRs")) {
		texts = append(texts, c.Value)
	}
	for _, text := range texts {
		if p, err := netip.ParsePrefix(text); err == nil {
			r.Beside(policy.Manifests{Blocks: []netip.Prefix{p.Masked()}})
		}
	}
	meta := render.Field(n, "metadata")
	node := policy.Node{Name: scalar(meta, "name"), Labels: model.MakeLabels(stringMap(meta, "labels"))}
	for _, a := range items(render.Path(n, "status", "addresses")) {
		if addr, err := netip.ParseAddr(scalar(a, "address")); err == nil {
			node.Addresses = append(node.Addresses, addr)
		}
	}
	node.Addresses = append(node.Addresses, ownAddresses(meta)...)
	if slices.SortFunc(node.Addresses, netip.Addr.Compare); len(node.Addresses) > 0 {
		node.Addresses = slices.Compact(node.Addresses)
		r.Beside(policy.Manifests{Nodes: []policy.Node{node}})
	}
	return nil
}

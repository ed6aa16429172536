package kube

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Reading is the ClusterRole for what is read where a command line names the cluster, and for finding services. It is
// made of the same list that is read: neither more nor less.
func Reading() string {
	resources := map[string]map[string]bool{}
	type one struct{ group, resource, name string }
	var ones []one
	for _, k := range kinds {
		for _, version := range k.at {
			g := group(version)
			if k.one != "" {
				ones = append(ones, one{g, k.resource, k.one})
				continue
			}
			if resources[g] == nil {
				resources[g] = map[string]bool{}
			}
			resources[g][k.resource] = true
			if k.tier && g == calicoServer {
				resources[g][ofTier+k.resource] = true
			}
		}
	}
	var b strings.Builder
	b.WriteString("apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata:\n  name: sluice-read\nrules:\n")
	for _, g := range slices.Sorted(maps.Keys(resources)) {
		rule(&b, g, slices.Sorted(maps.Keys(resources[g])), nil, "get", "list")
	}
	for _, o := range ones {
		rule(&b, o.group, []string{o.resource}, []string{o.name}, "get")
	}
	return b.String()
}

// Forwarding is the Role for reaching a server of a namespace, and for reading its certificates of a secret if one is
// named.
func Forwarding(namespace, secret string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata:\n  name: sluice-forward\n  namespace: %q\nrules:\n",
		namespace)
	rule(&b, "", []string{"services"}, nil, "get")
	rule(&b, "", []string{"pods"}, nil, "get", "list")
	rule(&b, "", []string{"pods/portforward"}, nil, "create", "get")
	if secret != "" {
		rule(&b, "", []string{"secrets"}, []string{secret}, "get")
		rule(&b, "", []string{"configmaps"}, []string{caBundle}, "get")
	}
	return b.String()
}

// Pulling is the Role for fetching the store of a collector of a namespace: for running a command in its pod.
func Pulling(namespace string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata:\n  name: sluice-pull\n  namespace: %q\nrules:\n",
		namespace)
	rule(&b, "", []string{"pods"}, nil, "get", "list")
	rule(&b, "", []string{"pods/exec"}, nil, "create", "get")
	return b.String()
}

func rule(b *strings.Builder, group string, resources, names []string, verbs ...string) {
	fmt.Fprintf(b, "- apiGroups: [%s]\n  resources: [%s]\n", cmp.Or(group, `""`), strings.Join(resources, ", "))
	if len(names) > 0 {
		fmt.Fprintf(b, "  resourceNames: [%s]\n", strings.Join(names, ", "))
	}
	fmt.Fprintf(b, "  verbs: [%s]\n", strings.Join(verbs, ", "))
}

// Package synth learns allow policies out of a graph: for every workload of the chosen namespaces the rules that its
// accepted edges ask for, and nothing else. What cannot be learned or written becomes a finding with its
// consequence. It refuses to guess: no rule without an edge, no widening that was not named. The result depends on
// the graph and the configuration only.
package synth

import (
	"fmt"
	"slices"
	"strings"
)

// Config says for whom policies are learned, and how far.
type Config struct {
	Namespaces       []string // subjects are the workloads of these
	All              bool     // ... and of every namespace that is no system namespace
	SystemNamespaces []string // nil: DefaultSystemNamespaces
	Cluster          string   // needed where the log has several clusters
	Dialect          string   // "kubernetes", which is also meant by ""
	LearnDenied      bool     // edges that policy denied are learned too
	Widen            []string // widenings that are asked for beside those on by default
	EnforceAnyway    bool     // default deny even where it cuts edges that worked
}

// Kubernetes is the dialect of networking.k8s.io/v1 NetworkPolicy.
const Kubernetes = "kubernetes"

// DefaultSystemNamespaces are the namespaces that All leaves out: those that the cluster itself runs in.
func DefaultSystemNamespaces() []string {
	return []string{"calico-apiserver", "calico-system", "cilium", "cilium-secrets", "gatekeeper-system",
		"gke-managed-system", "istio-system", "kube-node-lease", "kube-public", "kube-system", "local-path-storage",
		"tigera-operator"}
}

func (c *Config) check() error {
	if len(c.Namespaces) == 0 && !c.All {
		return fmt.Errorf("no namespace chosen to learn policies for")
	}
	if c.Dialect != "" && c.Dialect != Kubernetes {
		return fmt.Errorf("dialect %q is not supported; there is: %s", c.Dialect, Kubernetes)
	}
	if len(c.Widen) > 0 {
		return fmt.Errorf("widening %q is not supported; TCP 53 beside UDP 53 is always opened", strings.Join(c.Widen, ","))
	}
	return nil
}

// chosen says whether the workloads of a namespace are subjects. A system namespace is one only by its name.
func (c *Config) chosen(namespace string) bool {
	return slices.Contains(c.Namespaces, namespace) || c.All && !slices.Contains(c.system(), namespace)
}

func (c *Config) system() []string {
	if c.SystemNamespaces != nil {
		return c.SystemNamespaces
	}
	return DefaultSystemNamespaces()
}

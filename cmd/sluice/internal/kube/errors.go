package kube

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"sluice/ingest/live"
)

// access is what is asked of the API server, in the words of roles.
type access struct {
	verb, resource string // the resource with its group: networkpolicies.networking.k8s.io
	namespace      string // "": all
}

// String is "list pods in namespace shop".
func (a access) String() string {
	if a.namespace == "" {
		return a.verb + " " + a.resource
	}
	return a.verb + " " + a.resource + " in namespace " + a.namespace
}

// calicoServer is the group of Calico's own API server. For policies it wants, beside the right to list them, that to
// list what is called ofTier and the kind, and to get their tier.
const (
	calicoServer = "projectcalico.org"
	ofTier       = "tier."
)

// Forbidden is what the cluster does not let its user do.
type Forbidden struct {
	access
	said string // by the server
	wide bool   // the kind is of no namespace: no Role gives it
}

// Error names the right that is missing and who gives it.
func (e *Forbidden) Error() string {
	kind, enough := "ClusterRole", ""
	switch {
	case e.ofTiers():
		const text = "not allowed to %s: Calico wants a ClusterRole with the verb %s on %s%s and get on tiers.%s " +
			"(sluice install --rbac prints it): %s"
		return fmt.Sprintf(text, e.access, e.verb, ofTier, e.resource, calicoServer, e.said)
	case e.namespace != "":
		kind = "Role in " + e.namespace
	case !e.wide:
		enough = "; with -n NAMESPACE a Role there is enough"
	}
	return fmt.Sprintf("not allowed to %s: the user needs a %s with the verb %s on %s (sluice install --rbac prints it%s): %s",
		e.access, kind, e.verb, e.resource, enough, e.said)
}

// ofTiers reports whether Kubernetes would let the user, and Calico's API server does not.
func (e *Forbidden) ofTiers() bool {
	return strings.HasSuffix(e.resource, "."+calicoServer) && strings.Contains(e.said, "Calico tiered policy")
}

// Cost is what a command can do without, and what it then does not know; "" where it has to have it: what is of the
// namespaces that it is about.
func (e *Forbidden) Cost() string {
	if !e.wide {
		return ""
	}
	resource, _, _ := strings.Cut(e.resource, ".")
	if cost := costs[resource]; cost != "" {
		return cost
	}
	return "policies of the whole cluster are not known: what they allow and deny is not counted"
}

// Resource is the kind, with its group.
func (e *Forbidden) Resource() string { return e.resource }

// costs are what is not known without objects that declare something for the whole cluster.
var costs = map[string]string{
	"namespaces":        "labels of namespaces are not known: a policy that selects by them cannot be judged",
	"nodes":             "addresses of nodes are not known but from the flows",
	"ippools":           "networks of pods are not known: a policy with addresses may not be known to be about pods",
	"tiers":             "the order of Calico's tiers is not known",
	"ciliumcidrgroups":  "what CIDR groups hold is not known",
	"globalnetworksets": "what global network sets hold is not known",

	"endpointslices":      "addresses of the API server are not known",
	"configmaps":          "options of Cilium are not known: whether it has what policies need is not checked",
	"clusterinformations": "Calico's version is not known but from its image",
	"felixconfigurations": "options of Calico are not known",
}

// Narrowed is a kind that could be read in some namespaces only.
type Narrowed struct {
	access
	within []string
}

// Error says where it was read.
func (e *Narrowed) Error() string {
	return fmt.Sprintf("%s was read in %s alone", e.resource, strings.Join(e.within, ", "))
}

// Cost is what is not known without the other namespaces.
func (e *Narrowed) Cost() string {
	return "read in " + strings.Join(e.within, ", ") + " alone: workloads, services and policies of other namespaces are not known"
}

// Within are the namespaces that it was read in.
func (e *Narrowed) Within() []string { return e.within }

// Resource is the kind, with its group.
func (e *Narrowed) Resource() string { return e.resource }

// absent is an object or a kind that is not there.
type absent struct {
	access
	said string
}

func (e *absent) Error() string { return fmt.Sprintf("%s: %s", e.access, e.said) }

// expired is the error of a list that the server does not know any more as it was.
type expired struct {
	error
	next string // the token that goes on with it as it is; "": none
}

// refusal makes the error of an answer that is not OK.
func (c *Cluster) refusal(status int, body []byte, at access) error {
	var s struct {
		Message  string
		Metadata struct{ Continue string }
	}
	if json.Unmarshal(body, &s) != nil || s.Message == "" {
		s.Message = string(body[:min(len(body), 200)])
	}
	s.Message = live.Brief(s.Message)
	switch status {
	case http.StatusForbidden:
		return &Forbidden{access: at, said: s.Message}
	case http.StatusNotFound:
		return &absent{at, s.Message}
	case http.StatusUnauthorized:
		if c.Context == "" { // the account of a pod, whose token is renewed for it
			const text = "%s does not know the account of this pod: is the token that is mounted of this cluster, and is the " +
				"account still there? (%s: 401 %s)"
			return fmt.Errorf(text, c, at, s.Message)
		}
		return fmt.Errorf("%s does not know this user: log in again, as for kubectl (%s: 401 %s)", c, at, s.Message)
	case http.StatusGone:
		return &expired{fmt.Errorf("%s: the list changed too fast to be read in pages, try again (%s)", at, s.Message),
			s.Metadata.Continue}
	case http.StatusTooManyRequests:
		return fmt.Errorf("%s: %s has too much to do, try again later (429 %s)", at, c, s.Message)
	case http.StatusServiceUnavailable:
		return fmt.Errorf("%s: %s cannot serve it, try again, and see kubectl get apiservices (503 %s)", at, c, s.Message)
	}
	return fmt.Errorf("%s: %s answers %d %s", at, c, status, s.Message)
}

// String names the cluster in errors.
func (c *Cluster) String() string {
	if c.Context == "" {
		return "the cluster at " + c.base
	}
	return fmt.Sprintf("the cluster of context %s (%s)", c.Context, c.base)
}

// unreachable says what to do about a server that cannot be talked to.
func (c *Cluster) unreachable(err error) error {
	var of *url.Error
	if errors.As(err, &of) {
		err = of.Err
	}
	for _, cause := range []struct{ text, say string }{
		{"connection refused", "nothing listens there: is the cluster running, and is this its address?"},
		{"no such host", "this name has no address: is the kubeconfig right, and is a VPN needed?"},
		{"certificate signed by unknown authority", "its certificate is of another authority than the kubeconfig says"},
		{"certificate is valid for", "its certificate is for another name: is the kubeconfig of this cluster?"},
		{"server gave HTTP response to HTTPS client", "it does not speak TLS: is the port right?"},
		{"context deadline exceeded", "no answer in time: is a VPN needed, or is a firewall in between?"},
		{"i/o timeout", "no answer in time: is a VPN needed, or is a firewall in between?"},
		{"getting credentials", "the program that logs in to it failed: try kubectl get --raw /version"},
	} {
		if strings.Contains(err.Error(), cause.text) {
			return fmt.Errorf("%s: %s (%w)", c, cause.say, err)
		}
	}
	return fmt.Errorf("%s: %w", c, err)
}

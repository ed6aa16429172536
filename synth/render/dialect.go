package render

import (
	"sluice/synth/policy"
)

// Dialect is a way to write a PolicySet.
type Dialect interface {
	// Name is what --dialect calls it.
	Name() string
	// Project gives the part of a set that the dialect can say, in canonical order, and the rest as losses. What
	// cannot be said is left out whole: it never becomes a rule for every peer or port.
	Project(policy.PolicySet) (policy.PolicySet, []Loss)
	// Render writes one file for each policy that Project leaves, by namespace and name, and says what the dialect
	// cannot say. Equal sets give the same bytes. A name that the API would refuse is an error.
	Render(policy.PolicySet) ([]File, []Loss, error)
	// Kinds are the objects that the dialect reads.
	Kinds() Kinds
	// Stage gives what stands in a namespace while nothing of its policies is enforced yet: policies that are applied
	// as they are, and whether the allow policies themselves are applied beside them. deny is the default deny that
	// enforcing will add; it isolates no direction where nothing may be enforced.
	Stage(namespace string, allow []policy.Policy, deny policy.Policy) (list []policy.Policy, withAllow bool)
}

// Divided is a dialect in which not everything can stand in one rule.
type Divided interface {
	// Class tells apart what needs rules of its own: a rule has peers and ports of one class only.
	Class(policy.Peer, policy.Port) int
}

// Global is a dialect with policies for many namespaces at once.
type Global interface {
	// GlobalDeny isolates the pods of every namespace but those of the system, in the given directions. It selects
	// neither nodes nor anything else without a namespace, and allows and denies nothing itself, so that every other
	// policy counts.
	GlobalDeny(system []string, ingress, egress bool) policy.Policy
}

// File is one policy as YAML.
type File struct {
	Namespace, Name string // Namespace is "" for a cluster-wide policy
	YAML            []byte
}

// ClusterDir is the directory of cluster-wide policies; it can be no namespace's name.
const ClusterDir = "_cluster"

// Dir is the directory that the file goes to below one of policies: its namespace.
func (f File) Dir() string {
	if f.Namespace == "" {
		return ClusterDir
	}
	return f.Namespace
}

// Path is where the file goes below a directory of policies: namespace/name.yaml.
func (f File) Path() string { return f.Dir() + "/" + f.Name + ".yaml" }

// Loss is something that a dialect cannot say.
type Loss struct {
	Policy      string // namespace/name
	Rule        string // rule id, "" for the whole policy
	Lost        string // the part, in words
	Consequence string
	// Wider says that more is allowed without it; otherwise less is.
	Wider bool
}

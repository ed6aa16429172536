package render

import (
	"sluice/model"
	"sluice/synth/policy"
)

// Dialect is a way to write a PolicySet.
type Dialect interface {
	// Name is what --dialect calls it.
	Name() string
	// Project gives the part of a set that the dialect can say, in canonical order, and the rest as losses. What
	// cannot be said is left out whole: it never becomes a rule for every peer or port.
	Project(policy.PolicySet) (policy.PolicySet, []Loss)
	// Says reports whether a rule can be written as it stands, with nothing of it left out.
	Says(policy.Rule) bool
	// Render writes one file for each policy that Project leaves, by namespace and name, and says what the dialect
	// cannot say. Every object carries the labels, each "key=value". Equal sets give the same bytes. A name that the
	// API would refuse is an error.
	Render(set policy.PolicySet, labels ...string) ([]File, []Loss, error)
	// Kinds are the objects that the dialect reads.
	Kinds() Kinds
	// Rollout says how its policies come into force.
	Rollout() Rollout
}

// Rollout says how the policies of a dialect come into force without closing what works meanwhile.
type Rollout struct {
	// Additive says that an allow policy can be written to isolate nothing, and is: the default deny alone isolates.
	// Otherwise every policy isolates what it selects, and something that opens all has to stand there before it.
	Additive bool
	// Floor says that what closes all namespaces stands below the policies of each: it lets pods ask a resolver, and what
	// opens a namespace wins over it.
	Floor bool
	// Staged says that there are kinds which the cluster evaluates and does not enforce.
	Staged bool
	Needs  []Need
	// Resources are those of the kinds that it writes, StagedResources those of the staged kinds.
	Resources, StagedResources []Resource
}

// Resource is a kind of objects as commands name it.
type Resource struct {
	Name        string // as kubectl get takes it: plural.group
	Kind        string // as kubectl apply --prune-allowlist takes it: group/version/kind; "" of a staged one
	Clusterwide bool   // its objects are in no namespace
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

// Logging is a dialect whose rules the data plane can name in its log.
type Logging interface {
	// LogRules is the dialect that asks for it: each rule is told to log its id, and stands in a spec of its own for that.
	LogRules() Dialect
}

// Below is a dialect with a tier below the policies of namespaces: it decides for what none of them isolates.
type Below interface {
	// Floor isolates the pods of every namespace but those of the system, in the given directions, as far as no policy
	// of a namespace does, and lets them ask the resolvers.
	Floor(system []string, resolvers []policy.Peer, ingress, egress bool) policy.Policy
}

// Tiered is a dialect that can write everything into the tier below the policies of namespaces.
type Tiered interface {
	// InBaseline is the dialect that does.
	InBaseline() Dialect
}

// Inward is a dialect that may have no rule which decides what comes in from anything but pods.
type Inward interface {
	// PodsOnly reports whether nothing that it writes denies what comes in from outside and from nodes.
	PodsOnly() bool
}

// Versioned is a dialect whose API some clusters serve in another version only.
type Versioned interface {
	// Versions are those that it can be written in, the default first.
	Versions() []string
	// InVersion is the dialect that writes one of them.
	InVersion(string) Dialect
}

// Meshed is a dialect that has peers in other clusters of a mesh.
type Meshed interface {
	// OfCluster is a peer that selects pods, for those of another cluster.
	OfCluster(p policy.Peer, cluster string) policy.Peer
}

// Asking is a policy that isolates in the direction of a rule, for a dialect that is asked about the rule alone.
func Asking(r policy.Rule) *policy.Policy {
	return &policy.Policy{Name: "check", Namespace: "check", Ingress: r.Direction == model.Ingress,
		Egress: r.Direction == model.Egress, Rules: []policy.Rule{r}}
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

package bundle

import (
	"time"

	"sluice/model"
	"sluice/model/graph"
	"sluice/synth"
	"sluice/synth/verify"
)

// Manifest is what a bundle says of itself: every rule traced to the edges that asked for it. What changes only when a
// rule, an edge or a decision does is bundle.json, which is committed; counts, times and all that tells of one run are
// report.json beside it. Lists are sorted; the fields are additive within v1.
type Manifest struct {
	APIVersion   string       `json:"apiVersion"`
	Kind         string       `json:"kind"`
	Name         string       `json:"name"` // in the label that every object carries
	Dialect      string       `json:"dialect"`
	Cluster      string       `json:"cluster,omitempty"`    // that the policies are for, where the log has several
	LogCluster   string       `json:"logCluster,omitempty"` // what the log calls the one that it has alone
	Options      Options      `json:"options"`
	Beside       *Beside      `json:"beside,omitempty"` // what the cluster has, and the bundle only adds to
	AsOf         string       `json:"asOf,omitempty"`   // the day that ages and decisions are counted to
	Inputs       Inputs       `json:"inputs,omitzero"`
	Stats        Stats        `json:"stats"`
	Namespaces   []Namespace  `json:"namespaces"`
	GlobalDeny   bool         `json:"globalDeny,omitempty"` // there is a default deny for all namespaces, those to come among them
	Subjects     []Subject    `json:"subjects"`
	Rules        []Rule       `json:"rules"`
	Edges        []Edge       `json:"edges"`
	Widenings    []Widening   `json:"widenings"`
	Findings     []Finding    `json:"findings"`
	Verification Verification `json:"verification"`
	// Files are those that people review, with their digests: what differs was changed by hand. Those of volatile
	// content are not among them.
	Files map[string]string `json:"files,omitempty"`

	digest string         // of bundle.json, where it was read
	places *Places        // nil: not read, not computed
	rank   map[string]int // by the places; nil: not computed
	denied []int          // of the edges, in a part of a manifest; nil: not computed
}

// Options are what was asked for.
type Options struct {
	All           bool     `json:"all,omitempty"` // every namespace that is no system namespace
	LearnDenied   bool     `json:"learnDenied"`
	EnforceAnyway bool     `json:"enforceAnyway"`
	Widen         []string `json:"widen,omitempty"`
}

// Inputs are what was learned from. Digest depends on what was seen, not on its order.
type Inputs struct {
	Records     uint64 `json:"records"`
	Edges       int    `json:"edges"`
	Connections int    `json:"connections"`
	First       string `json:"first,omitempty"`
	Last        string `json:"last,omitempty"`
	Digest      string `json:"digest"`
}

// Stats are the sizes of the allow policies.
type Stats struct {
	Policies      int `json:"policies"`
	Rules         int `json:"rules"`
	Peers         int `json:"peers"`
	Ports         int `json:"ports"`
	SelectorTerms int `json:"selectorTerms"`
	Lines         int `json:"lines"` // of YAML
	// Matrices counts subjects and directions with rules, Proven those that cannot do with fewer; of them those whose
	// matrix is at least 3 by 3.
	Matrices    int `json:"matrices"`
	Proven      int `json:"proven"`
	Large       int `json:"largeMatrices"`
	LargeProven int `json:"largeProven"`
}

// Namespace says what of a namespace can be enforced.
type Namespace struct {
	Name      string     `json:"name"`
	Ingress   bool       `json:"ingress"`
	Egress    bool       `json:"egress"`
	Obstacles []Obstacle `json:"obstacles"`
	// IngressStatus and EgressStatus say why: proven, already-isolated, held, partial, forced, edited, not-watched,
	// blocked or lost.
	IngressStatus string `json:"ingressStatus"`
	EgressStatus  string `json:"egressStatus"`
	// WatchedFrom and WatchedTo are the first and last record of its pods, NewEdge when the latest of its edges was
	// seen for the first time.
	WatchedFrom string `json:"watchedFrom,omitempty"`
	WatchedTo   string `json:"watchedTo,omitempty"`
	NewEdge     string `json:"newEdge,omitempty"`
	// IsolatedToday says that policies deny in it already: nothing opens it, not even for a while.
	IsolatedToday bool `json:"isolatedToday,omitempty"`
	// Open are the ids of the rules that keep the other directions open, where something isolates pods in them.
	Open []string `json:"open,omitempty"`
}

// denied are the directions that are denied by default, with the name.
func (n *Namespace) denied() (list []string) {
	if n.Ingress {
		list = append(list, n.Name+" "+model.Ingress.String())
	}
	if n.Egress {
		list = append(list, n.Name+" "+model.Egress.String())
	}
	return list
}

// Isolated are the directions that the enforced form isolates whole.
func (n *Namespace) Isolated() []verify.Side {
	var out []verify.Side
	if n.Ingress && n.IngressStatus != synth.Partial.String() {
		out = append(out, verify.Side{Namespace: n.Name, Direction: model.Ingress})
	}
	if n.Egress && n.EgressStatus != synth.Partial.String() {
		out = append(out, verify.Side{Namespace: n.Name, Direction: model.Egress})
	}
	return out
}

// Obstacle keeps a direction from being enforced.
type Obstacle struct {
	Direction string `json:"direction"`
	Text      string `json:"text"`
}

// Subject is a workload that policies were learned for.
type Subject struct {
	Workload string            `json:"workload"`
	Selector map[string]string `json:"selector"`
	Merged   []string          `json:"merged,omitempty"` // owners that no stable label tells apart
	Rules    []string          `json:"rules"`
	Ingress  *Proof            `json:"ingress,omitempty"`
	Egress   *Proof            `json:"egress,omitempty"`
}

// Proof says how few the rules of a subject and direction are, those for DNS aside.
type Proof struct {
	Rules      int  `json:"rules"`
	LowerBound int  `json:"lowerBound"` // proven
	Proven     bool `json:"proven"`     // no fewer rules allow exactly what is needed
	Peers      int  `json:"peers"`      // of the matrix, peers with the same ports counted once
	Ports      int  `json:"ports"`      // of the matrix, ports of the same peers counted once
}

// Rule is a rule of the allow policies. Its id can be computed from the YAML.
type Rule struct {
	ID        string `json:"id"`
	Policy    string `json:"policy"`
	Direction string `json:"direction"`
	Text      string `json:"text"`
	Edges     []int  `json:"edges"`         // indices into Manifest.Edges: each stands for one edge or more
	New       bool   `json:"new,omitempty"` // the last change of the bundle brought it
}

// Edge is an edge with an end in one of the namespaces, and its evidence; or many that differ in their port or their
// outside address only, with the evidence of all.
type Edge struct {
	Source        string `json:"source"`
	Destination   string `json:"destination"`
	Port          string `json:"port"`
	Edges         int    `json:"edges,omitempty"` // how many they are, where it is more than one
	State         string `json:"state"`
	Grade         string `json:"grade,omitempty"` // how sure the evidence is, of one that was not denied or refused
	Doubt         string `json:"doubt,omitempty"` // why the grade is unknown
	Reason        string `json:"reason,omitempty"`
	Inexpressible bool   `json:"inexpressible,omitempty"`
	Accepted      bool   `json:"accepted,omitempty"` // denied or never answered, and allowed on purpose
	Decided       string `json:"decided,omitempty"`  // what people decided: reject or ignore
	*Seen
	Names []string `json:"names,omitempty"`
}

// Seen is how much was seen of an edge. It is empty where the report of the run is not at hand.
type Seen struct {
	Records        uint64   `json:"records"`
	DeniedRecords  uint64   `json:"deniedRecords,omitempty"`
	Connections    uint64   `json:"connections,omitempty"` // 0: the log does not show openings
	Hours          int      `json:"hours"`                 // in how many it was seen
	First          string   `json:"first"`
	Last           string   `json:"last"`
	Observers      []string `json:"observers"` // which records show it, the most telling first
	SourcePod      string   `json:"sourcePod,omitempty"`
	DestinationPod string   `json:"destinationPod,omitempty"`
}

// Worked reports whether the edge was seen to work.
func (e *Edge) Worked() bool {
	return e.State == graph.Allowed.String() || e.State == graph.Mixed.String()
}

// Widening is what was opened beside what was seen.
type Widening struct {
	Kind  string   `json:"kind"`
	Text  string   `json:"text"`
	Price int      `json:"price"` // connections never seen; the largest number where they are more
	Pairs []string `json:"pairs"`
	Opens []Opened `json:"opens,omitempty"` // the pairs, in the same order
	Rules []string `json:"rules,omitempty"` // that allow it, where it has no end of pairs
}

// Opened is a range of ports between two peers that is allowed without having been seen.
type Opened struct {
	Source      string `json:"source"`
	Destination string `json:"destination"`
	Protocol    string `json:"protocol"`
	First       uint16 `json:"first"`
	Last        uint16 `json:"last"`
}

// Finding is something a reviewer should know.
type Finding struct {
	Kind        string `json:"kind"`
	Severity    string `json:"severity"`
	Namespace   string `json:"namespace,omitempty"`
	Direction   string `json:"direction,omitempty"`
	Edge        *int   `json:"edge,omitempty"`
	Text        string `json:"text"`
	Detail      string `json:"detail,omitempty"` // how often and how long, which the next record may change
	Consequence string `json:"consequence"`
}

// Whole is the text with its detail.
func (f *Finding) Whole() string {
	if f.Detail == "" {
		return f.Text
	}
	return f.Text + " (" + f.Detail + ")"
}

// Verification is the replay of all flows through the enforced form.
type Verification struct {
	Semantics string `json:"semantics"`
	*Replayed
}

// Replayed is what the replay came to. It is empty where the report of the run is not at hand.
type Replayed struct {
	Connections    map[string]uint64 `json:"connections"`
	Records        map[string]uint64 `json:"records"`
	OverPermission int               `json:"overPermission"`
	Universe       int               `json:"universe"`
	UnusedRules    []string          `json:"unusedRules"`
}

// day is the UTC day of a time, "" for none.
func day(t model.Micros) string {
	if t == 0 {
		return ""
	}
	return time.UnixMicro(t).UTC().Format(time.DateOnly)
}

package bundle

import (
	"cmp"

	"sluice/model/graph"
	"sluice/synth"
	"sluice/synth/eval"
	"sluice/synth/policy"
	"sluice/synth/render"
	"sluice/synth/verify"
)

// Input is what a bundle is made of.
type Input struct {
	Graph     *graph.Graph
	Config    synth.Config
	Result    *synth.Result    // its policies are gone once they are written
	Semantics eval.Semantics   // that the policies are verified under
	Kinds     []render.Kinds   // objects of people's own policies that are read beside the dialect's
	Partial   []string         // what could not be read whole, and was learned from all the same
	Force     bool             // write over what people changed, and beside what is not of a former bundle
	Name      string           // that every object carries as a label; "" is DefaultName
	Cluster   policy.PolicySet // what is known to be in the cluster already
	// LogCluster is what the log calls the one cluster that it has; "": nothing, or it has several.
	LogCluster string
	Decided    []string // the policies that the log shows deciding there, as model.PolicyNames has them
	InForce    *InForce // what the policies only add to; nil: they stand for themselves
	GitOps     GitOps
	Base       *Former       // the bundle that learning started from; nil: there was none
	disk       disk          // nil: the real one
	inputs     func() Inputs // waits until they are told
	Run        Run           // what was read, for the report
	// Console gives what the command prints of the bundle, for REPORT.md to hold every doubt of it; nil: nothing.
	Console func(*Manifest, *verify.Report) string
	// Sayers names the dialects that can say an edge at both its ends; nil: nobody knows.
	Sayers func(*Edge) []string
	// CommitEvidence says that the evidence is to be committed with the bundle.
	CommitEvidence bool
	// WriteEvidence fills a directory with the observations behind the edges; nil: the bundle has none.
	WriteEvidence func(dir string) error
}

func (in *Input) name() string { return cmp.Or(in.Name, DefaultName) }

// kinds are those of all policies in the bundle.
func (in *Input) kinds() []render.Kinds {
	return append([]render.Kinds{in.Result.Dialect.Kinds()}, in.Kinds...)
}

// on returns the disk that a bundle is written to.
func (in *Input) on() disk {
	if in.disk == nil {
		return realDisk{}
	}
	return in.disk
}

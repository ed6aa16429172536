package bundle

import (
	"sluice/synth/policy"
	"sluice/synth/verify"
)

// Written is a bundle that is in its place. The report is that of the enforced form.
type Written struct {
	verify.Report
	Manifest *Manifest
	Hands    ByHand // what people did in its directory
	// Opened are the directions of namespaces that the former bundle denied by default and this one does not.
	Opened []string
}

// written are the policies of a bundle as they are on disk, and how they are judged.
type written struct {
	place  *place
	files  map[string]string // digests of those that a cluster can apply
	lines  int               // of the allow policies
	hands  *ByHand
	spaces []Namespace
	set    policy.PolicySet // what is enforced, with what people changed and added
	own    verify.Report    // of what was written
	report verify.Report    // with what people changed and added
}

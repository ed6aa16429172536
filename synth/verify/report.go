package verify

import (
	"sluice/model"
	"sluice/synth/eval"
	"sluice/synth/policy"
)

// Report is the judgement.
type Report struct {
	Semantics   eval.Semantics
	AsOf        string // the day that the decisions of a bundle are counted to; "": the set is of none
	Connections Counts
	Records     Counts
	Cases       []Case   // lost and escaped edges, then those that were not refused and stay unproven
	Unused      []Rule   // rules that no connection needs, where something isolates: what is staged is not among them
	Idle        []Idle   // policies that did nothing, where something isolates
	Used        []Used   // how often the data plane used the rules, as it logs; nil: it logs nothing of them
	First, Last int64    // of the records that were replayed: how long the unused were watched for
	Unrecorded  []Rule   // rules beside those that Config.Recorded names, where it is given
	Missing     []string // ids in Config.Recorded that no rule of the set has; sorted
	Gaps        []Gap    // of what Config.Isolated names
	Pending     uint64   // rejected or unproven connections that nothing shows to have worked
	Decided     uint64   // rejected connections that worked: people decided to deny them, or that nothing depends on them
	Refusals    []Refusal
	Lacking     uint64   // unproven connections that a fact about the policies is missing for
	Unenforced  []string // policies of kinds that the plugin does not read, said by who knows of it
	Nameless    []string // policies of Cilium that allow by DNS names which nobody learns, said by who read them
	Unread      int      // policies that could not be read, said by who read them
	Edited      []string // files of a bundle that are not as they were written, said by who read them
	Decisions   int      // of people: those that have ended or name nothing, said by who learned with them
	Open        []Opening
	Probes      Probes
	Over        Over
}

// Refusal says of how many connections there is no verdict since their records were refused for one reason.
type Refusal struct {
	Reason      model.Reason
	Connections uint64
	Example     string // "shop/web -> shop/db 5432/tcp", the first of them
}

// Idle is a policy that no connection needed.
type Idle struct {
	Policy string
	At     policy.Position
	Blind  bool // it selects none of the pods that were seen; otherwise none of its rules was needed
}

// Rule names a rule of the set.
type Rule struct {
	ID, Policy, Text string
	At               policy.Position // of its policy
}

// Used is a rule of which the data plane logs how often it used it.
type Used struct {
	Rule
	model.Use // nothing: none was logged
}

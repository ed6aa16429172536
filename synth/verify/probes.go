package verify

import (
	"cmp"
	"fmt"
	"slices"

	"sluice/synth/eval"
	"sluice/synth/policy"
)

// Probes is what a set makes of the probes of the kubelet that manifests declare. They are needed whether or not the
// log has them: most logs leave out what a node asks its own pods.
type Probes struct {
	Declared int
	Closed   []Probe // those that do not reach their pods
	Unsure   []Probe // those of which a fact is missing
}

// Probe is one that may not reach its pods.
type Probe struct {
	Workload string // "Deployment shop/web"
	Probe    policy.Probe
	Why      string
	Policy   string // that decides, "" for none
	At       policy.Position
}

// probes decides the declared probes of the namespaces in scope.
func (v *verifier) probes() {
	out := &v.report.Probes
	for _, p := range v.ev.Probes() {
		if !v.wide && !v.in[p.Workload.Namespace] {
			continue
		}
		out.Declared++
		half := halfOf(v.ev, p.Part)
		one := Probe{p.Workload.ID(), p.Probe, half.Why, half.Policy, half.At}
		switch p.Part.Outcome {
		case eval.Denied:
			out.Closed = append(out.Closed, one)
		case eval.Unknown:
			out.Unsure = append(out.Unsure, one)
		case eval.Allowed:
		}
	}
	for _, list := range [][]Probe{out.Closed, out.Unsure} {
		slices.SortFunc(list, func(a, b Probe) int {
			return cmp.Or(cmp.Compare(a.Workload, b.Workload), cmp.Compare(a.Probe.String(), b.Probe.String()))
		})
	}
}

// String is "the readiness probe (http 8080/tcp) of Deployment shop/web".
func (p *Probe) String() string { return fmt.Sprintf("the %s of %s", p.Probe, p.Workload) }

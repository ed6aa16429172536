package lint

import "sluice/synth/eval"

// closesProbe looks for what cuts the kubelet's probes of pods that manifests declare.
func (l *linter) closesProbe() {
	for _, p := range l.ev.Probes() {
		if p.Part.Outcome != eval.Denied || p.Part.Policy < 0 {
			continue
		}
		pol := &l.ev.Policies().Policies[p.Part.Policy]
		text := "cuts the " + p.Probe.String() + " of " + p.Workload.ID() + ": the kubelet asks from the host of the pod's node"
		remedy := "leave the host of the node out of what is denied"
		if p.Part.Rule < 0 {
			l.found(pol, []string{"ingress"}, remedy, "%s", text)
			continue
		}
		l.foundRule(pol, p.Part.Rule, remedy, "%s", text)
	}
}

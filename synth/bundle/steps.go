package bundle

import (
	"sluice/synth"
	"sluice/synth/render"
)

// next says how to bring the bundle into a cluster. That differs with what the dialect can stage.
func (p *page) next(m *Manifest) {
	p.head("Next steps")
	p.line("An allow policy isolates the pods it selects at once, so do not apply `%s` alone.\n", allowDir)
	p.line("In this directory:\n")
	switch m.Dialect {
	case "cilium":
		p.ciliumSteps()
	case "calico":
		p.calicoSteps()
	default:
		p.kubernetesSteps()
	}
	if m.GlobalDeny {
		p.line("\nLast, once every namespace is enforced: `kubectl apply -k %s/%s` closes the namespaces to come. Pods of a new namespace then reach nothing,",
			enforceDir, render.ClusterDir)
		p.line("not even the resolver, until policies allow it. Undo: `kubectl delete -k %s/%s`.", enforceDir, render.ClusterDir)
	}
	p.line("\n`sluice explain` tells for each rule id which flows asked for it.")
}

func (p *page) kubernetesSteps() {
	p.line("1. Stage: `kubectl apply -k %s`. The allow policies are in force, and `sluice-open` keeps everything open beside them.", stageDir)
	p.line("   It also opens what policies of your own deny today: leave it out of namespaces that are isolated already (finding `%s`).", synth.KindIsolated)
	p.line("2. Watch, and run `sluice verify` on new flows until nothing is lost.")
	p.line("3. Enforce a namespace: `kubectl apply -k %s/NAMESPACE`, and where both directions are enforced", enforceDir)
	p.line("   `kubectl delete networkpolicy sluice-open -n NAMESPACE`.")
	p.line("4. Undo: `kubectl apply -f %s/NAMESPACE/sluice-open.yaml`.", stageDir)
}

// ciliumSteps need enableDefaultDeny: an older API server drops the field, and the policies would enforce.
func (p *page) ciliumSteps() {
	p.line("1. Check that the cluster knows `enableDefaultDeny` (Cilium 1.16 or later): `kubectl explain ciliumnetworkpolicy.spec.enableDefaultDeny`")
	p.line("   must describe it. An older one drops the field, and staging would enforce.")
	p.line("2. Stage: `kubectl apply -k %s`. The allow policies isolate nothing: every connection still passes.", stageDir)
	p.line("   Pods that policies of your own isolate already are allowed what these say (finding `%s`).", synth.KindIsolated)
	p.line("3. Watch, and run `sluice verify` on new flows until nothing is lost. Meanwhile Cilium learns the addresses of names.")
	p.line("4. Enforce a namespace: `kubectl apply -k %s/NAMESPACE`. The same policies now isolate, and `default-deny` closes the rest.", enforceDir)
	p.line("5. Undo: `kubectl apply -k %s/NAMESPACE`, then `kubectl delete -f %s/NAMESPACE/default-deny.yaml`.", stageDir, enforceDir)
}

// calicoSteps need the staged kinds, which open-source Calico has since 3.30. Staged policies decide nothing, so that
// deleting them first leaves no gap; a named network that stands beside them comes back with the enforced form.
func (p *page) calicoSteps() {
	p.line("1. Check that the cluster knows staged policies (Calico 3.30 or later): `kubectl explain stagednetworkpolicy` must describe them.")
	p.line("2. Stage: `kubectl apply -k %s`. Nothing is denied: Calico writes what these policies would decide into its flows, as pending policies.", stageDir)
	p.line("3. Watch, and run `sluice verify` on new flows until nothing is lost.")
	p.line("4. Enforce a namespace: `kubectl delete -k %s/NAMESPACE`, then `kubectl apply -k %s/NAMESPACE`.", stageDir, enforceDir)
	p.line("5. Undo: `kubectl delete -k %s/NAMESPACE`, then `kubectl apply -k %s/NAMESPACE`.", enforceDir, stageDir)
}

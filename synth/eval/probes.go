package eval

import (
	"sluice/model"
	"sluice/synth/policy"
)

// Probed is a probe of the kubelet, and what its pods' ingress makes of it.
type Probed struct {
	Workload *policy.Workload
	Probe    policy.Probe
	Part     Part
}

// Kubelet is the end that probes come from: the host of the node that the pod runs on.
func Kubelet() Facts { return Facts{Node: true, LabelsUnknown: true, Entities: model.Host} }

// Probes decides the probes of the workloads that the manifests declare. Logs seldom have them, and a pod whose probe
// is cut is never ready or is started again and again.
func (e *Evaluator) Probes() []Probed {
	kubelet := e.End(Kubelet())
	var out []Probed
	for i := range e.set.Manifests.Workloads {
		w := &e.set.Manifests.Workloads[i]
		if len(w.Probes) == 0 {
			continue
		}
		pod := e.End(Facts{IsPod: true, Namespace: w.Namespace, Labels: w.Labels})
		for _, p := range w.Probes {
			out = append(out, Probed{w, p, e.Decide(kubelet, pod, model.TCP, p.Port).Ingress})
		}
	}
	return out
}

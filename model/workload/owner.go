package workload

import (
	"slices"
	"strings"

	"sluice/model"
)

// controllers fills in the owner of every pod of one namespace: what stays when the runs of a CronJob and the
// ReplicaSets of a Deployment come and go.
func controllers(pods []*pod) {
	for _, p := range pods {
		p.owner = configuration(controller(p.Owner, p.Labels), p.Labels)
	}
	byName(pods)
	siblings(pods)
	kinds(pods)
}

// byName gives pods whose records name no owner the one that other records have for pods of their names: Cilium names
// owners of the pods of its own node alone, and nobody else's.
func byName(pods []*pod) {
	if !slices.ContainsFunc(pods, func(p *pod) bool { return p.owner.Name == "" && len(p.samples) > 0 }) {
		return
	}
	n := 0
	for _, p := range pods {
		if p.owner.Name != "" {
			n += len(p.samples)
		}
	}
	owners := make(map[string]model.Owner, n) // by the pod's name; the zero value where it is of several
	for _, p := range pods {
		for _, name := range p.samples {
			if o, ok := owners[name]; ok && o != p.owner && p.owner.Name != "" {
				owners[name] = model.Owner{}
			} else if p.owner.Name != "" {
				owners[name] = p.owner
			}
		}
	}
	for _, p := range pods {
		if p.owner.Name != "" || len(p.samples) == 0 {
			continue
		}
		owner := owners[p.samples[0]]
		if !slices.ContainsFunc(p.samples, func(name string) bool { return owners[name] != owner }) {
			p.owner = owner
		}
	}
}

// controller strips what a controller appends to the name of what it creates.
func controller(o model.Owner, l model.Labels) model.Owner {
	name, generated := strings.CutSuffix(o.Name, "-*") // Calico's aggregated pod name is a generateName
	if name == "" || o.Kind == "Pod" {
		return model.Owner{}
	}
	o.Name = name
	for _, of := range [...]struct{ key, kind string }{
		{"pod-template-hash", "Deployment"}, {"rollouts-pod-template-hash", "Rollout"},
	} {
		hash, _ := l.Get(of.key)
		if stem, ok := strings.CutSuffix(name, "-"+hash); ok && hash != "" && stem != "" {
			return model.Owner{Kind: of.kind, Name: stem}
		}
	}
	stem, last := cutLast(name)
	switch {
	case stem == "":
	case o.Kind == "ReplicaSet" && isTemplateHash(last):
		return model.Owner{Kind: "Deployment", Name: stem}
	case o.Kind == "Job" && isDigits(last) && len(last) >= 8: // the minute or second the CronJob was due
		return model.Owner{Kind: "CronJob", Name: stem}
	case runs[o.Kind] && isRunID(last):
		return model.Owner{Kind: o.Kind, Name: stem}
	case (o.Kind == "" || generated) && isTemplateHash(last) && hasDigit(last):
		return model.Owner{Kind: o.Kind, Name: stem}
	}
	return o
}

// configuration gives what was made for one revision the owner of all revisions: Knative's Deployment, and the
// ReplicationController of OpenShift's DeploymentConfig.
func configuration(o model.Owner, l model.Labels) model.Owner {
	if o.Name == "" {
		return o
	}
	if config := deploymentConfig(l); config != "" && ofDeploymentConfig(config, o.Name) {
		return model.Owner{Kind: "DeploymentConfig", Name: config}
	}
	revision, _ := l.Get(knativeRevision)
	name, _ := l.Get("serving.knative.dev/configuration")
	if revision != "" && name != "" && o.Name == revision+"-deployment" {
		return model.Owner{Kind: "Configuration", Name: name}
	}
	return o
}

// deploymentConfigLabel names the DeploymentConfig of OpenShift that made a pod.
const deploymentConfigLabel = "deploymentconfig"

// deploymentConfig is the DeploymentConfig of OpenShift that made a pod, "" for none.
func deploymentConfig(pod model.Labels) string {
	name, _ := pod.Get(deploymentConfigLabel)
	return name
}

// ofDeploymentConfig reports whether a name is that of a rollout of a DeploymentConfig: its own and a number.
func ofDeploymentConfig(config, name string) bool {
	stem, last := cutLast(name)
	return stem == config && isDigits(last)
}

// runs are the kinds whose objects are runs: of Argo, Tekton, Spark and Ray, beside Kubernetes' own.
var runs = map[string]bool{"Job": true, "Workflow": true, "PipelineRun": true, "TaskRun": true, "SparkApplication": true,
	"RayJob": true}

// siblings unites runs of one kind whose names differ in a run number only: one such run tells nothing, two do.
func siblings(pods []*pod) {
	names := map[model.Owner]map[string]bool{} // by kind and stem
	stemOf := func(p *pod) model.Owner {
		stem, last := cutLast(p.owner.Name)
		if !runs[p.owner.Kind] || !isDigits(last) && !isPodSuffix(last) {
			return model.Owner{}
		}
		return model.Owner{Kind: p.owner.Kind, Name: stem}
	}
	for _, p := range pods {
		if s := stemOf(p); s.Name != "" {
			if names[s] == nil {
				names[s] = map[string]bool{}
			}
			names[s][p.owner.Name] = true
		}
	}
	for _, p := range pods {
		if s := stemOf(p); len(names[s]) > 1 {
			p.owner.Name = s.Name
		}
	}
}

// kinds returns an owner without kind (Calico names none) the kind that another record has for the name, and calls the
// Jobs of a known CronJob by its kind.
func kinds(pods []*pod) {
	if !slices.ContainsFunc(pods, func(p *pod) bool {
		return p.owner.Name != "" && (p.owner.Kind == "" || p.owner.Kind == "Job")
	}) {
		return
	}
	known := map[string]map[string]bool{}
	for _, p := range pods {
		if p.owner.Kind != "" {
			if known[p.owner.Name] == nil {
				known[p.owner.Name] = map[string]bool{}
			}
			known[p.owner.Name][p.owner.Kind] = true
		}
	}
	for _, p := range pods {
		k := known[p.owner.Name]
		if p.owner.Name != "" && p.owner.Kind == "" && len(k) == 1 {
			for kind := range k {
				p.owner.Kind = kind
			}
		}
		if p.owner.Kind == "Job" && k["CronJob"] {
			p.owner.Kind = "CronJob"
		}
	}
}

// stems returns the names that the owner of a pod can have, the longest first: Deployment pods carry two random parts,
// those of a DaemonSet or Job one, those of a StatefulSet a number.
func stems(podName string) []string {
	stem, last := cutLast(podName)
	if stem == "" || !isPodSuffix(last) && !isDigits(last) {
		return nil
	}
	out := []string{stem}
	if shorter, mid := cutLast(stem); shorter != "" && isPodSuffix(last) && (isTemplateHash(mid) || isRunID(mid)) {
		out = append(out, shorter)
	}
	return out
}

// ownerName is the likeliest of stems, or the pod's own name.
func ownerName(podName string) string {
	if s := stems(podName); len(s) > 0 {
		return s[len(s)-1]
	}
	return podName
}

func cutLast(name string) (stem, last string) {
	i := strings.LastIndexByte(name, '-')
	if i < 0 {
		return "", name
	}
	return name[:i], name[i+1:]
}

package calico

import (
	"strings"

	"sluice/model"
)

// The labels that controllers put on the pods they make.
const (
	jobLabel         = "batch.kubernetes.io/job-name"
	oldJobLabel      = "job-name"
	statefulPodLabel = "statefulset.kubernetes.io/pod-name"
)

// owner finds the workload of a pod from the name its replicas share and its controllers' labels; none for a bare
// pod, and where nothing tells.
func owner(name string, l *labels) model.Owner {
	job, ok := l.kept.Get(jobLabel)
	if !ok {
		job, ok = l.kept.Get(oldJobLabel)
	}
	if ok && job != "" {
		return jobOwner(job)
	}
	if base, ok := cutRevision(name, l.rolloutHash); ok {
		return model.Owner{Kind: "Rollout", Name: base}
	}
	if base, ok := cutRevision(name, l.templateHash); ok {
		return model.Owner{Kind: "Deployment", Name: base}
	}
	base, replicas := strings.CutSuffix(name, "-*")
	if !replicas || base == "" {
		return model.Owner{}
	}
	if l.revisionHash != "" {
		return revisionOwner(base, l)
	}
	if i := strings.LastIndexByte(base, '-'); i > 0 && replicaSetHash(base[i+1:]) {
		return model.Owner{Kind: "Deployment", Name: base[:i]}
	}
	return model.Owner{}
}

// jobOwner is the Job, or the CronJob that made it: its Jobs end in the minute they were due, as a number.
func jobOwner(job string) model.Owner {
	if i := strings.LastIndexByte(job, '-'); i > 0 && len(job)-i-1 >= 8 && strings.Trim(job[i+1:], "0123456789") == "" {
		return model.Owner{Kind: "CronJob", Name: job[:i]}
	}
	return model.Owner{Kind: "Job", Name: job}
}

// cutRevision returns what stands before "-<hash>-" in a pod's name.
func cutRevision(name, hash string) (string, bool) {
	if hash == "" {
		return "", false
	}
	i := strings.LastIndex(name, "-"+hash+"-")
	if i <= 0 {
		return "", false
	}
	return name[:i], true
}

// revisionOwner tells the two controllers of revisions apart. A StatefulSet puts its name before the hash; the
// label with the pod's name is lost where the log intersects the labels of several pods.
func revisionOwner(base string, l *labels) model.Owner {
	_, ok := l.kept.Get(statefulPodLabel)
	if ok || strings.HasPrefix(l.revisionHash, base+"-") {
		return model.Owner{Kind: "StatefulSet", Name: base}
	}
	return model.Owner{Kind: "DaemonSet", Name: base}
}

// replicaSetHash reports whether s looks like the hash of a ReplicaSet: Kubernetes' safe alphabet has no vowels and
// none of 0, 1 and 3, so that words do not come out.
func replicaSetHash(s string) bool {
	return len(s) >= 8 && len(s) <= 10 && strings.Trim(s, "bcdfghjklmnpqrstvwxz2456789") == ""
}

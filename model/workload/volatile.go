package workload

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"sluice/model"
)

// Why says why a label is not in a selector.
type Why string

// The reasons to leave a label out.
const (
	Builtin    Why = "built-in volatile"
	Configured Why = "volatile by configuration"
	NotOfPod   Why = "not a label of the pod itself"
	Varies     Why = "differs between replicas"
	Enumerates Why = "differs between pods that are otherwise alike"
	Random     Why = "looks like a hash or run id"
	Version    Why = "looks like a version"
	NotOnAll   Why = "not on every pod"
	NotNeeded  Why = "not needed"
)

// notOfPod are labels that the CNI adds to an identity: no Kubernetes selector sees them.
var notOfPod = []string{"io.cilium.*", "io.kubernetes.pod.namespace", "projectcalico.org/namespace",
	"projectcalico.org/orchestrator", "projectcalico.org/serviceaccount", "pcns.*", "pcsa.*"}

// ofRollout are keys to which a controller gives a value of one rollout or run: Deployment, Argo's Rollout, StatefulSet
// and DaemonSet, Job, Knative, Tekton and Argo Workflows.
var ofRollout = []string{
	"pod-template-hash", "rollouts-pod-template-hash", "controller-revision-hash", "pod-template-generation",
	"controller-uid", "job-name", "batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-name",
	"serving.knative.dev/revisionUID", "tekton.dev/pipelineRun", "tekton.dev/taskRun", "tekton.dev/pipelineRunUID",
	"tekton.dev/taskRunUID", "workflows.argoproj.io/workflow",
}

// knativeRevision is the name of the revision that a pod of Knative serves. Where the author of a service gave it no
// label app, Knative gives its pods this name in it.
const knativeRevision = "serving.knative.dev/revision"

// OfRollout reports whether the values of a label last for one rollout or run.
func OfRollout(key string) bool { return matches(ofRollout, key) }

// builtin are keys whose values change with rollouts, runs, replicas or nodes. A key that begins with "*/" stands for
// every prefix and none.
var builtin = slices.Concat(ofRollout, []string{
	"statefulset.kubernetes.io/pod-name", "apps.kubernetes.io/pod-index", "batch.kubernetes.io/*",
	"app.kubernetes.io/version", "*/version", "*/chart", "*/revision", "*/config-hash",
	"*/config-checksum", "*/checksum", "*/build", "*/build-id", "*/commit", "*/git-commit", "*/git-sha", "*/sha",
	"*/image-tag", "*/digest", "*/label-digest", "*/canonical-revision", "*/run-id", "*/timestamp",
	"istio.io/rev", "topology.kubernetes.io/*", "failure-domain.beta.kubernetes.io/*",
	"serving.knative.dev/configurationGeneration", "workflows.argoproj.io/completed", "*/pod-name", "*/pod-index",
}, ofRun, ofInstance)

// ofRun are keys that schedulers of work give each run, task or member of one: Airflow, Spark, the runner of GitLab,
// cert-manager's solver of challenges, Kubeflow, JobSet, LeaderWorkerSet; JupyterHub each user, KubeVirt and
// Longhorn each node.
var ofRun = []string{
	"run_id", "try_number", "map_index", "airflow-worker", "airflow_version",
	"spark-app-selector", "spark-exec-id", "spark-exec-resourceprofile-id", "sparkoperator.k8s.io/submission-id",
	"job.runner.gitlab.com/id", "job.runner.gitlab.com/pod", "manager.runner.gitlab.com/name",
	"acme.cert-manager.io/http-domain", "acme.cert-manager.io/http-token",
	"hub.jupyter.org/username", "hub.jupyter.org/servername", "kubevirt.io/nodeName",
	"longhorn.io/node", "longhorn.io/instance-manager-image",
	"*/replica-index", "*/job-index", "*/job-key", "*/restart-attempt", "*/worker-index", "*/group-index", "*/group-key",
}

// ofInstance are keys that tell the members of one database apart, or say which of them leads today: CloudNativePG,
// the operators of Crunchy, Zalando, Oracle's MySQL and KubeBlocks, the one of Redis Failover, Vault.
var ofInstance = []string{
	"cnpg.io/instanceName", "cnpg.io/instanceRole", "k8s.enterprisedb.io/instanceName",
	"k8s.enterprisedb.io/instanceRole", "postgres-operator.crunchydata.com/instance",
	"postgres-operator.crunchydata.com/role", "spilo-role", "mysql.oracle.com/cluster-role", "kubeblocks.io/role",
	"redisfailovers-role", "vault-active", "vault-initialized", "vault-perf-standby", "vault-sealed", "vault-version",
}

// matches reports whether key is one of patterns: exact, "prefix*", or "*/name" for a name under any prefix or none.
func matches(patterns []string, key string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		if name, ok := strings.CutPrefix(p, "*/"); ok {
			return key == name || strings.HasSuffix(key, "/"+name)
		}
		if prefix, ok := strings.CutSuffix(p, "*"); ok {
			return strings.HasPrefix(key, prefix)
		}
		return key == p
	})
}

// spread is the number of values, alike but for the number they end in, from which a key of otherwise equal pods is
// taken for an id. Fewer can be a choice that someone made (zone1, zone2), and a selector that uses it stays exact;
// words are names (io.kompose.service), however many.
const spread = 5

// judge decides which labels are volatile. It learns before it is asked and does not change afterwards.
type judge struct {
	cfg    Config
	keys   map[string]keyed   // of every label of every pod
	labels map[string]verdict // every label by itself, but those of keys that need no look at it
	random map[string]bool    // keys most of whose values look random, anywhere
}

// keyed is what a key says of its labels.
type keyed struct {
	why  Why  // they are volatile, whatever their values are
	kept bool // somebody said that they can be relied on
	all  bool // they are volatile, and nothing is learned of them
}

// verdict is what a label says by itself.
type verdict struct {
	why    Why  // volatile wherever it stands
	random bool // its value looks random
	final  bool // what was learned of its key does not count
}

// learn looks at all label values. Keys that name applications are not learned from: where one differs between the
// pods of one owner it is useless for that owner alone (a database's role), and elsewhere still the best there is.
func learn(spaces []*space, cfg Config) *judge {
	j := &judge{cfg: cfg, keys: map[string]keyed{}, labels: map[string]verdict{}, random: map[string]bool{}}
	for _, sp := range spaces {
		j.cores(sp.pods)
	}
	j.learnRandom(spaces)
	model.Each(len(spaces), func(i int) {
		if sp := spaces[i]; sp.namespace != "" {
			sp.learned = map[string]Why{}
			j.learnReplicas(sp)
			j.learnIDs(sp)
		}
	})
	return j
}

// cores looks at the labels of pods, and leaves of each those that something is learned of. Pods of one template mostly
// have the same, one in memory, whatever rollouts and runs there were.
func (j *judge) cores(pods []*pod) {
	var last, core, room model.Labels // of the pod before
	var all []bool                    // of each of its labels
	for _, p := range pods {
		room = room[:0]
		for i, kv := range p.Labels {
			if i == len(all) {
				all = append(all, false)
			}
			if i >= len(last) || last[i] != kv {
				all[i] = j.look(kv)
			}
			if !all[i] {
				room = append(room, kv)
			}
		}
		if !slices.Equal(core, room) {
			core = slices.Clone(room)
		}
		p.core, last = core, p.Labels
	}
}

// learnRandom finds keys most of whose values look random. Applications are counted and not values, of which anybody
// can invent any number.
func (j *judge) learnRandom(spaces []*space) {
	of := make([]map[string]count, len(spaces))
	model.Each(len(spaces), func(i int) { of[i] = j.randomIn(spaces[i]) })
	apps := map[string]count{} // by key
	for _, some := range of {
		for k, v := range some {
			n := apps[k]
			apps[k] = count{n.all + v.all, n.random + v.random}
		}
	}
	for k, n := range apps {
		j.random[k] = rank(k) == lastRank && 2*n.random > n.all
	}
}

// count is how many there are, and how many of them look random.
type count struct{ all, random int }

// randomIn counts for each key the applications of a namespace that have it, and those most of whose values look
// random.
func (j *judge) randomIn(sp *space) map[string]count {
	type labels struct {
		all  []string
		last model.Labels // of the pod before
	}
	by := map[string]*labels{} // by application
	var app *labels
	for i, p := range sp.pods {
		if i > 0 && p.owner == sp.pods[i-1].owner && same(p.core, sp.pods[i-1].core) {
			continue
		}
		if i == 0 || p.owner.Name == "" || p.owner != sp.pods[i-1].owner {
			name := p.owner.Kind + "/" + p.owner.Name
			if p.owner.Name == "" {
				name = labelName(p.core)
			}
			if app = by[name]; app == nil {
				app = &labels{all: make([]string, 0, len(p.core))}
				by[name] = app
			}
		}
		app.all, app.last = beyond(app.all, p.core, app.last), p.core
	}
	apps, values := map[string]count{}, map[string]count{} // by key
	for _, app := range by {
		slices.Sort(app.all)
		clear(values)
		for _, kv := range slices.Compact(app.all) {
			k := key(kv)
			n := values[k]
			if n.all++; j.labels[kv].random {
				n.random++
			}
			values[k] = n
		}
		for k, v := range values {
			n := apps[k]
			if n.all++; 2*v.random > v.all {
				n.random++
			}
			apps[k] = n
		}
	}
	return apps
}

// learnReplicas finds keys that have different values on the pods of one owner. Where the values follow each other they
// come of rollouts, and no selector of the namespace may rely on the key. Pods that differ side by side prove less: the
// key stays where it alone tells other owners apart, or anybody could make those one by inventing values.
func (j *judge) learnReplicas(sp *space) {
	owners := map[model.Owner][]*pod{}
	for _, p := range sp.pods {
		if p.owner.Name != "" {
			owners[p.owner] = append(owners[p.owner], p)
		}
	}
	differs := map[string]bool{} // by key
	for _, pods := range owners {
		if len(pods) == 1 {
			continue
		}
		for k, list := range j.valuesOf(pods, shared(pods)) {
			if len(list) == 1 {
				continue
			}
			differs[k] = true
			slices.SortFunc(list, func(a, b *variant) int { return cmp.Compare(a.first, b.first) })
			for i, v := range list[1:] {
				if follows(list[i], v) {
					sp.learned[k] = Varies
				}
			}
		}
	}
	if len(differs) == 0 {
		return
	}
	var mains []map[string]string
	for _, pods := range owners {
		main := map[string]string{}
		for k, list := range j.valuesOf(pods, nil) {
			main[k] = list[0].value()
		}
		mains = append(mains, main)
	}
	needed := neededOf(mains, differs)
	for k := range differs {
		if !needed[k] {
			sp.learned[k] = Varies
		}
	}
}

// valuesOf returns the pods of one owner by the values of their keys, the value of most pods first, the labels in but
// left out. Keys that name applications are not among them where they differ.
func (j *judge) valuesOf(pods []*pod, but model.Labels) map[string][]*variant {
	byLabel := map[string][]*pod{}
	var labels []string
	for len(pods) > 0 {
		n := alike(pods)
		of := revisionsOf(pods[0].core)
		labels = beyond(labels[:0], pods[0].core, but)
		for _, kv := range labels {
			if v := j.labels[kv]; v.why == "" && !j.ofRevision(of, kv) {
				byLabel[kv] = append(byLabel[kv], pods[:n]...)
			}
		}
		pods = pods[n:]
	}
	out := map[string][]*variant{}
	for kv, list := range byLabel {
		v := newVariant(model.Labels{kv}, list)
		out[key(kv)] = append(out[key(kv)], v)
	}
	for k, list := range out {
		slices.SortFunc(list, compareVariants)
		if rank(k) < lastRank {
			out[k] = list[:1]
		}
	}
	return out
}

// alike returns how many of the pods, from the first one on, have the same core.
func alike(pods []*pod) int {
	n := 1
	for n < len(pods) && same(pods[n].core, pods[0].core) {
		n++
	}
	return n
}

// neededOf returns the keys, of those in which pods of one owner differ, that alone tell two owners apart.
func neededOf(owners []map[string]string, differs map[string]bool) map[string]bool {
	needed := map[string]bool{}
	first := map[string]map[string]string{} // by what else their pods have
	for _, main := range owners {
		var rest []string
		for k, v := range main {
			if !differs[k] {
				rest = append(rest, label(k, v))
			}
		}
		slices.Sort(rest)
		r := strings.Join(rest, "\x00")
		f, ok := first[r]
		if !ok {
			first[r] = main
			continue
		}
		for k := range differs {
			if f[k] != main[k] {
				needed[k] = true
			}
		}
	}
	return needed
}

// learnIDs finds keys that alone tell many pods without owner apart, by numbers at the end of one text. Keys on pods
// with an owner are left to learnReplicas, which knows better.
func (j *judge) learnIDs(sp *space) {
	if !slices.ContainsFunc(sp.pods, func(p *pod) bool { return p.owner.Name == "" }) {
		return
	}
	owned := map[string]bool{}
	for i, p := range sp.pods {
		if p.owner.Name == "" || i > 0 && sp.pods[i-1].owner.Name != "" && same(p.core, sp.pods[i-1].core) {
			continue
		}
		for _, kv := range p.core {
			owned[key(kv)] = true
		}
	}
	values := map[string]map[string]map[string]bool{} // key -> the other labels -> values
	stems := map[string]map[string]map[string]bool{}  // their texts without the numbers
	s := sieve{judge: j, space: sp}
	for i, p := range sp.pods {
		if p.owner.Name != "" || i > 0 && sp.pods[i-1].owner.Name == "" && same(p.core, sp.pods[i-1].core) {
			continue
		}
		st := s.stable(p.core)
		for i, kv := range st {
			k, v, _ := strings.Cut(kv, "=")
			if owned[k] || rank(k) < lastRank || len(st) == 1 {
				continue
			}
			rest := strings.Join(slices.Delete(slices.Clone(st), i, i+1), "\x00")
			if values[k] == nil {
				values[k], stems[k] = map[string]map[string]bool{}, map[string]map[string]bool{}
			}
			if values[k][rest] == nil {
				values[k][rest], stems[k][rest] = map[string]bool{}, map[string]bool{}
			}
			values[k][rest][v] = true
			stems[k][rest][strings.TrimRight(v, "0123456789")] = true
		}
	}
	for k, rests := range values {
		for rest, vs := range rests {
			if len(vs) >= spread && len(stems[k][rest]) == 1 {
				sp.learned[k] = Enumerates
			}
		}
	}
}

// look notes what a label says by itself, unless its key says all of it, which it reports.
func (j *judge) look(kv string) (all bool) {
	key, value, _ := strings.Cut(kv, "=")
	k, ok := j.keys[key]
	if !ok {
		k = j.lookAtKey(key)
		j.keys[key] = k
	}
	if k.all {
		return true
	}
	if _, ok := j.labels[kv]; ok {
		return false
	}
	v := verdict{why: k.why, random: looksRandom(value), final: true}
	switch {
	case k.why != "" || k.kept:
	case rank(key) < lastRank:
		if surelyRandom(value) {
			v.why = Random
		}
	case v.random:
		v.why = Random
	default:
		v.final = false
		if looksVersion(value) {
			v.why = Version
		}
	}
	j.labels[kv] = v
	return false
}

func (j *judge) lookAtKey(key string) (k keyed) {
	switch {
	case matches(notOfPod, key):
		k.why = NotOfPod
	case matches(j.cfg.KeepVolatile, key):
		k.kept = true
	case matches(j.cfg.AddVolatile, key):
		k.why = Configured
	case matches(builtin, key):
		k.why = Builtin
	}
	k.all = k.why != "" && !telling(key)
	return k
}

// telling reports whether a key says what a pod is of, even where no selector may have it: its name, or a revision.
func telling(key string) bool {
	return rank(key) < lastRank || key == knativeRevision || key == deploymentConfigLabel
}

// volatile says why a label cannot be relied on, "" if it can.
func (j *judge) volatile(sp *space, kv string) Why {
	k := key(kv)
	if of := j.keys[k]; of.all {
		return of.why
	}
	v := j.labels[kv]
	if v.final {
		return v.why
	}
	switch {
	case j.random[k]:
		return Random
	case v.why != "":
		return v.why
	}
	return sp.learned[k]
}

// sieve leaves of the labels of a space's pods those that can be relied on. Pods that follow each other have most of
// them in common: only the others are looked up, and sets that are equal are one in memory.
type sieve struct {
	judge *judge
	space *space
	last  model.Labels // of the pod before
	loose []bool       // of each of them, whether it cannot be relied on wherever it stands
	left  model.Labels // what was left of them
	room  model.Labels
}

// stable returns the labels that can be relied on.
func (s *sieve) stable(l model.Labels) model.Labels {
	if len(l) > 0 && same(l, s.last) {
		return s.result()
	}
	out, of := s.room[:0], revisionsOf(l)
	for i, kv := range l {
		if i == len(s.loose) {
			s.loose = append(s.loose, false)
		}
		if i >= len(s.last) || s.last[i] != kv {
			s.loose[i] = s.judge.volatile(s.space, kv) != ""
		}
		if !s.loose[i] && !s.judge.ofRevision(of, kv) {
			out = append(out, strings.TrimSuffix(kv, "="))
		}
	}
	s.last, s.room = l, out
	if !slices.Equal(out, s.left) {
		s.left = slices.Clone(out)
	}
	return s.result()
}

// result is what was left of the labels of the pod before.
func (s *sieve) result() model.Labels {
	if len(s.left) == 0 {
		return nil
	}
	return s.left
}

// same reports whether two lists of labels are one in memory.
func same(a, b model.Labels) bool { return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0]) }

// revisions are what the labels of a pod say that it is a revision of.
type revisions struct {
	knative string // the name of the revision
	config  string // OpenShift's DeploymentConfig
}

func revisionsOf(pod model.Labels) (r revisions) {
	r.knative, _ = pod.Get(knativeRevision)
	r.config = deploymentConfig(pod)
	return r
}

// ofRevision reports whether a label of a pod has the name of its revision: of Knative, or of an OpenShift's
// DeploymentConfig, in the label deployment.
func (j *judge) ofRevision(r revisions, kv string) bool {
	if r == (revisions{}) {
		return false
	}
	k, value, _ := strings.Cut(kv, "=")
	return (r.knative != "" && value == r.knative || k == "deployment" && r.config != "" && ofDeploymentConfig(r.config, value)) &&
		!matches(j.cfg.KeepVolatile, k)
}

// shared returns the labels that all of the pods have, of those that something is learned of.
func shared(pods []*pod) model.Labels {
	all := slices.Clone(pods[0].core)
	var lacks []string
	for pods = pods[alike(pods):]; len(pods) > 0; pods = pods[alike(pods):] {
		if lacks = beyond(lacks[:0], all, pods[0].core); len(lacks) > 0 {
			all = beyond(nil, all, lacks)
		}
	}
	return all
}

// beyond appends the labels that known lacks to out. The pods of one owner have most in common, and all are in one
// order.
func beyond(out []string, labels, known model.Labels) []string {
	for _, kv := range labels {
		for len(known) > 0 && known[0] != kv && model.CompareLabels(known[0], kv) < 0 {
			known = known[1:]
		}
		if len(known) > 0 && known[0] == kv {
			known = known[1:]
			continue
		}
		out = append(out, kv)
	}
	return out
}

// dropped explains every key of the workload's pods that is not in its selector.
func (j *judge) dropped(sp *space, w *Workload) []DroppedLabel {
	why := map[string]Why{}
	values := map[string]map[string]bool{}
	count := map[string]int{}
	for _, l := range w.LabelSets {
		of := revisionsOf(l)
		for _, kv := range l {
			k, v, _ := strings.Cut(kv, "=")
			if values[k] == nil {
				values[k] = map[string]bool{}
			}
			values[k][v] = true
			count[k]++
			if r := j.volatile(sp, kv); r != "" {
				why[k] = r
			} else if j.ofRevision(of, kv) {
				why[k] = Builtin
			}
		}
	}
	var out []DroppedLabel
	for _, k := range slices.Sorted(maps.Keys(values)) {
		if _, used := w.Selector[k]; used {
			continue
		}
		r := why[k]
		switch {
		case r != "":
		case len(values[k]) > 1:
			r = Varies
		case count[k] < len(w.LabelSets):
			r = NotOnAll
		default:
			r = NotNeeded
		}
		out = append(out, DroppedLabel{k, r})
	}
	return out
}

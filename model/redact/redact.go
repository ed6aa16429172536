// Package redact puts pseudonyms in the place of what a log calls things: namespaces, pods, owners, labels, clusters,
// DNS names and addresses. The same key gives the same pseudonyms, in any order of the log; without the key nobody can
// tell which name one stands for. What is the same in every cluster stays readable, and so does the shape of names and
// addresses: what was a prefix of another is one, what was private is private.
//
// It looks at tables and rows, before anything is learned or printed of them, and knows no format and no command.
package redact

import (
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"strings"
	"sync"

	"sluice/model"
)

// minKey is how many bytes a key has at least.
const minKey = 16

// ErrShortKey says that a key is too short to be a secret.
var ErrShortKey = fmt.Errorf("the key to redact with is shorter than %d bytes", minKey)

// ErrSameWord says that two words got one pseudonym: with this key the log cannot be redacted without joining things.
var ErrSameWord = errors.New("two names got the same pseudonym: redact with another key")

// Redactor replaces names and addresses. It is safe for concurrent use.
type Redactor struct {
	mu    sync.Mutex
	mac   hash.Hash
	words map[string]string // by word
	taken map[string]string // words by pseudonym
	err   error

	tables model.Tables // of pseudonyms
	from   model.Tables // that ids and names are of
	ids    []model.EndpointID
	names  []model.NameID
	rows   []model.Observation
}

// New makes a Redactor for a key.
func New(key []byte) (*Redactor, error) {
	if len(key) < minKey {
		return nil, ErrShortKey
	}
	return &Redactor{mac: hmac.New(sha256.New, key), words: map[string]string{}, taken: map[string]string{},
		tables: model.NewTables()}, nil
}

// Err is ErrSameWord where two words got one pseudonym so far.
func (r *Redactor) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// Rows returns rows whose ends are pseudonyms, and the tables that they refer to. The rows are reused by the next call.
func (r *Redactor) Rows(t model.Tables, rows []model.Observation) (model.Tables, []model.Observation) {
	if r.from != t {
		r.from, r.ids, r.names = t, nil, nil
	}
	r.rows = append(r.rows[:0], rows...)
	for i := range r.rows {
		o := &r.rows[i]
		o.Src, o.Dst = r.endpoint(o.Src), r.endpoint(o.Dst)
		o.SrcPod, o.DstPod = r.name(o.SrcPod), r.name(o.DstPod)
	}
	return r.tables, r.rows
}

const unknown = ^uint32(0)

func (r *Redactor) endpoint(id model.EndpointID) model.EndpointID {
	for len(r.ids) <= int(id) {
		r.ids = append(r.ids, model.EndpointID(unknown))
	}
	if r.ids[id] == model.EndpointID(unknown) {
		r.ids[id] = r.tables.Endpoints.Intern(r.Endpoint(r.from.Endpoints.Get(id)))
	}
	return r.ids[id]
}

func (r *Redactor) name(id model.NameID) model.NameID {
	for len(r.names) <= int(id) {
		r.names = append(r.names, model.NameID(unknown))
	}
	if r.names[id] == model.NameID(unknown) {
		r.names[id] = r.tables.Names.Intern([]byte(r.Text(r.from.Names.Get(id))))
	}
	return r.names[id]
}

// Endpoint returns an endpoint with pseudonyms for everything that a cluster calls it.
func (r *Redactor) Endpoint(e *model.Endpoint) model.Endpoint {
	out := *e
	out.Cluster, out.Namespace, out.Name = r.Text(e.Cluster), r.Text(e.Namespace), r.Text(e.Name)
	out.Owner.Name, out.ServiceAccount = r.Text(e.Owner.Name), r.Text(e.ServiceAccount)
	if !kinds[e.Owner.Kind] {
		out.Owner.Kind = r.Text(e.Owner.Kind)
	}
	out.Labels, out.NamespaceLabels = r.labels(e.Labels), r.labels(e.NamespaceLabels)
	out.Address = r.Address(e.Address)
	out.Names = nil
	for _, n := range e.Names {
		out.Names = append(out.Names, r.Text(n))
	}
	return out
}

// kinds are the owners that every cluster has.
var kinds = map[string]bool{"": true, "Deployment": true, "StatefulSet": true, "DaemonSet": true, "ReplicaSet": true,
	"Job": true, "CronJob": true, "Pod": true, "ReplicationController": true, "Node": true}

func (r *Redactor) labels(list model.Labels) model.Labels {
	if list == nil {
		return nil
	}
	out := make([]string, 0, len(list))
	for _, l := range list {
		k, v, has := strings.Cut(l, "=")
		k, v = r.Key(k), r.Text(v)
		if has {
			k += "=" + v
		}
		out = append(out, k)
	}
	return model.MakeLabels(out)
}

// Key returns the pseudonym of a label's key: what is in it of Kubernetes and of network plugins stays.
func (r *Redactor) Key(key string) string {
	for _, p := range spellings {
		if rest, ok := strings.CutPrefix(key, p); ok {
			return p + r.Key(rest)
		}
	}
	prefix, name, has := strings.Cut(key, "/")
	if !has {
		prefix, name = "", key
	}
	if has && !ours(prefix) {
		prefix = r.Text(prefix)
	}
	if !keys[name] {
		name = r.Text(name)
	}
	if has {
		return prefix + "/" + name
	}
	return name
}

// ours reports whether the prefix of a key is one of Kubernetes or of what many install.
func ours(prefix string) bool {
	for _, d := range domains {
		if prefix == d {
			return true
		}
		if sub, ok := strings.CutSuffix(prefix, "."+d); ok && subdomains[sub] {
			return true
		}
	}
	return false
}

// spellings are what plugins put before the key of another label.
var spellings = []string{"io.cilium.k8s.namespace.labels.", "pcns.", "pcsa."}

var domains = []string{"kubernetes.io", "k8s.io", "cilium.io", "projectcalico.org", "helm.sh", "istio.io", "knative.dev", "tekton.dev",
	"argoproj.io"}

var subdomains = set("app apps batch statefulset topology failure-domain.beta node-role pod-security workflows serving service networking")

// keys are names of labels that say nothing of who uses them.
var keys = set("app k8s-app name instance component part-of managed-by created-by tier role run version release chart heritage " +
	"env environment team track statefulset metadata.name os arch hostname zone region namespace orchestrator serviceaccount " +
	"pod-template-hash rollouts-pod-template-hash controller-revision-hash pod-template-generation pod-name pod-index job-name " +
	"controller-uid revision config-hash config-checksum checksum build build-id commit git-commit git-sha sha image-tag digest " +
	"label-digest canonical-revision canonical-name run-id timestamp rev revisionUID configurationGeneration pipelineRun taskRun " +
	"pipelineRunUID taskRunUID workflow completed enforce io.cilium.k8s.policy.cluster io.cilium.k8s.policy.serviceaccount " +
	"io.kubernetes.pod.namespace")

func set(words string) map[string]bool {
	out := map[string]bool{}
	for w := range strings.FieldsSeq(words) {
		out[w] = true
	}
	return out
}

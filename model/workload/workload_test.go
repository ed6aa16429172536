package workload

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/model"
)

// row is a pod endpoint in short: "owner-kind/name | labels | pod names"; "@name" in place of the owner is a pod known
// by name only.
func parse(rows []string) (eps []model.Endpoint, pods [][]string) {
	for _, r := range rows {
		f := append(strings.Split(r, "|"), "", "")
		e := model.Endpoint{Kind: model.KindPod, Namespace: "shop", Labels: model.MakeLabels(strings.Fields(f[1]))}
		who := strings.TrimSpace(f[0])
		if name, ok := strings.CutPrefix(who, "@"); ok {
			e.Name = name
		} else if who != "" {
			e.Owner.Kind, e.Owner.Name, _ = strings.Cut(who, "/")
		}
		eps = append(eps, e)
		pods = append(pods, strings.Fields(f[2]))
	}
	return eps, pods
}

// each returns the endpoints as a table has them.
func each(eps []model.Endpoint) []*model.Endpoint {
	out := make([]*model.Endpoint, len(eps))
	for i := range eps {
		out[i] = &eps[i]
	}
	return out
}

func build(rows []string, cfg Config) *Set {
	eps, pods := parse(rows)
	return Build(each(eps), func(i int) []string { return pods[i] }, cfg)
}

// text is "name: selector" a workload, or "name: -" for a refused one, with "+" before merged names.
func text(s *Set) []string {
	var out []string
	for _, w := range s.Workloads {
		var sel []string
		for _, k := range slices.Sorted(maps.Keys(w.Selector)) {
			sel = append(sel, k+"="+w.Selector[k])
		}
		line := w.Name + ": " + strings.Join(sel, " ")
		if len(sel) == 0 {
			line = w.Name + ": -"
		}
		if len(w.Merged) > 0 {
			line += " +" + strings.Join(w.Merged, "+")
		}
		out = append(out, line)
	}
	return out
}

var cases = []struct {
	name string
	rows []string
	cfg  Config
	want []string
	of   []int // nil: not compared
}{
	{
		name: "a label that names the owner goes before what others may have as well",
		rows: []string{
			"Deployment/waypoint | gateway.istio.io/managed=istio.io-mesh-controller gateway.networking.k8s.io/gateway-name=waypoint |",
			"StatefulSet/acid-db | application=spilo cluster-name=acid-db team=acid tier=data |",
			"Deployment/plain | env=prod zzz=one |",
			"StatefulSet/ts-shop-4zxk9 | tailscale.com/managed=true tailscale.com/parent-resource=shop tailscale.com/parent-resource-ns=apps tailscale.com/parent-resource-type=svc |",
			"Deployment/cart | app=basket run=cart |",
		},
		want: []string{
			"acid-db: cluster-name=acid-db",
			"cart: app=basket",
			"plain: zzz=one",
			"ts-shop-4zxk9: tailscale.com/parent-resource=shop",
			"waypoint: gateway.networking.k8s.io/gateway-name=waypoint",
		},
	},
	{
		name: "revisions of Knative are one owner, and the label app that it gives each is none",
		rows: []string{
			"Deployment/web-00001-deployment | app=web-00001 serving.knative.dev/configuration=web serving.knative.dev/revision=web-00001 serving.knative.dev/service=web |",
			"Deployment/web-00002-deployment | app=web-00002 serving.knative.dev/configuration=web serving.knative.dev/revision=web-00002 serving.knative.dev/service=web |",
			"Deployment/api-00001-deployment | app=api serving.knative.dev/configuration=api serving.knative.dev/revision=api-00001 serving.knative.dev/service=api |",
			"Deployment/plain | app=web-00001 |",
		},
		want: []string{"api: app=api", "plain: app=web-00001", "web: serving.knative.dev/configuration=web"},
		of:   []int{2, 2, 0, 1},
	},
	{
		name: "rollouts of a DeploymentConfig are one owner, and the label deployment is none",
		rows: []string{
			"ReplicationController/web-12 | deployment=web-12 deploymentconfig=web |",
			"ReplicationController/web-13 | deployment=web-13 deploymentconfig=web |",
			"Deployment/api-2 | deployment=api-2 |",
			"ReplicationController/db-1 | deployment=db deploymentconfig=db |",
		},
		want: []string{"api-2: deployment=api-2", "db: deployment=db", "web: deploymentconfig=web"},
		of:   []int{2, 2, 0, 1},
	},
	{
		name: "what Longhorn runs on each node is one, the next node among them",
		rows: []string{
			"InstanceManager/instance-manager-8b1c2d3e4f5a6b7c8d9e0f1a2b3c4d5e | longhorn.io/component=instance-manager longhorn.io/node=a longhorn.io/managed-by=longhorn-manager |",
			"InstanceManager/instance-manager-9b1c2d3e4f5a6b7c8d9e0f1a2b3c4d5e | longhorn.io/component=instance-manager longhorn.io/node=b longhorn.io/managed-by=longhorn-manager |",
			"DaemonSet/longhorn-manager | app=longhorn-manager longhorn.io/managed-by=longhorn-manager |",
		},
		want: []string{
			"instance-manager: longhorn.io/component=instance-manager +instance-manager-8b1c2d3e4f5a6b7c8d9e0f1a2b3c4d5e+instance-manager-9b1c2d3e4f5a6b7c8d9e0f1a2b3c4d5e",
			"longhorn-manager: app=longhorn-manager",
		},
		of: []int{0, 0, 1},
	},
	{
		name: "the users of a JupyterHub are one, the next among them",
		rows: []string{
			"| app=jupyterhub component=singleuser-server hub.jupyter.org/username=ana hub.jupyter.org/servername |",
			"| app=jupyterhub component=singleuser-server hub.jupyter.org/username=bob hub.jupyter.org/servername=gpu |",
			"Deployment/hub | app=jupyterhub component=hub |",
		},
		want: []string{"hub: component=hub", "jupyterhub: component=singleuser-server"},
		of:   []int{1, 1, 0},
	},
	{
		name: "two components share app.kubernetes.io/name",
		rows: []string{
			"| app.kubernetes.io/name=shop app.kubernetes.io/component=web |",
			"| app.kubernetes.io/name=shop app.kubernetes.io/component=db |",
		},
		want: []string{
			"shop-db: app.kubernetes.io/component=db app.kubernetes.io/name=shop",
			"shop-web: app.kubernetes.io/component=web app.kubernetes.io/name=shop",
		},
		of: []int{1, 0},
	},
	{
		name: "name and instance are both kept",
		rows: []string{
			"| app.kubernetes.io/name=redis app.kubernetes.io/instance=cache app=redis |",
			"| app.kubernetes.io/name=web app.kubernetes.io/instance=web app=web |",
		},
		want: []string{
			"redis: app.kubernetes.io/instance=cache app.kubernetes.io/name=redis",
			"web: app.kubernetes.io/instance=web app.kubernetes.io/name=web",
		},
	},
	{
		name: "an unlabelled pod is refused and selected by no one",
		rows: []string{"| app=web |", "@debug||"},
		want: []string{"web: app=web"},
		of:   []int{0, -1},
	},
	{
		name: "versions without owners are one workload",
		rows: []string{"| app=reviews version=v1 |", "| app=reviews version=v2 |", "| app=reviews version=v3 |"},
		want: []string{"reviews: app=reviews"},
		of:   []int{0, 0, 0},
	},
	{
		name: "pod names tell of owners that the log leaves out",
		rows: []string{
			"| app=reviews version=v1 | reviews-v1-545db77b95-6hbgc", "| app=reviews version=v2 | reviews-v2-7bf8c9648f-9kq2z",
			"| app=web extra=1 | web-deploy-545db77b95-6hbgc", "Deployment/web-deploy | app=web |",
		},
		want: []string{"reviews: app=reviews +reviews-v1+reviews-v2", "web-deploy: app=web"},
	},
	{
		name: "owners that only the version separates are one subject",
		rows: []string{
			"Deployment/reviews-v1 | app=reviews version=v1 |",
			"Deployment/reviews-v2 | app=reviews version=v2 |",
			"| app=reviews version=v3 |",
		},
		want: []string{"reviews: app=reviews +reviews-v1+reviews-v2"},
		of:   []int{0, 0, 0},
	},
	{
		name: "version kept by configuration",
		rows: []string{"Deployment/reviews-v1 | app=reviews version=v1 |", "Deployment/reviews-v2 | app=reviews version=v2 |"},
		cfg:  Config{KeepVolatile: []string{"version"}},
		want: []string{"reviews-v1: version=v1", "reviews-v2: version=v2"},
	},
	{
		name: "labels of a run",
		rows: []string{
			"Job/migrate-28391040 | app=migrate job-name=migrate-28391040 batch.kubernetes.io/controller-uid=1 |",
			"Job/migrate-28391050 | app=migrate job-name=migrate-28391050 batch.kubernetes.io/controller-uid=2 |",
		},
		want: []string{"migrate: app=migrate"},
		of:   []int{0, 0},
	},
	{
		name: "a Job with generated labels only is refused",
		rows: []string{
			"Job/seed | job-name=seed controller-uid=1 |",
			"| job-name=seed-28391040 |",
		},
		want: []string{"seed: -"},
	},
	{
		name: "a StatefulSet's pods",
		rows: []string{
			"StatefulSet/kafka | app=kafka statefulset.kubernetes.io/pod-name=kafka-0 apps.kubernetes.io/pod-index=0 role=leader |",
			"StatefulSet/kafka | app=kafka statefulset.kubernetes.io/pod-name=kafka-1 apps.kubernetes.io/pod-index=1 role=follower |",
		},
		want: []string{"kafka: app=kafka"},
		of:   []int{0, 0},
	},
	{
		name: "names lead home",
		rows: []string{
			"Deployment/web | app=web | web-7d9f8c6b5-x2x4z",
			"| k8s-app=dns | dns-5d78c9869d-bbcdf dns-5d78c9869d-9kq2z",
			"@web-7d9f8c6b5-x2x4z||", "@web-7d9f8c6b5-9z9zb||", "@dns-5d78c9869d-9kq2z||", "@other-0||",
		},
		want: []string{"dns: k8s-app=dns", "web: app=web"},
		of:   []int{1, 0, 1, 1, 0, -1},
	},
	{
		name: "calico's aggregated names",
		rows: []string{
			"/web-7d9f8c6b5-* | app=web pod-template-hash=7d9f8c6b5 |",
			"ReplicaSet/web-6b7c8d9f5 | app=web |",
			"/agent-* | app=agent |",
		},
		want: []string{"agent: app=agent", "web: app=web"},
		of:   []int{1, 1, 0},
	},
	{
		name: "guestbook",
		rows: []string{
			"| app=guestbook tier=frontend |", "| app=redis role=master tier=backend |", "| app=redis role=slave tier=backend |",
		},
		want: []string{"guestbook: app=guestbook", "redis-master: role=master", "redis-slave: role=slave"},
	},
	{
		name: "a label set within another is one subject, and says so",
		rows: []string{"| app=web team=a |", "| app=db team=a |", "| team=a |"},
		want: []string{"team-a: team=a +db+team=a+web"},
	},
	{
		name: "an owner whose labels were renamed",
		rows: []string{"Deployment/web | app=web |", "Deployment/web | k8s-app=web |", "Deployment/db | app=db |"},
		want: []string{"db: app=db", "web: app=web", "web-ffd7da5b: k8s-app=web"},
	},
	{
		name: "an owner without labels in one record",
		rows: []string{"Deployment/web | app=web |", "Deployment/web ||", "Deployment/db ||"},
		want: []string{"db: -", "web: app=web"},
		of:   []int{1, 1, 0},
	},
	{
		name: "labels of the CNI are not labels of the pod",
		rows: []string{"| io.kubernetes.pod.namespace=shop io.cilium.k8s.policy.cluster=c projectcalico.org/namespace=shop app=web |"},
		want: []string{"web: app=web"},
	},
	{
		name: "keys that learn to be volatile",
		rows: []string{
			"Deployment/web | site=web shard=a sum=0f3a9c77 |", "Deployment/web | site=web shard=b sum=1f3a9c78 |",
			"| site=db shard=c sum=2f3a9c79 |",
		},
		want: []string{"site-db: site=db", "web: site=web"},
	},
	{
		name: "a virtual machine is no other on another node",
		rows: []string{
			"| kubevirt.io/domain=db kubevirt.io/nodeName=node-1 |", "| kubevirt.io/domain=db kubevirt.io/nodeName=node-2 |",
			"| kubevirt.io/domain=web kubevirt.io/nodeName=node-1 |",
		},
		want: []string{"domain-db: kubevirt.io/domain=db", "domain-web: kubevirt.io/domain=web"},
		of:   []int{0, 0, 1},
	},
	{
		name: "numbered pods are one workload, named ones are not",
		rows: []string{
			"| app=agent agent-id=a-1 |", "| app=agent agent-id=a-2 |", "| app=agent agent-id=a-3 |",
			"| app=agent agent-id=a-4 |", "| app=agent agent-id=a-5 |",
			"| net=x svc=a |", "| net=x svc=b |", "| net=x svc=c |", "| net=x svc=d |", "| net=x svc=e |",
		},
		want: []string{"agent: app=agent", "svc-a: svc=a", "svc-b: svc=b", "svc-c: svc=c", "svc-d: svc=d", "svc-e: svc=e"},
		of:   []int{0, 0, 0, 0, 0, 1, 2, 3, 4, 5},
	},
	{
		name: "same name, different kinds",
		rows: []string{"Deployment/web | app=web kind=a |", "StatefulSet/web | app=web kind=b |"},
		want: []string{"web-55e00ed7: kind=a", "web-6140d2fd: kind=b"},
	},
}

func TestBuild(t *testing.T) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := build(c.rows, c.cfg)
			if d := cmp.Diff(text(s), c.want); d != "" {
				t.Errorf("-got +want\n%s", d)
			}
			for i, want := range c.of {
				if s.Of(i) != want {
					t.Errorf("row %d is of %d, want %d", i, s.Of(i), want)
				}
			}
		})
	}
}

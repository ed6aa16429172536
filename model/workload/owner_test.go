package workload

import (
	"slices"
	"strings"
	"testing"

	"sluice/model"
)

func TestController(t *testing.T) {
	for _, c := range []struct{ in, labels, want string }{
		{"Deployment/web", "", "Deployment/web"},
		{"ReplicaSet/web-7d9f8c6b5", "", "Deployment/web"},
		{"ReplicaSet/web-7d9f8c6b5", "pod-template-hash=7d9f8c6b5", "Deployment/web"},
		{"ReplicaSet/web-7d9f8c6b5", "rollouts-pod-template-hash=7d9f8c6b5", "Rollout/web"},
		{"ReplicaSet/web-static", "", "ReplicaSet/web-static"},
		{"Job/backup-28391040", "", "CronJob/backup"},
		{"Job/backup-1703462400", "", "CronJob/backup"},
		{"Job/migrate-3f9a2c71", "", "Job/migrate"},
		{"Job/migrate-x2x4z", "", "Job/migrate"},
		{"Job/migrate-2", "", "Job/migrate-2"},
		{"Job/load-https", "", "Job/load-https"},
		{"Workflow/nightly-x2x4z", "", "Workflow/nightly"},
		{"Workflow/nightly-bcdf2", "", "Workflow/nightly"}, // a random suffix may look hexadecimal
		{"Workflow/nightly-beef2", "", "Workflow/nightly-beef2"},
		{"SparkApplication/agg-1700000000", "", "SparkApplication/agg"},
		{"Cluster/pg-2", "", "Cluster/pg-2"},
		{"StatefulSet/kafka", "", "StatefulSet/kafka"},
		{"/web-598d5b586d-*", "", "/web"},
		{"/web-598d5b586d-*", "pod-template-hash=598d5b586d", "Deployment/web"},
		{"/longhorn-manager-*", "", "/longhorn-manager"},
		{"Pod/web", "", "/"},
		{"/", "", "/"},
		{"ReplicaSet/-7d9f8c6b5", "", "ReplicaSet/-7d9f8c6b5"},
	} {
		kind, name, _ := strings.Cut(c.in, "/")
		got := controller(model.Owner{Kind: kind, Name: name}, model.MakeLabels(strings.Fields(c.labels)))
		if s := got.Kind + "/" + got.Name; s != c.want {
			t.Errorf("%s %s: %s, want %s", c.in, c.labels, s, c.want)
		}
	}
}

func TestSiblingJobs(t *testing.T) {
	s := build([]string{"Job/load-1 | app=load run=1 |", "Job/load-2 | app=load run=2 |", "Job/seed-1 | app=seed |"}, Config{})
	want := []string{"load: app=load", "seed-1: app=seed"}
	if got := text(s); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestStems(t *testing.T) {
	for _, c := range []struct{ pod, want string }{
		{"web-7d9f8c6b5-x2x4z", "web-7d9f8c6b5 web"},
		{"cilium-x2x4z", "cilium"},
		{"kafka-0", "kafka"},
		{"backup-28391040-x2x4z", "backup-28391040 backup"},
		{"debug", ""},
		{"my-debug", ""},
		{"-x2x4z", ""},
	} {
		if got := strings.Join(stems(c.pod), " "); got != c.want {
			t.Errorf("%s: %q, want %q", c.pod, got, c.want)
		}
	}
}

func TestPatterns(t *testing.T) {
	for v, want := range map[string]bool{
		"frontend": false, "v1": false, "redis-6": false, "decade": false, "facade": false, "https": false, "x2x4z": true,
		"7d9f8c6b5": true, "build-1234567": true, "3f9a2c71": true, "2024-01-31": true, "20240131T1200": true, "bcd": false,
		"0e984725-c51c-4bf4-9960-e1c80e27aba0": true, "mode-k8s": false, "": false, "10250": false,
	} {
		if looksRandom(v) != want {
			t.Errorf("looksRandom(%q) is %v", v, !want)
		}
	}
	for v, want := range map[string]bool{"1.2.3": true, "v1.4": true, "mixer-1.0.9": true, "v2": false, "a.b": false, "1.2.3-rc1": true, "redis.io": false} {
		if looksVersion(v) != want {
			t.Errorf("looksVersion(%q) is %v", v, !want)
		}
	}
}

func TestDNSLabel(t *testing.T) {
	long := strings.Repeat("a", 80)
	for in, want := range map[string]string{
		"web": "web", "Kube-System.otel": "kube-system-otel", "_x_": "x", "...": "", long: strings.Repeat("a", 54) + "-" + hash8(long),
	} {
		if got := dnsLabel(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// Two clusters keep their workloads apart; one name, given or not, does not.
func TestClusters(t *testing.T) {
	ep := func(cluster string) *model.Endpoint {
		return &model.Endpoint{Kind: model.KindPod, Cluster: cluster, Namespace: "shop", Labels: model.Labels{"app=web"}}
	}
	if s := Build([]*model.Endpoint{ep("east"), ep("")}, nil, Config{}); len(s.Workloads) != 1 || s.Workloads[0].ID != "shop/web" {
		t.Errorf("one cluster: %+v", s.Workloads)
	}
	s := Build([]*model.Endpoint{ep("west"), ep("east")}, nil, Config{})
	if len(s.Workloads) != 2 || s.Workloads[0].ID != "east/shop/web" || s.Of(0) != 1 {
		t.Errorf("two clusters: %+v", s.Workloads)
	}
}

func TestServiceAccount(t *testing.T) {
	ep := func(owner, account string) *model.Endpoint {
		return &model.Endpoint{Kind: model.KindPod, Namespace: "shop", Owner: model.Owner{Kind: "Job", Name: owner}, ServiceAccount: account}
	}
	s := Build([]*model.Endpoint{ep("a", "one"), ep("b", "two"), ep("c", "two"), ep("d", "default")}, nil, Config{})
	want := map[string]string{"a": "one", "b": "two", "c": "two", "d": "default"}
	for _, w := range s.Workloads {
		if w.ServiceAccount != want[w.Name] || w.Refusal == "" {
			t.Errorf("%s: account %q, refusal %q", w.Name, w.ServiceAccount, w.Refusal)
		}
	}
}

package workload

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/model"
)

// TestOutliers: nobody buys a wider or narrower selector with pods that bear a workload's name, and what rollouts,
// canaries and replicas differ in costs no workload its pods. A row may end in the hours from and to which it was seen.
func TestOutliers(t *testing.T) {
	repeat := func(n int, row string) (out []string) {
		var names []string
		for i := range n {
			names = append(names, fmt.Sprintf("web-6d5kj9dnrc-xxx%c%c", safeAlphabet[i%20], safeAlphabet[i/20]))
		}
		return []string{fmt.Sprintf(row, strings.Join(names, " "))}
	}
	many := func(row string) (out []string) {
		for i := range 24 {
			out = append(out, fmt.Sprintf(row, 20+i))
		}
		return out
	}
	for _, c := range []struct {
		name     string
		rows     []string
		want     []string
		outliers []string
	}{
		{"one pod that bears a name", []string{
			"Deployment/db | app=db tier=data | db-6d5kj9dnrc-aaaaa | 0 48", "Deployment/cache | app=cache tier=data | | 0 48",
			"Deployment/db | app=evil tier=data | db-6d5kj9dnrc-evil0 | 1 2"},
			[]string{"cache: app=cache", "db: app=db", "db-0eed694d: app=evil"}, []string{"db"}},
		{"so it is where nobody else has what they share", []string{
			"Deployment/db | app=db tier=data | | 0 48", "Deployment/db | app=evil tier=data | | 1 2"},
			[]string{"db: app=db", "db-0eed694d: app=evil"}, []string{"db"}},
		{"and in a log too short to tell", []string{
			"Deployment/db | app=db tier=data | |", "Deployment/db | app=evil tier=data | |"},
			[]string{"db: app=db", "db-0eed694d: app=evil"}, []string{"db"}},
		{"one that cannot be told from others goes without a selector", []string{
			"Deployment/db | app=db tier=data | | 0 48", "Deployment/cache | app=cache tier=data | | 0 48", "Deployment/db | tier=data | | 1 2"},
			[]string{"cache: app=cache", "db: app=db", "db-cc375cc5: -"}, []string{"db"}},
		{"a label that other workloads need", []string{
			"Deployment/web | app=shop unit=web | | 0 48", "Deployment/cart | app=shop unit=cart | | 0 48", "Deployment/web | app=shop unit=evil | | 1 2"},
			[]string{"cart: unit=cart", "web: unit=web", "web-903d3121: unit=evil"}, []string{"web"}},
		{"a value that another owner's pod invents", []string{
			"Deployment/web | app=shop unit=web | | 0 48", "Deployment/cart | app=shop unit=cart | | 0 48",
			"Deployment/lone | app=lone unit=a | | 0 48", "Deployment/lone | app=lone unit=b | | 1 2"},
			[]string{"cart: unit=cart", "lone: app=lone", "web: unit=web"}, nil},
		{"random values invented by the dozen", append(many("Deployment/evil | app=evil unit=7d9fbd6c%d | | 1 2"),
			"Deployment/web | app=shop unit=web | | 0 48", "Deployment/cart | app=shop unit=cart | | 0 48"),
			[]string{"cart: unit=cart", "evil: app=evil", "web: unit=web"}, nil},

		{"a rollout", []string{
			"Deployment/web | app=web release=r1 | web-7d9fbd6c7b-x2x4z | 0 24", "Deployment/web | app=web release=r2 | web-6d5kj9dnrc-x2x4z | 24 48"},
			[]string{"web: app=web"}, nil},
		{"a rollout in a short log", []string{
			"Deployment/web | app=web release=r1 | web-7d9fbd6c7b-x2x4z |", "Deployment/web | app=web release=r2 | web-6d5kj9dnrc-x2x4z |"},
			[]string{"web: app=web"}, nil},
		{"a rollout to another name", []string{
			"Deployment/web | app=web tier=front | web-7d9fbd6c7b-x2x4z | 0 24", "Deployment/web | app=site tier=front | web-6d5kj9dnrc-x2x4z | 24 48"},
			[]string{"web: tier=front"}, nil},
		{"a rollout that adds a label", []string{
			"Deployment/web | k8s-app=web | | 0 24", "Deployment/web | k8s-app=web app.kubernetes.io/name=web | | 23 48"},
			[]string{"web: k8s-app=web"}, nil},
		{"a canary, 1 of 20", slices.Concat(repeat(19, "Deployment/web | app=web track=stable | %s | 0 48"), []string{
			"Deployment/web | app=web track=canary | web-7d9fbd6c7b-x2x4z | 20 48"}),
			[]string{"web: app=web"}, nil},
		{"one and one", []string{
			"Deployment/web | app=web slot=blue | web-7d9fbd6c7b-x2x4z | 0 48", "Deployment/web | app=web slot=green | web-6d5kj9dnrc-x2x4z | 0 48"},
			[]string{"web: app=web"}, nil},
		{"a StatefulSet whose pods have roles", []string{
			"StatefulSet/db | app=db role=primary | db-0 | 0 48", "StatefulSet/db | app=db role=replica | db-1 db-2 | 0 48"},
			[]string{"db: app=db"}, nil},
		{"runs of a pipeline, by its name and not by what all runs have", []string{
			"TaskRun/build-x2x4z-compile | tekton.dev/memberOf=tasks tekton.dev/pipeline=build | build-x2x4z-compile-pod | 0 1",
			"Deployment/registry | app=registry | | 0 48"},
			[]string{"build-x2x4z-compile: tekton.dev/pipeline=build", "registry: app=registry"}, nil},
		{"one of which records of other nodes name no owner", []string{
			"Cluster/pg | db=pg role=primary | pg-1 | 0 48", "Cluster/pg | db=pg role=replica | pg-2 | 0 48",
			"| db=pg role=primary | pg-1 | 0 48", "| db=pg role=replica | pg-2 pg-3 | 0 48", "StatefulSet/mq | app=mq | mq-0 | 0 48"},
			[]string{"mq: app=mq", "pg: db=pg"}, nil},
		{"one of whose pods no record names the owner", []string{
			"Cluster/pg | db=pg role=primary | pg-1 | 0 48", "Cluster/pg | db=pg role=replica | pg-2 | 0 48",
			"| db=pg role=replica | pg-3 | 0 48", "StatefulSet/mq | app=mq | mq-0 | 0 48"},
			[]string{"mq: app=mq", "pg: db=pg"}, nil},
		{"pods without owner that bear a name, and have labels of their own", []string{
			"StatefulSet/db | app=db tier=data | db-0 | 0 48", "| app=evil tier=data | db-0 | 1 2"},
			[]string{"db: app=db", "db-358fa656: app=evil"}, []string{"db"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var rows []string
			var times [][2]model.Micros
			for _, r := range c.rows {
				f := append(strings.SplitN(r, "|", 4), "", "")
				var from, to model.Micros
				_, _ = fmt.Sscan(f[3], &from, &to)
				rows = append(rows, strings.Join(f[:3], "|"))
				times = append(times, [2]model.Micros{from * 3600e6, to * 3600e6})
			}
			s := build(rows, Config{Times: func(i int) (first, last model.Micros) { return times[i][0], times[i][1] }})
			if d := cmp.Diff(c.want, text(s)); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
			var outliers []string
			for _, w := range s.Workloads {
				if w.Outlier != "" {
					outliers = append(outliers, w.Outlier)
				}
			}
			if d := cmp.Diff(c.outliers, outliers); d != "" {
				t.Errorf("outliers (-want +got)\n%s", d)
			}
		})
	}
}

// TestInventedValues: pods without owner that number the values of a key do not make it volatile for those that are told
// apart by it.
func TestInventedValues(t *testing.T) {
	rows := []string{"| app=shop unit=web |", "| app=shop unit=cart |"}
	for i := range 24 {
		rows = append(rows, fmt.Sprintf("| app=shop unit=x%d |", i))
	}
	s := build(rows, Config{})
	if len(s.Workloads) != len(rows) || s.Workloads[s.Of(0)].Selector["unit"] != "web" {
		t.Errorf("%d workloads for %d rows: %v", len(s.Workloads), len(rows), text(s))
	}
}

package workload

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/model"
)

func TestDeclared(t *testing.T) {
	deploy := func(name string, sel map[string]string, template ...string) Declared {
		return Declared{Namespace: "shop", Kind: "Deployment", Name: name, Selector: sel, Labels: model.MakeLabels(template)}
	}
	for _, c := range []struct {
		name     string
		rows     []string
		declared []Declared
		want     []string
		of       []int
	}{
		{
			name:     "the manifest's selector wins",
			rows:     []string{"| app=web tier=front site=x |"},
			declared: []Declared{deploy("web", map[string]string{"site": "x", "tier": "front"}, "app=web", "site=x", "tier=front")},
			want:     []string{"web: site=x tier=front"},
			of:       []int{0},
		},
		{
			name:     "only with keys that the log has, and that are stable",
			rows:     []string{"Deployment/web | app=web version=v1 |"},
			declared: []Declared{deploy("web", map[string]string{"app": "web", "team": "a", "version": "v1"}, "app=web", "team=a", "version=v1")},
			want:     []string{"web: app=web"},
		},
		{
			name: "a neighbour never seen is kept out, and known",
			rows: []string{"Deployment/web | app=shop tier=front |"},
			declared: []Declared{
				deploy("web", map[string]string{"app": "shop"}, "app=shop", "tier=front"),
				deploy("db", map[string]string{"app": "shop", "tier": "data"}, "app=shop", "tier=data"),
			},
			want: []string{"db: app=shop tier=data", "web: tier=front"},
			of:   []int{1},
		},
		{
			name: "a CronJob's runs, by the labels of its template",
			rows: []string{"| app=backup job-name=backup-28391040 |"},
			declared: []Declared{{Namespace: "shop", Kind: "CronJob", Name: "nightly",
				Selector: map[string]string{"controller-uid": "1"}, Labels: model.MakeLabels([]string{"app=backup"})}},
			want: []string{"nightly: app=backup"},
		},
		{
			name:     "a pod known by name finds the workload never seen otherwise",
			rows:     []string{"@web-7d9f8c6b5-x2x4z||"},
			declared: []Declared{deploy("web", map[string]string{"app": "web"}, "app=web")},
			want:     []string{"web: app=web"},
			of:       []int{0},
		},
		{
			name:     "owners without kind",
			rows:     []string{"/web | app=web |"},
			declared: []Declared{deploy("web", map[string]string{"app": "web"}, "app=web"), deploy("web", map[string]string{"app": "web"}, "app=web")},
			want:     []string{"web: app=web"},
			of:       []int{0},
		},
		{
			name: "manifests that share everything",
			rows: []string{"| app=web |"},
			declared: []Declared{
				deploy("web-a", map[string]string{"app": "web"}, "app=web"), deploy("web-b", map[string]string{"app": "web"}, "app=web"),
			},
			want: []string{"web: app=web +web-a+web-b"},
			of:   []int{0},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := build(c.rows, Config{Declared: c.declared})
			if d := cmp.Diff(text(s), c.want); d != "" {
				t.Errorf("-got +want\n%s", d)
			}
			for i, want := range c.of {
				if s.Of(i) != want {
					t.Errorf("row %d is of %d, want %d", i, s.Of(i), want)
				}
			}
			for k, w := range s.Workloads {
				seen := false
				for i := range c.rows {
					seen = seen || s.Of(i) == k
				}
				if w.Observed != seen {
					t.Errorf("%s: observed %v, want %v", w.Name, w.Observed, seen)
				}
			}
		})
	}
}

//go:build conformance

package eval_test

import (
	"fmt"
	"strings"
	"testing"

	"sluice/synth/eval"
	"sluice/synth/eval/judgetest"
	"sluice/synth/policy"
	"sluice/synth/render"
	"sluice/synth/render/kubernetes"
)

// refusedByOne reports whether an engine or Parse refuses an object of a world; both have to.
func refusedByOne(t *testing.T, world int, texts []string, objects []judgetest.Object, problems []render.Problem, count *int) bool {
	t.Helper()
	theirs, ours := judgetest.Refused(objects), ""
	for _, p := range problems {
		if p.Severity >= render.Unsupported {
			ours += p.Error() + "; "
		}
	}
	if theirs == "" && ours == "" {
		return false
	}
	if *count++; (theirs == "") != (ours == "") {
		t.Errorf("world %d: the engine refuses %q, Parse %q\n%s", world, theirs, ours, strings.Join(texts, "\n"))
	}
	return true
}

// written returns the objects of a set as we write them, Kubernetes' policies in their own dialect.
func written(t *testing.T, d render.Dialect, set policy.PolicySet) (objects []string, lost []render.Loss) {
	t.Helper()
	plain, ours := policy.PolicySet{}, policy.PolicySet{Networks: set.Networks, Tiers: set.Tiers}
	for _, p := range set.Policies {
		if strings.HasPrefix(p.Kind, "networking") {
			plain = plain.Add(p)
		} else {
			ours = ours.Add(p)
		}
	}
	for _, x := range []struct {
		d render.Dialect
		s policy.PolicySet
	}{{d, ours}, {kubernetes.Dialect{}, plain}} {
		files, l, err := x.d.Render(x.s)
		if err != nil {
			t.Fatal(err)
		}
		lost = append(lost, l...)
		for _, f := range files {
			objects = append(objects, string(f.YAML))
		}
	}
	return objects, lost
}

func nameOf(f *eval.Facts) string {
	if f.IsPod {
		return fmt.Sprint(f.Cluster, "/", f.Namespace, f.Labels)
	}
	return fmt.Sprint(f.Entities, f.Address, f.Names)
}

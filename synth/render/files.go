package render

import (
	"fmt"
	"strings"

	"sluice/model"
	"sluice/synth/policy"
)

// LabelMap returns labels, each "key=value", as objects have them; nil for none.
func LabelMap(labels []string) map[string]string {
	if len(labels) == 0 {
		return nil
	}
	out := map[string]string{}
	for _, l := range labels {
		k, v, _ := strings.Cut(l, "=")
		out[k] = v
	}
	return out
}

// NoteOf is what stands above p.Rules[i]: its id, to be asked after with sluice explain, and what no list of peers or
// ports would say.
func NoteOf(p *policy.Policy, i int) Remark {
	what := "rule " + p.RuleID(i)
	switch r := &p.Rules[i]; {
	case r.AnyPeer && r.AnyPort:
		what += ": every peer, every port"
	case r.AnyPeer:
		what += ": every peer"
	case r.AnyPort:
		what += ": every port"
	}
	return Remark(what)
}

// Files writes one file for each policy of a set, in its order; object gives the API object of a policy. A name that
// the API would refuse is an error, as it would not even be a safe file name.
func Files(set policy.PolicySet, object func(*policy.Policy) any) ([]File, error) {
	files := make([]File, len(set.Policies))
	errs := make([]error, len(files))
	model.Each(len(files), func(i int) {
		p := &set.Policies[i]
		files[i] = File{Namespace: p.Namespace, Name: p.Name}
		if !ValidName(p.Name) || p.Namespace != "" && !ValidNamespace(p.Namespace) {
			errs[i] = fmt.Errorf("render policy %q of namespace %q: the API would refuse the name", p.Name, p.Namespace)
			return
		}
		var err error
		if files[i].YAML, err = Marshal(object(p)); err != nil {
			errs[i] = fmt.Errorf("render policy %s/%s: %w", p.Namespace, p.Name, err)
		}
	})
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return files, nil
}

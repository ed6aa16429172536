package run

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"

	"sluice/synth/policy"
	"sluice/synth/readiness"
	"sluice/synth/verify"
)

// Cover adds to a judgement how far policies isolate the chosen namespaces.
func (l *Log) Cover(r *Ready, p *Policies, cfg VerifyConfig) error {
	judge, err := l.judging(p, cfg)
	if err != nil {
		return err
	}
	r.Covered = []Standing{}
	for _, c := range verify.Coverage(l.Graph, p.Set, judge) {
		n := r.Namespace(c.Namespace)
		if n == nil {
			continue
		}
		r.Covered = append(r.Covered, Standing{c.Namespace, n.State.String(), c.Workloads,
			append([]string{}, c.Open.Ingress...), append([]string{}, c.Open.Egress...), c.Enforced()})
	}
	return nil
}

// standings are those of now; without policies only how ready the namespaces are is known.
func (r *Ready) standings() []Standing {
	if r.Covered != nil {
		return r.Covered
	}
	var out []Standing
	for i := range r.Namespaces {
		out = append(out, Standing{Name: r.Namespaces[i].Name, State: r.Namespaces[i].State.String()})
	}
	return out
}

// Baseline is what sluice ready -o json printed earlier.
type Baseline struct {
	Kind       string     `json:"kind"`
	Namespaces []Standing `json:"namespaces"`
	Coverage   []Standing `json:"coverage"`
}

// ReadBaseline reads one.
func ReadBaseline(file string) (*Baseline, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read baseline: %w", err)
	}
	b := &Baseline{}
	if err := json.Unmarshal(text, b); err != nil || b.Kind != "ReadyResult" {
		return nil, Usagef("%s is no baseline: write one with sluice ready ... -o json", file)
	}
	return b, nil
}

// Worse says what got worse since the baseline, nil for nothing. A namespace that the baseline does not have begins
// with everything isolated.
func (b *Baseline) Worse(r *Ready) ([]string, error) {
	if r.Covered != nil && b.Coverage == nil {
		return nil, Usagef("the baseline has no coverage: write it with --policies too")
	}
	if r.Covered == nil && b.Coverage != nil {
		return nil, Usagef("the baseline has coverage: give --policies")
	}
	list := b.Coverage
	if list == nil {
		list = b.Namespaces
	}
	var out []string
	for _, now := range r.standings() {
		i := slices.IndexFunc(list, func(s Standing) bool { return s.Name == now.Name })
		was := Standing{}
		if i >= 0 {
			was = list[i]
		}
		if stable := readiness.Stable.String(); was.State == stable && now.State != stable {
			out = append(out, fmt.Sprintf("%s is no longer %s: %s", now.Name, stable, now.State))
		}
		if was.Enforced && !now.Enforced {
			out = append(out, now.Name+" is no longer enforced")
		}
		for _, d := range policy.Directions() {
			before, after := was.OpenIngress, now.OpenIngress
			if d.String() == "egress" {
				before, after = was.OpenEgress, now.OpenEgress
			}
			for _, w := range after {
				if !slices.Contains(before, w) {
					out = append(out, fmt.Sprintf("%s of %s is isolated by nothing", d, w))
				}
			}
		}
	}
	for _, was := range list {
		if was.Enforced && !slices.ContainsFunc(r.standings(), func(s Standing) bool { return s.Name == was.Name }) {
			out = append(out, was.Name+" was enforced and is not in these flows")
		}
	}
	return out, nil
}

// Ratchet is the error for what got worse, nil for nothing.
func Ratchet(worse []string) error { return found(worse) }

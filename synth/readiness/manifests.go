package readiness

import (
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/robfig/cron/v3"
	"go.yaml.in/yaml/v3"

	"sluice/model"
)

// object is what readiness wants to know of a manifest.
type object struct {
	Kind     string
	Metadata struct {
		Name, Namespace   string
		CreationTimestamp time.Time `yaml:"creationTimestamp"`
	}
	Spec struct {
		Replicas *int
		Suspend  bool
		Schedule string
		TimeZone string `yaml:"timeZone"`
		Selector struct {
			MatchLabels map[string]string `yaml:"matchLabels"`
		}
		Template    podTemplate
		JobTemplate struct {
			Spec struct{ Template podTemplate }
		} `yaml:"jobTemplate"`
	}
}

type podTemplate struct {
	Metadata struct{ Labels map[string]string }
	Spec     struct {
		ServiceAccountName string `yaml:"serviceAccountName"`
	}
}

// ReadManifests reads the workloads among the objects of a YAML or JSON stream, lists and their items among them.
// What is no workload is passed over; what cannot be read is an error that names the file, with what was read so far.
// An object without namespace is taken to be in the one given.
func ReadManifests(r io.Reader, file, namespace string) ([]Manifest, error) {
	var out []Manifest
	var bad []error
	d := yaml.NewDecoder(r)
	for n := 1; ; n++ {
		var node yaml.Node
		err := d.Decode(&node)
		if errors.Is(err, io.EOF) {
			return out, errors.Join(bad...)
		}
		if err != nil { // the decoder does not find the next document
			return out, errors.Join(append(bad, fmt.Errorf("%s: document %d: %w", file, n, err))...)
		}
		list, err := manifestsOf(&node, namespace)
		if err != nil {
			bad = append(bad, fmt.Errorf("%s:%d: %w", file, node.Line, err))
		}
		out = append(out, list...)
	}
}

func manifestsOf(node *yaml.Node, namespace string) ([]Manifest, error) {
	var kind struct {
		Kind  string
		Items []yaml.Node
	}
	if err := node.Decode(&kind); err != nil {
		return nil, nil // a document that is no object has no workload
	}
	var out []Manifest
	var bad []error
	for i := range kind.Items {
		list, err := manifestsOf(&kind.Items[i], namespace)
		out = append(out, list...)
		bad = append(bad, err)
	}
	switch kind.Kind {
	case "CronJob", "Deployment", "StatefulSet", "DaemonSet":
	default:
		return out, errors.Join(bad...)
	}
	var o object
	if err := node.Decode(&o); err != nil {
		return out, errors.Join(append(bad, fmt.Errorf("%s: %w", kind.Kind, err))...)
	}
	m, err := o.manifest(namespace)
	return append(out, m), errors.Join(append(bad, err)...)
}

func (o *object) manifest(namespace string) (Manifest, error) {
	m := Manifest{Namespace: o.Metadata.Namespace, Name: o.Metadata.Name}
	if m.Namespace == "" {
		m.Namespace = namespace
	}
	m.Kind, m.Idle = o.Kind, o.Spec.Suspend || o.Spec.Replicas != nil && *o.Spec.Replicas == 0
	if t := o.Metadata.CreationTimestamp; !t.IsZero() {
		m.Since = t.UnixMicro()
	}
	template := &o.Spec.Template
	if o.Kind == "CronJob" {
		template = &o.Spec.JobTemplate.Spec.Template
	}
	m.Selector, m.ServiceAccount = o.Spec.Selector.MatchLabels, template.Spec.ServiceAccountName
	var kv []string
	for k, v := range template.Metadata.Labels {
		if kv = append(kv, k+"="+v); v == "" {
			kv[len(kv)-1] = k
		}
	}
	m.Labels = model.MakeLabels(kv)
	if o.Kind != "CronJob" {
		return m, nil
	}
	m.Schedule, m.Zone = o.Spec.Schedule, o.Spec.TimeZone
	if err := m.schedule(); err != nil {
		return m, fmt.Errorf("CronJob %s/%s: %w", m.Namespace, m.Name, err)
	}
	return m, nil
}

// schedule works out when a CronJob runs, with the parser that its controller uses.
func (d *Declared) schedule() error {
	zone := time.UTC
	if d.Zone != "" {
		var err error
		if zone, err = time.LoadLocation(d.Zone); err != nil {
			return fmt.Errorf("timeZone: %w", err)
		}
	}
	s, err := cron.ParseStandard(d.Schedule)
	if err != nil {
		return fmt.Errorf("schedule %q: %w", d.Schedule, err)
	}
	d.Period = longest(s)
	d.Next = func(after int64) int64 {
		if next := s.Next(time.UnixMicro(after).In(zone)); !next.IsZero() {
			return next.UnixMicro()
		}
		return 0
	}
	return nil
}

// longest is the longest time between two runs within four years, leap day included. Runs within an hour are one. In
// UTC: elsewhere a day of spring or autumn has another length, and means nothing.
func longest(s cron.Schedule) time.Duration {
	run := s.Next(time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC))
	first := run
	out := time.Duration(0)
	for !run.IsZero() && run.Sub(first) < 4*366*24*time.Hour {
		next := s.Next(run.Add(time.Hour - time.Nanosecond))
		if next.IsZero() {
			return time.Duration(math.MaxInt64) // once
		}
		out = max(out, next.Sub(run).Round(time.Hour))
		if out < 24*time.Hour && run.Sub(first) > 60*24*time.Hour {
			return out // every day of two months: no need to look at four years by the hour
		}
		run = next
	}
	return out
}

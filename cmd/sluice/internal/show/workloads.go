package show

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"sluice/cmd/sluice/internal/run"
	"sluice/model/workload"
)

// workloadView is a workload as printed.
type workloadView struct {
	Cluster        string              `json:"cluster,omitempty"` // where the log has several
	Namespace      string              `json:"namespace"`
	Name           string              `json:"name"`
	Kind           string              `json:"kind,omitempty"`
	ServiceAccount string              `json:"serviceAccount,omitempty"`
	Selector       map[string]string   `json:"selector,omitempty"`
	Separates      map[string][]string `json:"separates,omitempty"`     // selector label -> workloads that the others would select too
	SeparatesMore  map[string]int      `json:"separatesMore,omitempty"` // selector label -> how many beside those
	Dropped        map[string]string   `json:"dropped,omitempty"`       // label key -> why it is not selected by
	Merged         []string            `json:"merged,omitempty"`        // owners that no stable label tells apart
	Refusal        string              `json:"refusal,omitempty"`
	LabelSets      [][]string          `json:"labelSets"`
}

func viewWorkload(w *workload.Workload) workloadView {
	v := workloadView{
		Cluster:        w.Cluster,
		Namespace:      w.Namespace,
		Name:           w.Name,
		Kind:           w.Kind,
		ServiceAccount: w.ServiceAccount,
		Selector:       w.Selector,
		Merged:         w.Merged,
		Refusal:        w.Refusal,
		LabelSets:      [][]string{},
	}
	for _, s := range w.Separates() {
		if len(s.From) > 0 {
			if v.Separates == nil {
				v.Separates = map[string][]string{}
			}
			v.Separates[s.Key+"="+s.Value] = s.From
			if s.More > 0 {
				if v.SeparatesMore == nil {
					v.SeparatesMore = map[string]int{}
				}
				v.SeparatesMore[s.Key+"="+s.Value] = s.More
			}
		}
	}
	for _, d := range w.Dropped() {
		if v.Dropped == nil {
			v.Dropped = map[string]string{}
		}
		v.Dropped[d.Key] = fmt.Sprint(d.Why)
	}
	for _, l := range w.LabelSets {
		v.LabelSets = append(v.LabelSets, l)
	}
	return v
}

func (v *workloadView) space() string {
	if v.Cluster == "" {
		return v.Namespace
	}
	return v.Cluster + "/" + v.Namespace
}

func (v *workloadView) selector() string {
	if v.Refusal != "" {
		return "none: " + v.Refusal
	}
	var s []string
	for k, val := range v.Selector {
		s = append(s, k+"="+val)
	}
	slices.Sort(s)
	return strings.Join(s, ",")
}

func (v *workloadView) separates() string {
	var s []string
	for _, names := range v.Separates {
		s = append(s, names...)
	}
	slices.Sort(s)
	more := 0
	for _, n := range v.SeparatesMore {
		more = max(more, n)
	}
	return strings.Join(slices.Compact(s), ",") + andMore(more)
}

// andMore ends a list that is not whole.
func andMore(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(" and %d more", n)
}

func (v *workloadView) dropped() string {
	var s []string
	for k, why := range v.Dropped {
		s = append(s, k+" ("+why+")")
	}
	slices.Sort(s)
	if len(v.Merged) > 0 {
		s = append([]string{"one subject with: " + strings.Join(v.Merged, ",")}, s...)
	}
	return strings.Join(s, ", ")
}

var workloads = list[workloadView]{
	kind: "WorkloadList", field: "workloads",
	head: []string{"NAMESPACE", "WORKLOAD", "KIND", "SELECTOR", "SEPARATES FROM", "LABELS DROPPED"},
	row: func(t *table, v workloadView) {
		t.row(v.space(), v.Name, v.Kind, v.selector(), v.separates(), v.dropped())
	},
}

// Workloads prints how endpoints were grouped, and which selector was chosen.
func Workloads(w io.Writer, format string, l *run.Log, namespaces []string) error {
	return workloads.print(w, format, func(yield func(workloadView) bool) {
		for i := range l.Graph.Workloads {
			if wl := &l.Graph.Workloads[i]; wanted(namespaces, wl.Namespace) && !yield(viewWorkload(wl)) {
				return
			}
		}
	})
}

package cli

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"sluice/model"
	"sluice/model/workload"
	"sluice/synth"
	"sluice/synth/bundle"
)

// unnamedCluster is what --cluster calls the cluster that the log has no name for.
const unnamedCluster = "unnamed"

// Which ends of flows have the namespace that is asked for.
type endKind bool

const (
	podsOnly endKind = false
	anyEnd   endKind = true
)

// seen is the error for namespaces that the flows do not have.
func (l *loaded) seen(namespaces []string, which endKind) error {
	have := map[string]bool{}
	for _, ep := range l.graph.Tables.Endpoints.Snapshot() {
		if ep.Namespace != "" && (which == anyEnd || ep.Kind == model.KindPod) {
			have[ep.Namespace] = true
		}
	}
	for _, ns := range namespaces {
		if !have[ns] {
			return fmt.Errorf("no pod of namespace %s in these flows; seen: %s", ns, some(slices.Sorted(maps.Keys(have))))
		}
	}
	return nil
}

// clusterSeen is the error for a cluster that the flows do not have.
func (l *loaded) clusterSeen(cluster string) error {
	have := map[string]bool{}
	for _, ep := range l.graph.Tables.Endpoints.Snapshot() {
		if ep.Kind == model.KindPod {
			have[cmp.Or(ep.Cluster, unnamedCluster)] = true
		}
	}
	if cluster == "" || have[cluster] {
		return nil
	}
	return fmt.Errorf("no cluster %s in these flows; seen: %s", cluster, some(slices.Sorted(maps.Keys(have))))
}

// chosen checks that what is to be learned for is there.
func (l *loaded) chosen(cfg *synth.Config) error {
	if err := l.clusterSeen(cfg.Cluster); err != nil {
		return err
	}
	if err := l.seen(cfg.Namespaces, podsOnly); err != nil {
		return err
	}
	several := slices.ContainsFunc(l.graph.Workloads, func(w workload.Workload) bool { return w.Cluster != "" })
	if cfg.Cluster == unnamedCluster {
		cfg.Unnamed = true
	}
	if cfg.Cluster == unnamedCluster || !several { // workloads say theirs where there are several
		cfg.Cluster = ""
	}
	return nil
}

// some names the first of many.
func some(names []string) string {
	const most = 12
	switch {
	case len(names) == 0:
		return "none"
	case len(names) > most:
		return fmt.Sprintf("%s and %s", strings.Join(names[:most], ", "), plural(len(names)-most, "more", "more"))
	}
	return strings.Join(names, ", ")
}

// partial are the sources that could not be read whole.
func (r *reading) partial() []string {
	var out []string
	for _, err := range r.failed {
		out = append(out, err.Error())
	}
	if n := r.report.Counts[model.Malformed][model.Truncated]; n > 0 && len(out) == 0 {
		for _, s := range r.report.Samples {
			if s.Reason == model.Truncated {
				return append(out, fmt.Sprintf("%s:%d: the input ends inside a record", s.Source, s.Line))
			}
		}
		out = append(out, "an input ends inside a record")
	}
	return out
}

// usable is the error where no record was found that edges can be made of: what there was, and what to do.
func (l *loaded) usable(w io.Writer) error {
	r := &l.report
	if r.Fate(model.Used)+r.Fate(model.Reply)+r.Fate(model.Undecided)+r.Fate(model.Denied) > 0 {
		return nil
	}
	_ = l.warnFailed(w)
	if r.Total() == 0 && r.OutLast != 0 {
		return fmt.Errorf("no record lies between --since and --until: the flows are of %s to %s", clock(r.OutFirst), clock(r.OutLast))
	}
	if r.Total() == 0 {
		return fmt.Errorf("no usable record in 0 records: nothing can be learned")
	}
	var fates []string
	for _, c := range l.fateCounts() {
		if c.Records > 0 {
			text := count(c.Records) + " " + c.Fate
			if why := reasons(c.Reasons); why != "" {
				text += " (" + why + ")"
			}
			fates = append(fates, text)
		}
	}
	first := ""
	for _, s := range r.Samples {
		first = fmt.Sprintf("; the first refusal: %s:%d: %s", s.Source, s.Line, s.Detail)
		break
	}
	return fmt.Errorf("no usable record in %s: %s%s. %s", plural(r.Total(), "record", "records"), strings.Join(fates, ", "), printable(first, 300), l.remedy())
}

// remedy is the one thing to try where no record can be used.
func (l *loaded) remedy() string {
	r := &l.report
	most, n := model.Malformed, uint64(0)
	for _, f := range []model.Fate{model.Malformed, model.Irrelevant, model.Refused} {
		if c := r.Fate(f); c > n {
			most, n = f, c
		}
	}
	switch most {
	case model.Irrelevant:
		return "These records are of no traffic between workloads: capture without filters, hubble observe -o jsonpb --last 10000"
	case model.Refused:
		return "These records do not say who talked to whom: capture them whole, without field masks and aggregation"
	}
	return "Is it a flow log? One record a line, as hubble observe -o jsonpb writes them, or Calico's flow log"
}

// printHands tells what people did in the directory of a bundle, and what that means for it.
func printHands(w io.Writer, dir string, h *bundle.ByHand) {
	for _, name := range h.Edited {
		fmt.Fprintf(w, "sluice: %s was changed by hand: kept as it is, and verified with it (--force writes over it)\n", printable(name, 200))
	}
	for _, name := range h.Loose {
		fmt.Fprintf(w, "sluice: %s is not of this bundle and is not applied: move it to %s/\n", printable(name, 200), bundle.ExtraDir)
	}
	if n := len(h.Extra); n > 0 {
		fmt.Fprintf(w, "sluice: %s in %s/ is applied and verified with the bundle\n", plural(n, "policy file of your own", "policy files of your own"), bundle.ExtraDir)
	}
}

// nameList is a flag that repeats, or holds a list with commas.
type nameList struct{ names *[]string }

func (l nameList) String() string {
	if l.names == nil {
		return ""
	}
	return strings.Join(*l.names, ",")
}

func (l nameList) Type() string { return "stringArray" }

func (l nameList) Set(s string) error {
	*l.names = append(*l.names, strings.Split(s, ",")...)
	return nil
}

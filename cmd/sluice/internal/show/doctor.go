package show

import (
	"fmt"
	"io"
	"strings"

	"sluice/cmd/sluice/internal/run"
	"sluice/cmd/sluice/internal/text"
	"sluice/model"
	"sluice/synth"
)

// lackView is a finding of doctor.
type lackView struct {
	ID       string `json:"id"`
	Severity string `json:"severity"`
	Text     string `json:"text"`
	Means    string `json:"means"`
	Remedy   string `json:"remedy,omitempty"`
	Caps     bool   `json:"capsReady"`
}

// visibilityCost is what the DNS-visibility policy costs.
const visibilityCost = `Apply it before the next capture, and delete it when names are no longer needed. It isolates nothing (Cilium 1.16 or
later; an older server drops enableDefaultDeny and denies all other egress: ask for the field back with kubectl get).
Every look-up of the pods goes through the agent's proxy: about a millisecond each, look-ups fail while the agent
restarts, and the records hold the names that pods ask for.`

// Doctor prints what a log can and cannot show.
func Doctor(w io.Writer, format string, d *run.Doctor) error {
	views := []lackView{}
	for _, f := range d.Findings {
		views = append(views, lackView{f.ID, f.Severity.String(), f.Text, f.Means, f.Remedy, f.Caps})
	}
	if format != Table {
		o := object{{"apiVersion", "sluice/v1"}, {"kind", "DoctorResult"}, {"format", d.Log.Format()},
			{"first", stampOrNull(d.Log.Graph.First)}, {"last", stampOrNull(d.Log.Graph.Last)},
			{"records", d.Log.Report.Total()}, {"findings", views}}
		if d.Visibility != "" {
			o = append(o, field{"dnsVisibility", d.Visibility})
		}
		return printObject(w, format, o)
	}
	for _, v := range views {
		fmt.Fprintf(w, "%s: %s: %s (%s)\n", v.Severity, v.ID, text.Printable(v.Text, 500), text.Printable(v.Means, 300))
		if v.Remedy != "" {
			fmt.Fprintf(w, "  > %s\n", v.Remedy)
		}
	}
	if len(views) == 0 {
		fmt.Fprintln(w, "Nothing is known to be missing.")
	}
	fmt.Fprintf(w, "This rests on: %s.\n", synth.Traceless)
	if d.Visibility != "" {
		fmt.Fprintf(w, "\n# %s\n%s", strings.ReplaceAll(visibilityCost, "\n", "\n# "), d.Visibility)
	}
	return nil
}

func stampOrNull(at model.Micros) any {
	if at == 0 {
		return nil
	}
	return model.Stamp(at)
}

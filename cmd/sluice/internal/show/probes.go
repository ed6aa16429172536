package show

import (
	"fmt"
	"io"

	"sluice/cmd/sluice/internal/text"
	"sluice/synth/verify"
)

// probesView is what policies make of the probes that manifests declare.
type probesView struct {
	Declared int         `json:"declared"`
	Closed   []probeView `json:"closed"`
	Unsure   []probeView `json:"unsure"`
}

type probeView struct {
	Workload string `json:"workload"`
	Probe    string `json:"probe"`
	Why      string `json:"why"`
	Policy   string `json:"policy,omitempty"`
	File     string `json:"file,omitempty"`
	Line     int    `json:"line,omitempty"`
}

// viewProbes is nil where no manifest declares a probe.
func viewProbes(p *verify.Probes) *probesView {
	if p.Declared == 0 {
		return nil
	}
	v := &probesView{p.Declared, []probeView{}, []probeView{}}
	for _, of := range []struct {
		list []verify.Probe
		to   *[]probeView
	}{{p.Closed, &v.Closed}, {p.Unsure, &v.Unsure}} {
		for i := range of.list {
			x := &of.list[i]
			*of.to = append(*of.to, probeView{x.Workload, x.Probe.String(), x.Why, x.Policy, x.At.File, x.At.Line})
		}
	}
	return v
}

// printProbes tells those that do not reach their pods, or that all do.
func printProbes(w io.Writer, p *verify.Probes) {
	const most = 10
	for _, of := range []struct {
		word string
		list []verify.Probe
	}{{"probe", p.Closed}, {"probe, unsure", p.Unsure}} {
		for i := range of.list {
			if i == most {
				fmt.Fprintf(w, "... and %s (-o json lists all)\n", text.Plural(len(of.list)-most, "probe more", "probes more"))
				break
			}
			x := &of.list[i]
			where := ""
			if x.Policy != "" {
				where = " (" + text.Printable(place(x.At.File, x.At.Line), 200) + ")"
			}
			fmt.Fprintf(w, "%s: %s: %s%s\n", of.word, text.Printable(x.String(), 200), text.Printable(x.Why, 300), where)
		}
	}
	if p.Declared > 0 && len(p.Closed)+len(p.Unsure) == 0 {
		fmt.Fprintf(w, "The kubelet reaches its pods by all %s that the manifests declare.\n",
			text.Plural(p.Declared, "probe", "probes"))
	}
}

package show

import (
	"fmt"
	"io"

	"sluice/cmd/sluice/internal/text"
	"sluice/model"
	"sluice/synth/verify"
)

// useView is how often the data plane used something, as it logs.
type useView struct {
	Connections uint64 `json:"connections"`
	Last        string `json:"last,omitempty"`
}

func viewUse(u model.Use) useView {
	if u.Count == 0 {
		return useView{}
	}
	return useView{u.Count, model.StampSecond(u.Last)}
}

// usedView is how often the data plane used a rule, as it logs.
type usedView struct {
	Rule   string `json:"rule"`
	Policy string `json:"policy"`
	useView
	File string `json:"file,omitempty"`
	Line int    `json:"line,omitempty"`
}

func viewUsed(u *verify.Used) usedView {
	return usedView{u.ID, u.Policy, viewUse(u.Use), u.At.File, u.At.Line}
}

// printUsed tells how often the data plane used the rules, the least used first.
func printUsed(w io.Writer, r *verify.Report) {
	const most = 10
	used := 0
	for i := range r.Used {
		if r.Used[i].Count > 0 {
			used++
		}
	}
	if used > 0 {
		fmt.Fprintf(w, "The data plane logged the use of %d of %s from %s to %s (policy_log), the least used first:\n", used,
			text.Plural(len(r.Used), "rule", "rules"), model.StampSecond(r.First), model.StampSecond(r.Last))
	}
	for i := range r.Used {
		if i == most {
			fmt.Fprintf(w, "  ... and %s (-o json lists all)\n", text.Plural(len(r.Used)-most, "more", "more"))
			break
		}
		u := &r.Used[i]
		fmt.Fprintf(w, "  %s of %s: %s: %s\n", u.ID, text.Printable(u.Policy, 100), useText(u.Use), text.Printable(u.Text, 200))
	}
}

// useText is how often something was used, and when last.
func useText(u model.Use) string {
	if u.Count == 0 {
		return "no use logged"
	}
	return fmt.Sprintf("%s, last %s", text.Plural(u.Count, "connection", "connections"), model.StampSecond(u.Last))
}

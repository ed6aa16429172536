package show

import (
	"fmt"
	"io"
	"strings"

	"sluice/cmd/sluice/internal/run"
	"sluice/cmd/sluice/internal/text"
	"sluice/synth/verify"
)

// tollView is what would be lost in a namespace or by a policy.
type tollView struct {
	Name        string `json:"name"`
	Edges       int    `json:"edges"`
	Connections int    `json:"connections"`
	Records     uint64 `json:"records"`
	Today       *int   `json:"today,omitempty"` // edges lost by what is in force alone
}

// tollsView is what would be lost, the largest part first.
type tollsView struct {
	Namespaces []tollView `json:"namespaces"`
	Policies   []tollView `json:"policies"`
}

func viewTolls(list []verify.Toll) []tollView {
	out := []tollView{}
	for _, t := range list {
		out = append(out, tollView{Name: t.Name, Edges: t.Edges, Connections: t.Connections, Records: t.Records})
	}
	return out
}

// compared adds what is lost today, those that will lose nothing among them.
func compared(then, today []verify.Toll) []tollView {
	out := viewTolls(then)
	at := map[string]int{}
	for i := range out {
		out[i].Today = new(int)
		at[out[i].Name] = i
	}
	for _, t := range today {
		i, ok := at[t.Name]
		if !ok {
			i = len(out)
			out = append(out, tollView{Name: t.Name, Today: new(int)})
		}
		*out[i].Today = t.Edges
	}
	return out
}

// Beside prints what proposed policies change where others are in force.
func Beside(w io.Writer, format string, l *run.Log, b *run.Beside, failOn []string) error {
	thenNamespaces, thenPolicies := verify.Tolls(l.Graph, &b.Then)
	todayNamespaces, todayPolicies := verify.Tolls(l.Graph, &b.Today)
	v := tollsView{compared(thenNamespaces, todayNamespaces), compared(thenPolicies, todayPolicies)}
	if format != Table {
		if format != JSON && format != YAML {
			return Report(w, format, &b.Then, failOn)
		}
		r := viewReport(&b.Then)
		return printObject(w, format, object{{"apiVersion", r.APIVersion}, {"kind", "VerifyBesideResult"}, {"lost", v},
			{"today", viewReport(&b.Today)}, {"then", r}, {"lifted", append([]string{}, b.Lifted...)}})
	}
	fmt.Fprintln(w, "With what is in force, then:")
	printReport(w, &b.Then)
	printLifted(w, b.Lifted)
	for _, part := range []struct {
		head string
		of   []tollView
	}{{"NAMESPACE", v.Namespaces}, {"POLICY", v.Policies}} {
		if len(part.of) == 0 {
			continue
		}
		fmt.Fprintln(w)
		t := newTable(w, part.head, "EDGES LOST TODAY", "THEN")
		for _, x := range part.of {
			t.row(x.Name, *x.Today, x.Edges)
		}
		if err := t.flush(); err != nil {
			return err
		}
	}
	if n, m := b.Today.Connections[verify.Escaped], b.Then.Connections[verify.Escaped]; n > 0 && m < n {
		fmt.Fprintf(w, "\n%s escape today and no more.\n", text.Plural(n-m, "connection", "connections"))
	}
	return nil
}

// printLifted names where proposed policies end what the requests of a connection are asked by those in force.
func printLifted(w io.Writer, ends []string) {
	const most = 10
	for i, end := range ends {
		if i == most {
			fmt.Fprintf(w, "lifted: %d more\n", len(ends)-most)
			return
		}
		fmt.Fprintf(w, "lifted: %s\n", text.Printable(end, 300))
	}
}

// tolls is the largest part of what would be lost, on one line.
func tolls(list []verify.Toll) string {
	const most = 5
	var out []string
	for i, t := range list {
		if i == most {
			out = append(out, fmt.Sprintf("%d more", len(list)-most))
			break
		}
		out = append(out, fmt.Sprintf("%s %d", text.Printable(t.Name, 80), t.Edges))
	}
	return strings.Join(out, ", ")
}

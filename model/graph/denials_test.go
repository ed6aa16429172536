package graph

import (
	"testing"

	"sluice/model"
)

// TestDenials: what the records of an edge say of the policies at its ends, in every log that tells or does not.
func TestDenials(t *testing.T) {
	denied := func(fate model.Fate, why model.Reason, marks model.Marks) func(*model.Observation) {
		return func(o *model.Observation) {
			o.Fate, o.Reason, o.Verdict, o.Marks = fate, why, model.Dropped, o.Marks|marks
		}
	}
	late := func(why model.Reason) func(*model.Observation) { // a packet without SYN, to a port that others listen on
		return denied(model.Undecided, why, model.MarkDenied)
	}
	for _, c := range []struct {
		name            string
		at              model.Observer
		row             func(*model.Observation)
		worked          uint32 // an hour in which it did, 0 for none
		egress, ingress string
	}{
		{"the client's", model.AtVerdict, denied(model.Denied, model.AtEgress, 0), 0, "sure", "no"},
		{"the server's", model.AtDrop, denied(model.Denied, model.AtIngress, 0), 0, "no", "sure"},
		{"not said", model.AtDrop, denied(model.Denied, 0, 0), 0, "perhaps", "perhaps"},
		{"Calico's client", model.AtSource, denied(model.Denied, 0, 0), 0, "sure", "no"},
		{"Calico's server", model.AtDestination, denied(model.Denied, 0, 0), 0, "no", "sure"},
		{"a rule of the server's", model.AtVerdict, denied(model.Denied, model.AtIngress, model.MarkDenyRule), 0, "no", "perhaps"},
		{"which worked before", model.AtVerdict, denied(model.Denied, model.AtIngress, 0), 1, "no", "sure"},
		{"which worked later", model.AtVerdict, denied(model.Denied, model.AtIngress, 0), 3, "no", "perhaps"},
		{"not said, and worked later", model.AtDrop, denied(model.Denied, 0, 0), 3, "perhaps", "perhaps"},
		{"a packet in the middle", model.AtDrop, late(model.AtEgress), 0, "sure", "no"},
	} {
		w := newWorld()
		a, b := w.pod("shop", "a"), w.pod("shop", "b")
		w.see(2, a, b, 80, model.Denied, c.at, c.row)
		if c.worked > 0 {
			w.see(c.worked, a, b, 80, model.Used, model.AtDestination, opening)
		}
		g := w.build(t)
		if len(g.Edges) != 1 || g.Edges[0].DeniedRecords == 0 {
			t.Fatalf("%s: %+v", c.name, g.Edges)
		}
		says := func(d model.Direction, alone bool) string {
			switch perhaps, sure := g.Edges[0].Denials.At(d, alone); {
			case sure:
				return "sure"
			case perhaps:
				return "perhaps"
			}
			return "no"
		}
		if e, i := says(model.Egress, false), says(model.Ingress, false); e != c.egress || i != c.ingress {
			t.Errorf("%s: egress %s, ingress %s, want %s, %s", c.name, e, i, c.egress, c.ingress)
		}
		if alone := says(model.Ingress, true); c.name == "not said" && alone != "sure" {
			t.Errorf("%s: where policies select no other end, ingress %s", c.name, alone)
		}
	}
}

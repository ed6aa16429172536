package calico

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"sluice/model"
)

// labelForms are the ways in which records hold labels; in one text there is joined between them.
var labelForms = []string{`{"labels":[%s]}`, `[%s]`, ` { "labels" : [ %s ] } `, `"%s"`, `{"labels":[%s],"x":1}`}

const joined = 3

// withLabels is a record of which both ends have these labels, each as JSON.
func withLabels(form int, source, dest []string) string {
	in := func(labels []string) string {
		text := strings.Join(labels, ",")
		if form == joined {
			text = strings.TrimSuffix(strings.TrimPrefix(strings.Join(labels, separator), `"`), `"`)
			text = strings.ReplaceAll(text, `"`+separator+`"`, separator)
		}
		return fmt.Sprintf(labelForms[form], text)
	}
	return fmt.Sprintf(`{"start_time":1700000000,"end_time":1700000300,"source_name":"-","source_name_aggr":"cart-7d9fbd6c7b-*",`+
		`"source_namespace":"shop","source_type":"wep","source_labels":%s,"dest_name":"-","dest_name_aggr":"bank-0","dest_namespace":"shop",`+
		`"dest_type":"wep","dest_labels":%s,"dest_port":80,"proto":"tcp","action":"allow","reporter":"src"}`, in(source), in(dest))
}

func quotedLabels(labels ...string) []string {
	var out []string
	for _, l := range labels {
		b, _ := json.Marshal(l)
		out = append(out, string(b))
	}
	return out
}

// labelLists are lists of labels, some of which say the same, and some of which say something else in another order.
func labelLists() [][]string {
	common := quotedLabels("app=cart", "team=t1", "tier=back", "helm.sh/chart=cart-1", "example.com/attribute=a long value of a label")
	with := func(more ...string) []string { return append(slices.Clone(common), more...) }
	var long []string
	for i := range 300 {
		long = append(long, fmt.Sprintf(`"l%d=%d"`, i, i%7))
	}
	return [][]string{
		common,
		with(`"pod-template-hash=7d9fbd6c7b"`, `"projectcalico.org/namespace=shop"`, `"projectcalico.org/serviceaccount=cart"`),
		with(`"pod-template-hash=7d9fbd6c7b"`, `"projectcalico.org/namespace=shop"`, `"projectcalico.org/serviceaccount=till"`),
		with(`"projectcalico.org/serviceaccount=a"`, `"projectcalico.org/serviceaccount=b"`),
		with(`"projectcalico.org/serviceaccount=a"`, `"projectcalico.org\/serviceaccount=b"`),
		with(`"pod-template-hash=7d9fbd6c7b"`, `"pod-template-hash=6c7b7d9fbd"`),
		with(`"controller-revision-hash=bank-1"`, `"controller-revision-hash=1"`),
		with(`"rollouts-pod-template-hash=7d9fbd6c7b"`, `"rollouts-pod-template-hash=1"`),
		with(`"app=cart"`), with(`"app=other"`), with(`"app="`), with(`"app"`), with(`""`), with(`"-"`),
		with(`"\u0061pp=cart"`), with(`"a=]"`), with(`"a=\"]"`), with(`null`), with(`7`), with(`["app=cart"]`),
		{`"app=cart"`}, {`"app=cart"`, `"app=cart"`}, {}, long[:40], long[:254], long[:255], long[:256], long,
	}
}

// TestLabelOrder: the same labels in many orders, among others of nearly the same, say what they say to a decoder that
// knows nothing.
func TestLabelOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for form := range labelForms {
		tables := model.NewTables()
		d := NewDecoder("", tables)
		var again []string
		lists := labelLists()
		check := func(text string) {
			t.Helper()
			fresh := model.NewTables()
			want := reading(NewDecoder("", fresh), fresh, text)
			if got := reading(d, tables, text); got != want {
				t.Fatalf("%s:\n%s, and read alone\n%s", text, got, want)
			}
		}
		for round := range 20 {
			for n, labels := range lists {
				if round > 0 {
					r.Shuffle(len(labels), func(i, j int) { labels[i], labels[j] = labels[j], labels[i] })
				}
				text := withLabels(form, labels, lists[(n+1)%len(lists)])
				if round%8 == 0 {
					again = append(again, text)
				}
				check(text)
			}
		}
		for range 2 {
			for _, text := range again { // orders that come again
				check(text)
			}
		}
	}
}

// TestLabelSets: labels whose order says nothing are one, however they come: nothing more is remembered for each order.
func TestLabelSets(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for form := range joined + 1 {
		d := NewDecoder("", model.NewTables())
		labels := labelLists()[1]
		for range 2 * setTries {
			r.Shuffle(len(labels), func(i, j int) { labels[i], labels[j] = labels[j], labels[i] })
			if _, rej := d.Decode([]byte(withLabels(form, labels, labels))); rej != nil {
				t.Fatal(rej)
			}
		}
		if n := d.before.long.last; n != 1 {
			t.Errorf("form %d: %d numbers given for one set", form, n)
		}
		if n := len(d.ends.cache); n > 6 {
			t.Errorf("form %d: %d ends remembered of two", form, n)
		}
	}
}

// TestLabelSetsPause: where all labels keep their order, most are not looked for as sets.
func TestLabelSetsPause(t *testing.T) {
	d := NewDecoder("", model.NewTables())
	for n := range 4 * setTries {
		labels := quotedLabels("app=cart", fmt.Sprint("n=", n), "tier=back")
		if _, rej := d.Decode([]byte(withLabels(0, labels, labels))); rej != nil {
			t.Fatal(rej)
		}
	}
	if d.before.long.sets.pause == 0 {
		t.Error("all are looked for")
	}
}

// FuzzLabelOrder has labels in any order read as alone.
func FuzzLabelOrder(f *testing.F) {
	for i, l := range labelLists() {
		f.Add(strings.Join(l, "\n"), strings.Join(labelLists()[max(i-1, 0)], "\n"), uint64(i))
	}
	f.Fuzz(func(t *testing.T, one, other string, seed uint64) {
		r := rand.New(rand.NewPCG(seed, 1))
		tables := model.NewTables()
		d := NewDecoder("", tables)
		for range 4 {
			for _, text := range []string{one, other} {
				labels := strings.Split(text, "\n")
				r.Shuffle(len(labels), func(i, j int) { labels[i], labels[j] = labels[j], labels[i] })
				record := withLabels(int(seed%uint64(len(labelForms))), labels, labels)
				for range 2 {
					fresh := model.NewTables()
					want := reading(NewDecoder("", fresh), fresh, record)
					if got := reading(d, tables, record); got != want {
						t.Errorf("%s:\n%s, and read alone\n%s", record, got, want)
					}
				}
			}
		}
	})
}

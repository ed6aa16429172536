package calico

import (
	"fmt"
	"regexp"
	"testing"

	"sluice/model"
)

// reading is what a decoder makes of a record, in words.
func reading(d *Decoder, tables model.Tables, text string) string {
	f, rej := d.Decode([]byte(text))
	if rej != nil {
		return fmt.Sprintf("%v %v %s", rej.Fate, rej.Reason, rej.Detail)
	}
	return words(f, tables)
}

// TestBefore: what a decoder remembers of the records before changes nothing of the next one, whichever of its members
// are other ones.
func TestBefore(t *testing.T) {
	tables := model.NewTables()
	d := NewDecoder("", tables)
	value := regexp.MustCompile(`:("[^"]*"|-?[0-9]+|null|\[[^\]]*\])`)
	for _, record := range []string{enterprise, protojson, whisker} {
		variants := []string{record}
		for _, at := range value.FindAllStringSubmatchIndex(record, -1) {
			for _, other := range []string{`"-"`, `""`, `"team-b"`, `"\u0041"`, `7`, `"7"`, `1.5`, `null`, `nul`, `{}`, `["a=b"]`, ` 7 `, `7}`} {
				variants = append(variants, record[:at[2]]+other+record[at[3]:])
			}
			variants = append(variants, record[:at[2]], record[:at[3]], record[:at[3]]+" "+record[at[3]:], record)
		}
		for range 2 {
			for _, text := range variants {
				fresh := model.NewTables()
				want := reading(NewDecoder("", fresh), fresh, text)
				if got := reading(d, tables, text); got != want {
					t.Fatalf("%s:\n%s, and read alone\n%s", text, got, want)
				}
			}
		}
	}
}

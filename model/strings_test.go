package model

import (
	"strconv"
	"strings"
	"sync"
	"testing"
)

// TestStringsOfManyWorkers: whoever asks, a text has one id and an id its text, while the table grows; long texts too.
func TestStringsOfManyWorkers(t *testing.T) {
	const workers, texts = 4, 5000
	table := NewStrings()
	text := func(i int) string {
		if i%97 == 0 {
			return strings.Repeat("long", manyTexts/32+i)
		}
		return "pod-" + strconv.Itoa(i)
	}
	var ids [workers][texts]NameID
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for k := range texts {
				i := (k + w*texts/workers/2) % texts
				ids[w][i] = table.Intern([]byte(text(i)))
				if got := table.Get(ids[w][i]); got != text(i) {
					t.Errorf("id %d is %.20q, not %.20q", ids[w][i], got, text(i))
				}
			}
		})
	}
	wg.Wait()
	for w := range workers {
		if ids[w] != ids[0] {
			t.Errorf("worker %d has other ids", w)
		}
	}
	if table.Len() != texts+1 || table.Get(0) != "" || table.Intern(nil) != 0 {
		t.Errorf("the table has %d texts, and %q first", table.Len(), table.Get(0))
	}
}

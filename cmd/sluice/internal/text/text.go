// Package text writes numbers and names for people: counts, sizes, and what strangers chose, made safe to print.
package text

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"sluice/model"
)

// Count writes n with thin groups: 1,234,567.
func Count[T int | int64 | uint64](n T) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Plural writes a number with its noun.
func Plural[T int | int64 | uint64](n T, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return Count(n) + " " + many
}

// Size writes a number of bytes.
func Size(b int64) string {
	switch {
	case b >= 1e9:
		return fmt.Sprintf("%.2f GB", float64(b)/1e9)
	case b >= 1e6:
		return fmt.Sprintf("%.1f MB", float64(b)/1e6)
	case b >= 1e3:
		return fmt.Sprintf("%.1f kB", float64(b)/1e3)
	}
	return fmt.Sprintf("%d B", b)
}

// Printable escapes what would disturb a terminal or a reader, and cuts what would fill it.
func Printable(s string, limit int) string {
	if s = model.Printable(s); len(s) <= limit {
		return s
	}
	if r := []rune(s); len(r) > limit {
		return string(r[:limit-1]) + "…"
	}
	return s
}

// Some names the first of many, each as it can be printed.
func Some(names []string) string {
	const most = 12
	switch {
	case len(names) == 0:
		return "none"
	case len(names) > most:
		return fmt.Sprintf("%s and %s", Some(names[:most]), Plural(len(names)-most, "more", "more"))
	}
	return model.Printable(strings.Join(names, ", "))
}

// Few are the first of many names, with how many more there are.
func Few(names []string) string {
	const most = 2
	if len(names) <= most+1 {
		return model.Printable(strings.Join(names, ", "))
	}
	return fmt.Sprintf("%s and %d more", model.Printable(strings.Join(names[:most], ", ")), len(names)-most)
}

// Reasons writes numbers by what they count, sorted.
func Reasons(m map[string]uint64) string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for i, k := range keys {
		keys[i] = fmt.Sprintf("%s %s", k, Count(m[k]))
	}
	return strings.Join(keys, ", ")
}

// Nearest returns the word that was perhaps meant, "" where none is near.
func Nearest(word string, of []string) string {
	best, at := "", 3 // more than two letters apart is another word
	for _, w := range of {
		if d := distance(word, w); d < at && d < len(w) {
			best, at = w, d
		}
	}
	return best
}

// distance is the number of letters to insert, drop, change or swap with the next.
func distance(a, b string) int {
	var before []int
	last := make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		row := make([]int, len(b)+1)
		row[0] = i + 1
		for j := range len(b) {
			row[j+1] = min(last[j+1]+1, row[j]+1)
			switch {
			case a[i] == b[j]:
				row[j+1] = min(row[j+1], last[j])
			case i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j]:
				row[j+1] = min(row[j+1], before[j-1]+1)
			default:
				row[j+1] = min(row[j+1], last[j]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}

// Span writes how long something was watched: 4s, 36h, 35d.
func Span(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d >= 2*day:
		return fmt.Sprintf("%dd", d/day)
	case d >= 2*time.Hour:
		return fmt.Sprintf("%dh", d/time.Hour)
	}
	return d.Truncate(time.Second).String()
}

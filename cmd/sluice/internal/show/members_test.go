package show

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"testing/quick"
)

// library is what encoding/json writes of a value, without escapes for HTML.
func library(t *testing.T, v any) string {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// TestEdgeViewsAsTheLibrary: edges are written byte by byte as encoding/json writes them: any of them, those that have
// one field alone, and those that lack one alone.
func TestEdgeViewsAsTheLibrary(t *testing.T) {
	check := func(v EdgeView) bool {
		got, want := string(v.appendJSON(nil)), library(t, &v)
		if got != want {
			t.Errorf("\n got %s\nwant %s", got, want)
		}
		return got == want
	}
	fields := reflect.TypeFor[EdgeView]().NumField()
	all := func(v EdgeView) bool {
		ok := check(v)
		for i := range fields {
			one, others := EdgeView{}, v
			reflect.ValueOf(&one).Elem().Field(i).Set(reflect.ValueOf(v).Field(i))
			reflect.ValueOf(&others).Elem().Field(i).SetZero()
			ok = check(one) && check(others) && ok
		}
		return ok
	}
	if err := quick.Check(func(v EdgeView, edges, windows uint16) bool {
		v.Edges, v.Windows = int(edges), int(windows) // never negative
		return all(v)
	}, &quick.Config{MaxCount: 300}); err != nil {
		t.Error(err)
	}
}

// TestTextsAsTheLibrary: so are texts of strangers.
func TestTextsAsTheLibrary(t *testing.T) {
	texts := []string{"", "a", `"`, `\`, "<b>&amp;", "\x00", "\x1f", "\x7f", "\n\t\r", "é", "\u2028\u2029", "\xff\xfea", "\U0001f600"}
	for _, x := range texts {
		for _, y := range texts {
			if got, want := string(appendText([]byte("before"), x+y)), "before"+library(t, x+y); got != want {
				t.Errorf("%q: got %s, want %s", x+y, got, want)
			}
		}
	}
}

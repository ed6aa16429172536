package run

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"sluice/cmd/sluice/internal/text"
)

// noKey is how the library says that a mapping has a key which its type has not.
var noKey = regexp.MustCompile(`(?s)^(line \d+): field (.*) not found in type \S+$`)

// noFit is how it says that a value is of another kind than its type.
var noFit = regexp.MustCompile(`(?s)^(line \d+): cannot unmarshal !!(\w+)(?: ` + "`(.*)`" + `)? into (.*)$`)

// kinds are what values are called, by their tags.
var kinds = map[string]string{"seq": "a list", "map": "a mapping", "str": "a text", "int": "a number", "float": "a number",
	"bool": "true or false", "timestamp": "a time"}

// takes says what a type takes, by its name and how Go begins it.
func takes(t string) string {
	switch {
	case t == "time.Duration":
		return "a duration such as 24h"
	case strings.HasPrefix(t, "[]"):
		return "a list"
	case strings.HasPrefix(t, "map["), strings.HasPrefix(t, "struct"):
		return "a mapping"
	case t == "bool":
		return "true or false"
	case strings.HasPrefix(t, "int"), strings.HasPrefix(t, "uint"), strings.HasPrefix(t, "float"):
		return "a number"
	}
	return "a text" // of which all else is read
}

// misread returns what is wrong with a file that was to be read as a type, in the words of those who write it.
func misread(err error, as reflect.Type) []string {
	var of *yaml.TypeError
	if !errors.As(err, &of) {
		return []string{err.Error()}
	}
	out := slices.Clone(of.Errors)
	for i, e := range out {
		if m := noKey.FindStringSubmatch(e); m != nil {
			out[i] = fmt.Sprintf("%s: there is no key %q", m[1], m[2])
			if near := text.Nearest(m[2], keysOf(as, nil)); near != "" {
				out[i] += ": did you mean " + near + "?"
			}
		} else if m := noFit.FindStringSubmatch(e); m != nil {
			out[i] = fmt.Sprintf("%s: %s, want %s", m[1], cmp.Or(m[3], kinds[m[2]], m[2]), takes(m[4]))
		}
	}
	return out
}

// keysOf appends the keys that the mappings of a type and of what it is made of have.
func keysOf(t reflect.Type, keys []string) []string {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return keys
	}
	for i := range t.NumField() {
		if key := t.Field(i).Tag.Get("yaml"); key != "" && key != "-" {
			name, _, _ := strings.Cut(key, ",")
			if name != "" {
				keys = append(keys, name)
			}
			keys = keysOf(t.Field(i).Type, keys)
		}
	}
	return keys
}

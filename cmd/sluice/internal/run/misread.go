package run

import (
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

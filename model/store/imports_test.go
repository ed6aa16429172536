package store

import (
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestOneFileKnowsTheSystem: the rest of the store asks Files, so that a store may lie anywhere.
func TestOneFileKnowsTheSystem(t *testing.T) {
	names, err := filepath.Glob("*.go")
	must(t, err)
	var found []string
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		must(t, err)
		for _, im := range f.Imports {
			p, _ := strconv.Unquote(im.Path.Value)
			if p == "os" || p == "syscall" || strings.HasPrefix(p, "os/") || strings.HasSuffix(p, "/flock") {
				found = append(found, name)
			}
		}
	}
	if !slices.Equal(slices.Compact(found), []string{"host.go"}) {
		t.Errorf("%q know the operating system, want host.go alone", found)
	}
}

package cmd

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestFiles: no file of synth and of the command's rooms uses one that uses it, over others too. What two of them need
// lies in a file below both.
func TestFiles(t *testing.T) {
	dirs := map[string][]string{}
	for _, top := range []string{"../synth", "sluice"} {
		err := filepath.WalkDir(top, func(p string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() && (d.Name() == "testdata" || strings.HasSuffix(d.Name(), "test")) {
				return filepath.SkipDir // the kits of tests
			}
			if err == nil && strings.HasSuffix(p, ".go") && !strings.HasSuffix(p, "_test.go") {
				dirs[filepath.Dir(p)] = append(dirs[filepath.Dir(p)], p)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for dir, files := range dirs {
		uses := usesBetween(t, files)
		for from := range uses {
			for to, name := range uses[from] {
				if reaches(uses, to, from, map[string]bool{}) {
					t.Errorf("%s: %s uses %s of %s, which uses %s", dir, from, name, to, from)
				}
			}
		}
	}
}

// reaches reports whether a file uses another, over others too.
func reaches(uses map[string]map[string]string, from, to string, seen map[string]bool) bool {
	if seen[from] {
		return false
	}
	seen[from] = true
	return from == to || slices.ContainsFunc(slices.Collect(maps.Keys(uses[from])), func(next string) bool {
		return reaches(uses, next, to, seen)
	})
}

// unread stands for the packages outside: what they are does not matter here.
type unread struct{}

// Import returns a package that has nothing.
func (unread) Import(path string) (*types.Package, error) {
	p := types.NewPackage(path, filepath.Base(path))
	p.MarkComplete()
	return p, nil
}

// usesBetween gives for each file of a package those that it uses, and one name that it uses of each.
func usesBetween(t *testing.T, paths []string) map[string]map[string]string {
	t.Helper()
	set := token.NewFileSet()
	var files []*ast.File
	receivers := map[*ast.Ident]bool{} // of a method's own type it says nothing that it has one
	for _, p := range paths {
		f, err := parser.ParseFile(set, p, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv != nil {
				ast.Inspect(fn.Recv, func(n ast.Node) bool {
					if id, ok := n.(*ast.Ident); ok {
						receivers[id] = true
					}
					return true
				})
			}
		}
	}
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}}
	conf := types.Config{Importer: unread{}, Error: func(error) {}}
	pkg, _ := conf.Check("p", set, files, info) // it complains of what was not read
	file := func(p token.Pos) string { return filepath.Base(set.Position(p).Filename) }
	out := map[string]map[string]string{}
	for id, o := range info.Uses {
		fn, isFunc := o.(*types.Func)
		method := isFunc && fn.Signature().Recv() != nil
		if o.Pkg() != pkg || receivers[id] || !method && o.Parent() != pkg.Scope() {
			continue
		}
		if from, to := file(id.Pos()), file(o.Pos()); from != to {
			if out[from] == nil {
				out[from] = map[string]string{}
			}
			out[from][to] = id.Name
		}
	}
	return out
}

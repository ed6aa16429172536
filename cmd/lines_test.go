package cmd

import (
	"bufio"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

// widest is how long a line of code may be.
const widest = 120

var literal = regexp.MustCompile(`"(\\.|[^"\\])*"`)

// TestLines: a line of the product that is longer is longer by a text in quotes alone, which does not break. Tables of
// tests are dense on purpose.
func TestLines(t *testing.T) {
	err := filepath.WalkDir("..", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		switch {
		case d.IsDir() && (strings.HasPrefix(d.Name(), ".") && p != ".." || d.Name() == "testdata" || d.Name() == "conformance"):
			return filepath.SkipDir
		case d.IsDir() || !strings.HasSuffix(p, ".go") || strings.HasSuffix(p, "_test.go"):
			return nil
		}
		f, err := os.Open(p)
		if err != nil {
			return err
		}
		defer f.Close()
		s, raw := bufio.NewScanner(f), false
		for n := 1; s.Scan(); n++ {
			line := s.Text()
			inside := raw || strings.Contains(line, "`")
			raw = raw != (strings.Count(line, "`")%2 == 1)
			if !inside && utf8.RuneCountInString(literal.ReplaceAllString(line, `""`)) > widest {
				t.Errorf("%s:%d: %d characters", p, n, utf8.RuneCountInString(line))
			}
		}
		return s.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
}

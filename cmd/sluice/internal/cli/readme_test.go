package cli

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"sluice/cmd/sluice/internal/run"
)

func readme(t *testing.T) (file, text string) {
	t.Helper()
	file, err := filepath.Abs(filepath.Join("..", "..", "..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return file, string(b)
}

// TestReadmeOutput: a block that begins with "$ sluice" is what that command prints. SLUICE_UPDATE=1 rewrites it.
func TestReadmeOutput(t *testing.T) {
	file, text := readme(t)
	dir := t.TempDir()
	if err := os.Symlink(filepath.Join(filepath.Dir(file), "testdata"), filepath.Join(dir, "testdata")); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	const fence = "```\n"
	parts := strings.Split(text, fence)
	shown := 0
	for i, block := range parts {
		line, output, _ := strings.Cut(block, "\n")
		command, ok := strings.CutPrefix(line, "$ sluice ")
		if !ok || i%2 == 0 {
			continue
		}
		shown++
		var out bytes.Buffer
		if code := Main(strings.Fields(command), strings.NewReader(""), &out, io.Discard); code != ExitOK {
			t.Errorf("%s: exit code %d", line, code)
		}
		if d := cmp.Diff(out.String(), output); d != "" && os.Getenv("SLUICE_UPDATE") == "" {
			t.Errorf("README.md, %s (-printed +written; make update rewrites it):\n%s", line, d)
		}
		parts[i] = line + "\n" + out.String()
	}
	if shown == 0 {
		t.Error("README.md shows no output")
	}
	if os.Getenv("SLUICE_UPDATE") != "" {
		if err := os.WriteFile(file, []byte(strings.Join(parts, fence)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// parses says why a command line is none of ours.
func parses(t *testing.T, line string) {
	t.Helper()
	line, _, _ = strings.Cut(line, " #")
	line, _, _ = strings.Cut(line, " | ")
	root := newRoot(Streams{strings.NewReader(""), io.Discard, io.Discard}, &profiles{})
	c, rest, err := root.Find(strings.Fields(line)[1:])
	if err == nil && c == root {
		t.Errorf("%q: no command", line)
	}
	if err == nil {
		err = c.ParseFlags(rest)
	}
	if err == nil {
		err = c.ValidateArgs(c.Flags().Args())
	}
	if err != nil {
		t.Errorf("%q: %v", line, err)
	}
}

// TestReadmeCommands: the README names no command and no flag that is not there.
func TestReadmeCommands(t *testing.T) {
	_, text := readme(t)
	lines := 0
	for line := range strings.Lines(text) {
		if line = strings.TrimPrefix(strings.TrimSpace(line), "$ "); strings.HasPrefix(line, "sluice ") && !strings.HasPrefix(line, "sluice reads ") {
			parses(t, line)
			lines++
		}
	}
	if lines < 5 {
		t.Errorf("%d command lines", lines)
	}
}

// TestExamples: the help of every command has examples, and they parse.
func TestExamples(t *testing.T) {
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		for _, sub := range c.Commands() {
			visit(sub)
		}
		if c.HasParent() && !c.HasAvailableSubCommands() && strings.TrimSpace(c.Example) == "" && !c.Parent().HasExample() {
			t.Errorf("%s has no example", c.CommandPath())
		}
		for line := range strings.Lines(c.Example) {
			if i := strings.Index(line, "sluice "); i >= 0 {
				parses(t, strings.TrimSpace(line[i:]))
			}
		}
	}
	visit(newRoot(Streams{strings.NewReader(""), io.Discard, io.Discard}, &profiles{}))
}

// TestCompletion: there is a completion script for every shell, and bash can read its own.
func TestCompletion(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		var out bytes.Buffer
		if code := Main([]string{"completion", shell}, strings.NewReader(""), &out, io.Discard); code != ExitOK || !strings.Contains(out.String(), "sluice") {
			t.Errorf("%s: exit code %d", shell, code)
		}
		if bash, err := exec.LookPath("bash"); err == nil && shell == "bash" {
			c := exec.Command(bash, "-n")
			c.Stdin = &out
			if text, err := c.CombinedOutput(); err != nil {
				t.Errorf("bash: %v\n%s", err, text)
			}
		}
	}
	var out bytes.Buffer
	Main([]string{"__complete", "learn", "--dial"}, strings.NewReader(""), &out, io.Discard)
	if !slices.ContainsFunc(strings.Split(out.String(), "\n"), func(l string) bool { return strings.HasPrefix(l, "--dialect") }) {
		t.Errorf("no flag is completed: %s", out.String())
	}
}

// TestReadmeConfig: the configuration that README.md shows is one, and has every key.
func TestReadmeConfig(t *testing.T) {
	_, text := readme(t)
	_, text, found := strings.Cut(text, "```\nsystemNamespaces:")
	text, _, closed := strings.Cut(text, "```\n")
	if !found || !closed {
		t.Fatal("README.md shows no configuration")
	}
	file := filepath.Join(t.TempDir(), "sluice.yaml")
	if err := os.WriteFile(file, []byte("systemNamespaces:"+text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := run.LoadConfig(file)
	if err != nil {
		t.Fatal(err)
	}
	v := reflect.ValueOf(*c)
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if key := f.Tag.Get("yaml"); f.IsExported() && key != "-" && v.Field(i).IsZero() {
			t.Errorf("README.md does not show %s", key)
		}
	}
}

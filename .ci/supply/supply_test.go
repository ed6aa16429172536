// Package supply holds what is said of where the programs come from: the licences of all modules in them, a bill of
// materials, and that two builds of one source are the same file. `make supply` runs it.
package supply

import (
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const root = "../.."

// programs are what is given to people.
var programs = []string{"sluice", "flowgen"}

// allowed are the licences that a module may have: none of them asks that the source of sluice is given on. MPL-2.0, of
// what the clients of forges are built on, asks for that of its own files alone, which are used as they are published.
var allowed = []string{"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "MPL-2.0", "Unlicense"}

// texts tell licences by sentences that only they have.
var texts = []struct {
	licence string
	text    *regexp.Regexp
}{
	{"Apache-2.0", regexp.MustCompile(`Apache License,? Version 2\.0`)},
	{"MIT", regexp.MustCompile(`Permission is hereby granted, free of charge, to any person obtaining a copy`)},
	{"BSD-3-Clause", regexp.MustCompile(`(?s)Redistribution and use in source and binary forms.*(Neither the name|may not be used to endorse)`)},
	{"BSD-2-Clause", regexp.MustCompile(`Redistribution and use in source and binary forms`)},
	{"ISC", regexp.MustCompile(`Permission to use, copy, modify, and/or distribute this software for any purpose`)},
	{"Unlicense", regexp.MustCompile(`This is free and unencumbered software released into the public domain`)},
	{"MPL-2.0", regexp.MustCompile(`Mozilla Public License,? (v\. |Version )2\.0`)},
	{"GPL", regexp.MustCompile(`GNU (Lesser |Affero )?General Public License`)},
}

var blanks = regexp.MustCompile(`\s+`)

// secondary is where MPL-2.0 names the licences that one may choose instead of it.
var secondary = regexp.MustCompile(`means either the GNU General Public License, Version 2\.0, the GNU Lesser General ` +
	`Public License, Version 2\.1, the GNU Affero General Public License, Version 3\.0`)

// licences tells which licences a text has: some modules put those of what they took over into one file.
func licences(text string) []string {
	text = secondary.ReplaceAllString(blanks.ReplaceAllString(text, " "), "")
	var out []string
	for _, l := range texts {
		if l.text.MatchString(text) && !(l.licence == "BSD-2-Clause" && slices.Contains(out, "BSD-3-Clause")) {
			out = append(out, l.licence)
		}
	}
	return out
}

func TestLicence(t *testing.T) {
	for text, want := range map[string]string{
		"Apache License\n   Version 2.0, January 2004":                                  "Apache-2.0",
		"Permission is hereby granted, free of charge,\nto any person obtaining a copy": "MIT",
		"Apache License, Version 2.0 and parts GNU Affero General Public License":       "Apache-2.0 GPL",
		"Mozilla Public License Version 2.0 ... \"Secondary License\" means either the GNU General Public License, Version 2.0, the GNU Lesser General Public License, Version 2.1, the GNU Affero General Public License, Version 3.0, or": "MPL-2.0",
		"do what you like": "",
	} {
		if got := strings.Join(licences(text), " "); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// module is one that has code in a program.
type module struct{ Path, Version, Dir string }

func modules(t *testing.T) []module {
	t.Helper()
	args := []string{"list", "-deps", "-f", `{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}} {{.Dir}}{{end}}{{end}}`}
	for _, p := range programs {
		args = append(args, "./cmd/"+p)
	}
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir, cmd.Stderr = root, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	slices.Sort(lines)
	var all []module
	for _, line := range slices.Compact(lines) {
		if f := strings.Fields(line); len(f) == 3 {
			all = append(all, module{f[0], f[1], f[2]})
		}
	}
	return all
}

// spoken are modules that say their licence elsewhere than in a file for it, and where.
var spoken = map[string]struct{ file, licence string }{
	"github.com/JohnCGriffin/overflow": {"README.md", "MIT"},
}

// TestLicences: every module in the programs has a licence that is allowed, and licences.txt lists them.
// SLUICE_UPDATE=1 writes the list.
func TestLicences(t *testing.T) {
	var list strings.Builder
	for _, m := range modules(t) {
		var found []string
		files, err := filepath.Glob(filepath.Join(m.Dir, "*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			name := strings.ToUpper(filepath.Base(f))
			if !strings.HasPrefix(name, "LICEN") && !strings.HasPrefix(name, "COPYING") {
				continue
			}
			if fi, err := os.Stat(f); err != nil || fi.IsDir() {
				continue
			}
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			all := licences(string(b))
			for _, l := range all {
				if !slices.Contains(allowed, l) {
					t.Errorf("%s %s: %s: licence %s is not one that is allowed", m.Path, m.Version, filepath.Base(f), l)
				}
			}
			found = append(found, all...)
		}
		if s, ok := spoken[m.Path]; ok && len(found) == 0 {
			found = spokenLicence(t, m, s.file, s.licence)
		}
		if len(found) == 0 {
			t.Errorf("%s %s: no licence", m.Path, m.Version)
		}
		slices.Sort(found)
		fmt.Fprintf(&list, "%s %s %s\n", m.Path, m.Version, strings.Join(slices.Compact(found), ", "))
	}
	compare(t, "licences.txt", list.String())
}

// TestPage: the review page has code of npm packages in it. Each has a licence that is allowed, and its text goes with the
// page, of the version that the lock file names.
func TestPage(t *testing.T) {
	const web = root + "/cmd/sluice/internal/review/web/"
	b, err := os.ReadFile(web + "package-lock.json")
	if err != nil {
		t.Fatal(err)
	}
	var lock struct {
		Packages map[string]struct {
			Version, License string
			Dev              bool
		}
	}
	if err := json.Unmarshal(b, &lock); err != nil {
		t.Fatal(err)
	}
	texts, err := os.ReadFile(web + "dist/LICENSES.txt")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for name, p := range lock.Packages {
		if name == "" || p.Dev {
			continue // the page itself, and what only builds it
		}
		n++
		line := strings.TrimPrefix(name, "node_modules/") + " " + p.Version + " " + p.License + "\n"
		_, text, found := strings.Cut(string(texts), line)
		text, _, _ = strings.Cut(text, "\n----\n")
		if got := licences(text); !found || !slices.Contains(allowed, p.License) || !slices.Equal(got, []string{p.License}) {
			t.Errorf("%slicences in its text: %v", line, got)
		}
	}
	if n == 0 {
		t.Error("the lock file names no package")
	}
}

// spokenLicence checks that a file still says what it said.
func spokenLicence(t *testing.T, m module, file, licence string) []string {
	b, err := os.ReadFile(filepath.Join(m.Dir, file))
	if err != nil || !strings.Contains(string(b), licence) {
		t.Errorf("%s %s: %s does not name the licence %s: %v", m.Path, m.Version, file, licence, err)
	}
	return []string{licence}
}

// compare holds a text against a file, or writes it.
func compare(t *testing.T, name, text string) {
	t.Helper()
	if os.Getenv("SLUICE_UPDATE") != "" {
		if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil || string(want) != text {
		t.Errorf("%s is not what the modules say (SLUICE_UPDATE=1 writes it): %v\n%s", name, err, text)
	}
}

// TestBill: the bill of materials (CycloneDX) beside each program lists the modules that are in it, for sluice the npm
// packages of its page too, and no other.
func TestBill(t *testing.T) {
	for _, p := range programs {
		info, err := buildinfo.ReadFile(filepath.Join(root, "bin", p))
		if err != nil {
			t.Fatal(err)
		}
		var want, got []string
		for _, d := range info.Deps {
			want = append(want, d.Path+"@"+d.Version)
		}
		if p == "sluice" {
			for name, version := range pagePackages(t) {
				want = append(want, name+"@"+version)
			}
		}
		b, err := os.ReadFile(filepath.Join(root, "bin", p+".cdx.json"))
		if err != nil {
			t.Fatal(err)
		}
		var bill struct {
			BOMFormat  string `json:"bomFormat"`
			Components []struct{ Name, Version, Type string }
		}
		if err := json.Unmarshal(b, &bill); err != nil || bill.BOMFormat != "CycloneDX" {
			t.Fatalf("%s: %q, %v", p, bill.BOMFormat, err)
		}
		for _, c := range bill.Components {
			if c.Name != "std" {
				got = append(got, c.Name+"@"+c.Version)
			}
		}
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s has %d modules and its bill %d:\n%q\n%q", p, len(want), len(got), want, got)
		}
	}
}

// pagePackages are the npm packages in the review page, with their versions.
func pagePackages(t *testing.T) map[string]string {
	t.Helper()
	b, err := os.ReadFile(root + "/cmd/sluice/internal/review/web/package.json")
	if err != nil {
		t.Fatal(err)
	}
	var page struct{ Dependencies map[string]string }
	if err := json.Unmarshal(b, &page); err != nil || len(page.Dependencies) == 0 {
		t.Fatalf("%v: the page depends on %v", err, page.Dependencies)
	}
	return page.Dependencies
}

// TestReproducible builds the programs twice, in directories of different names and lengths, the second time with
// nothing kept from before: the files are the same.
func TestReproducible(t *testing.T) {
	one, other := build(t, "a", ""), build(t, "another-place/of-the-same", t.TempDir())
	for _, p := range programs {
		if one[p] != other[p] {
			t.Errorf("two builds of %s differ: %s and %s", p, one[p], other[p])
		}
		t.Logf("%s sha256:%s", p, one[p])
	}
}

// build copies the committed and changed files elsewhere, builds, and returns the digests of the programs.
func build(t *testing.T, place, cache string) map[string]string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), place)
	copyTree(t, dir)
	out := map[string]string{}
	for _, p := range programs {
		cmd := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-buildvcs=false",
			"-tags", "disable_grpc_modules", "-o", p+".out", "./cmd/"+p) // as make build and a release do
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
		if cache != "" {
			cmd.Env = append(cmd.Env, "GOCACHE="+cache)
		}
		if b, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, b)
		}
		out[p] = digest(t, filepath.Join(dir, p+".out"))
	}
	return out
}

func copyTree(t *testing.T, dir string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", "ls-files", "-z", "go.mod", "go.sum", "cmd", "ingest", "model", "synth")
	cmd.Dir = root
	names, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	for name := range strings.SplitSeq(strings.TrimSuffix(string(names), "\x00"), "\x00") {
		to := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(filepath.Join(root, name))
		if err == nil {
			err = os.WriteFile(to, b, 0o666)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func digest(t *testing.T, name string) string {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

// Command dist makes what people install: for each system a static program in an archive with its man pages, reference
// and completions, and a bill of materials; an image as an OCI layout; checksums; manifests of krew and Homebrew. The
// same source makes the same bytes. make dist runs it, in the root of the repository.
//
//	dist -out DIR [-version V] [-url URL] [-targets OS/ARCH,...]
package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// all are the systems that there are programs for.
const all = "linux/amd64,linux/arm64,darwin/amd64,darwin/arm64,windows/amd64,windows/arm64"

// dist is one release.
type dist struct {
	root, out, work string
	version         string // vX.Y.Z
	commit          string
	at              time.Time // of the commit: all files have this time
	url             string    // where the archives will be
	bills           string    // the program that writes bills of materials
	built           []built
}

// built is a program of a target, and its archive once that is there.
type built struct {
	os, arch string
	program  string
	archive  string
	digest   string // of the archive
}

// name is what a file of this target is called, without its ending.
func (d *dist) name(b *built) string {
	return "sluice_" + strings.TrimPrefix(d.version, "v") + "_" + b.os + "_" + b.arch
}

func main() {
	d := &dist{}
	targets := ""
	flag.StringVar(&d.root, "root", ".", "the root `DIR` of the repository")
	flag.StringVar(&d.out, "out", "dist", "where to write, made anew")
	flag.StringVar(&d.version, "version", "", "the `VERSION` (default: git describe)")
	flag.StringVar(&d.url, "url", "https://releases.example/sluice", "where the archives will be found, a folder for each version")
	flag.StringVar(&d.bills, "bills", "bin/cyclonedx-gomod", "the `PROGRAM` cyclonedx-gomod, which make builds, with pagebill beside it")
	flag.StringVar(&targets, "targets", all, "the systems, as `OS/ARCH`")
	flag.Parse()
	if err := d.run(strings.Split(targets, ",")); err != nil {
		fmt.Fprintln(os.Stderr, "dist:", err)
		os.Exit(1)
	}
}

func (d *dist) run(targets []string) (err error) {
	if err := d.identify(); err != nil {
		return err
	}
	if d.work, err = os.MkdirTemp("", "dist-*"); err != nil {
		return err
	}
	defer os.RemoveAll(d.work)
	if err := errors.Join(os.RemoveAll(d.out), os.MkdirAll(d.out, 0o755)); err != nil {
		return err
	}
	if err := d.command(nil, "go", "run", "./cmd/sluice/internal/docs", filepath.Join(d.work, "docs")); err != nil {
		return err
	}
	for _, target := range targets {
		if err := d.build(target); err != nil {
			return err
		}
	}
	for _, step := range []func() error{d.image, d.krew, d.formula, d.checksums} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// identify finds out which commit this is.
func (d *dist) identify() error {
	git := func(args ...string) (string, error) {
		c := exec.Command("git", args...)
		c.Dir, c.Stderr = d.root, os.Stderr
		out, err := c.Output()
		return strings.TrimSpace(string(out)), err
	}
	if d.version == "" {
		v, err := git("describe", "--tags", "--always", "--dirty")
		if err != nil {
			return err
		}
		if d.version = v; !strings.HasPrefix(v, "v") {
			d.version = "v0.0.0-" + v // no tag yet
		}
	}
	seconds, err := git("log", "-1", "--format=%ct")
	if err != nil {
		return err
	}
	n, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return err
	}
	d.at = time.Unix(n, 0).UTC()
	d.commit, err = git("rev-parse", "HEAD")
	return err
}

// command runs a program in the root of the repository.
func (d *dist) command(env []string, name string, args ...string) error {
	c := exec.Command(name, args...)
	c.Dir, c.Stdout, c.Stderr = d.root, os.Stderr, os.Stderr
	c.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", fmt.Sprint("SOURCE_DATE_EPOCH=", d.at.Unix()))
	c.Env = append(c.Env, env...)
	if err := c.Run(); err != nil {
		return fmt.Errorf("%s %s: %w", name, strings.Join(args, " "), err)
	}
	return nil
}

// build makes the program of a target, its bill of materials and its archive.
func (d *dist) build(target string) error {
	system, arch, ok := strings.Cut(target, "/")
	if !ok {
		return fmt.Errorf("-targets %s: give OS/ARCH", target)
	}
	b := built{os: system, arch: arch, program: filepath.Join(d.work, system, arch, "sluice")}
	if system == "windows" {
		b.program += ".exe"
	}
	const cli = "sluice/cmd/sluice/internal/cli."
	flags := fmt.Sprintf("-s -w -X %[1]srelease=%[2]s -X %[1]scommit=%[3]s -X %[1]scommitted=%[4]s",
		cli, d.version, d.commit, d.at.Format(time.RFC3339))
	err := d.command([]string{"GOOS=" + system, "GOARCH=" + arch}, "go", "build", "-trimpath", "-buildvcs=false",
		"-tags", "disable_grpc_modules", // of Google's storage, which is spoken to by HTTP
		"-ldflags", flags, "-o", b.program, "./cmd/sluice")
	if err != nil {
		return err
	}
	bill := filepath.Join(d.out, d.name(&b)+".cdx.json")
	tool, err := filepath.Abs(d.bills)
	if err != nil {
		return err
	}
	err = d.command(nil, tool, "bin", "-json", "-noserial", "-notimestamp", "-version", d.version, "-output", bill, b.program)
	if err != nil {
		return err
	}
	const lock = "cmd/sluice/internal/review/web/package-lock.json"
	if err := d.command(nil, filepath.Join(filepath.Dir(tool), "pagebill"), lock, bill); err != nil {
		return err
	}
	if err := d.pack(&b); err != nil {
		return err
	}
	d.built = append(d.built, b)
	return nil
}

// checksums lists the files with their digests, as sha256sum -c reads them.
func (d *dist) checksums() error {
	names, err := filepath.Glob(filepath.Join(d.out, "*"))
	if err != nil {
		return err
	}
	slices.Sort(names)
	var list strings.Builder
	for _, name := range names {
		if fi, err := os.Stat(name); err != nil || fi.IsDir() {
			continue // the layout of the image names its parts by their digests
		}
		sum, err := digest(name)
		if err != nil {
			return err
		}
		fmt.Fprintf(&list, "%s  %s\n", sum, filepath.Base(name))
	}
	return os.WriteFile(filepath.Join(d.out, "checksums.txt"), []byte(list.String()), 0o644)
}

func digest(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

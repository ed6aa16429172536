package run

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"sluice/cmd/sluice/internal/disk"
	"sluice/cmd/sluice/internal/text"
	"sluice/synth/bundle"
	"sluice/synth/render"
	"sluice/synth/render/all"
	"sluice/synth/verify"
)

// gitPrefix marks policies that stand in a revision of the Git repository around the working directory.
const gitPrefix = "git:"

// openPlaced is OpenPolicies whose positions are paths from here, those of a bundle too.
func openPlaced(path string, stdin io.Reader) (*Policies, error) {
	p, err := OpenPolicies(path, stdin)
	if err == nil && p.Bundle != nil {
		p.place(func(file string) string { return filepath.Join(path, filepath.FromSlash(file)) })
	}
	return p, err
}

// OpenRevision is openPlaced for "cluster" and "git:REVISION:PATH" as well.
func OpenRevision(ctx context.Context, path string, in Inputs) (*Policies, error) {
	p, err := OpenInForce(ctx, path, in)
	if err == nil && path == clusterName && len(p.Set.Policies) == 0 && !render.Incomplete(p.Problems) {
		return nil, errors.New("no policy in the cluster: nothing would be verified. Is it the right one (--context)?")
	}
	return p, err
}

// OpenInForce is OpenRevision for what is in force already: a cluster without a policy is one that denies nothing, and
// that is a note of it.
func OpenInForce(ctx context.Context, path string, in Inputs) (*Policies, error) {
	if of, err := isCluster(path); err != nil {
		return nil, err
	} else if of {
		return clusterPolicies(ctx, in)
	}
	rest, ok := strings.CutPrefix(path, gitPrefix)
	if !ok {
		return openPlaced(path, in.Stdin)
	}
	revision, below, ok := strings.Cut(rest, ":")
	if !ok || revision == "" || below == "" || strings.HasPrefix(revision, "-") {
		return nil, Usagef("%s: write git:REVISION:PATH", path)
	}
	if !filepath.IsLocal(filepath.FromSlash(below)) {
		return nil, Usagef("%s: the path must lie below this directory; run sluice in the one above it", path)
	}
	dir, err := disk.Scratch("git")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if err := checkout(ctx, revision, below, dir); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	p, err := openPlaced(filepath.Join(dir, filepath.FromSlash(below)), in.Stdin)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if p.Bundle != nil {
		if err := p.Bundle.ReadRun(filepath.Join(dir, filepath.FromSlash(below))); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	p.Evidence = "" // it goes with the directory
	p.place(func(file string) string {
		return revision + ":" + strings.TrimPrefix(file, dir+string(filepath.Separator))
	})
	return p, nil
}

// checkout writes a path of a revision below dir, as it was committed: what attributes leave out of archives is there.
// Links are left out: nothing outside is followed.
func checkout(ctx context.Context, revision, path, dir string) error {
	if _, err := git(ctx, nil, "rev-parse", "--quiet", "--verify", revision+"^{tree}"); err != nil {
		return fmt.Errorf("no revision %s in the repository of this directory, which git log and git branch -a list: %w", revision, err)
	}
	list, err := git(ctx, nil, "ls-tree", "-r", "-z", revision, "--", path)
	if err != nil {
		return err
	}
	if len(list) == 0 {
		return fmt.Errorf("revision %s has no %s; paths are those below this directory", revision, path)
	}
	var names, blobs []string
	for entry := range strings.SplitSeq(strings.TrimSuffix(string(list), "\x00"), "\x00") {
		of, name, _ := strings.Cut(entry, "\t") // MODE TYPE HASH
		if f := strings.Fields(of); len(f) == 3 && strings.HasPrefix(f[0], "100") && filepath.IsLocal(name) {
			names, blobs = append(names, name), append(blobs, f[2])
		}
	}
	texts, err := git(ctx, strings.NewReader(strings.Join(blobs, "\n")+"\n"), "cat-file", "--batch")
	if err != nil {
		return err
	}
	for _, name := range names {
		var blob, kind string
		var size int
		head, rest, _ := bytes.Cut(texts, []byte("\n"))
		if _, err := fmt.Sscan(string(head), &blob, &kind, &size); err != nil || size >= len(rest) {
			return fmt.Errorf("git cat-file of %s: %q", name, head)
		}
		if err := writeBelow(dir, name, rest[:size]); err != nil {
			return err
		}
		texts = rest[size+1:]
	}
	return nil
}

func writeBelow(dir, name string, text []byte) error {
	name = filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	return os.WriteFile(name, text, 0o600)
}

// git returns what a git command prints.
func git(ctx context.Context, in io.Reader, args ...string) ([]byte, error) {
	var out, problem bytes.Buffer
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, &out, &problem
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("git %s: %w", args[0], cmp.Or(errorOf(problem.String()), err))
	}
	return out.Bytes(), nil
}

// errorOf returns what a program said of its failure, nil for nothing.
func errorOf(text string) error {
	if text = strings.TrimSpace(text); text == "" {
		return nil
	}
	return errors.New(text)
}

// Diff compares what two sets decide over what a log has seen and could see of a cluster, "" where it has one.
func Diff(ctx context.Context, l *Log, before, after *Policies, cni, cluster string) (verify.Difference, error) {
	sem, err := l.Semantics(cni)
	if err != nil {
		return verify.Difference{}, err
	}
	if err := l.ClusterSeen(cluster); err != nil {
		return verify.Difference{}, err
	}
	if cluster == UnnamedCluster {
		cluster = ""
	}
	cfg := verify.Config{Semantics: sem, Cluster: cluster}
	d, err := verify.Diff(ctx, l.Graph, before.Set, after.Set, cfg)
	then := *after // some of which may be of before
	then.Problems = append(slices.Clip(after.Problems), before.Problems...)
	d.Lifted, d.Requests = lifted(l.Graph, before, &then, cfg), otherRequests(before, &then)
	d.Semantics, d.Unenforced = sem, unenforced(&after.Set, sem)
	return d, err
}

// Compare returns what compares a bundle with another, over a log: nil where there is none. base is "" for nothing.
func Compare(l *Log, dir, base string) (*bundle.Comparison, error) {
	c := &bundle.Comparison{Kinds: all.Kinds()}
	m, err := bundle.Read(dir)
	if err != nil {
		return nil, err
	}
	if base != "" {
		if c.Base, err = bundle.ReadFormer(base); err != nil {
			return nil, err
		}
		if err := c.Base.Hold(c.Kinds...); err != nil {
			return nil, err
		}
	}
	if l == nil {
		return c, nil
	}
	c.Graph = l.Graph
	c.Config, err = l.judging(&Policies{}, VerifyConfig{CNI: m.Verification.Semantics, Cluster: m.Cluster})
	return c, err
}

// UnreadBeside is the findings error for policies that could not be read, and of which others have none like them.
func (p *Policies) UnreadBeside(others *Policies) error {
	n := render.Unread(slices.DeleteFunc(slices.Clone(p.Problems), func(x render.Problem) bool {
		alike := func(y render.Problem) bool { return y.Severity == x.Severity && y.Text == x.Text }
		return slices.ContainsFunc(others.Problems, alike)
	}))
	if n == 0 {
		return nil
	}
	return found([]string{fmt.Sprintf("%d unread", n)})
}

// Differ is the findings error for two sets that decide differently, nil if they do not.
func Differ(d *verify.Difference) error {
	if d.Same() {
		return nil
	}
	var what []string
	if n := len(d.Changes); n > 0 || len(d.Requests)+len(d.Lifted) == 0 {
		what = append(what, text.Plural(n, "connection is", "connections are")+" decided differently")
	}
	if len(d.Requests)+len(d.Lifted) > 0 {
		what = append(what, "other requests pass")
	}
	return found(what)
}

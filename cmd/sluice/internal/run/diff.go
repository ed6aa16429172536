package run

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"sluice/cmd/sluice/internal/text"
	"sluice/synth/bundle"
	"sluice/synth/render/all"
	"sluice/synth/verify"
)

// gitPrefix marks policies that stand in a revision of the Git repository around the working directory.
const gitPrefix = "git:"

// OpenRevision is OpenPolicies for "cluster" and "git:REVISION:PATH" as well.
func OpenRevision(ctx context.Context, path string, in Inputs) (*Policies, error) {
	if of, err := isCluster(path); err != nil {
		return nil, err
	} else if of {
		return clusterPolicies(ctx, in.Cluster)
	}
	rest, ok := strings.CutPrefix(path, gitPrefix)
	if !ok {
		return OpenPolicies(path, in.Stdin)
	}
	revision, below, ok := strings.Cut(rest, ":")
	if !ok || revision == "" || below == "" || strings.HasPrefix(revision, "-") {
		return nil, Usagef("%s: write git:REVISION:PATH", path)
	}
	dir, err := os.MkdirTemp("", "sluice-git-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if err := checkout(ctx, revision, below, dir); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	p, err := OpenPolicies(filepath.Join(dir, filepath.FromSlash(below)), in.Stdin)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	p.Evidence = "" // it goes with the directory
	for i := range p.Set.Policies {
		at := &p.Set.Policies[i].Source
		at.File = revision + ":" + strings.TrimPrefix(at.File, dir+string(filepath.Separator))
	}
	return p, nil
}

// checkout writes a path of a revision below dir. Links are left out: nothing outside is followed.
func checkout(ctx context.Context, revision, path, dir string) error {
	var out, problem bytes.Buffer
	git := exec.CommandContext(ctx, "git", "archive", "--format=tar", revision, "--", path)
	git.Stdout, git.Stderr = &out, &problem
	if err := git.Run(); err != nil {
		return fmt.Errorf("git archive: %w: %s", err, strings.TrimSpace(problem.String()))
	}
	for r := tar.NewReader(&out); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if h.Typeflag != tar.TypeReg || !filepath.IsLocal(h.Name) {
			continue
		}
		name := filepath.Join(dir, h.Name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		text, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		if err := os.WriteFile(name, text, 0o600); err != nil {
			return err
		}
	}
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
	return verify.Diff(ctx, l.Graph, before.Set, after.Set, verify.Config{Semantics: sem, Cluster: cluster})
}

// Compare returns what compares a bundle with another, over a log: nil where there is none. base is "" for nothing.
func Compare(l *Log, dir, base string) (*bundle.Comparison, error) {
	c := &bundle.Comparison{Kinds: all.Kinds()}
	m, err := bundle.Read(dir)
	if err != nil {
		return nil, err
	}
	if base != "" {
		if c.Base, err = bundle.ReadFormer(base, all.Kinds()...); err != nil {
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

// Differ is the findings error for two sets that decide differently, nil if they do not.
func Differ(d *verify.Difference) error {
	if d.Same() {
		return nil
	}
	return found([]string{text.Plural(len(d.Changes), "connection is", "connections are") + " decided differently"})
}

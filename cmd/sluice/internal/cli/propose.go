package cli

import (
	"context"
	"errors"
	"fmt"
	"net/mail"
	"os"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"sluice/cmd/sluice/internal/propose"
	"sluice/cmd/sluice/internal/run"
	"sluice/cmd/sluice/internal/show"
	"sluice/synth/bundle"
	"sluice/synth/verify"
)

type proposeOptions struct {
	propose.Options
	author  string
	config  string
	cfg     *run.Config // what it says
	timeout time.Duration
	format  string
}

func newPropose(s Streams) *cobra.Command {
	o := &proposeOptions{}
	c := &cobra.Command{
		Use:   "propose BUNDLE --repo URL",
		Short: "Open a pull request for a bundle, and keep it up to date",
		Long: `propose commits a bundle to the branch sluice/NAME of a repository and keeps one pull request for it, found again by its
branch and a mark in its text. Where nothing changed nothing is pushed. What people changed in the policies stays: it is
joined with what is new, or it stands and is told (exit 3). A branch that holds commits of people is never overwritten,
unless the box in the text asks for a fresh start. A pull request that people closed stays closed (--reopen). GitHub, Gitea,
Forgejo and GitLab; the token comes from GITHUB_TOKEN, GH_TOKEN, GITEA_TOKEN, GITLAB_TOKEN, CI_JOB_TOKEN or --token-file.
Of file:// and --forge none the branch is pushed, and that is all.`,
		Example: `  sluice propose bundle --repo https://github.com/shop/cluster --path policies
  sluice propose bundle --repo https://git.example/shop/cluster.git --forge gitea --token-file token --dry-run
  sluice propose bundle --repo file:///srv/cluster.git --path policies`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Bundle = args[0]
			return runPropose(cmd.Context(), s, o)
		},
	}
	f := c.Flags()
	f.StringVar(&o.Repo, "repo", "", "the `URL` of the repository")
	f.StringVar(&o.Path, "path", ".", "the `DIR` of the bundle in the repository")
	f.StringVar(&o.Base, "base", "", "the `BRANCH` that the pull request goes into (default: the repository's own)")
	f.StringVar(&o.Title, "title", "", "the title of the pull request (default: it keeps the one that it has)")
	f.StringSliceVar(&o.Labels, "label", []string{"sluice"}, "a `LABEL` of the pull request (repeats)")
	f.StringVar(&o.author, "author", "", "'Name <mail>' of commits (default: of Git's variables, else sluice)")
	f.BoolVar(&o.SignOff, "sign-off", false, "sign the commits off, as the author")
	f.BoolVar(&o.Evidence, "with-evidence", false, "commit the evidence too: names and addresses of pods are in it")
	f.BoolVar(&o.DryRun, "dry-run", false, "print what would be changed, and change nothing")
	f.BoolVar(&o.Reopen, "reopen", false, "propose although the pull request was closed")
	f.StringVar(&o.TokenFile, "token-file", "", "read the token from `FILE`")
	f.StringVar(&o.Options.Forge, "forge", "", "what the server is: github, gitea, gitlab or none (default: by its name)")
	f.StringVar(&o.config, "config", "", "configuration `FILE` (default: ./sluice.yaml if present)")
	f.DurationVar(&o.timeout, "timeout", 10*time.Minute, "give up after this long")
	_ = c.RegisterFlagCompletionFunc("forge",
		cobra.FixedCompletions(propose.Forges(), cobra.ShellCompDirectiveNoFileComp))
	outputFlag(c, &o.format)
	refuseRedact(c)
	return c
}

func runPropose(ctx context.Context, s Streams, o *proposeOptions) error {
	if err := o.check(); err != nil {
		return err
	}
	var err error
	if o.cfg, err = run.LoadConfig(o.config); err != nil {
		return err
	}
	var silent bool
	if o.Check, silent = o.judge(); silent {
		show.Remark(s.Err, "the bundle has no evidence: the commit gets no status")
	}
	o.Compare = o.compare
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	r, err := propose.Run(ctx, o.Options)
	if err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		err = errors.Join(err, errors.New("the server took longer than --timeout"))
	}
	for _, text := range r.Remarks {
		show.Remark(s.Err, text)
	}
	if err != nil {
		return err
	}
	if err := show.Proposal(s.Out, o.format, r); err != nil {
		return err
	}
	return run.Stands(r.Laid)
}

// check looks at what the flags say.
func (o *proposeOptions) check() error {
	if err := show.CheckFormat(o.format); err != nil {
		return err
	}
	if o.Repo == "" {
		return run.Usagef("--repo URL is needed: where to propose it")
	}
	if _, err := os.Stat(o.Bundle); err != nil {
		return fmt.Errorf("read bundle: %w", err)
	}
	if dir := propose.Clean(o.Path); dir != "" {
		o.Path = dir
	} else {
		return run.Usagef("--path %s: want a directory in the repository, such as policies/shop", o.Path)
	}
	name, email := os.Getenv("GIT_AUTHOR_NAME"), os.Getenv("GIT_AUTHOR_EMAIL")
	if o.author != "" {
		a, err := mail.ParseAddress(o.author)
		if err != nil || a.Name == "" {
			return run.Usagef("--author %q: write 'Name <mail>'", o.author)
		}
		name, email = a.Name, a.Address
	}
	switch {
	case name != "" && email != "":
		o.Author = &propose.Person{Name: name, Email: email}
	case o.SignOff:
		return run.Usagef("--sign-off needs somebody who signs: give --author 'Name <mail>'")
	}
	return nil
}

// judge returns what judges the policies as they are proposed, by the evidence of the bundle; silent: it has none.
func (o *proposeOptions) judge() (check func(context.Context, string) ([]propose.Status, error), silent bool) {
	evidence, err := run.Evidence(o.Bundle)
	if err != nil {
		return nil, true
	}
	return func(ctx context.Context, dir string) ([]propose.Status, error) {
		l, err := o.log(ctx, evidence)
		if err != nil {
			return nil, err
		}
		p, err := run.OpenPolicies(dir, nil)
		if err != nil {
			return nil, err
		}
		r, err := run.Verify(ctx, l, p, run.VerifyConfig{CNI: p.Bundle.Verification.Semantics})
		if err != nil {
			return nil, err
		}
		verified := status("verify", "nothing that was seen would be lost", p.Findings(r, verify.DefaultFailOn(true)))
		ready, err := l.Ready(run.ReadyConfig{Namespaces: names(p.Bundle), Cluster: p.Bundle.Cluster})
		if err != nil {
			return nil, err
		}
		return []propose.Status{verified, status("ready", "Stable", ready.Findings())}, nil
	}, false
}

func (o *proposeOptions) log(ctx context.Context, evidence string) (*run.Log, error) {
	return run.Open(ctx, run.Sources{Store: evidence, Workers: runtime.GOMAXPROCS(0)}, o.cfg)
}

// compare returns what the reviews compare the bundle with: what the base branch has, over the evidence of the bundle.
func (o *proposeOptions) compare(ctx context.Context, base string) (*bundle.Comparison, error) {
	var l *run.Log
	if evidence, err := run.Evidence(o.Bundle); err == nil {
		if l, err = o.log(ctx, evidence); err != nil {
			return nil, err
		}
	}
	return run.Compare(l, o.Bundle, base)
}

func status(name, good string, findings error) propose.Status {
	s := propose.Status{Name: "sluice/" + name, OK: findings == nil, Text: good}
	if findings != nil {
		s.Text = findings.Error()
	}
	return s
}

func names(m *bundle.Manifest) []string {
	var out []string
	for i := range m.Namespaces {
		out = append(out, m.Namespaces[i].Name)
	}
	return out
}

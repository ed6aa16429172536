package cli

import (
	"context"
	"time"

	"sluice/cmd/sluice/internal/run"
)

// replaying are the flags of a verification, be it once or again and again.
type replaying struct {
	reading
	run.VerifyConfig
	failOn failOn
	format string
	every  time.Duration // with --follow
}

// log opens the sources. A bundle without any is replayed with its own evidence, as it was when it was proven.
func (o *replaying) log(
	ctx context.Context, s Streams, p *run.Policies, path string, sources []string,
) (*run.Log, error) {
	if p.Bundle != nil && len(sources) == 0 && o.store == "" && o.servers.given == "" {
		sources = []string{path}
		if o.CNI == "" {
			o.CNI = p.Bundle.Verification.Semantics
		}
	}
	l, err := o.open(ctx, s, sources)
	if err != nil {
		return nil, err
	}
	o.hideAll(o.Namespaces)
	o.hidden(&o.Cluster)
	p.Know(l.Config.Cluster)
	return l, o.tested(l, p)
}

// tested is the error where the flows put nothing of the policies to the test: all would be permitted.
func (o *replaying) tested(l *run.Log, p *run.Policies) error {
	if err := l.Usable(); err != nil {
		return err
	}
	if err := l.Seen(o.Namespaces, run.PodsOnly); err != nil {
		return err
	}
	if err := l.ClusterSeen(o.Cluster); err != nil {
		return err
	}
	if len(o.Namespaces) > 0 || o.opened != nil {
		return nil
	}
	return l.Concerned(&p.Set)
}

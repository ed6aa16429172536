package run

import (
	"fmt"
	"regexp"
	"strings"

	"sluice/synth/bundle"
	"sluice/synth/readiness"
)

// told is what the report of a bundle has to say of a run of a version and a command.
func (l *Log) told(version string, command, partial []string, ready *Ready) bundle.Run {
	out := bundle.Run{Version: version, Lost: l.Report.Lost, Gaps: l.Gaps, OutOfRange: l.Report.OutOfRange,
		Partial: partial, Lacks: ready.Lacks}
	for _, word := range command {
		out.Command = append(out.Command, WithoutUser(word))
	}
	for i := range l.Sources {
		s := &l.Sources[i]
		out.Sources = append(out.Sources, bundle.Source{Name: WithoutUser(s.Name), Format: s.Format, Digest: s.Digest,
			Records: s.Records, Bytes: s.Bytes})
	}
	counts := l.Counts()
	for _, f := range Fates {
		x := bundle.Fate{Fate: f.String(), Records: counts.Fate(f)}
		for r, n := range counts.Reasons(f) {
			if x.Reasons == nil {
				x.Reasons = map[string]uint64{}
			}
			x.Reasons[r.String()] = n
		}
		out.Fates = append(out.Fates, x)
	}
	for i := range ready.Sides {
		s := &ready.Sides[i]
		var why []string
		for _, r := range s.Reasons {
			why = append(why, r.Text)
		}
		out.Ready = append(out.Ready, bundle.Ready{Workload: s.ID, Direction: s.Direction.String(),
			State: s.State.String(), Enough: s.State == readiness.Stable, Chance: fmt.Sprintf("%.0f %%", 100*max(0.01, s.Week.Slow)),
			Why: strings.Join(why, "; ")})
	}
	return out
}

var userInfo = regexp.MustCompile(`://[^/@\s]*@`)

// WithoutUser takes a user and a password out of an address.
func WithoutUser(s string) string { return userInfo.ReplaceAllString(s, "://") }

package run

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"sluice/model"
	"sluice/synth/decision"
)

// withDecisions puts decisions before those that a configuration has.
func withDecisions(text []byte, list []decision.Decision) ([]byte, error) {
	if len(list) == 0 {
		return text, nil
	}
	key, seq, err := decisionsIn(text)
	if err != nil {
		return nil, err
	}
	lines := strings.SplitAfter(string(text), "\n")
	var entries []string
	for i := range list {
		entries = append(entries, decisionText(&list[i]))
	}
	switch {
	case key == nil:
		out := string(text)
		if out != "" && !strings.HasSuffix(out, "\n") {
			out += "\n"
		}
		return []byte(out + "decisions:\n- " + strings.Join(entries, "\n- ") + "\n"), nil
	case seq.Kind == yaml.SequenceNode && seq.Style&yaml.FlowStyle != 0:
		before := entries
		if len(seq.Content) > 0 {
			before = append(before, "")
		}
		line := []rune(lines[seq.Line-1])
		lines[seq.Line-1] = string(line[:seq.Column]) + strings.Join(before, ", ") + string(line[seq.Column:])
	default:
		indent := ""
		if seq.Kind == yaml.SequenceNode {
			indent = strings.Repeat(" ", seq.Column-1)
		}
		if last := lines[key.Line-1]; !strings.HasSuffix(last, "\n") {
			lines[key.Line-1] = last + "\n"
		}
		lines[key.Line-1] += indent + "- " + strings.Join(entries, "\n"+indent+"- ") + "\n"
	}
	return []byte(strings.Join(lines, "")), nil
}

// decisionsIn finds the list in a configuration; nil: it has none.
func decisionsIn(text []byte) (key, list *yaml.Node, err error) {
	var doc yaml.Node
	if err := yaml.NewDecoder(bytes.NewReader(text)).Decode(&doc); err != nil && !errors.Is(err, io.EOF) {
		return nil, nil, err
	}
	if len(doc.Content) == 0 || doc.Content[0].Kind != yaml.MappingNode {
		return nil, nil, nil
	}
	m := doc.Content[0].Content
	for i := 0; i+1 < len(m); i += 2 {
		if m[i].Value == "decisions" {
			return m[i], m[i+1], nil
		}
	}
	return nil, nil, nil
}

// decisionText is a decision on one line.
func decisionText(d *decision.Decision) string {
	words := []string{
		"source: " + yamlText(d.Source),
		"destination: " + yamlText(d.Destination),
		"port: " + yamlText(d.Port),
		"verdict: " + d.Verdict.String(),
		"reason: " + yamlText(d.Reason),
	}
	if d.By != "" {
		words = append(words, "by: "+yamlText(d.By))
	}
	if !d.Until.IsZero() {
		words = append(words, `until: "`+d.Until.Format(time.DateOnly)+`"`)
	}
	return "{" + strings.Join(words, ", ") + "}"
}

// yamlText writes a text as a scalar: plain where that is read back as the same text, else in quotes, with escapes for
// what does not show as itself.
func yamlText(s string) string {
	var back struct{ V any }
	if model.Printable(s) == s && !strings.ContainsAny(s, "\n\"'\\") &&
		yaml.Unmarshal([]byte("{v: "+s+", w: 0}"), &back) == nil && back.V == s {
		return s
	}
	b, err := json.Marshal(s)
	if err != nil {
		return `""` // a string always has JSON
	}
	return model.Printable(string(b))
}

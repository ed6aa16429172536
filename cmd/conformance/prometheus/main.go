// Command promql judges what is asked of Prometheus, with Prometheus' own parser. With the argument rules it checks a
// file of rules from standard input as promtool does, with the templates in it; else each line is an expression. Of each
// expression it prints a line: the metrics that it selects, and the labels that it selects or groups by.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
)

func main() {
	if err := judge(os.Stdin, os.Stdout, len(os.Args) > 1 && os.Args[1] == "rules"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func judge(in io.Reader, out io.Writer, rules bool) error {
	p := parser.NewParser(parser.Options{})
	if !rules {
		s := bufio.NewScanner(in)
		for s.Scan() {
			if err := expression(out, p, s.Text()); err != nil {
				return err
			}
		}
		return s.Err()
	}
	text, err := io.ReadAll(in)
	if err != nil {
		return err
	}
	groups, errs := rulefmt.Parse(text, false, model.UTF8Validation, p, slog.New(slog.DiscardHandler))
	if err := errors.Join(errs...); err != nil {
		return err
	}
	for _, g := range groups.Groups {
		for _, r := range g.Rules {
			if err := expression(out, p, r.Expr); err != nil {
				return fmt.Errorf("%s: %w", r.Alert, err)
			}
		}
	}
	return nil
}

// expression prints what an expression asks for.
func expression(out io.Writer, p parser.Parser, text string) error {
	expr, err := p.ParseExpr(text)
	if err != nil {
		return fmt.Errorf("%s: %w", text, err)
	}
	metrics, labels := map[string]bool{}, map[string]bool{}
	parser.Inspect(expr, func(n parser.Node, _ []parser.Node) error {
		switch n := n.(type) {
		case *parser.VectorSelector:
			metrics[n.Name] = true
			for _, m := range n.LabelMatchers {
				if m.Name != model.MetricNameLabel {
					labels[m.Name] = true
				}
			}
		case *parser.AggregateExpr:
			for _, l := range n.Grouping {
				labels[l] = true
			}
		}
		return nil
	})
	list := func(m map[string]bool) string { return strings.Join(slices.Sorted(maps.Keys(m)), ",") }
	_, err = fmt.Fprintf(out, "%s\t%s\n", list(metrics), list(labels))
	return err
}

// Command bench measures sluice beside what a user would pick instead: DuckDB and ClickHouse reading the same file, and
// encoding/json into structs; and, live, two clients that throw away what the real Hubble servers send. Every contender
// is a process of its own, measured by its rusage; runs alternate, medians count, and nothing is printed of captures
// unless all contenders give the same edge table (count, first, last).
//
// It is a module of its own because DuckDB needs cgo. ClickHouse is a library that LIBCHDB names; without one its rows are
// left out, and the table says so.
package main

import (
	"fmt"
	"os"
)

func main() {
	args := os.Args[1:]
	if len(args) == 0 {
		fail(fmt.Errorf("usage: bench run|duckdb-edges|clickhouse-edges|duckdb-copy|month-copy|month-sum|month-views|encodingjson|same|peak [ARGUMENTS]"))
	}
	var err error
	switch name, rest := args[0], args[1:]; {
	case name == "run":
		err = run(rest)
	case name == "duckdb-edges" && len(rest) == 1:
		err = duckEdges(rest[0], os.Stdout)
	case name == "clickhouse-edges" && len(rest) == 1:
		err = houseEdges(rest[0], os.Stdout)
	case name == "duckdb-copy" && len(rest) == 2:
		err = duckCopy(rest[0], rest[1])
	case name == "month-copy" && len(rest) == 3:
		err = monthCopy(rest[0], rest[1], rest[2])
	case name == "month-sum" && len(rest) == 2:
		err = monthSum(rest[0], rest[1], os.Stdout)
	case name == "month-views" && len(rest) == 2:
		err = monthViews(rest[0], rest[1], os.Stdout)
	case name == "encodingjson" && len(rest) == 1:
		err = jsonEdges(rest[0], os.Stdout)
	case name == "same" && len(rest) >= 2:
		var self string
		if self, err = os.Executable(); err == nil {
			err = (&bench{self: self, sluice: rest[0]}).sameEdges(rest[1], len(rest) > 2)
		}
	case name == "peak" && len(rest) >= 2:
		err = peak(rest[0], rest[1:])
	default:
		err = fmt.Errorf("unknown contender %q", args)
	}
	if err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "bench:", err)
	os.Exit(1)
}

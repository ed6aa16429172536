package cli

import (
	"errors"

	"sluice/cmd/sluice/internal/run"
)

// ExitCode is what a command leaves behind.
type ExitCode int

// The exit codes.
const (
	ExitOK       ExitCode = 0
	ExitError    ExitCode = 1 // nothing usable, or a source could not be read
	ExitUsage    ExitCode = 2
	ExitFindings ExitCode = 3 // the result asks for attention, see --fail-on
)

// exitCode is the one place that gives errors their codes.
func exitCode(err error) ExitCode {
	var usage *run.Usage
	var findings *run.Findings
	switch {
	case err == nil:
		return ExitOK
	case errors.As(err, &usage):
		return ExitUsage
	case errors.As(err, &findings):
		return ExitFindings
	}
	return ExitError
}

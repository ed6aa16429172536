package cli

import (
	"context"
	"errors"
	"io"
	"strings"
	"syscall"

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

	ExitInterrupt ExitCode = 128 + ExitCode(syscall.SIGINT) // as shells have it
	ExitTerminate ExitCode = 128 + ExitCode(syscall.SIGTERM)
)

// stopped is the code of a command that a signal ended before its work was done.
func stopped(ctx context.Context) ExitCode {
	if strings.HasPrefix(context.Cause(ctx).Error(), syscall.SIGTERM.String()) {
		return ExitTerminate
	}
	return ExitInterrupt
}

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

// Streams are where a command reads and writes. stdout is the result, stderr is log.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

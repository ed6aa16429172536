package run

import (
	"errors"
	"fmt"
	"strings"
)

// The errors that a command can end with beside any other. The layer of flags maps them to exit codes.
type (
	// Usage is a command that cannot mean anything.
	Usage struct{ Err error }
	// Incomplete is work that was done although sources could not be read, wholly or in part.
	Incomplete struct{ Sources []error }
	// Findings is work that was done and asks for attention: what --fail-on names.
	Findings struct{ What []string }
)

// Usagef returns a Usage error.
func Usagef(format string, a ...any) error { return &Usage{fmt.Errorf(format, a...)} }

func (e *Usage) Error() string { return e.Err.Error() }

// Unwrap returns what is wrong.
func (e *Usage) Unwrap() error { return e.Err }

// Error names each source on a line of its own.
func (e *Incomplete) Error() string { return errors.Join(e.Sources...).Error() }

// Unwrap returns the errors of the sources.
func (e *Incomplete) Unwrap() []error { return e.Sources }

func (e *Findings) Error() string { return strings.Join(e.What, ", ") }

// found is the error for findings, nil for none.
func found(what []string) error {
	if len(what) == 0 {
		return nil
	}
	return &Findings{what}
}

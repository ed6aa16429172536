package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// ErrPipe is the error where a file is a named pipe.
var ErrPipe = errors.New("a pipe, which may wait for ever: give a file")

// Open opens a file that is no named pipe, which may have nobody who writes. What a shell or a parent has opened, such
// as <(...), is below /dev, and has.
func Open(name string) (*os.File, error) {
	fi, err := os.Stat(name)
	if err == nil && fi.Mode()&fs.ModeNamedPipe != 0 && !strings.HasPrefix(name, "/dev/") {
		return nil, fmt.Errorf("%s is %w", name, ErrPipe)
	}
	return os.Open(name)
}

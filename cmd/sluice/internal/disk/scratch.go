package disk

import (
	"os"
	"time"
)

// Scratch makes a directory of a kind among those for temporary files, which who makes it removes. Those of its kind
// that are a day old go: who made them was killed, for nobody works in one so long.
func Scratch(kind string) (string, error) {
	prefix := "sluice-" + kind + "-"
	sweep(os.TempDir(), prefix, 24*time.Hour)
	return os.MkdirTemp("", prefix+"*")
}

//go:build !linux || (!amd64 && !arm64)

package source

import "os"

// readsNow tells that all reads wait.
const readsNow = false

func readNow(*os.File, []byte, int64) int { return 0 }

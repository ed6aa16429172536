// Command sluice learns allow policies from the flow logs of a Kubernetes cluster.
package main

import (
	"os"
	"runtime"
	"runtime/debug"

	"sluice/cmd/sluice/internal/cli"
)

func main() {
	if os.Getenv("GOGC") == "" {
		waitToCollect()
	}
	os.Exit(int(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)))
}

// waitToCollect has the first collection of garbage wait for a heap of 16 MiB instead of 4. Most of what a process has
// before is there to stay, such as the tables of libraries: short commands end before, and long ones lose nothing.
func waitToCollect() {
	const first = 400
	usual := debug.SetGCPercent(first)
	runtime.AddCleanup(&struct{ unreachable *int }{}, func(int) {
		if set := debug.SetGCPercent(usual); set != first {
			debug.SetGCPercent(set) // somebody knew better
		}
	}, 0)
}

// Command sluice learns allow policies from the flow logs of a Kubernetes cluster.
package main

import (
	"os"

	"sluice/cmd/sluice/internal/cli"
)

func main() { os.Exit(int(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))) }

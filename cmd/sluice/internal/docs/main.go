// Command docs writes what is made of the commands: man pages, a reference in Markdown, and completions of shells. It
// is no part of sluice, which stays smaller for it; make dist runs it.
//
//	docs DIR
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"sluice/cmd/sluice/internal/cli"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: docs DIR")
		os.Exit(2)
	}
	if err := write(cli.Root(), os.Args[1], stamp()); err != nil {
		fmt.Fprintln(os.Stderr, "docs:", err)
		os.Exit(1)
	}
}

// stamp is the time that pages are of: SOURCE_DATE_EPOCH, so that the same source makes the same pages.
func stamp() time.Time {
	seconds, err := strconv.ParseInt(os.Getenv("SOURCE_DATE_EPOCH"), 10, 64)
	if err != nil {
		return time.Unix(0, 0).UTC()
	}
	return time.Unix(seconds, 0).UTC()
}

// write makes man/, reference/ and completions/ in a directory.
func write(root *cobra.Command, dir string, at time.Time) error {
	root.DisableAutoGenTag = true
	man, reference, completions := filepath.Join(dir, "man"), filepath.Join(dir, "reference"), filepath.Join(dir, "completions")
	for _, d := range []string{man, reference, completions} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return err
		}
	}
	header := &doc.GenManHeader{Section: "1", Source: "sluice", Manual: "sluice", Date: &at}
	if err := doc.GenManTree(root, header, man); err != nil {
		return err
	}
	if err := doc.GenMarkdownTree(root, reference); err != nil {
		return err
	}
	for name, script := range map[string]func(string) error{
		"sluice.bash": func(f string) error { return root.GenBashCompletionFileV2(f, true) },
		"_sluice":     root.GenZshCompletionFile,
		"sluice.fish": func(f string) error { return root.GenFishCompletionFile(f, true) },
		"sluice.ps1":  root.GenPowerShellCompletionFileWithDesc,
	} {
		if err := script(filepath.Join(completions, name)); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(completions, "kubectl_complete-sluice"), []byte(plugin), 0o755)
}

// plugin is what kubectl runs to complete its plugin sluice.
const plugin = `#!/bin/sh
exec kubectl-sluice __complete "$@"
`

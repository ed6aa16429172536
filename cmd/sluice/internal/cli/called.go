package cli

import (
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
)

// plugin is the name by which kubectl finds the program: kubectl sluice.
const plugin = "kubectl-sluice"

// calledAs says how people call a program of this name.
func calledAs(program string) string {
	if strings.TrimSuffix(filepath.Base(program), ".exe") == plugin {
		return "kubectl sluice"
	}
	return "sluice"
}

// call makes a command and those below it speak as they are called.
func call(c *cobra.Command, name string) {
	if name == "sluice" {
		return
	}
	if !c.HasParent() {
		c.Annotations = map[string]string{cobra.CommandDisplayNameAnnotation: name}
	}
	lines := strings.Split(c.Example, "\n")
	for i, line := range lines {
		lines[i] = strings.Replace(line, "sluice ", name+" ", 1)
	}
	c.Example = strings.Join(lines, "\n")
	for _, sub := range c.Commands() {
		call(sub, name)
	}
}

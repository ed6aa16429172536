package show

import (
	"fmt"
	"io"

	"sluice/cmd/sluice/internal/run"
)

// versionView is a build as JSON and YAML have it.
type versionView struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Version    string `json:"version"`
	Commit     string `json:"commit,omitempty"`
	Time       string `json:"time,omitempty"`
	Modified   bool   `json:"modified"`
	Go         string `json:"go"`
	Platform   string `json:"platform"`
}

// Version prints which program this is.
func Version(w io.Writer, format string, b run.Build) error {
	if format == Table {
		_, err := fmt.Fprintln(w, "sluice", b)
		return err
	}
	return printObject(w, format,
		versionView{"sluice/v1", "Version", b.Version, b.Commit, b.Time, b.Modified, b.Go, b.Platform})
}

package run

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"sluice/cmd/sluice/internal/text"
	"sluice/model/store"
	"sluice/synth/bundle"
)

// ofCluster is the error for a directory with a bundle of another cluster than what is learned now, where both say
// theirs: namespaces of one name in two clusters are not the same, and what one needs would be taken from the other.
// Names that are replaced are not compared: a message with both would tell which is which.
func (l *Log) ofCluster(dir, cluster string) error {
	if l.Redact != nil {
		return nil
	}
	was := bundleClusters(dir)
	now := l.clusters()
	if cluster != "" && cluster != UnnamedCluster {
		now = []string{cluster}
	}
	if len(was) == 0 || len(now) == 0 || slices.ContainsFunc(was, func(c string) bool { return slices.Contains(now, c) }) {
		return nil
	}
	return fmt.Errorf("the bundle in %s is of cluster %s, and these flows are of %s: give the directory of its own bundle, "+
		"or a new one", dir, text.Some(was), text.Some(now))
}

// cluster is the one that the log has alone, by its name: "" where it has several, or names none, or pseudonyms, which
// no other log has.
func (l *Log) cluster() string {
	if names := l.clusters(); len(names) == 1 && l.Redact == nil {
		return names[0]
	}
	return ""
}

// bundleClusters returns the clusters that the bundle in a directory is of, by its manifest, else by its evidence: none
// where neither says it. What cannot be read says nothing here: taking it over, or replacing it, is what reports that.
func bundleClusters(dir string) []string {
	m, err := bundle.ReadCommitted(dir)
	switch {
	case err != nil:
		return nil
	case m.Cluster != "":
		return []string{m.Cluster}
	case m.LogCluster != "":
		return []string{m.LogCluster}
	}
	evidence := filepath.Join(dir, bundle.EvidenceDir)
	if _, err := os.Stat(evidence); err != nil {
		return nil
	}
	st, err := store.Open(evidence)
	if err != nil {
		return nil
	}
	return st.Clusters()
}

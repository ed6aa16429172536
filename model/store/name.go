package store

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"
)

const (
	flowsSuffix  = ".parquet"
	labelsSuffix = ".labels.parquet"
	// UnknownCluster is the partition of rows whose ends name no cluster.
	UnknownCluster = "unknown"
	// maxPartition keeps the names of directories below what file systems take, whatever a log calls its cluster.
	maxPartition = 100
	minutesADay  = 24 * 60
)

// segmentName is the name of a segment less its suffix, below a directory. Sums of hours may be of many days.
func segmentName(dir, cluster string, firstWindow, lastWindow uint32, numbered string) string {
	at := func(w uint32) string { return windowTime(w).Format("20060102T1504") }
	dir = path.Join(dir, "cluster="+partition(cluster))
	if !strings.HasPrefix(dir, hoursDir) {
		dir = path.Join(dir, "day="+dayOf(firstWindow))
	}
	return path.Join(dir, fmt.Sprintf("%s-%s-%s", at(firstWindow), at(lastWindow), numbered))
}

// numbered is the part of a file's name that no other file of the writer has: the number of its commit and its own, and
// where files are shared the term, so that no two writers ever write one file.
func (w *Writer) numbered(part int) string {
	s := fmt.Sprintf("%08d.%04d", w.number, part)
	if w.term > 0 {
		s += fmt.Sprintf(".t%d", w.term)
	}
	return s
}

func windowTime(w uint32) time.Time { return time.Unix(int64(w)*60, 0).UTC() }

func dayOf(window uint32) string { return windowTime(window).Format(time.DateOnly) }

var numberedFile = regexp.MustCompile(
	`^(?:\d+T\d{4}-\d+T\d{4}-(\d{8,})\.\d{4,}(?:\.t\d+)?(?:\.labels)?\.parquet|` +
		`(\d{8,})\.\d{4,}(?:\.t\d+)?\.ids)$`)

// commitOf returns the number of the commit that a file of rows, labels or ids was written for, false for files of
// other origin.
func commitOf(file string) (int, bool) {
	m := numberedFile.FindStringSubmatch(file)
	if m == nil {
		return 0, false
	}
	n, err := strconv.Atoi(m[1] + m[2])
	return n, err == nil
}

// partition writes a cluster's name as hive partitions are: other than letters, digits, "_", "-" and "." as %XX. The
// name itself stands with the endpoints, so that a long one may be cut here.
func partition(cluster string) string {
	var b strings.Builder
	for i := range len(cluster) {
		c := cluster[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("_-.", c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	if b.Len() <= maxPartition {
		return b.String()
	}
	sum := sha256.Sum256([]byte(cluster))
	return strings.TrimRight(b.String()[:maxPartition], "%0123456789ABCDEF") + "-" + hex.EncodeToString(sum[:4])
}

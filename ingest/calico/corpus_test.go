//go:build corpus

package calico

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"sluice/model"
)

// TestCorpus reads the collected real records where they are at hand: none may be malformed.
func TestCorpus(t *testing.T) {
	dir := os.Getenv("SLUICE_CORPUS")
	if dir == "" {
		t.Fatal("SLUICE_CORPUS does not name the collected records")
	}
	files := 0
	err := filepath.WalkDir(filepath.Join(dir, "calico"), func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || strings.HasSuffix(path, ".md") {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if strings.HasSuffix(path, "-http.txt") {
			text = bodies(t, string(text))
		}
		files++
		page := strings.HasSuffix(path, "-http.txt") // holds records, and is none: the frame looks into it
		if !page && !Sniff(text[:min(len(text), 4096)]) {
			t.Errorf("%s: not recognised", path)
		}
		got := decode(t, string(text))
		for _, r := range got.rejections {
			if r.Fate == model.Malformed {
				t.Errorf("%s:%d: %s: %s", path, r.Line, r.Reason, r.Detail)
			}
		}
		if len(got.flows) == 0 {
			t.Errorf("%s: no flow", path)
		}
		t.Logf("%s: %d flows, %d rejections", filepath.Base(path), len(got.flows), len(got.rejections))
		return nil
	})
	if err != nil || files == 0 {
		t.Fatalf("%d files read: %v", files, err)
	}
}

// TestCorpusOthers: Hubble's records are not taken for Calico's.
func TestCorpusOthers(t *testing.T) {
	dir := os.Getenv("SLUICE_CORPUS")
	if dir == "" {
		t.Fatal("SLUICE_CORPUS does not name the collected records")
	}
	err := filepath.WalkDir(filepath.Join(dir, "hubble"), func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if Sniff(text) {
			t.Errorf("%s: taken for Calico's", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// bodies takes the answers with flows out of a transcript of requests.
func bodies(t *testing.T, transcript string) []byte {
	var out bytes.Buffer
	for line := range strings.Lines(transcript) {
		switch {
		case strings.HasPrefix(line, `"`):
			s, err := strconv.Unquote(strings.TrimSpace(line))
			if err != nil {
				t.Fatal(err)
			}
			out.WriteString(s)
		case strings.HasPrefix(line, "{") && strings.Contains(line, "source_name"):
			out.WriteString(line)
		}
	}
	return out.Bytes()
}

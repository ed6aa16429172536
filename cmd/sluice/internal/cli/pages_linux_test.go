package cli

import (
	"bytes"
	"fmt"
	"os"
	"testing"
)

// TestGiveBackStart: what a program has touched before main is not kept in memory, and the program goes on.
func TestGiveBackStart(t *testing.T) {
	before := pagesOfFiles(t)
	giveBackStart()
	if after := pagesOfFiles(t); after > before/2 {
		t.Fatalf("%d kB of files are in memory, %d before", after, before)
	}
	if n := len(programText()); n == 0 {
		t.Fatal("no part of memory is the program's")
	}
}

// pagesOfFiles is how many kB of files this process has in memory.
func pagesOfFiles(t *testing.T) (kB int) {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := bytes.Cut(status, []byte("RssFile:"))
	if _, err := fmt.Sscan(string(rest), &kB); err != nil {
		t.Fatal(err)
	}
	return kB
}

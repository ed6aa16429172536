package bundle

import (
	"crypto/sha256"
	"encoding/hex"
)

func digestOf(text []byte) string {
	sum := sha256.Sum256(text)
	return digestText(sum[:])
}

// digestsOf returns the digests of files by their names.
func digestsOf(files map[string][]byte) map[string]string {
	out := make(map[string]string, len(files))
	for name, text := range files {
		out[name] = digestOf(text)
	}
	return out
}

func digestText(sum []byte) string { return "sha256:" + hex.EncodeToString(sum) }

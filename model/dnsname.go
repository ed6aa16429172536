package model

import (
	"net/netip"
	"strings"
)

// The longest name and label of DNS.
const (
	maxDNSName  = 253
	maxDNSLabel = 63
)

// DNSName returns a DNS name of a log in lower case and without its final dot, false if it is none: whoever asks for
// a name chooses its text, and a wildcard or an address would be another rule than the one that was seen.
func DNSName(s string) (string, bool) {
	s = strings.ToLower(strings.TrimSuffix(s, "."))
	if len(s) > maxDNSName {
		return "", false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > maxDNSLabel || label[0] == '-' || label[len(label)-1] == '-' {
			return "", false
		}
		for i := range len(label) {
			if c := label[i]; c != '-' && c != '_' && (c < 'a' || c > 'z') && (c < '0' || c > '9') {
				return "", false
			}
		}
	}
	_, err := netip.ParseAddr(s)
	return s, err != nil
}

package workload

import (
	"regexp"
	"strings"
)

// safeAlphabet is what Kubernetes makes random names of (apimachinery/pkg/util/rand): no vowels, no 0, 1 and 3.
const safeAlphabet = "bcdfghjklmnpqrstvwxz2456789"

// alphabet is a set of bytes.
type alphabet [256]bool

var (
	safe         = newAlphabet(safeAlphabet)
	decimals     = newAlphabet("0123456789")
	hexadecimals = newAlphabet("0123456789abcdefABCDEF")
)

func newAlphabet(letters string) *alphabet {
	a := &alphabet{}
	for i := range len(letters) {
		a[letters[i]] = true
	}
	return a
}

// isTemplateHash reports whether s can be a pod-template-hash: a 32 bit number written in the safe alphabet.
func isTemplateHash(s string) bool { return len(s) >= 6 && len(s) <= 10 && within(s, safe) }

// isPodSuffix reports whether s can be the random part of a pod's name.
func isPodSuffix(s string) bool { return len(s) == 5 && within(s, safe) }

func isDigits(s string) bool { return s != "" && within(s, decimals) }

func isHex(s string) bool { return s != "" && within(s, hexadecimals) }

func hasDigit(s string) bool { return strings.ContainsAny(s, "0123456789") }

func within(s string, a *alphabet) bool {
	for i := range len(s) {
		if !a[s[i]] {
			return false
		}
	}
	return true
}

// isRunID reports whether one part of a name is made by a machine for one run: a long number, a hash, a random suffix
// that no word could be.
func isRunID(s string) bool {
	switch {
	case isDigits(s):
		return len(s) >= 6
	case isHex(s) && len(s) >= 7:
		return hasDigit(s)
	}
	return hasDigit(s) && (isPodSuffix(s) || len(s) >= 8 && isTemplateHash(s))
}

var (
	uuid    = regexp.MustCompile(`(?i)[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
	date    = regexp.MustCompile(`(^|\D)20\d\d-?[01]\d-?[0-3]\d`)
	version = regexp.MustCompile(`(^|-)v?\d+\.\d+(\.\d+)?([-+._].*)?$`)
)

// looksRandom reports whether a label value has a part that looks made for one run, rollout or pod.
func looksRandom(v string) bool {
	if len(v) >= 36 && uuid.MatchString(v) || len(v) >= 8 && strings.Contains(v, "20") && date.MatchString(v) {
		return true
	}
	for _, part := range strings.FieldsFunc(v, func(r rune) bool { return r == '-' || r == '.' || r == '_' }) {
		if isRunID(part) {
			return true
		}
	}
	return false
}

// surelyRandom is looksRandom for keys that name applications, where a short odd value is more likely a name.
func surelyRandom(v string) bool {
	return uuid.MatchString(v) || len(v) >= 16 && isHex(v) && hasDigit(v) || len(v) >= 10 && isDigits(v)
}

func looksVersion(v string) bool { return strings.Contains(v, ".") && version.MatchString(v) }

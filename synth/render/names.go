package render

import (
	"regexp"
	"strings"
)

// What the API accepts as names, label keys and label values.
var (
	subdomain  = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`)
	dnsLabel   = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`)
	qualified  = regexp.MustCompile(`^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$`)
	portName   = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`)
	portLetter = regexp.MustCompile(`[a-z]`)
)

// ValidName reports whether the API takes s as the name of an object: a DNS subdomain.
func ValidName(s string) bool { return len(s) <= 253 && subdomain.MatchString(s) }

// ValidNamespace reports whether the API takes s as a namespace: a DNS label.
func ValidNamespace(s string) bool { return len(s) <= 63 && dnsLabel.MatchString(s) }

// ValidValue reports whether the API takes s as the value of a label.
func ValidValue(s string) bool { return s == "" || len(s) <= 63 && qualified.MatchString(s) }

// ValidKey reports whether the API takes s as the key of a label.
func ValidKey(s string) bool {
	prefix, name, ok := strings.Cut(s, "/")
	if !ok {
		prefix, name = "", s
	}
	return len(name) <= 63 && qualified.MatchString(name) && (!ok || ValidName(prefix))
}

// ValidPortName reports whether the API takes s as the name of a port.
func ValidPortName(s string) bool {
	return len(s) <= 15 && portName.MatchString(s) && portLetter.MatchString(s) && !strings.Contains(s, "--")
}

// typographic are the quotes of word processors and web pages.
const typographic = "“”„‟‘’‚‛«»"

// QuoteHint points at quotes that a word processor made.
func QuoteHint(s string) string {
	if strings.ContainsAny(s, typographic) {
		return " (typographic quotes are part of the text: use \" or ')"
	}
	return ""
}

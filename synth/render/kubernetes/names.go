package kubernetes

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

func validName(s string) bool      { return len(s) <= 253 && subdomain.MatchString(s) }
func validNamespace(s string) bool { return len(s) <= 63 && dnsLabel.MatchString(s) }
func validValue(s string) bool     { return s == "" || len(s) <= 63 && qualified.MatchString(s) }

func validKey(s string) bool {
	prefix, name, ok := strings.Cut(s, "/")
	if !ok {
		prefix, name = "", s
	}
	return len(name) <= 63 && qualified.MatchString(name) && (!ok || validName(prefix))
}

func validPortName(s string) bool {
	return len(s) <= 15 && portName.MatchString(s) && portLetter.MatchString(s) && !strings.Contains(s, "--")
}

// quoteHint points at quotes that a word processor made.
func quoteHint(s string) string {
	if strings.ContainsAny(s, "“”„‘’‚«»") {
		return " (typographic quotes are part of the text: use \" or ')"
	}
	return ""
}

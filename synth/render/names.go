package render

import "strings"

// word reports whether a text is of letters and digits, with some other characters between them.
func word(s, between string, capitals bool) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || capitals && c >= 'A' && c <= 'Z':
		case i > 0 && i < len(s)-1 && strings.IndexByte(between, c) >= 0:
		default:
			return false
		}
	}
	return s != ""
}

func isLabel(s string) bool { return word(s, "-", false) }

// ValidName reports whether the API takes s as the name of an object: a DNS subdomain.
func ValidName(s string) bool {
	if len(s) > 253 {
		return false
	}
	for part := range strings.SplitSeq(s, ".") {
		if !isLabel(part) {
			return false
		}
	}
	return true
}

// ValidNamespace reports whether the API takes s as a namespace: a DNS label.
func ValidNamespace(s string) bool { return len(s) <= 63 && isLabel(s) }

// ValidValue reports whether the API takes s as the value of a label.
func ValidValue(s string) bool { return s == "" || len(s) <= 63 && word(s, "-_.", true) }

// ValidKey reports whether the API takes s as the key of a label.
func ValidKey(s string) bool {
	prefix, name, ok := strings.Cut(s, "/")
	if !ok {
		prefix, name = "", s
	}
	return len(name) <= 63 && word(name, "-_.", true) && (!ok || ValidName(prefix))
}

// ValidPortName reports whether the API takes s as the name of a port.
func ValidPortName(s string) bool {
	return len(s) <= 15 && isLabel(s) && strings.Trim(s, "0123456789-") != "" && !strings.Contains(s, "--")
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

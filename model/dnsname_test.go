package model

import (
	"strings"
	"testing"
)

func TestDNSName(t *testing.T) {
	for in, want := range map[string]string{
		"example.com": "example.com", "Example.COM.": "example.com", "localhost": "localhost", "_ldap._tcp.corp.example": "_ldap._tcp.corp.example",
		"xn--bcher-kva.example": "xn--bcher-kva.example", strings.Repeat("a", 63) + ".com": strings.Repeat("a", 63) + ".com",
		"": "", ".": "", "*": "", "*.com": "", "**.com": "", "a..b": "", ".a": "", "a b": "", "a/b": "", "-a.com": "", "a-.com": "", "bücher.example": "",
		"1.2.3.4": "", "a\n.com": "", "a\u202e.com": "", "::1": "", strings.Repeat("a", 64) + ".com": "", strings.Repeat("a.", 130): "",
	} {
		if got, ok := DNSName(in); ok != (want != "") || ok && got != want {
			t.Errorf("%q gives %q, %t, want %q", in, got, ok, want)
		}
	}
}

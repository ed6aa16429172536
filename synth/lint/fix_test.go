package lint_test

import (
	"testing"

	"sluice/synth/lint"
)

// TestFixKeeps: a mend keeps how the file is written: quotes of JSON, line ends, indents, comments.
func TestFixKeeps(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"JSON", `{"apiVersion":"networking.k8s.io/v1","kind":"NetworkPolicy","metadata":{"name":"c","namespace":"shop"},` +
			`"spec":{"podSelector":{},"types":["ingress"],"ingress":[{"from":[{"podSelector":{}}],"port":[{"port":80,"protocol":"tcp"}]}]}}`,
			`{"apiVersion":"networking.k8s.io/v1","kind":"NetworkPolicy","metadata":{"name":"c","namespace":"shop"},` +
				`"spec":{"podSelector":{},"policyTypes":["Ingress"],"ingress":[{"from":[{"podSelector":{}}],"ports":[{"port":80,"protocol":"TCP"}]}]}}`},
		{"CRLF and single quotes", "apiVersion: networking.k8s.io/v1\r\nkind: NetworkPolicy\r\nmetadata:\r\n    name: 'a' # a\r\n    namespace: shop\r\n" +
			"spec:\r\n    podSelector:   {}\r\n    'policytypes': ['ingress']  # é\r\n    ingress: [{}]\r\n",
			"apiVersion: networking.k8s.io/v1\r\nkind: NetworkPolicy\r\nmetadata:\r\n    name: 'a' # a\r\n    namespace: shop\r\n" +
				"spec:\r\n    podSelector:   {}\r\n    'policyTypes': ['Ingress']  # é\r\n    ingress: [{}]\r\n"},
		{"one port is no list of ports", "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: a, namespace: shop}\n" +
			"spec:\n  podSelector: {}\n  ingress:\n  - port: 80\n", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, _ := lint.Fix([]byte(c.text), policyFile, check([]byte(c.text), nil), kinds...)
			if c.want == "" {
				c.want = c.text
			}
			if string(got) != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

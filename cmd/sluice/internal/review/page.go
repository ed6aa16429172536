package review

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"

	"sluice/model"
)

// built is what web/build.mjs makes of the sources beside it.
//
//go:embed web/page.html web/dist/page.js web/dist/page.css
var built embed.FS

// part reads a part of the page.
func part(name string) string {
	b, err := built.ReadFile("web/" + name)
	if err != nil {
		panic(err) // it is embedded
	}
	return string(b)
}

// policyOf is the content security policy of the page: its own script and style by their digests, and nothing else from
// anywhere. Only the served page may talk, to where it came from.
func policyOf(script, style string, served bool) string {
	digest := func(s string) string {
		sum := sha256.Sum256([]byte(s))
		return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	out := "default-src 'none'; script-src " + digest(script) + "; style-src " + digest(style) +
		"; img-src data:; base-uri 'none'; form-action 'none'"
	if served {
		out += "; connect-src 'self'; frame-ancestors 'none'"
	}
	return out
}

// island is JSON that can stand in a page: nothing in it opens or closes a tag, or hides in the source of the page.
func island(v any) (string, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("encode page: %w", err)
	}
	return model.PrintableText(string(b)), nil
}

// document writes the page: one text with all it needs; the texts of the policies only where nobody can be asked.
func (p *Page) document(served bool) (text []byte, csp string, err error) {
	script, style := part("dist/page.js"), part("dist/page.css")
	csp = policyOf(script, style, served)
	data, err := island(p)
	if err != nil {
		return nil, "", err
	}
	files := "" // the served page asks for them once it stands: they are most of it
	if !served {
		if files, err = island(p.files); err != nil {
			return nil, "", err
		}
	}
	meta := ""
	if !served {
		meta = `<meta http-equiv="Content-Security-Policy" content="` + csp + `">`
	}
	var b bytes.Buffer
	_, err = strings.NewReplacer("<!--policy-->", meta, "<!--style-->", style, "<!--script-->", script,
		"<!--data-->", data, "<!--files-->", files).WriteString(&b, part("page.html"))
	return b.Bytes(), csp, err
}

// HTML is the page as one file that needs nothing else. Nothing can be decided on it.
func HTML(ctx context.Context, in Input) ([]byte, error) {
	in.ReadOnly = true
	p, err := gather(ctx, &in)
	if err != nil {
		return nil, err
	}
	text, _, err := p.document(false)
	return text, err
}

package propose

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"sluice/synth/bundle"
)

// The text of a request holds a part of sluice's, between two marks. What people write before and after it stays.
const (
	endMark   = "<!-- sluice: end -->"
	freshMark = "<!-- sluice: fresh -->"
)

// mark opens the part. By it a request is known to be that of a bundle; done says that sluice closed it itself.
func mark(name, path string, done bool) string {
	if done {
		path += ", done"
	}
	return fmt.Sprintf("<!-- sluice: bundle %s in %s -->", name, path)
}

var markLine = regexp.MustCompile(`<!-- sluice: bundle (\S+) in (.+?)(, done)? -->`)

// marked reads the mark of a text.
func marked(text string) (name, path string, done, ok bool) {
	m := markLine.FindStringSubmatch(text)
	if m == nil {
		return "", "", false, false
	}
	return m[1], m[2], m[3] != "", true
}

var freshBox = regexp.MustCompile(`- \[[xX]\] [^\n]*` + regexp.QuoteMeta(freshMark))

// asksFresh reports whether somebody ticked the box that asks for a fresh start.
func asksFresh(text string) bool { return freshBox.MatchString(text) }

// within puts the part of sluice's into a text, in the place of the former one.
func within(text, part string) string {
	before, after := "", ""
	if at := markLine.FindStringIndex(text); at != nil {
		before = text[:at[0]]
		if _, rest, ok := strings.Cut(text[at[1]:], endMark); ok {
			after = rest
		}
	} else if text != "" {
		before = strings.TrimRight(text, "\n") + "\n\n"
	}
	return before + part + after
}

// report is what the bundle says of itself.
func report(dir string) (string, error) {
	for _, name := range []string{"REPORT.md", bundle.ReviewFile} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err == nil {
			return string(text), nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("read the bundle's report: %w", err)
		}
	}
	return "", nil
}

// maxText is what every forge takes: GitHub 65,536 characters.
const maxText = 60_000

// part writes the part of sluice's; review is where its first page is read, "" where no forge shows it. What is said of
// the policies as they are proposed comes before the report, which knows nothing of what people did.
func part(name, path, report, review string, out *Result) string {
	laid := out.Laid
	var b strings.Builder
	fmt.Fprintln(&b, mark(name, path, false))
	if review != "" {
		fmt.Fprintf(&b, "What to look at first, and the way into the cluster: [%s](<%s>)\n\n", bundle.ReviewFile, review)
	}
	list := func(files []string, head string) {
		if len(files) == 0 {
			return
		}
		fmt.Fprintf(&b, "**%s**\n\n", head)
		const most = 20
		for i, f := range files {
			if i == most {
				fmt.Fprintf(&b, "- and %d more\n", len(files)-most)
				break
			}
			fmt.Fprintf(&b, "- `%s`\n", strings.ReplaceAll(f, "`", "'"))
		}
		fmt.Fprintln(&b)
	}
	list(laid.Refused, "People and the flows changed the same. What people wrote stands, what the flows ask for is missing:")
	list(laid.Merged, "Changed by people and by the flows, and joined:")
	list(laid.Kept, "Changed by people, and kept:")
	if len(out.Statuses) > 0 {
		fmt.Fprint(&b, "**The policies as they stand in this branch:**\n\n")
		for _, s := range out.Statuses {
			fmt.Fprintf(&b, "- %s: %s\n", s.Name, bundle.Escape(s.Text))
		}
		fmt.Fprintln(&b)
	}
	if len(laid.Refused)+len(laid.Merged)+len(laid.Kept) > 0 {
		fmt.Fprint(&b, "What follows is of the policies as they were learned, without what people changed.\n\n")
	}
	b.WriteString(strings.TrimRight(fit(report, maxText-b.Len()), "\n"))
	const box = "- [ ] Start afresh: throw away what people committed to this branch"
	fmt.Fprintf(&b, "\n\n---\n%s %s\n%s", box, freshMark, endMark)
	return b.String()
}

// fit cuts a text at the end of a line, closes what was open there, and says where the rest is.
func fit(text string, limit int) string {
	const room = 200
	if len(text) <= limit-room {
		return text
	}
	cut := text[:limit-room]
	cut = cut[:strings.LastIndexByte(cut, '\n')+1]
	if strings.Count(cut, "\n```")%2 == 1 {
		cut += "```\n"
	}
	if strings.Count(cut, "<pre>") > strings.Count(cut, "</pre>") { // the box below would be text in it
		cut += "</pre>\n"
	}
	if open := strings.Count(cut, "<details") - strings.Count(cut, "</details>"); open > 0 {
		cut += strings.Repeat("\n</details>\n", open)
	}
	return cut + "\nThis is not all: the rest is in " + bundle.ReviewFile + " of the branch.\n"
}

// message is that of a commit. Its last lines say that it is sluice's, and what it left behind; base is the branch whose
// tip it stands on, "" where it stands on the proposal's own.
func message(name, path string, laid *bundle.Laid, tree, base string, by *Person, signOff bool) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Network policies of %s\n\nLearned from flow logs.\n", name)
	if edits := slices.Concat(laid.Kept, laid.Merged, laid.Refused); len(edits) > 0 {
		fmt.Fprintf(&b, "\nChanged by people, and kept:\n")
		slices.Sort(edits)
		for _, f := range edits {
			fmt.Fprintf(&b, "- %s\n", f)
		}
	}
	fmt.Fprintf(&b, "\n%s%s in %s\n%s%s\n", bundleTrailer, name, path, treeTrailer, tree)
	if base != "" {
		fmt.Fprintf(&b, "%s%s\n", baseTrailer, base)
	}
	if signOff {
		fmt.Fprintf(&b, "Signed-off-by: %s <%s>\n", by.Name, by.Email)
	}
	return b.String()
}

const (
	bundleTrailer = "Sluice-Bundle: "
	treeTrailer   = "Sluice-Tree: "
	baseTrailer   = "Sluice-Base: "
)

// trailer returns the value of a line of a commit's message, "" where it has none.
func trailer(message, key string) string {
	for line := range strings.Lines(message) {
		if v, ok := strings.CutPrefix(line, key); ok {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

package run

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/synth/decision"
)

// TestWithDecisions: decisions are put first, and not a byte of anything else moves.
func TestWithDecisions(t *testing.T) {
	until := time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC)
	web := decision.Decision{Source: "shop/web", Destination: "*", Port: "5432/tcp", Verdict: decision.Reject, Reason: "a left-over", By: "ana", Until: until}
	odd := decision.Decision{Source: "shop/<b>", Destination: "world:192.0.2.0/24", Port: "*", Verdict: decision.Ignore, Reason: "a: \"b\", {c} # d\nand \u202e"}
	const webText = `{source: shop/web, destination: "*", port: 5432/tcp, verdict: reject, reason: a left-over, by: ana, until: "2027-01-31"}`
	const oddText = `{source: shop/<b>, destination: world:192.0.2.0/24, port: "*", verdict: ignore, reason: "a: \"b\", {c} # d\nand \u202e"}`
	for _, c := range []struct{ name, text, want string }{
		{"no file", "", "decisions:\n- W\n- O\n"},
		{"no list", "# mine\nresolver: none # yes\n", "# mine\nresolver: none # yes\ndecisions:\n- W\n- O\n"},
		{"no line end", "resolver: none", "resolver: none\ndecisions:\n- W\n- O\n"},
		{"empty list", "decisions: [] # none\nresolver: none\n", "decisions: [W, O] # none\nresolver: none\n"},
		{"no value", "decisions:\nresolver: none\n", "decisions:\n- W\n- O\nresolver: none\n"},
		{"block", "decisions: # ours\n  # of ben\n  - {source: a/b, destination: a/c, port: 1/tcp, verdict: ignore, reason: r}\nresolver: none\n",
			"decisions: # ours\n  - W\n  - O\n  # of ben\n  - {source: a/b, destination: a/c, port: 1/tcp, verdict: ignore, reason: r}\nresolver: none\n"},
		{"flow", "decisions: [{source: a/b, destination: a/c, port: 1/tcp, verdict: ignore, reason: é}]\n",
			"decisions: [W, O, {source: a/b, destination: a/c, port: 1/tcp, verdict: ignore, reason: é}]\n"},
		{"line ends", "resolver: none\r\ndecisions:\r\n", "resolver: none\r\ndecisions:\r\n- W\n- O\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), DefaultConfig)
			if c.text != "" {
				if err := os.WriteFile(file, []byte(c.text), 0o640); err != nil {
					t.Fatal(err)
				}
			}
			f, err := OpenConfigFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if err := f.Save([]decision.Decision{web, odd}, nil); err != nil {
				t.Fatal(err)
			}
			want := replaceAll(c.want, "W", webText, "O", oddText)
			if d := cmp.Diff(want, read(t, file)); d != "" {
				t.Errorf("-want +got\n%s", d)
			}
			if err := f.Save(nil, nil); err != nil {
				t.Fatal(err)
			}
			if c.text == "" {
				if _, err := os.Stat(file); err == nil {
					t.Error("a file that was not there is left")
				}
			} else if got := read(t, file); got != c.text {
				t.Errorf("undone: %q", got)
			}
		})
	}
}

func replaceAll(s string, pairs ...string) string {
	out := ""
	for _, r := range s {
		word := string(r)
		for i := 0; i < len(pairs); i += 2 {
			if word == pairs[i] {
				word = pairs[i+1]
			}
		}
		out += word
	}
	return out
}

func read(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestSaveChanged: what somebody else wrote meanwhile is never lost, and what cannot be read back is never written.
func TestSaveChanged(t *testing.T) {
	file := filepath.Join(t.TempDir(), DefaultConfig)
	list := []decision.Decision{{Source: "a/b", Destination: "a/c", Port: "1/tcp", Reason: "r"}}
	f, err := OpenConfigFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("resolver: none\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := f.Save(list, nil); !errors.Is(err, ErrConfigChanged) {
		t.Errorf("written over: %v", err)
	}
	const anchored = "decisions: &all\n- {source: a/b, destination: a/c, port: 1/tcp, verdict: ignore, reason: r}\n"
	if err := os.WriteFile(file, []byte(anchored), 0o600); err != nil {
		t.Fatal(err)
	}
	if f, err = OpenConfigFile(file); err != nil {
		t.Fatal(err)
	}
	list[0].Reason = ""
	if err := f.Save(list, nil); err == nil || read(t, file) != anchored {
		t.Errorf("a decision without a reason was written: %v", err)
	}
}

// TestWithoutDecisions: a decision of before is taken out, what is about it with it, and not a byte of anything else
// moves; it comes back where it was.
func TestWithoutDecisions(t *testing.T) {
	d := func(n string) string {
		return "{source: a/" + n + ", destination: a/c, port: 1/tcp, verdict: ignore, reason: \"it's, {" + n + "} # [\"}"
	}
	block := func(n string) string {
		return "source: a/" + n + " # yes\n    # why\n    destination: a/c\n\n    port: 1/tcp\n    verdict: ignore\n    reason: |\n      - one\n      # two\n"
	}
	const around = "resolver: none # yes\n"
	flow := around + "decisions: [ " + d("x") + ",\n  # the second, it's {\n  " + d("y") + " , " + d("z") + " ] # all\n"
	blocks := around + "decisions: # ours\n  # first\n  - " + block("x") + "\n  # second\n  - " + d("y") + "\n  -\n    " + block("z") + "# end\n" + "name: shop\n"
	for _, c := range []struct {
		name, text string
		without    []int
		want       string
	}{
		{"flow, first", flow, []int{0}, around + "decisions: [ " + d("y") + " , " + d("z") + " ] # all\n"},
		{"flow, second", flow, []int{1}, around + "decisions: [ " + d("x") + ",\n  # the second, it's {\n  " + d("z") + " ] # all\n"},
		{"flow, last", flow, []int{2}, around + "decisions: [ " + d("x") + ",\n  # the second, it's {\n  " + d("y") + " ] # all\n"},
		{"flow, two", flow, []int{2, 1}, around + "decisions: [ " + d("x") + " ] # all\n"},
		{"flow, the first two", flow, []int{0, 1}, around + "decisions: [ " + d("z") + " ] # all\n"},
		{"flow, all", flow, []int{0, 1, 2}, around + "decisions: [  ] # all\n"},
		{"block, first", blocks, []int{0}, around + "decisions: # ours\n  # first\n\n  # second\n  - " + d("y") + "\n  -\n    " + block("z") + "# end\nname: shop\n"},
		{"block, second", blocks, []int{1}, around + "decisions: # ours\n  # first\n  - " + block("x") + "\n  # second\n  -\n    " + block("z") + "# end\nname: shop\n"},
		{"block, last", blocks, []int{2}, around + "decisions: # ours\n  # first\n  - " + block("x") + "\n  # second\n  - " + d("y") + "\n# end\nname: shop\n"},
		{"block, all", blocks, []int{0, 1, 2}, around + "decisions: # ours\n  # first\n\n  # second\n# end\nname: shop\n"},
		{"dashes at the margin", "decisions:\n- " + d("x") + "\n- " + d("y"), []int{1}, "decisions:\n- " + d("x") + "\n"},
		{"anchored", "decisions:\n- &x " + d("x") + "\n- *x\n", []int{0}, ""},
		{"an alias", "decisions:\n- &x " + d("x") + "\n- *x\n", []int{1}, "decisions:\n- &x " + d("x") + "\n"},
		{"a list elsewhere", "decisions: [" + d("x") + "]\n", []int{1}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), DefaultConfig)
			if err := os.WriteFile(file, []byte(c.text), 0o640); err != nil {
				t.Fatal(err)
			}
			f, err := OpenConfigFile(file)
			if err != nil {
				t.Fatal(err)
			}
			err = f.Save(nil, c.without)
			if c.want == "" {
				if err == nil || read(t, file) != c.text {
					t.Errorf("%v, %q", err, read(t, file))
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(c.want, read(t, file)); d != "" {
				t.Errorf("-want +got\n%s", d)
			}
			more := decision.Decision{Source: "shop/web", Destination: "*", Port: "5432/tcp", Verdict: decision.Reject, Reason: "r"}
			if err := f.Save([]decision.Decision{more}, c.without); err != nil {
				t.Error(err)
			}
			if err := f.Save(nil, nil); err != nil || read(t, file) != c.text {
				t.Errorf("undone: %v %q", err, read(t, file))
			}
		})
	}
}

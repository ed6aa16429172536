package cli

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"sluice/synth/lint"
	"sluice/synth/render"
	"sluice/synth/render/all"
)

// TestVisibility: the policy that doctor prints is read without a problem, isolates nothing, and is no trap.
func TestVisibility(t *testing.T) {
	a, err := txtar.ParseFile(filepath.Join("..", "..", "..", "..", "testdata", "script", "doctor.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, f := range a.Files {
		if err := os.WriteFile(filepath.Join(dir, f.Name), f.Data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, namespaces := range [][]string{nil, {"shop", "bank"}} {
		var out strings.Builder
		o := &doctorOptions{failOn: "error", format: "json", namespaces: namespaces}
		o.quiet, o.config, o.workers = true, os.DevNull, 1
		err := runDoctor(t.Context(), Streams{strings.NewReader(""), &out, io.Discard}, o,
			[]string{filepath.Join(dir, "whole.jsonl"), filepath.Join(dir, "hidden.jsonl")})
		if err != nil {
			t.Fatal(err)
		}
		var got struct{ DNSVisibility string }
		if err := json.Unmarshal([]byte(out.String()), &got); err != nil {
			t.Fatal(err)
		}
		set, problems := render.Parse(strings.NewReader(got.DNSVisibility), "p.yaml", all.Kinds()...)
		if len(problems) > 0 || len(set.Policies) != max(1, len(namespaces)) {
			t.Fatal(problems, set.Policies)
		}
		for _, p := range set.Policies {
			if p.Ingress || p.Egress || len(p.Rules) != 1 {
				t.Errorf("%+v", p)
			}
		}
		texts := map[string][]byte{"p.yaml": []byte(got.DNSVisibility)}
		if found := lint.Check(lint.Input{Set: set, Texts: texts}); len(found) > 0 {
			t.Error(found)
		}
	}
}

package cli

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// TestYAML: what -o yaml prints says what -o json does, whatever the command.
func TestYAML(t *testing.T) {
	dir := t.TempDir()
	flows, out := filepath.Join(dir, "flows.jsonl"), filepath.Join(dir, "bundle")
	odd := strings.ReplaceAll(honest, `"pod_name":"web-7d`, `"pod_name":"*yes: \u0007no\u2028-7d`)
	if err := os.WriteFile(flows, []byte(honest+"\n"+odd+"\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	learn := "learn " + flows + " -n shop --min-watch 0 --out " + out
	for _, line := range []string{learn, "verify " + out, "ready " + flows + " -n shop", "backtest " + flows + " -n shop",
		"diff " + out + " " + out, "lint " + out, "doctor " + flows, "show edges " + flows, "show workloads " + flows,
		"show endpoints " + flows, "show flows " + flows, "show findings " + out, "explain " + out + " shop", "version"} {
		var texts [2]bytes.Buffer
		for i, format := range []string{"json", "yaml"} {
			var log bytes.Buffer
			args := append(strings.Fields(line), "-o", format)
			if code := Main(args, nil, &texts[i], &log); code != ExitOK && code != ExitFindings {
				t.Errorf("%s -o %s: exit %d: %s", line, format, code, log.String())
			}
		}
		var want, got any
		if err := json.Unmarshal(texts[0].Bytes(), &want); err != nil {
			t.Errorf("%s: %v", line, err)
		}
		if err := yaml.Unmarshal(texts[1].Bytes(), &got); err != nil {
			t.Errorf("%s: %v", line, err)
		}
		again, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(again, &got); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(want, got) {
			t.Errorf("%s: YAML\n%.600s\nJSON\n%.600s", line, texts[1].String(), texts[0].String())
		}
	}
}

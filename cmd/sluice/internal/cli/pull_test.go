package cli

import (
	"archive/tar"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sluice/cmd/sluice/internal/kube/kubetest"
)

// filled is a store with flows.
func filled(t *testing.T) string {
	dir := filepath.Join(t.TempDir(), "there")
	const flows = "../../../../testdata/flows/online-boutique.jsonl.gz"
	if code, _, errs := calls("ingest", flows, "--store", dir, "-q"); code != ExitOK {
		t.Fatal(errs)
	}
	return dir
}

// collector is a cluster with a collector's pod, whose store is the given directory.
func collector(t *testing.T, store string) *kubetest.Server {
	s := kubetest.New(t)
	s.Serve("api/v1/pods", kubetest.Running(kubetest.Pod("sluice", "sluice-0", "sluice", true, 9090), "sluice"))
	s.Exec("sluice/sluice-0", inPod(t, store, 0))
	t.Setenv("KUBECONFIG", s.Kubeconfig())
	return s
}

// inPod runs sluice as the pod does: /store is the given directory. Of a cut pack that many bytes come.
func inPod(t *testing.T, store string, cut int64) kubetest.Command {
	return func(args []string, out, errs io.Writer) int {
		for i := range args {
			if args[i] == "/store" {
				args[i] = store
			}
		}
		from, to, err := os.Pipe()
		if err != nil {
			t.Error(err)
			return 1
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			if cut > 0 {
				_, _ = io.CopyN(out, from, cut)
				_, _ = io.Copy(io.Discard, from)
			} else {
				_, _ = io.Copy(out, from)
			}
		}()
		code := Main(args[1:], strings.NewReader(""), to, errs)
		to.Close()
		<-done
		return int(code)
	}
}

// TestPull: what pull fetches is the collector's store, or a part of it.
func TestPull(t *testing.T) {
	dir, there := t.TempDir(), filled(t)
	s := collector(t, there)
	here := filepath.Join(dir, "here")
	code, out, errs := calls("pull", "--store", here)
	if code != ExitOK || !strings.HasPrefix(out, "Unpacked ") {
		t.Fatalf("exit %d: %s%s", code, out, errs)
	}
	_, want, _ := calls("show", "edges", "--store", there, "-o", "json")
	if _, got, errs := calls("show", "edges", "--store", here, "-o", "json"); got != want || want == "" {
		t.Errorf("another store came: %s", errs)
	}
	if code, _, errs := calls("store", "check", here); code != ExitOK {
		t.Error(errs)
	}
	if code, _, errs := calls("pull", "--store", here); code != ExitError || !strings.Contains(errs, "there is a store already") {
		t.Errorf("exit %d: %s", code, errs)
	}
	code, out, errs = calls("pull", "--since", "2026-03-03", "--store", filepath.Join(dir, "later"))
	if code != ExitOK || !strings.HasPrefix(out, "Unpacked 0 rows in 0 segments") {
		t.Errorf("exit %d: %s%s", code, out, errs)
	}
	for _, asked := range s.Asked {
		if verb, path, _ := strings.Cut(asked, " "); verb != "GET" && path != "api/v1/namespaces/sluice/pods/sluice-0/exec" {
			t.Errorf("asked %s", asked)
		}
	}
}

// TestPullFails: whatever is wrong is said, and no store is left.
func TestPullFails(t *testing.T) {
	there := filled(t)
	for _, c := range []struct {
		name   string
		change func(*kubetest.Server)
		want   string
		args   []string
	}{
		{"no right", func(s *kubetest.Server) { s.Refuse("exec") },
			"not allowed to create pods/exec in namespace sluice: the user needs a Role in sluice with the verb create on pods/exec (sluice install --rbac", nil},
		{"no right to pods", func(s *kubetest.Server) { s.Refuse("api/v1/pods") }, "not allowed to list pods in namespace sluice", nil},
		{"another namespace", nil, "no pod in namespace flows of the cluster of context test", []string{"-n", "flows"}},
		{"no such pod", nil, "there is no pod sluice-7 in namespace sluice", []string{"--pod", "sluice-7"}},
		{"no such context", nil, `there is no context "prod"`, []string{"--context", "prod"}},
		{"not running", func(s *kubetest.Server) {
			s.Clear("api/v1/pods")
			s.Serve("api/v1/pods", kubetest.Running(kubetest.Pod("sluice", "sluice-0", "sluice", false, 9090), "other"))
		}, "no pod in namespace sluice", nil},
		{"two", func(s *kubetest.Server) {
			s.Serve("api/v1/pods", kubetest.Running(kubetest.Pod("sluice", "sluice-1", "sluice", true, 9090), "sluice"))
		}, "several collectors run in namespace sluice: sluice-0, sluice-1", nil},
		{"no store there", nil, "sluice store pack /nowhere in pod sluice/sluice-0: open store /nowhere: not a sluice store", []string{"--from", "/nowhere"}},
		{"no such cluster", nil, "no cluster prod in store", []string{"--cluster", "prod"}},
		{"wrong time", nil, `--since "soon"`, []string{"--since", "soon"}},
		{"cut", func(s *kubetest.Server) { s.Exec("sluice/sluice-0", inPod(t, there, 3000)) }, "it ends before its commit: damaged: nothing was kept, pull again", nil},
		{"cut link", func(s *kubetest.Server) {
			s.Exec("sluice/sluice-0", func(args []string, out, errs io.Writer) int {
				defer s.Cut("sluice/sluice-0")
				return inPod(t, there, 3000)(args, out, errs)
			})
		}, "unpack into", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := collector(t, there)
			if c.change != nil {
				c.change(s)
			}
			here := filepath.Join(t.TempDir(), "here")
			code, out, errs := calls(append([]string{"pull", "--store", here}, c.args...)...)
			if code == ExitOK || !strings.Contains(errs, c.want) {
				t.Errorf("exit %d: %s%s\ndoes not say %s", code, out, errs, c.want)
			}
			_ = filepath.WalkDir(here, func(path string, e os.DirEntry, err error) error {
				if err == nil && !e.IsDir() {
					t.Errorf("%s is left", path)
				}
				return nil
			})
		})
	}
}

// TestPullLies: whatever a program in the pod sends in the place of a pack, pull ends with an error that fits in a
// line, and nothing is left.
func TestPullLies(t *testing.T) {
	endless := func(out io.Writer, text string) {
		for err := error(nil); err == nil; {
			_, err = io.WriteString(out, strings.Repeat(text, 1+1<<20/len(text)))
		}
	}
	files := func(out io.Writer, name string, size int64) {
		w := tar.NewWriter(out)
		for n, err := 0, error(nil); err == nil; n++ {
			if err = w.WriteHeader(&tar.Header{Name: fmt.Sprint(name, n), Mode: 0o600, Size: size}); err == nil {
				_, err = w.Write(make([]byte, size))
			}
		}
	}
	for _, c := range []struct {
		name, want string
		do         func(out, errs io.Writer) int
	}{
		{"text without end", "no pack of a store", func(out, _ io.Writer) int { endless(out, "flows "); return 0 }},
		{"zeros without end", "ends before its commit", func(out, _ io.Writer) int { endless(out, "\x00"); return 0 }},
		{"files without end", "larger than it may be (--max-bytes 10485760)", func(out, _ io.Writer) int {
			files(out, "v1/day=2026-03-01/", 1<<20)
			return 0
		}},
		{"a file elsewhere", `"../../etc/cron.d/0" is no file of a pack`, func(out, _ io.Writer) int {
			files(out, "../../etc/cron.d/", 10)
			return 0
		}},
		{"a name that hides", `is no file of a pack`, func(out, _ io.Writer) int { files(out, "a\nsluice: all is well\x1b[2J", 10); return 0 }},
		{"nothing", "it ends before its commit", func(_, _ io.Writer) int { return 0 }},
		{"complaints without end", "sluice store pack /store in pod sluice/sluice-0: no no", func(_, errs io.Writer) int {
			for range 100 {
				_, _ = io.WriteString(errs, strings.Repeat("no ", 10_000))
			}
			return 1
		}},
		{"complaints that hide", `in pod sluice/sluice-0: gone\u001b[2J sluice: all is well`, func(_, errs io.Writer) int {
			_, _ = io.WriteString(errs, "gone\x1b[2J\r\nsluice: all is well\n")
			return 1
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, dir := collector(t, ""), t.TempDir()
			s.Exec("sluice/sluice-0", func(_ []string, out, errs io.Writer) int { return c.do(out, errs) })
			code, out, errs := calls("pull", "--store", filepath.Join(dir, "here"), "--max-bytes", "10Mi")
			if code != ExitError || out != "" || !strings.Contains(errs, c.want) || strings.Count(errs, "\n") != 1 || len(errs) > 4000 {
				t.Errorf("exit %d: %s%.4000q\ndoes not say %s", code, out, errs, c.want)
			}
			_ = filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
				if err == nil && !e.IsDir() {
					t.Errorf("%s is left", path)
				}
				return nil
			})
		})
	}
}

// TestPullInterrupted: a pull that is stopped half way leaves no store, and can be done again.
func TestPullInterrupted(t *testing.T) {
	there, here := filled(t), filepath.Join(t.TempDir(), "here")
	s := collector(t, there)
	ctx, stop := context.WithTimeout(t.Context(), 30*time.Second)
	defer stop()
	s.Exec("sluice/sluice-0", func(args []string, out, errs io.Writer) int {
		code := inPod(t, there, 3000)(args, out, errs)
		stop()
		<-t.Context().Done() // it hangs
		return code
	})
	o := &pullOptions{namespace: "sluice", at: "/store", most: "1Gi"}
	o.store = here
	if err := runPull(ctx, Streams{strings.NewReader(""), io.Discard, io.Discard}, o); err == nil || ctx.Err() == nil {
		t.Fatal(err)
	}
	if _, _, errs := calls("show", "edges", "--store", here); !strings.Contains(errs, "not a sluice store") {
		t.Error(errs)
	}
	s.Exec("sluice/sluice-0", inPod(t, there, 0))
	if code, _, errs := calls("pull", "--store", here); code != ExitOK {
		t.Error(errs)
	}
}

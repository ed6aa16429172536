//go:build conformance

package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/cmd/sluice/internal/kube/kubetest"
	"sluice/model/store"
	"sluice/synth/eval/judgetest"
)

// goldmaneLab is the real Goldmane as a process of its own (cmd/conformance/goldmane), steered by JSON lines.
type goldmaneLab struct {
	t     *testing.T
	judge string
	pki   string
	kill  func() // with SIGKILL
	in    io.WriteCloser
	out   *json.Decoder
	addr  string
	all   []string // flows fed, as the emitter would write them
}

// newGoldmaneLab starts the judge that SLUICE_GOLDMANE names; make conformance sets it.
func newGoldmaneLab(t *testing.T) *goldmaneLab {
	t.Helper()
	l := &goldmaneLab{t: t, judge: judgetest.Program(t, "SLUICE_GOLDMANE"), pki: t.TempDir()}
	l.spawn()
	return l
}

// spawn starts the process, which makes new certificates.
func (l *goldmaneLab) spawn() {
	l.t.Helper()
	cmd := exec.Command(l.judge, "-pki", l.pki)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		l.t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		l.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		l.t.Fatal(err)
	}
	l.in, l.out = in, json.NewDecoder(out)
	l.kill = sync.OnceFunc(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	l.t.Cleanup(func() { _ = in.Close(); _ = cmd.Wait() })
}

// do obeys a command; an answer that is an error fails the test.
func (l *goldmaneLab) do(cmd map[string]any) (answer struct {
	Event, Error, Addr string
	Now                int64
}) {
	l.t.Helper()
	b, err := json.Marshal(cmd)
	if err != nil {
		l.t.Fatal(err)
	}
	if _, err := l.in.Write(append(b, '\n')); err != nil {
		l.t.Fatal(err)
	}
	if err := l.out.Decode(&answer); err != nil || answer.Event == "error" {
		l.t.Fatalf("%v: %s %v", cmd["cmd"], answer.Error, err)
	}
	return answer
}

// start starts the server, where it was before if it was.
func (l *goldmaneLab) start(bucket, now int64) {
	l.t.Helper()
	l.addr = l.do(map[string]any{"cmd": "start", "addr": l.addr, "bucket": bucket, "now": now}).Addr
}

// feed pushes flows as one node's.
func (l *goldmaneLab) feed(flows []string) {
	l.t.Helper()
	raw := make([]json.RawMessage, len(flows))
	for i, f := range flows {
		raw[i] = json.RawMessage(f)
	}
	l.do(map[string]any{"cmd": "feed", "peer": "node", "flows": raw})
	l.all = append(l.all, flows...)
}

// command is sluice reading the server, with the client's certificate of a name and the authority of another.
func (l *goldmaneLab) command(dir, client, ca string, args ...string) *exec.Cmd {
	file := func(name string) string { return filepath.Join(l.pki, name) }
	return exec.Command("sluice", append([]string{"ingest", "goldmane://" + l.addr, "--store", dir,
		"--tls-ca-cert-files", file(ca + ".crt"), "--tls-client-cert-file", file(client + ".crt"), "--tls-client-key-file", file(client + ".key")}, args...)...)
}

// edges are what sluice shows of sources or a store: edges with all their counts, and the fates of the records.
func (l *goldmaneLab) edges(args ...string) string {
	l.t.Helper()
	out, err := exec.Command("sluice", append([]string{"show", "edges", "-o", "json", "-q"}, args...)...).CombinedOutput()
	early := func(text string) bool { return strings.Contains(string(out), text) }
	if err != nil && !early("no record came") && !early("no store") && !early("not a sluice store") { // it is being made
		l.t.Fatalf("%v\n%s", err, out)
	}
	return string(out)
}

// fed are the edges of the flows fed, read from a file.
func (l *goldmaneLab) fed() string {
	l.t.Helper()
	name := filepath.Join(l.t.TempDir(), "flows.ndjson")
	if err := os.WriteFile(name, []byte(strings.Join(l.all, "\n")+"\n"), 0o600); err != nil {
		l.t.Fatal(err)
	}
	return l.edges(name)
}

// await waits until the store holds exactly what was fed.
func (l *goldmaneLab) await(dir string, patience time.Duration) {
	l.t.Helper()
	want := l.fed()
	var got string
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(500 * time.Millisecond) {
		if got = l.edges("--store", dir); got == want {
			return
		}
	}
	l.t.Fatalf("stored\n%s\nfed\n%s", clip(got), clip(want))
}

func clip(s string) string { return s[:min(len(s), 3000)] }

// traffic makes flows of one cluster; number after number gives edges of their own.
type traffic struct {
	rand *rand.Rand
	late int
}

// of returns the flows of a bucket: most edges are seen at both ends, some are denied there, some lead out.
func (g *traffic) of(bucket, width int64) (out []string) {
	for _, e := range g.rand.Perm(60)[:12] {
		port, action := 8000+e, 1
		if e%10 == 9 {
			action = 2
		}
		src := fmt.Sprintf(`"source_name":"client-%d-7d9fbd6c7b-*","source_namespace":"shop","source_type":1`, e%7)
		dst := fmt.Sprintf(`"dest_name":"server-%d-6c8f4d9c5-*","dest_namespace":"shop","dest_type":1`, e%11)
		if e%13 == 12 {
			dst = `"dest_name":"pub","dest_namespace":"-","dest_type":4`
		} else {
			out = append(out, goldmaneFlow(src, dst, port, 2, action, bucket, width))
		}
		out = append(out, goldmaneFlow(src, dst, port, 1, 1, bucket, width))
	}
	return out
}

// belated returns a flow of an old bucket, of an edge that no other flow has.
func (g *traffic) belated(bucket, width int64) string {
	g.late++
	src := `"source_name":"cut-off-7d9fbd6c7b-*","source_namespace":"shop","source_type":1`
	dst := `"dest_name":"server-1-6c8f4d9c5-*","dest_namespace":"shop","dest_type":1`
	return goldmaneFlow(src, dst, 10000+g.late, 2, 1, bucket, width)
}

func goldmaneFlow(src, dst string, port, reporter, action int, bucket, width int64) string {
	labels := func(s string) string { // "client-3" of "client-3-7d9fbd6c7b-*"
		return `["app=` + strings.Join(strings.Split(strings.Split(s, `"`)[3], "-")[:2], "-") + `"]`
	}
	to := "null"
	if !strings.Contains(dst, `"pub"`) {
		to = labels(dst)
	}
	return fmt.Sprintf(`{"Key":{%s,%s,"dest_port":%d,"proto":"tcp","reporter":%d,"action":%d,"policies":{"enforced_policies":[{"kind":9,"name":"kns.shop","action":%[5]d}]}},`+
		`"start_time":%d,"end_time":%d,"source_labels":%s,"dest_labels":%s,"packets_in":3,"packets_out":4,"bytes_in":300,"bytes_out":400,"num_connections_started":2}`,
		src, dst, port, reporter, action, bucket, bucket+width, labels(src), to)
}

// TestGoldmaneHistory reads the hour that the server remembers, then what came since and what came late, from a clock
// that is moved by hand. What is stored is what was fed, to the record.
func TestGoldmaneHistory(t *testing.T) {
	const width = 15
	l := newGoldmaneLab(t)
	now := time.Now().Unix() / width * width
	l.start(width, now)
	g := &traffic{rand: rand.New(rand.NewPCG(1, 2))}
	for b := now - 235*width; b < now-6*width; b += width {
		l.feed(g.of(b, width))
	}
	dir := filepath.Join(t.TempDir(), "store")
	ingest := func() {
		t.Helper()
		if out, err := l.command(dir, "client", "ca").CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		l.await(dir, time.Second)
	}
	ingest()
	for b := now - 6*width; b <= now; b += width {
		l.feed(g.of(b, width))
	}
	ingest()
	ingest() // nothing new: nothing changes
	for back := int64(1); back <= 12; back++ {
		l.feed([]string{g.belated(now-back*width, width)})
	}
	ingest()
}

// TestGoldmaneKilled kills the collector with SIGKILL 20 times at random moments while flows come, some of them late, and
// ends it with SIGTERM: every record is stored once.
func TestGoldmaneKilled(t *testing.T) {
	l := newGoldmaneLab(t)
	l.start(1, 0)
	g := &traffic{rand: rand.New(rand.NewPCG(3, 4))}
	dir := filepath.Join(t.TempDir(), "store")
	begin := time.Now().Unix() - 30
	for b := begin; b < begin+20; b++ {
		l.feed(g.of(b, 1))
	}
	next := begin + 20
	feed := func() {
		for now := time.Now().Unix(); next < now; next++ {
			l.feed(append(g.of(next, 1), g.belated(next-1-g.rand.Int64N(9), 1)))
		}
	}
	for range 20 {
		cmd := l.command(dir, "client", "ca", "--follow")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		for end := time.Now().Add(time.Duration(g.rand.IntN(1500)) * time.Millisecond); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
			feed()
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
		feed()
	}
	last := startFollower(t, l.command(dir, "client", "ca", "--follow"))
	l.await(dir, 30*time.Second)
	last.stop(syscall.SIGTERM)
	l.await(dir, time.Second)
}

// follower is a collector that runs.
type follower struct {
	t   *testing.T
	cmd *exec.Cmd
	log *bytes.Buffer
}

func startFollower(t *testing.T, cmd *exec.Cmd) *follower {
	t.Helper()
	f := &follower{t: t, cmd: cmd, log: &bytes.Buffer{}}
	cmd.Stdout, cmd.Stderr = f.log, f.log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return f
}

// stop ends it with a signal, upon which it has to store what it has and succeed.
func (f *follower) stop(sig os.Signal) {
	f.t.Helper()
	_ = f.cmd.Process.Signal(sig)
	done := make(chan error, 1)
	go func() { done <- f.cmd.Wait() }()
	select {
	case err := <-done:
		if err != nil {
			f.t.Fatalf("%v\n%s", err, f.log)
		}
	case <-time.After(10 * time.Second):
		f.t.Fatal("it does not stop")
	}
}

// TestGoldmaneRestart restarts the server under a collector, once by SIGKILL with certificates of a new authority after it:
// it connects again, says that flows may be missing, and has all that was fed before and after.
func TestGoldmaneRestart(t *testing.T) {
	l := newGoldmaneLab(t)
	l.start(1, 0)
	g := &traffic{rand: rand.New(rand.NewPCG(5, 6))}
	dir := filepath.Join(t.TempDir(), "store")
	f := startFollower(t, l.command(dir, "client", "ca", "--follow", "--log-format", "json"))
	for i := range 3 {
		now := time.Now().Unix()
		l.feed(g.of(now-1, 1))
		l.await(dir, 15*time.Second)
		if i == 1 {
			l.kill()
			l.spawn()
		} else {
			l.do(map[string]any{"cmd": "stop"})
		}
		time.Sleep(time.Second)
		l.start(1, 0)
	}
	now := time.Now().Unix()
	l.feed(g.of(now-1, 1))
	l.feed([]string{g.belated(now-4, 1)}) // what nodes send again after the server came back
	l.await(dir, 25*time.Second)
	f.stop(os.Interrupt)
	st, err := store.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	stream := st.Stream("goldmane://" + l.addr)
	if stream == nil || len(stream.Gaps) != 3 {
		t.Errorf("the gaps of three restarts are not in the store: %+v", stream)
	}
	if !strings.Contains(f.log.String(), "connecting again") {
		t.Errorf("the log does not tell of the restarts:\n%s", f.log)
	}
}

// TestGoldmaneRefused: what is wrong with a connection is said, with what to do, and nothing is stored.
func TestGoldmaneRefused(t *testing.T) {
	l := newGoldmaneLab(t)
	l.start(1, 0)
	for _, tt := range []struct {
		name, client, ca, want string
		args                   []string
	}{
		{"stranger", "stranger", "ca", "client certificate", nil},
		{"expired", "expired", "ca", "the client certificate has expired on ", nil},
		{"other authority", "client", "other", "give the Tigera CA with --tls-ca-cert-files", nil},
		{"other name", "client", "ca", "give that with --tls-server-name", []string{"--tls-server-name", "whisker"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ctx, stop := context.WithTimeout(context.Background(), 20*time.Second)
			defer stop()
			cmd := l.command(filepath.Join(t.TempDir(), "store"), tt.client, tt.ca, tt.args...)
			go func() { <-ctx.Done(); _ = cmd.Process.Kill() }()
			out, err := cmd.CombinedOutput()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.ExitCode() != int(ExitError) || !strings.Contains(string(out), tt.want) {
				t.Errorf("%v\n%s\nwant %q", err, out, tt.want)
			}
		})
	}
}

// TestGoldmaneForwarded: goldmane:// without an address is the server of the cluster behind its service, with the
// certificates of the secret that is named. What is stored is what its own address gives, and it goes on after the pod
// went and another came.
func TestGoldmaneForwarded(t *testing.T) {
	const width = 15
	l := newGoldmaneLab(t)
	now := time.Now().Unix() / width * width
	l.start(width, now)
	g := &traffic{rand: rand.New(rand.NewPCG(3, 4))}
	for b := now - 60*width; b < now-6*width; b += width {
		l.feed(g.of(b, width))
	}
	s := kubetest.New(t)
	s.Serve("api/v1/services", kubetest.Service("calico-system", "goldmane", "goldmane", 7443, 7443))
	s.Serve("api/v1/pods", kubetest.Pod("calico-system", "goldmane-1", "goldmane", true, 7443))
	s.Forward("calico-system/goldmane-1:7443", l.addr)
	data := map[string][]byte{}
	for key, name := range map[string]string{"ca.crt": "ca.crt", "tls.crt": "client.crt", "tls.key": "client.key"} {
		text, err := os.ReadFile(filepath.Join(l.pki, name))
		if err != nil {
			t.Fatal(err)
		}
		data[key] = text
	}
	s.Serve("api/v1/secrets", kubetest.Object{"metadata": kubetest.Object{"namespace": "calico-system", "name": "node-certs"}, "data": data})
	t.Setenv("KUBECONFIG", s.Kubeconfig())
	dir := filepath.Join(t.TempDir(), "store")
	ingest := func(args ...string) string {
		ctx, stop := context.WithTimeout(t.Context(), time.Minute)
		defer stop()
		out, err := exec.CommandContext(ctx, "sluice", append([]string{"ingest", "goldmane://", "--store", dir}, args...)...).CombinedOutput()
		if err == nil {
			return ""
		}
		return string(out)
	}
	if said := ingest(); !strings.Contains(said, "Give --tls-secret node-certs") {
		t.Errorf("without a certificate: %s", said)
	}
	if said := ingest("--tls-secret", "node-certs"); said != "" {
		t.Fatal(said)
	}
	l.await(dir, time.Second)
	s.Clear("api/v1/pods")
	s.Serve("api/v1/pods", kubetest.Pod("calico-system", "goldmane-2", "goldmane", true, 7443))
	s.Forward("calico-system/goldmane-2:7443", l.addr)
	s.Cut("calico-system/goldmane-1")
	for b := now - 6*width; b <= now; b += width {
		l.feed(g.of(b, width))
	}
	if said := ingest("--tls-secret", "node-certs"); said != "" {
		t.Fatal(said)
	}
	l.await(dir, time.Second)
}

// TestGoldmaneLearn: policies learned straight from the server are those learned from its flows in a file.
func TestGoldmaneLearn(t *testing.T) {
	const width = 15
	l := newGoldmaneLab(t)
	now := time.Now().Unix() / width * width
	l.start(width, now)
	g := &traffic{rand: rand.New(rand.NewPCG(7, 8))}
	for b := now - 100*width; b < now; b += width {
		l.feed(g.of(b, width))
	}
	file := filepath.Join(t.TempDir(), "flows.ndjson")
	if err := os.WriteFile(file, []byte(strings.Join(l.all, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	learn := func(args ...string) map[string]string {
		t.Helper()
		dir := filepath.Join(t.TempDir(), "bundle")
		out, err := exec.Command("sluice", append([]string{"learn", "-n", "shop", "--out", dir, "-q", "--enforce-anyway"}, args...)...).CombinedOutput()
		var exit *exec.ExitError
		if err != nil && (!errors.As(err, &exit) || exit.ExitCode() != int(ExitFindings)) {
			t.Fatalf("%v\n%s", err, out)
		}
		files := map[string]string{}
		err = filepath.WalkDir(dir, func(p string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() || filepath.Ext(p) != ".yaml" {
				return err
			}
			b, err := os.ReadFile(p)
			files[strings.TrimPrefix(p, dir)] = string(b)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return files
	}
	want := learn(file)
	ingest := l.command("-", "client", "ca").Args
	got := learn(append(ingest[2:3:3], ingest[5:]...)...)
	if diff := cmp.Diff(want, got); diff != "" || len(want) < 3 {
		t.Errorf("%d files (-file +server):\n%s", len(want), diff)
	}
}

// TestGoldmaneVerify watches a bundle on a server: nothing is lost while the traffic is what it was learned from, and a
// new connection is told as lost within seconds. The exit code at the end says so.
func TestGoldmaneVerify(t *testing.T) {
	l := newGoldmaneLab(t)
	l.start(1, 0)
	g := &traffic{rand: rand.New(rand.NewPCG(9, 10))}
	begin := time.Now().Unix() - 60
	for b := begin; b < begin+40; b++ {
		l.feed(g.of(b, 1))
	}
	dir := t.TempDir()
	file, bundle := filepath.Join(dir, "flows.ndjson"), filepath.Join(dir, "bundle")
	if err := os.WriteFile(file, []byte(strings.Join(l.all, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("sluice", "learn", file, "-n", "shop", "--out", bundle, "-q", "--enforce-anyway").CombinedOutput()
	if _, failed := errors.AsType[*exec.ExitError](err); err != nil && !failed {
		t.Fatalf("%v\n%s", err, out)
	}
	flags := l.command("-", "client", "ca").Args[5:]
	p := startSluice(t, append([]string{"verify", bundle, "goldmane://" + l.addr, "--follow", "--every", "200ms"}, flags...)...)
	p.await("permitted")
	before := p.out.String()
	if strings.Contains(before, "shop/cut-off") {
		t.Fatal(before)
	}
	l.feed([]string{g.belated(time.Now().Unix()-1, 1)})
	p.await("lost: shop/cut-off -> shop/server-1 10001/tcp")
	p.cmd.Process.Signal(syscall.SIGTERM)
	<-p.done
	if code := ExitCode(p.cmd.ProcessState.ExitCode()); code != ExitFindings {
		t.Errorf("exit code %d", code)
	}
}

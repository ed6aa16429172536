package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// servers are etcd and the API server, on free ports of loopback, with their files in a directory that goes with them.
type servers struct {
	dir   string
	url   string // of the API server
	token string // of a cluster administrator
	alice string // of a user without rights
	etcd  *process
	api   *process
}

// start runs both; they answer only some seconds later.
func start(ctx context.Context, binaries string) (*servers, error) {
	dir, err := os.MkdirTemp("", "kube-*")
	if err != nil {
		return nil, err
	}
	s := &servers{dir: dir, token: rand.Text(), alice: rand.Text()}
	if err := s.run(ctx, binaries); err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

func (s *servers) run(ctx context.Context, binaries string) error {
	ports, err := freePorts(3)
	if err != nil {
		return err
	}
	local := func(i int) string { return fmt.Sprintf("http://127.0.0.1:%d", ports[i]) }
	s.url = fmt.Sprintf("https://127.0.0.1:%d", ports[2])
	key, tokens := filepath.Join(s.dir, "sa.key"), filepath.Join(s.dir, "tokens.csv")
	if err := writeKey(key); err != nil {
		return err
	}
	if err := os.WriteFile(tokens, []byte(s.token+",admin,admin,\"system:masters\"\n"+s.alice+",alice,alice\n"), 0o600); err != nil {
		return err
	}
	s.etcd, err = spawn(ctx, filepath.Join(s.dir, "etcd.log"), filepath.Join(binaries, "etcd"),
		"--name=judge", "--data-dir="+filepath.Join(s.dir, "etcd"), "--unsafe-no-fsync", "--log-level=error",
		"--listen-client-urls="+local(0), "--advertise-client-urls="+local(0),
		"--listen-peer-urls="+local(1), "--initial-advertise-peer-urls="+local(1), "--initial-cluster=judge="+local(1))
	if err != nil {
		return err
	}
	s.api, err = spawn(ctx, filepath.Join(s.dir, "kube-apiserver.log"), filepath.Join(binaries, "kube-apiserver"),
		"--etcd-servers="+local(0), "--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", fmt.Sprintf("--secure-port=%d", ports[2]),
		"--cert-dir="+s.certDir(), "--service-cluster-ip-range=10.96.0.0/24", "--service-account-issuer="+s.url,
		"--service-account-key-file="+key, "--service-account-signing-key-file="+key, "--token-auth-file="+tokens,
		"--authorization-mode=RBAC", "--disable-admission-plugins=ServiceAccount", "--endpoint-reconciler-type=none",
		"--max-requests-inflight=0", "--max-mutating-requests-inflight=0", "--enable-priority-and-fairness=false")
	return err
}

func (s *servers) certDir() string { return filepath.Join(s.dir, "certs") }

// stop ends the API server first: without its etcd it would hang for minutes.
func (s *servers) stop() {
	s.api.stop()
	s.etcd.stop()
	os.RemoveAll(s.dir)
}

// process is a child. It dies with this program, however that ends.
type process struct {
	cmd  *exec.Cmd
	log  string
	gone chan struct{} // closed after its end
}

func spawn(ctx context.Context, log, program string, args ...string) (*process, error) {
	f, err := os.Create(log)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	p := &process{cmd: exec.CommandContext(ctx, program, args...), log: log, gone: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = f, f
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = p.cmd.Wait()
		close(p.gone)
	}()
	return p, nil
}

// stop asks, and kills what does not follow in time. A nil process is stopped.
func (p *process) stop() {
	if p == nil {
		return
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.gone:
	case <-time.After(5 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.gone
	}
}

// ended returns the last words of a process that ended unasked, nil while it runs.
func (p *process) ended() error {
	select {
	case <-p.gone:
	default:
		return nil
	}
	text, _ := os.ReadFile(p.log)
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return fmt.Errorf("%s ended: %s", filepath.Base(p.cmd.Path), strings.Join(lines[max(0, len(lines)-5):], "\n"))
}

// freePorts returns ports of loopback that nobody listens on.
func freePorts(n int) (ports []int, err error) {
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close() // after all are chosen, so that they differ
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}

// writeKey makes the key that the API server wants to sign service accounts' tokens with; there are none.
func writeKey(file string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	return os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), 0o600)
}

// waitFor calls ready until it says yes, ctx ends, or a server is gone.
func (s *servers) waitFor(ctx context.Context, what string, ready func() (bool, error)) error {
	for {
		ok, err := ready()
		if ok {
			return nil
		}
		if end := errors.Join(s.etcd.ended(), s.api.ended()); end != nil {
			return end
		}
		select {
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("wait for %s: %w", what, ctx.Err()), err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

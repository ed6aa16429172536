package hubble

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"sluice/ingest/live"
)

// authority signs certificates for a test.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string // its certificate
}

func newAuthority(t *testing.T) *authority {
	a := &authority{t: t}
	der, key := a.sign(&x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "ca"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign})
	a.key = key
	a.cert, _ = x509.ParseCertificate(der)
	a.file = a.write("ca.pem", "CERTIFICATE", der)
	return a
}

func (a *authority) sign(c *x509.Certificate) ([]byte, *ecdsa.PrivateKey) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, signer)
	if err != nil {
		a.t.Fatal(err)
	}
	return der, key
}

func (a *authority) write(name, kind string, der []byte) string {
	file := filepath.Join(a.t.TempDir(), name)
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		a.t.Fatal(err)
	}
	return file
}

// pair writes a certificate for a name and its key.
func (a *authority) pair(name string, until time.Time) (cert, key string) {
	var names []string
	if name != "" {
		names = []string{name}
	}
	der, k := a.sign(&x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, DNSNames: names,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: until, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}})
	b, err := x509.MarshalECPrivateKey(k)
	if err != nil {
		a.t.Fatal(err)
	}
	return a.write("cert.pem", "CERTIFICATE", der), a.write("key.pem", "EC PRIVATE KEY", b)
}

// startTLS starts a server that has a certificate for a name, and asks clients for one of an authority if given.
func startTLS(t *testing.T, a *authority, until time.Time, clients *authority) string {
	return startTLSAs(t, a, "ui.hubble-relay.cilium.io", until, clients)
}

func startTLSAs(t *testing.T, a *authority, name string, until time.Time, clients *authority) string {
	cert, key := a.pair(name, until)
	own, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	c := &tls.Config{Certificates: []tls.Certificate{own}, MinVersion: tls.VersionTLS13}
	if clients != nil {
		c.ClientAuth, c.ClientCAs = tls.RequireAndVerifyClientCert, x509.NewCertPool()
		c.ClientCAs.AddCert(clients.cert)
	}
	s := &server{streams: []func(func(any), context.Context) error{flows("n1", 0, 4, false)}}
	s.start(t, grpc.Creds(credentials.NewTLS(c)))
	return s.addr
}

func listen(t *testing.T, serve func(net.Conn)) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go serve(c)
		}
	}()
	return l.Addr().String()
}

// TestExplain: whatever is wrong with a connection, the message says what to do about it.
func TestExplain(t *testing.T) {
	ca, stranger := newAuthority(t), newAuthority(t)
	later := time.Now().Add(time.Hour)
	const relay = "ui.hubble-relay.cilium.io"
	plain := &server{streams: []func(func(any), context.Context) error{flows("n1", 0, 4, false)}}
	plain.start(t)
	secure := startTLS(t, ca, later, nil)
	mutual := startTLS(t, ca, later, ca)
	expired := startTLS(t, ca, time.Now().Add(-time.Minute), nil)
	other := grpc.NewServer()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = other.Serve(l) }()
	t.Cleanup(other.Stop)
	web := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(web.Close)
	webTLS := httptest.NewUnstartedServer(http.NotFoundHandler())
	webTLS.Config.ErrorLog = log.New(io.Discard, "", 0)
	webTLS.StartTLS()
	t.Cleanup(webTLS.Close)
	garbage := listen(t, func(c net.Conn) { _, _ = c.Write([]byte("\x00\x00\x01garbage and more of it")) })
	own, err := tls.LoadX509KeyPair(ca.pair(relay, later))
	if err != nil {
		t.Fatal(err)
	}
	hangsUp := listen(t, func(c net.Conn) { // and says nothing of why, or it was lost on the way
		s := tls.Server(c, &tls.Config{Certificates: []tls.Certificate{own}, NextProtos: []string{"h2"}, MinVersion: tls.VersionTLS13})
		_ = s.Handshake()
		_ = s.Close()
	})
	nobody := listen(t, func(c net.Conn) { c.Close() })
	silent := listen(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
	closed, _ := net.Listen("tcp", "127.0.0.1:0")
	closed.Close()
	cert, key := ca.pair("client", later)
	badCert, badKey := stranger.pair("client", later)
	oldCert, oldKey := ca.pair("client", time.Now().Add(-time.Minute))
	nameless := startTLSAs(t, ca, "", later, nil)
	trust := func(t live.TLS) *live.TLS { t.CAFiles = []string{ca.file}; t.ServerName = relay; return &t }
	for _, c := range []struct {
		name, target string
		tls          *live.TLS
		want         string // "": no error
	}{
		{"plain", plain.addr, nil, ""},
		{"tls", secure, trust(live.TLS{}), ""},
		{"mtls", mutual, trust(live.TLS{CertFile: cert, KeyFile: key}), ""},
		{"not verified", secure, &live.TLS{AllowInsecure: true}, ""},
		{"refused", closed.Addr().String(), nil, "nothing listens there"},
		{"socket", "unix:///nowhere/hubble.sock", nil, "no such socket"},
		{"name", "relay.invalid:4245", nil, "no address"},
		{"tls to plain", plain.addr, trust(live.TLS{}), "use hubble://"},
		{"plain to tls", secure, nil, "hubbles://"},
		{"web", web.Listener.Addr().String(), nil, "is the port right"},
		{"web with tls", webTLS.Listener.Addr().String(), &live.TLS{AllowInsecure: true}, "is the port right"},
		{"garbage", garbage, nil, "is the port right"},
		{"tls that hangs up", hangsUp, trust(live.TLS{}), "wants another client certificate"},
		{"other grpc", l.Addr().String(), nil, "not Hubble"},
		{"hangs up", nobody, nil, "is the port right"},
		{"silent", silent, nil, "no answer in time"},
		{"other authority", secure, &live.TLS{CAFiles: []string{stranger.file}, ServerName: relay}, "--tls-ca-cert-files"},
		{"other name", secure, &live.TLS{CAFiles: []string{ca.file}, ServerName: "relay"}, "--tls-server-name"},
		{"no name", secure, &live.TLS{CAFiles: []string{ca.file}}, "--tls-server-name"},
		{"certificate without names", nameless, trust(live.TLS{}), "names no host"},
		{"expired client certificate", mutual, trust(live.TLS{CertFile: oldCert, KeyFile: oldKey}), "has expired"},
		{"expired", expired, trust(live.TLS{}), "expired"},
		{"no client certificate", mutual, trust(live.TLS{}), "--tls-client-cert-file"},
		{"stranger", mutual, trust(live.TLS{CertFile: badCert, KeyFile: badKey}), "client certificate"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := fastConfig()
			cfg.Target, cfg.TLS, cfg.Timeout = c.target, c.tls, 2*time.Second
			lc := live.DefaultConfig()
			lc.Follow = false
			k := &kept{}
			err := live.New(lc, New(cfg), k, live.Position{}).Run(t.Context())
			switch {
			case c.want == "" && (err != nil || !k.has(5)):
				t.Errorf("%v, %d flows", err, len(k.ports))
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("%v: does not say %q", err, c.want)
			}
		})
	}
}

// TestFiles: certificates that cannot be read end a collector; no trying again would help.
func TestFiles(t *testing.T) {
	ca := newAuthority(t)
	cert, key := ca.pair("x", time.Now().Add(time.Hour))
	for _, tls := range []live.TLS{{CAFiles: []string{"/nowhere/ca.pem"}}, {CAFiles: []string{key}}, {CertFile: cert}, {CertFile: key, KeyFile: cert}} {
		cfg := fastConfig()
		cfg.Target, cfg.TLS = "127.0.0.1:1", &tls
		ctx, stop := context.WithTimeout(t.Context(), 5*time.Second)
		err := live.New(live.DefaultConfig(), New(cfg), &kept{}, live.Position{}).Run(ctx)
		stop()
		if err == nil {
			t.Errorf("%+v: no error", tls)
		}
	}
}

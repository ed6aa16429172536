package clickhouse

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// authority signs certificates of servers.
type authority struct {
	t    *testing.T
	dir  string
	file string // its own certificate
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t, dir: t.TempDir()}
	a.cert = &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, IsCA: true,
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	a.file, _ = a.sign("ca", a.cert)
	return a
}

// sign writes a certificate, of the authority itself first, and its key.
func (a *authority) sign(name string, c *x509.Certificate) (cert, key string) {
	a.t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	if a.key == nil {
		a.key = k
	}
	der, err := x509.CreateCertificate(rand.Reader, c, a.cert, &k.PublicKey, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	secret, err := x509.MarshalECPrivateKey(k)
	if err != nil {
		a.t.Fatal(err)
	}
	write := func(suffix, kind string, der []byte) string {
		file := filepath.Join(a.dir, name+suffix)
		if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			a.t.Fatal(err)
		}
		return file
	}
	return write(".crt", "CERTIFICATE", der), write(".key", "EC PRIVATE KEY", secret)
}

// secure starts a server whose certificate is for a host and an address, and ends after a time. It returns the URL of
// a database on it.
func (a *authority) secure(host string, ip net.IP, life time.Duration) (s *server, url string) {
	a.t.Helper()
	c := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: host}, DNSNames: []string{host},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(life)}
	if ip != nil {
		c.IPAddresses = []net.IP{ip}
	}
	cert, key := a.sign(host, c)
	port := freePort(a.t)
	s = newServer(a.t, fmt.Sprintf(`<tcp_port_secure>%d</tcp_port_secure><openSSL><server><certificateFile>%s</certificateFile>`+
		`<privateKeyFile>%s</privateKeyFile><verificationMode>none</verificationMode></server></openSSL>`, port, cert, key))
	s.start()
	return s, fmt.Sprintf("clickhouses://127.0.0.1:%d/flows?beat=200ms", port)
}

// TestTLS: over TLS a store is what it is without. A certificate that does not do is named, with what helps, and
// nothing is stored or learned.
func TestTLS(t *testing.T) {
	ours, strange := newAuthority(t), newAuthority(t)
	local := net.IPv4(127, 0, 0, 1)
	s, good := ours.secure("localhost", local, time.Hour)
	trusted := "&ca=" + ours.file
	mustSluice(t, "store", "init", good+trusted)
	capture := testdata + "flows/online-boutique.jsonl.gz"
	mustSluice(t, "ingest", capture, "--store", good+trusted, "-q")
	dir := t.TempDir()
	mustSluice(t, "ingest", capture, "--store", filepath.Join(dir, "store"), "-q")
	for at, out := range map[string]string{good + trusted: "tls", filepath.Join(dir, "store"): "dir"} {
		if err := learn(t, at, filepath.Join(dir, out)); err != nil {
			t.Fatal(err)
		}
	}
	same(t, "TLS", filepath.Join(dir, "dir"), filepath.Join(dir, "tls"))
	_, expired := ours.secure("expired", local, -time.Hour)
	_, other := ours.secure("other.example", nil, time.Hour)
	plain := "clickhouses" + strings.TrimPrefix(s.url("flows"), "clickhouse")
	secured := "clickhouse" + strings.TrimPrefix(good, "clickhouses")
	for _, c := range []struct{ url, want, helps string }{
		{expired + trusted, "the server's certificate has expired, or is not valid yet", "renew it"},
		{other + trusted, "the server's certificate is not one for 127.0.0.1", "it is for other.example"},
		{good, "the server's certificate is of an unknown authority", "?ca=FILE"},
		{good + "&ca=" + strange.file, "the server's certificate is of an unknown authority", "?ca=FILE"},
		{good + "&ca=" + filepath.Join(dir, "none"), "read its authorities", "none: no such file"},
		{good + "&ca=" + capture, "holds no certificate", capture},
		{plain + trusted, "the server speaks no TLS on this port", "clickhouse://"},
		{secured, "the server closed the connection", "clickhouses://"},
	} {
		for _, args := range [][]string{{"store", "init", c.url}, {"ingest", capture, "--store", c.url},
			{"learn", "--store", c.url, "-A", "--out", filepath.Join(dir, "none")}} {
			out, err := sluice(t, args...)
			if err == nil || !strings.Contains(out, c.want) || !strings.Contains(out, c.helps) || strings.Count(out, "\n") > 2 {
				t.Errorf("%v: %v, want %q and %q:\n%s", args, err, c.want, c.helps, out)
			}
		}
		if _, err := os.Stat(filepath.Join(dir, "none")); err == nil {
			t.Errorf("%s: there is a bundle", c.want)
		}
	}
}

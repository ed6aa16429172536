package cli

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	observerpb "github.com/cilium/cilium/api/v1/observer"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"sluice/cmd/sluice/internal/kube/kubetest"
)

// certificates makes an authority, and a pair of it for a name that serves and asks.
func certificates(t *testing.T, name string) (ca, cert, key []byte) {
	t.Helper()
	own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	root := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "ca"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	leaf := &x509.Certificate{SerialNumber: big.NewInt(2), DNSNames: []string{name}, NotBefore: root.NotBefore, NotAfter: root.NotAfter,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	text := func(kind string, der []byte, err error) []byte {
		if err != nil {
			t.Fatal(err)
		}
		return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
	}
	der, err := x509.CreateCertificate(rand.Reader, root, root, own.Public(), own)
	ca = text("CERTIFICATE", der, err)
	der, err = x509.CreateCertificate(rand.Reader, leaf, root, own.Public(), own)
	cert = text("CERTIFICATE", der, err)
	der, err = x509.MarshalECPrivateKey(own)
	return ca, cert, text("EC PRIVATE KEY", der, err)
}

// TestLearnForwardedTLS: that a relay speaks TLS is found out; its authority and the client's certificate come from the
// cluster only where --tls-secret says so, and lie in no file.
func TestLearnForwardedTLS(t *testing.T) {
	ca, cert, key := certificates(t, "*.hubble-relay.cilium.io")
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	clients := x509.NewCertPool()
	clients.AppendCertsFromPEM(ca)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := grpc.NewServer(grpc.Creds(credentials.NewTLS(&tls.Config{
		Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: clients, MinVersion: tls.VersionTLS13})))
	observerpb.RegisterObserverServer(g, &observer{})
	go func() { _ = g.Serve(l) }()
	t.Cleanup(g.Stop)

	s := relayCluster(t, l.Addr().String())
	meta := func(name string) kubetest.Object { return kubetest.Object{"namespace": "kube-system", "name": name} }
	s.Serve("api/v1/secrets",
		kubetest.Object{"metadata": meta("certs"), "data": map[string][]byte{"ca.crt": ca, "tls.crt": cert, "tls.key": key}},
		kubetest.Object{"metadata": meta("authority"), "data": map[string][]byte{"ca.crt": ca}},
		kubetest.Object{"metadata": meta("empty"), "data": map[string][]byte{}})
	dir := filepath.Join(t.TempDir(), "bundle")
	learn := func(more ...string) (ExitCode, string) {
		code, _, errs := calls(append([]string{"learn", "-P", "-n", "shop", "--out", dir, "--min-watch", "0"}, more...)...)
		return code, errs
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "of a relay reached by -P: --tls-secret hubble-relay-client-certs"},
		{[]string{"--tls-secret", "authority"}, "client certificate"},
		{[]string{"--tls-secret", "empty"}, "has neither ca.crt nor tls.crt"},
		{[]string{"--tls-secret", "certs", "--tls-server-name", "other"}, "--tls-server-name"},
	} {
		if code, errs := learn(c.args...); code == ExitOK || !strings.Contains(errs, c.want) {
			t.Errorf("%v: exit %d: %s\ndoes not say %s", c.args, code, errs, c.want)
		}
		if asked := strings.Join(s.Asked, " "); c.args == nil && strings.Contains(asked, "secrets") {
			t.Errorf("secrets were read unasked: %s", asked)
		}
	}
	if code, errs := learn("--tls-secret", "certs"); code != ExitOK && code != ExitFindings {
		t.Errorf("exit %d: %s", code, errs)
	}
	if _, err := os.Stat(filepath.Join(dir, "bundle.json")); err != nil {
		t.Error(err)
	}
}

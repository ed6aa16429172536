package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"time"
)

// tlsFiles are the files a client needs, and some that must not help it.
type tlsFiles struct {
	CA         string `json:"ca"`
	ServerName string `json:"serverName"` // of the relay
	ClientCert string `json:"clientCert"`
	ClientKey  string `json:"clientKey"`
	// Another authority, a client certificate of its, and an expired one of the right authority.
	OtherCA     string `json:"otherCA"`
	OtherCert   string `json:"otherCert"`
	OtherKey    string `json:"otherKey"`
	ExpiredCert string `json:"expiredCert"`
	ExpiredKey  string `json:"expiredKey"`

	node, relayServer, relayClient pair
}

type pair struct{ cert, key string }

// authority signs certificates into a folder.
type authority struct {
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(dir, name string) (*authority, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	t, err := template(name, 24*time.Hour)
	if err != nil {
		return nil, err
	}
	t.IsCA, t.BasicConstraintsValid, t.KeyUsage = true, true, x509.KeyUsageCertSign
	der, err := x509.CreateCertificate(rand.Reader, t, t, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	a := &authority{dir: dir, key: key}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		return nil, err
	}
	return a, writePEM(a.file(), "CERTIFICATE", der)
}

func (a *authority) file() string { return filepath.Join(a.dir, "ca.crt") }

// template is valid from two hours ago, for life from now on; negative: it has expired.
func template(name string, life time.Duration) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		return nil, err
	}
	return &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(life)}, nil
}

func (a *authority) issue(name string, life time.Duration, hosts ...string) (pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return pair{}, err
	}
	t, err := template(name, life)
	if err != nil {
		return pair{}, err
	}
	t.DNSNames, t.KeyUsage = hosts, x509.KeyUsageDigitalSignature
	t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth}
	der, err := x509.CreateCertificate(rand.Reader, t, a.cert, &key.PublicKey, a.key)
	if err != nil {
		return pair{}, err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return pair{}, err
	}
	p := pair{filepath.Join(a.dir, name+".crt"), filepath.Join(a.dir, name+".key")}
	if err := writePEM(p.key, "PRIVATE KEY", secret); err != nil {
		return pair{}, err
	}
	return p, writePEM(p.cert, "CERTIFICATE", der)
}

func writePEM(file, kind string, der []byte) error {
	return os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
}

// newCertificates makes what Cilium's Helm chart makes: names as agents and relay expect them.
func newCertificates(dir, cluster string) (*tlsFiles, error) {
	ca, err := newAuthority(filepath.Join(dir, "tls"), "cilium-ca")
	if err != nil {
		return nil, err
	}
	other, err := newAuthority(filepath.Join(dir, "tls-other"), "other-ca")
	if err != nil {
		return nil, err
	}
	f := &tlsFiles{CA: ca.file(), OtherCA: other.file(), ServerName: "ui.hubble-relay.cilium.io"}
	var client, stranger, expired pair
	for _, c := range []struct {
		by    *authority
		to    *pair
		name  string
		life  time.Duration
		hosts []string
	}{
		{ca, &f.node, "hubble-server", 24 * time.Hour, []string{"*." + cluster + ".hubble-grpc.cilium.io"}},
		{ca, &f.relayServer, "relay-server", 24 * time.Hour, []string{"*.hubble-relay.cilium.io"}},
		{ca, &f.relayClient, "relay-client", 24 * time.Hour, []string{"*.hubble-relay.cilium.io"}},
		{ca, &client, "client", 24 * time.Hour, nil},
		{ca, &expired, "expired", -time.Hour, nil},
		{other, &stranger, "client", 24 * time.Hour, nil},
	} {
		if *c.to, err = c.by.issue(c.name, c.life, c.hosts...); err != nil {
			return nil, err
		}
	}
	f.ClientCert, f.ClientKey = client.cert, client.key
	f.OtherCert, f.OtherKey = stranger.cert, stranger.key
	f.ExpiredCert, f.ExpiredKey = expired.cert, expired.key
	return f, nil
}

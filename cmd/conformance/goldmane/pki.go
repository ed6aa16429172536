package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// serverNames are the names that the operator has Goldmane's certificate signed for; none is localhost, and an
// address is not among them.
var serverNames = []string{"goldmane", "goldmane.calico-system", "goldmane.calico-system.svc", "goldmane.calico-system.svc.cluster.local"}

// writePKI writes key pairs as NAME.crt and NAME.key: ca signs server, client and expired, other signs stranger.
func writePKI(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	day := 24 * time.Hour
	for _, a := range []struct {
		name   string
		leaves map[string]time.Duration // until they end
	}{
		{"ca", map[string]time.Duration{"server": day, "client": day, "expired": -time.Minute}},
		{"other", map[string]time.Duration{"stranger": day}},
	} {
		ca, key, err := authority(dir, a.name)
		if err != nil {
			return err
		}
		for name, end := range a.leaves {
			t := template(name, time.Now().Add(end))
			t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
			if name == "server" {
				t.DNSNames = serverNames
			}
			if _, _, err := sign(dir, name, t, ca, key); err != nil {
				return err
			}
		}
	}
	return nil
}

func authority(dir, name string) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	t := template(name, time.Now().Add(24*time.Hour))
	t.IsCA, t.BasicConstraintsValid, t.KeyUsage = true, true, x509.KeyUsageCertSign
	return sign(dir, name, t, nil, nil)
}

func template(name string, end time.Time) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: end, KeyUsage: x509.KeyUsageDigitalSignature,
		IPAddresses: []net.IP{},
	}
}

// sign makes a key and a certificate of it, signed by itself where there is no authority.
func sign(dir, name string, t, ca *x509.Certificate, caKey *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	if ca == nil {
		ca, caKey = t, key
	}
	der, err := x509.CreateCertificate(rand.Reader, t, ca, &key.PublicKey, caKey)
	if err != nil {
		return nil, nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, nil, err
	}
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, nil, err
	}
	if err := writePEM(filepath.Join(dir, name+".crt"), "CERTIFICATE", der); err != nil {
		return nil, nil, err
	}
	return cert, key, writePEM(filepath.Join(dir, name+".key"), "EC PRIVATE KEY", keyDER)
}

func writePEM(path, kind string, der []byte) error {
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
}

package live

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
)

// TLS names the files of a TLS connection. They are read for every connection, so that renewed certificates are used.
type TLS struct {
	CAFiles           []string // PEM; none: the system's
	CertFile, KeyFile string   // PEM of the client, for mutual TLS; both or none
	ServerName        string   // name to expect in the server's certificate; "": the host connected to
	AllowInsecure     bool     // do not verify the server's certificate
	// Read reads a file by its name; nil: os.ReadFile.
	Read func(name string) ([]byte, error)
}

// Config reads the files. A file that cannot be read or used is an error that says so.
func (t *TLS) Config() (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.ServerName, InsecureSkipVerify: t.AllowInsecure}
	for _, name := range t.CAFiles {
		pem, err := t.File(name)
		if err != nil {
			return nil, fmt.Errorf("read CA certificate: %w", err)
		}
		if c.RootCAs == nil {
			c.RootCAs = x509.NewCertPool()
		}
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("read CA certificate: %s: no certificate in PEM form", name)
		}
	}
	if (t.CertFile == "") != (t.KeyFile == "") {
		return nil, fmt.Errorf("a client certificate needs both the certificate and its key")
	}
	if t.CertFile != "" {
		pair, err := t.pair()
		if err != nil {
			return nil, fmt.Errorf("read client certificate: %w", err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}

// File reads a file that the fields name.
func (t *TLS) File(name string) ([]byte, error) {
	if t.Read != nil {
		return t.Read(name)
	}
	return os.ReadFile(name)
}

// pair reads the client's certificate and its key.
func (t *TLS) pair() (tls.Certificate, error) {
	cert, err := t.File(t.CertFile)
	if err != nil {
		return tls.Certificate{}, err
	}
	key, err := t.File(t.KeyFile)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.X509KeyPair(cert, key)
}

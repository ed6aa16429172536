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
}

// Config reads the files. A file that cannot be read or used is an error that says so.
func (t *TLS) Config() (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.ServerName, InsecureSkipVerify: t.AllowInsecure}
	for _, name := range t.CAFiles {
		pem, err := os.ReadFile(name)
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
		pair, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("read client certificate: %w", err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}

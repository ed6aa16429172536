package kube

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"sluice/ingest/live"
)

// caBundle is where Calico's operator has the authorities of its certificates: its secrets lack them.
const (
	caBundle    = "tigera-ca-bundle"
	caBundleKey = "tigera-ca-bundle.crt"
)

// Certificates returns t with what a secret has beside a server: ca.crt, and tls.crt with tls.key. Files that t names
// already win. They are read anew for each connection, and lie in no file here.
func (c *Cluster) Certificates(ctx context.Context, namespace, secret string, t live.TLS) (live.TLS, error) {
	has, err := c.secret(ctx, namespace, secret)
	if err != nil {
		return t, err
	}
	of := "secret " + namespace + "/" + secret + ": "
	named := map[string]func() ([]byte, error){}
	for _, key := range []string{"ca.crt", "tls.crt", "tls.key"} {
		named[of+key] = func() ([]byte, error) { return c.entry(namespace, secret, key) }
	}
	if t.CertFile == "" && len(has["tls.crt"]) > 0 {
		t.CertFile, t.KeyFile = of+"tls.crt", of+"tls.key"
	}
	switch bundle := "config map " + namespace + "/" + caBundle; {
	case len(t.CAFiles) > 0:
	case len(has["ca.crt"]) > 0:
		t.CAFiles = []string{of + "ca.crt"}
	default:
		read := func() ([]byte, error) { return c.bundle(context.Background(), namespace) }
		if _, err := c.bundle(ctx, namespace); err == nil {
			t.CAFiles, named[bundle] = []string{bundle}, read
		} else if t.CertFile == "" {
			return t, fmt.Errorf("secret %s/%s has neither ca.crt nor tls.crt", namespace, secret)
		}
	}
	files := t
	t.Read = func(name string) ([]byte, error) {
		if read := named[name]; read != nil {
			return read()
		}
		return files.File(name)
	}
	return t, nil
}

func (c *Cluster) entry(namespace, secret, key string) ([]byte, error) {
	has, err := c.secret(context.Background(), namespace, secret)
	if err == nil && len(has[key]) == 0 {
		err = fmt.Errorf("secret %s/%s has no %s", namespace, secret, key)
	}
	return has[key], err
}

func (c *Cluster) secret(ctx context.Context, namespace, name string) (map[string][]byte, error) {
	var s struct{ Data map[string][]byte }
	at := access{"get", "secrets", namespace}
	path := "/api/v1/namespaces/" + url.PathEscape(namespace) + "/secrets/" + url.PathEscape(name)
	err := c.get(ctx, path, nil, at, &s)
	var none *absent
	if errors.As(err, &none) {
		err = fmt.Errorf("there is no secret %s in namespace %s", name, namespace)
	}
	return s.Data, err
}

func (c *Cluster) bundle(ctx context.Context, namespace string) ([]byte, error) {
	var m struct{ Data map[string]string }
	at := access{"get", "configmaps", namespace}
	err := c.get(ctx, "/api/v1/namespaces/"+url.PathEscape(namespace)+"/configmaps/"+caBundle, nil, at, &m)
	if err == nil && m.Data[caBundleKey] == "" {
		err = fmt.Errorf("config map %s/%s has no %s", namespace, caBundle, caBundleKey)
	}
	return []byte(m.Data[caBundleKey]), err
}

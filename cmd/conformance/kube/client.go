package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// startup is how long servers may take until they know every resource. Measured: 6 s on two cores.
const startup = 2 * time.Minute

// client talks to the API server as kubectl does. What it sends is the text of the file: a decoder of ours between
// would hide repeated keys.
type client struct {
	servers   *servers
	http      *http.Client
	resources map[string]resource // by apiVersion and kind
	made      map[string]bool     // namespaces
}

// resource is how a kind is addressed.
type resource struct {
	Name       string `json:"name"`
	Kind       string `json:"kind"`
	Namespaced bool   `json:"namespaced"`
}

// answer is what the server makes of a request.
type answer struct {
	status   int
	body     []byte
	warnings []string
}

// err is the server's message where it refused.
func (a *answer) err() error {
	if a.status < 300 {
		return nil
	}
	var s struct{ Message string }
	if json.Unmarshal(a.body, &s) != nil || s.Message == "" {
		s.Message = string(a.body)
	}
	return fmt.Errorf("%d: %s", a.status, s.Message)
}

// connect waits until the server is ready and knows the resources of every custom resource definition.
func connect(ctx context.Context, s *servers) (*client, error) {
	ctx, cancel := context.WithTimeout(ctx, startup)
	defer cancel()
	c := &client{servers: s, resources: map[string]resource{}, made: map[string]bool{}}
	err := s.waitFor(ctx, "the API server", func() (bool, error) {
		if err := c.trust(); err != nil {
			return false, err
		}
		a, err := c.do(ctx, http.MethodGet, "/readyz", nil)
		return err == nil && a.status == http.StatusOK, err
	})
	if err != nil {
		return nil, err
	}
	crds, err := definitions()
	if err != nil {
		return nil, err
	}
	for _, d := range crds {
		a, err := c.do(ctx, http.MethodPost, "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", d.text)
		if err == nil {
			err = a.err()
		}
		if err != nil {
			return nil, fmt.Errorf("define %s: %w", d.kind, err)
		}
	}
	for _, d := range crds {
		if err := s.waitFor(ctx, d.kind, func() (bool, error) { return c.knows(ctx, d.apiVersion, d.kind) }); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// trust makes the client believe the certificate that the server wrote for itself, and nobody else's.
func (c *client) trust() error {
	if c.http != nil {
		return nil
	}
	text, err := os.ReadFile(filepath.Join(c.servers.certDir(), "apiserver.crt"))
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		return fmt.Errorf("the certificate of the API server is not complete yet")
	}
	c.http = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}, Timeout: 30 * time.Second}
	return nil
}

func (c *client) do(ctx context.Context, method, path string, body []byte) (*answer, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.servers.url+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+c.servers.token)
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Content-Type", "application/yaml")
	res, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return &answer{res.StatusCode, text, res.Header.Values("Warning")}, err
}

// knows reports whether the server serves a kind; it asks until it has been told so once.
func (c *client) knows(ctx context.Context, apiVersion, kind string) (bool, error) {
	key := apiVersion + " " + kind
	if _, ok := c.resources[key]; ok {
		return true, nil
	}
	a, err := c.do(ctx, http.MethodGet, groupPath(apiVersion), nil)
	if err != nil || a.status == http.StatusNotFound {
		return false, err
	}
	if err := a.err(); err != nil {
		return false, err
	}
	var list struct{ Resources []resource }
	if err := json.Unmarshal(a.body, &list); err != nil {
		return false, err
	}
	for _, r := range list.Resources {
		if !strings.Contains(r.Name, "/") {
			c.resources[apiVersion+" "+r.Kind] = r
		}
	}
	_, ok := c.resources[key]
	return ok, nil
}

// groupPath is where the resources of an API version live.
func groupPath(apiVersion string) string {
	if strings.Contains(apiVersion, "/") {
		return "/apis/" + apiVersion
	}
	return "/api/" + apiVersion
}

// namespace makes a namespace that objects are in.
func (c *client) namespace(ctx context.Context, name string) error {
	if c.made[name] {
		return nil
	}
	text, err := json.Marshal(map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]string{"name": name}})
	if err != nil {
		return err
	}
	a, err := c.do(ctx, http.MethodPost, "/api/v1/namespaces", text)
	if err != nil {
		return err
	}
	if a.status != http.StatusConflict && a.err() != nil {
		return fmt.Errorf("make namespace %s: %w", name, a.err())
	}
	c.made[name] = true
	return nil
}

// submit is `kubectl create --dry-run=server --validate=strict`. The first error is that of the judge, the second the
// server's refusal.
func (c *client) submit(ctx context.Context, o *object) (warnings []string, failure, refusal error) {
	ok, err := c.knows(ctx, o.APIVersion, o.Kind)
	if err != nil {
		return nil, err, nil
	}
	if !ok {
		return nil, nil, fmt.Errorf("the server knows no kind %q of %q", o.Kind, o.APIVersion)
	}
	r := c.resources[o.APIVersion+" "+o.Kind]
	path := groupPath(o.APIVersion)
	if r.Namespaced {
		ns := o.Metadata.Namespace
		if ns == "" {
			ns = "default"
		}
		if err := c.namespace(ctx, ns); err != nil {
			return nil, nil, err
		}
		path += "/namespaces/" + ns
	}
	a, err := c.do(ctx, http.MethodPost, path+"/"+r.Name+"?dryRun=All&fieldValidation=Strict&fieldManager=kube-judge", o.text)
	if err != nil {
		return nil, err, nil
	}
	return a.warnings, nil, a.err()
}

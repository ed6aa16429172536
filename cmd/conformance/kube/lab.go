package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
)

// lab runs a cluster with one node until standard input ends, with kubeconfigs in a directory: "admin" and, without any
// right that nobody gave it, "alice". It prints one JSON line once all is there. A pod of node-1 is whatever its
// annotation forward says: HOST:PORT on this machine.
func lab(ctx context.Context, binaries, dir string, out io.Writer) error {
	s, err := start(ctx, binaries)
	if err != nil {
		return err
	}
	defer s.stop()
	c, err := connect(ctx, s)
	if err != nil {
		return err
	}
	n, err := startNode(c)
	if err != nil {
		return err
	}
	defer n.stop()
	if err := n.register(ctx, c); err != nil {
		return err
	}
	for user, token := range map[string]string{"admin": s.token, "alice": s.alice} {
		if err := s.kubeconfig(filepath.Join(dir, user), user, token); err != nil {
			return err
		}
	}
	if err := json.NewEncoder(out).Encode(map[string]string{"event": "ready", "url": s.url, "token": s.token}); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// kubeconfig writes one for a user.
func (s *servers) kubeconfig(file, user, token string) error {
	text := fmt.Sprintf(`apiVersion: v1
kind: Config
clusters: [{name: lab, cluster: {server: %q, certificate-authority: %q}}]
users: [{name: %[3]s, user: {token: %[4]q}}]
contexts: [{name: lab, context: {cluster: lab, user: %[3]s}}]
current-context: lab
`, s.url, filepath.Join(s.certDir(), "apiserver.crt"), user, token)
	return os.WriteFile(file, []byte(text), 0o600)
}

// register makes the node known to the API server.
func (n *node) register(ctx context.Context, c *client) error {
	object := `{apiVersion: v1, kind: Node, metadata: {name: node-1}, spec: {podCIDR: 10.244.0.0/24}}`
	a, err := c.do(ctx, http.MethodPost, "/api/v1/nodes", []byte(object))
	if err == nil {
		err = a.err()
	}
	if err != nil {
		return err
	}
	status := fmt.Sprintf(`{apiVersion: v1, kind: Node, metadata: {name: node-1}, status: {addresses: [{type: InternalIP, address: 127.0.0.1}], `+
		`daemonEndpoints: {kubeletEndpoint: {Port: %d}}, conditions: [{type: Ready, status: "True"}]}}`, n.port)
	if a, err = c.do(ctx, http.MethodPut, "/api/v1/nodes/node-1/status", []byte(status)); err == nil {
		err = a.err()
	}
	return err
}

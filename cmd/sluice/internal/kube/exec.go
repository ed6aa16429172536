package kube

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/client-go/util/exec"
	"k8s.io/klog/v2"
	"k8s.io/streaming/pkg/httpstream"

	"sluice/ingest/live"
)

// CollectorLabel is what the pods of a collector have, as sluice install makes them, and Container is where it runs.
const (
	CollectorLabel = "app.kubernetes.io/name=sluice"
	Container      = "sluice"
)

// Collector returns the pod of a collector in a namespace: the one of a name, or the only one that runs.
func (c *Cluster) Collector(ctx context.Context, namespace, name string) (string, error) {
	q := url.Values{"labelSelector": {CollectorLabel}}
	if name != "" {
		q = url.Values{"fieldSelector": {"metadata.name=" + name}}
	}
	var pods, running []string
	at := access{"list", "pods", namespace}
	err := c.list(ctx, "/api/v1/namespaces/"+url.PathEscape(namespace)+"/pods", q, at, func(item json.RawMessage) error {
		var p pod
		err := json.Unmarshal(item, &p)
		if p.runs(Container) && p.Metadata.DeletionTimestamp == "" {
			running = append(running, p.Metadata.Name)
		}
		pods = append(pods, p.Metadata.Name+" is "+p.state())
		return err
	})
	switch {
	case err != nil:
		return "", err
	case len(running) == 1:
		return running[0], nil
	case len(running) > 1:
		return "", fmt.Errorf("several collectors run in namespace %s: %s", namespace, some(running))
	case len(pods) > 0:
		return "", fmt.Errorf("no collector runs in namespace %s: %s", namespace, some(pods))
	case name != "":
		return "", fmt.Errorf("there is no pod %s in namespace %s of %s", name, namespace, c)
	}
	return "", fmt.Errorf("no pod in namespace %s of %s has the label %s: is the collector in another namespace?",
		namespace, c, CollectorLabel)
}

// runs reports whether a container of the pod does.
func (p *pod) runs(container string) bool {
	for _, s := range p.Status.ContainerStatuses {
		if s.Name == container {
			return s.State.Waiting == nil && s.State.Terminated == nil
		}
	}
	return false
}

// maxComplaint is how much a command may say of what went wrong: the rest is not read.
const maxComplaint = 4096

// Run runs a command in the collector's container of a pod and writes to out what it prints. What it complains of is in
// the error.
func (c *Cluster) Run(ctx context.Context, namespace, pod string, command []string, out io.Writer) error {
	at := access{"create", "pods/exec", namespace}
	u, err := url.Parse(c.base + "/api/v1/namespaces/" + url.PathEscape(namespace) + "/pods/" + url.PathEscape(pod) + "/exec")
	if err != nil {
		return err
	}
	u.RawQuery = url.Values{"command": command, "container": {Container}, "stdout": {"true"}, "stderr": {"true"}}.Encode()
	socket, err := remotecommand.NewWebSocketExecutor(c.config, http.MethodGet, u.String())
	if err != nil {
		return err
	}
	spdy, err := remotecommand.NewSPDYExecutor(c.config, http.MethodPost, u)
	if err != nil {
		return err
	}
	both, err := remotecommand.NewFallbackExecutor(socket, spdy, func(err error) bool {
		return httpstream.IsUpgradeFailure(err) || httpstream.IsHTTPSProxyError(err)
	})
	if err != nil {
		return err
	}
	said := &complaint{}
	quiet := klog.NewContext(ctx, klog.Logger{}) // what goes wrong is returned
	err = both.StreamWithContext(quiet, remotecommand.StreamOptions{Stdout: out, Stderr: said})
	var ended exec.CodeExitError
	switch text := live.Brief(said.String()); {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &ended):
		return fmt.Errorf("%s in pod %s/%s: %s", strings.Join(command, " "), namespace, pod,
			cmp.Or(strings.TrimPrefix(text, command[0]+": "), ended.Error()))
	case strings.Contains(err.Error(), "forbidden"):
		return &Forbidden{access: at, said: err.Error()}
	case strings.Contains(err.Error(), "not found"):
		return fmt.Errorf("pod %s/%s or its container %s is gone, or has no program %s (%w)",
			namespace, pod, Container, command[0], err)
	}
	return fmt.Errorf("pod %s/%s: %w", namespace, pod, c.unreachable(err))
}

// complaint keeps the beginning of what a command says. Who stops early may read it while more comes.
type complaint struct {
	mu   sync.Mutex
	text []byte
}

func (c *complaint) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.text = append(c.text, b[:min(len(b), maxComplaint-len(c.text))]...)
	return len(b), nil
}

func (c *complaint) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return string(c.text)
}

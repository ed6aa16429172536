package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"

	"k8s.io/apimachinery/pkg/util/httpstream"
	"k8s.io/apimachinery/pkg/util/httpstream/spdy"
)

// node is the part of a kubelet that forwards ports and runs commands: the API server connects to it as to a real one.
type node struct {
	client *client
	server *httptest.Server
	port   int
}

func startNode(c *client) (*node, error) {
	n := &node{client: c}
	n.server = httptest.NewTLSServer(http.HandlerFunc(n.serve))
	n.port = n.server.Listener.Addr().(*net.TCPAddr).Port
	return n, nil
}

func (n *node) stop() {
	n.server.CloseClientConnections()
	n.server.Close()
}

// serve answers /portForward/NAMESPACE/POD, as kubelets do. It ends the connection when the pod goes.
func (n *node) serve(w http.ResponseWriter, r *http.Request) {
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	if len(parts) == 4 && parts[0] == "exec" {
		n.exec(w, r, parts[1], parts[2])
		return
	}
	if len(parts) < 3 || parts[0] != "portForward" {
		http.NotFound(w, r)
		return
	}
	if _, err := httpstream.Handshake(r, w, []string{"portforward.k8s.io"}); err != nil {
		return
	}
	namespace, pod := parts[1], parts[2]
	streams := make(chan httpstream.Stream, 16)
	link := spdy.NewResponseUpgrader().UpgradeResponse(w, r, func(s httpstream.Stream, _ <-chan struct{}) error {
		streams <- s
		return nil
	})
	if link == nil {
		return
	}
	defer link.Close()
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	go func() {
		n.untilGone(ctx, namespace, pod)
		link.Close()
	}()
	waiting := map[string]httpstream.Stream{} // for the other stream of their request
	for {
		select {
		case <-link.CloseChan():
			return
		case s := <-streams:
			id := s.Headers().Get("requestID")
			other := waiting[id]
			if other == nil {
				waiting[id] = s
				continue
			}
			delete(waiting, id)
			data, problem := s, other
			if s.Headers().Get("streamType") == "error" {
				data, problem = other, s
			}
			go n.forward(ctx, data, problem, namespace, pod)
		}
	}
}

// forward joins a stream with what the pod is.
func (n *node) forward(ctx context.Context, data, problem httpstream.Stream, namespace, pod string) {
	defer problem.Close()
	defer data.Close()
	to, err := n.address(ctx, namespace, pod, data.Headers().Get("port"))
	var conn net.Conn
	if err == nil {
		conn, err = net.Dial("tcp", to)
	}
	if err != nil {
		fmt.Fprintf(problem, "error forwarding port to pod %s: %v", pod, err)
		return
	}
	defer conn.Close()
	done := make(chan struct{}, 2)
	go func() { _, _ = io.Copy(conn, data); done <- struct{}{} }()
	go func() { _, _ = io.Copy(data, conn); done <- struct{}{} }()
	<-done
}

// address is what the annotation of a pod says of a port: only one that a container has leads anywhere.
func (n *node) address(ctx context.Context, namespace, pod, port string) (string, error) {
	o, err := n.pod(ctx, namespace, pod)
	if err != nil {
		return "", err
	}
	for _, c := range o.Spec.Containers {
		for _, p := range c.Ports {
			if fmt.Sprint(p.ContainerPort) == port {
				return o.Metadata.Annotations["forward"], nil
			}
		}
	}
	return "", fmt.Errorf("dial tcp4 127.0.0.1:%s: connect: connection refused", port)
}

// pod is what is read of one.
type pod struct {
	Metadata struct{ Annotations map[string]string }
	Spec     struct {
		Containers []struct{ Ports []struct{ ContainerPort int } }
	}
}

func (n *node) pod(ctx context.Context, namespace, name string) (o pod, err error) {
	a, err := n.client.do(ctx, http.MethodGet, "/api/v1/namespaces/"+namespace+"/pods/"+name, nil)
	if err == nil {
		err = a.err()
	}
	if err == nil {
		err = json.Unmarshal(a.body, &o)
	}
	return o, err
}

// untilGone returns when the pod is not there any more: a watch of it, which ends with the first deletion.
func (n *node) untilGone(ctx context.Context, namespace, pod string) {
	path := "/api/v1/namespaces/" + namespace + "/pods?watch=true&fieldSelector=metadata.name=" + pod
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, n.client.servers.url+path, nil)
	if err != nil {
		return
	}
	req.Header.Set("Authorization", "Bearer "+n.client.servers.token)
	resp, err := (&http.Client{Transport: n.client.http.Transport}).Do(req)
	if err != nil {
		return
	}
	defer resp.Body.Close()
	for d := json.NewDecoder(resp.Body); ; {
		var e struct{ Type string }
		if d.Decode(&e) != nil || e.Type == "DELETED" {
			return
		}
	}
}

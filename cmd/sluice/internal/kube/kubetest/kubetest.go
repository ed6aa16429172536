// Package kubetest is an API server of a test, on loopback: it lists objects it was given, refuses what it was told to,
// and forwards ports of pods to listeners of the test. It is not the judge; a real one is (cmd/conformance/kube).
package kubetest

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"k8s.io/streaming/pkg/httpstream"
	"k8s.io/streaming/pkg/httpstream/spdy"
)

// Object is one as JSON has it.
type Object = map[string]any

// Server is the API server.
type Server struct {
	t    testing.TB
	http *httptest.Server

	mu      sync.Mutex
	objects map[string][]Object // by the path of their list: api/v1/namespaces/NS/pods
	refused map[string]bool     // such paths, or their last word
	wide    map[string]bool     // such paths, where no namespace is asked for
	ports   map[string]string   // addresses, by NAMESPACE/POD:PORT
	links   map[string][]httpstream.Connection
	run     map[string]Command
	Asked   []string // METHOD PATH, queries aside
	Page    int      // objects in a page; 0: as many as are asked for
}

// New starts one that knows the path of no list.
func New(t testing.TB) *Server {
	s := &Server{
		t: t, objects: map[string][]Object{}, refused: map[string]bool{}, wide: map[string]bool{}, ports: map[string]string{},
		links: map[string][]httpstream.Connection{}, run: map[string]Command{},
	}
	s.http = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(func() {
		s.mu.Lock()
		for _, links := range s.links {
			for _, l := range links {
				l.Close()
			}
		}
		s.mu.Unlock()
		s.http.Close()
	})
	return s
}

// Kubeconfig writes a kubeconfig whose current context "test" is this server, and returns its path.
func (s *Server) Kubeconfig() string {
	text := fmt.Sprintf(`apiVersion: v1
kind: Config
clusters: [{name: lab, cluster: {server: %q}}]
users: [{name: me, user: {}}]
contexts: [{name: test, context: {cluster: lab, user: me}}, {name: torn, context: {cluster: gone, user: me}}]
current-context: test
`, s.http.URL)
	file := filepath.Join(s.t.TempDir(), "config")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return file
}

// URL is where it listens.
func (s *Server) URL() string { return s.http.URL }

// Serve makes a list with objects: "api/v1/pods", or one of a group as "apis/apps/v1/deployments".
func (s *Server) Serve(path string, objects ...Object) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.objects[path] = append(s.objects[path], objects...)
}

// Clear takes the objects of a list away. The list stays.
func (s *Server) Clear(path string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.objects[path] = nil
}

// Refuse makes a list one that nobody may read.
func (s *Server) Refuse(paths ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range paths {
		s.refused[p] = true
	}
}

// RefuseWide makes a list one that may be read of a namespace only.
func (s *Server) RefuseWide(paths ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range paths {
		s.wide[p] = true
	}
}

// Forward leads a port of a pod, as NAMESPACE/POD:PORT, to an address.
func (s *Server) Forward(port, address string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ports[port] = address
}

// Cut ends the connections to a pod, as NAMESPACE/POD.
func (s *Server) Cut(pod string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.links[pod] {
		l.Close()
	}
	s.links[pod] = nil
}

// Pod makes a pod with a label app, ready or not, and a port with a name.
func Pod(namespace, name, app string, ready bool, port int) Object {
	status := map[bool]string{true: "True", false: "False"}[ready]
	return Object{
		"metadata": Object{"namespace": namespace, "name": name, "labels": Object{"app": app}},
		"spec":     Object{"containers": []Object{{"name": "c", "ports": []Object{{"name": "grpc", "containerPort": port}}}}},
		"status":   Object{"phase": "Running", "conditions": []Object{{"type": "Ready", "status": status}}},
	}
}

// Service makes a service before the pods of an app.
func Service(namespace, name, app string, port int, target any) Object {
	return Object{
		"metadata": Object{"namespace": namespace, "name": name},
		"spec":     Object{"selector": Object{"app": app}, "ports": []Object{{"port": port, "targetPort": target}}},
	}
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	path := strings.Trim(r.URL.Path, "/")
	s.mu.Lock()
	s.Asked = append(s.Asked, r.Method+" "+path)
	s.mu.Unlock()
	parts := strings.Split(path, "/")
	if len(parts) == 7 && parts[6] == "portforward" {
		s.forward(w, r, parts[3], parts[5])
		return
	}
	if len(parts) == 7 && parts[6] == "exec" {
		s.exec(w, r, parts[3]+"/"+parts[5])
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	namespace, name, list := "", "", path
	if i := slices.Index(parts, "namespaces"); i > 0 && len(parts) > i+2 {
		namespace, list = parts[i+1], strings.Join(append(slices.Clone(parts[:i]), parts[i+2]), "/")
		if len(parts) > i+3 {
			name = parts[i+3]
		}
	}
	if s.refused[list] || s.refused[path] || s.wide[list] && namespace == "" {
		fail(w, http.StatusForbidden, fmt.Sprintf("%s is forbidden: User \"me\" cannot read %s", path, list))
		return
	}
	objects, ok := s.objects[list]
	if !ok {
		var resources []Object
		for p := range s.objects {
			if name, ok := strings.CutPrefix(p, path+"/"); ok { // discovery of a group
				resources = append(resources, Object{"name": name})
			}
		}
		if len(resources) > 0 {
			answer(w, Object{"resources": resources})
			return
		}
		fail(w, http.StatusNotFound, "the server could not find the requested resource")
		return
	}
	var found []Object
	for _, o := range objects {
		meta := o["metadata"].(Object)
		if (namespace == "" || meta["namespace"] == namespace) && (name == "" || meta["name"] == name) && selected(r, meta) {
			found = append(found, o)
		}
	}
	switch {
	case name == "":
		s.page(w, r, found)
	case len(found) == 0:
		fail(w, http.StatusNotFound, fmt.Sprintf("%s %q not found", list, name))
	default:
		answer(w, found[0])
	}
}

// selected applies the selectors of a request: metadata.name and equal labels.
func selected(r *http.Request, meta Object) bool {
	if name, ok := strings.CutPrefix(r.FormValue("fieldSelector"), "metadata.name="); ok && meta["name"] != name {
		return false
	}
	labels, _ := meta["labels"].(Object)
	for term := range strings.SplitSeq(r.FormValue("labelSelector"), ",") {
		if key, value, ok := strings.Cut(term, "="); ok && labels[key] != value {
			return false
		}
	}
	return true
}

// page answers with a part of a list.
func (s *Server) page(w http.ResponseWriter, r *http.Request, found []Object) {
	from, limit := 0, 0
	fmt.Sscan(r.FormValue("continue"), &from)
	fmt.Sscan(r.FormValue("limit"), &limit)
	if s.Page > 0 {
		limit = s.Page
	}
	if limit == 0 {
		fail(w, http.StatusBadRequest, "a list is to be read in pages")
		return
	}
	to, more := min(from+limit, len(found)), ""
	if to < len(found) {
		more = fmt.Sprint(to)
	}
	answer(w, Object{"metadata": Object{"continue": more}, "items": found[min(from, to):to]})
}

func answer(w http.ResponseWriter, o any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(o)
}

func fail(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(Object{"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": status, "message": message})
}

// forward serves the ports of a pod, over SPDY.
func (s *Server) forward(w http.ResponseWriter, r *http.Request, namespace, pod string) {
	s.mu.Lock()
	refused := s.refused["portforward"]
	s.mu.Unlock()
	switch {
	case refused:
		fail(w, http.StatusForbidden, `pods "`+pod+`" is forbidden: User "me" cannot create resource "pods/portforward"`)
		return
	case r.Method != http.MethodPost: // no WebSocket, as before 1.30
		fail(w, http.StatusBadRequest, "Upgrade request required")
		return
	}
	if _, err := httpstream.Handshake(r, w, []string{"portforward.k8s.io"}); err != nil {
		return
	}
	problems := make(chan httpstream.Stream, 16)
	link := spdy.NewResponseUpgrader().UpgradeResponse(w, r, func(st httpstream.Stream, replied <-chan struct{}) error {
		go func() {
			<-replied
			if st.Headers().Get("streamType") == "error" {
				problems <- st
				return
			}
			s.mu.Lock()
			to := s.ports[namespace+"/"+pod+":"+st.Headers().Get("port")]
			s.mu.Unlock()
			pipe(st, <-problems, to)
		}()
		return nil
	})
	if link == nil {
		return
	}
	s.mu.Lock()
	s.links[namespace+"/"+pod] = append(s.links[namespace+"/"+pod], link)
	s.mu.Unlock()
	<-link.CloseChan()
}

// pipe joins a stream with an address.
func pipe(data, problem httpstream.Stream, to string) {
	defer data.Reset()
	defer problem.Close()
	c, err := net.Dial("tcp", to)
	if err != nil {
		fmt.Fprintf(problem, "failed to connect to pod: %v: connection refused", err)
		return
	}
	defer c.Close()
	done := make(chan struct{}, 2)
	go func() { _, _ = io.Copy(c, data); done <- struct{}{} }()
	go func() { _, _ = io.Copy(data, c); done <- struct{}{} }()
	<-done
}

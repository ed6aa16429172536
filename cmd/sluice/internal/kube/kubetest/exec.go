package kubetest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"k8s.io/streaming/pkg/httpstream"
	"k8s.io/streaming/pkg/httpstream/spdy"
)

// Command is what a program in a pod does: it returns its exit code.
type Command func(args []string, out, errs io.Writer) int

// Exec makes a pod, as NAMESPACE/POD, one that commands run in.
func (s *Server) Exec(pod string, do Command) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.run[pod] = do
}

// Running gives a pod a container that runs.
func Running(pod Object, container string) Object {
	status := pod["status"].(Object)
	status["containerStatuses"] = []Object{{"name": container, "state": Object{"running": Object{}}}}
	pod["metadata"].(Object)["labels"].(Object)["app.kubernetes.io/name"] = container
	return pod
}

// exec runs a command in a pod, over SPDY.
func (s *Server) exec(w http.ResponseWriter, r *http.Request, pod string) {
	s.mu.Lock()
	refused, do := s.refused["exec"], s.run[pod]
	s.mu.Unlock()
	switch {
	case refused:
		fail(w, http.StatusForbidden, `pods is forbidden: User "me" cannot create resource "pods/exec"`)
		return
	case r.Method != http.MethodPost: // no WebSocket, as before 1.30
		fail(w, http.StatusBadRequest, "Upgrade request required")
		return
	case do == nil:
		fail(w, http.StatusNotFound, fmt.Sprintf("pods %q not found", pod))
		return
	}
	if _, err := httpstream.Handshake(r, w, []string{"v4.channel.k8s.io"}); err != nil {
		return
	}
	opened := make(chan httpstream.Stream, 3)
	link := spdy.NewResponseUpgrader().UpgradeResponse(w, r, func(st httpstream.Stream, replied <-chan struct{}) error {
		go func() { <-replied; opened <- st }()
		return nil
	})
	if link == nil {
		return
	}
	s.mu.Lock()
	s.links[pod] = append(s.links[pod], link)
	s.mu.Unlock()
	streams := map[string]httpstream.Stream{}
	for len(streams) < 3 {
		select {
		case st := <-opened:
			streams[st.Headers().Get("streamType")] = st
		case <-link.CloseChan():
			return
		}
	}
	code := do(r.URL.Query()["command"], streams["stdout"], streams["stderr"])
	status := Object{"status": "Success"}
	if code != 0 {
		status = Object{"status": "Failure", "reason": "NonZeroExitCode", "message": "it failed",
			"details": Object{"causes": []Object{{"reason": "ExitCode", "message": fmt.Sprint(code)}}}}
	}
	_ = json.NewEncoder(streams["error"]).Encode(status)
	for _, st := range streams {
		st.Close()
	}
	<-link.CloseChan()
}

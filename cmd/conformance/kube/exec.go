package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os/exec"

	"k8s.io/apimachinery/pkg/util/httpstream"
	"k8s.io/apimachinery/pkg/util/httpstream/spdy"
)

// exec runs a command as if in a container of a pod: its program is one of this machine, and what it takes for /store is
// the directory that an annotation of the pod names.
func (n *node) exec(w http.ResponseWriter, r *http.Request, namespace, name string) {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	o, err := n.pod(ctx, namespace, name)
	command := r.URL.Query()["command"]
	if err != nil || len(command) == 0 {
		http.NotFound(w, r)
		return
	}
	if _, err := httpstream.Handshake(r, w, []string{"v4.channel.k8s.io"}); err != nil {
		return
	}
	opened := make(chan httpstream.Stream, 3)
	link := spdy.NewResponseUpgrader().UpgradeResponse(w, r, func(s httpstream.Stream, _ <-chan struct{}) error {
		opened <- s
		return nil
	})
	if link == nil {
		return
	}
	defer link.Close()
	streams := map[string]httpstream.Stream{}
	for len(streams) < 3 {
		select {
		case s := <-opened:
			streams[s.Headers().Get("streamType")] = s
		case <-link.CloseChan():
			return
		}
	}
	for i := range command {
		if command[i] == "/store" {
			command[i] = o.Metadata.Annotations["store"]
		}
	}
	c := exec.CommandContext(ctx, command[0], command[1:]...)
	c.Stdout, c.Stderr = streams["stdout"], streams["stderr"]
	status := map[string]any{"status": "Success"}
	if err := c.Run(); err != nil {
		code := 1
		var ended *exec.ExitError
		if errors.As(err, &ended) {
			code = ended.ExitCode()
		}
		cause := map[string]string{"reason": "ExitCode", "message": fmt.Sprint(code)}
		status = map[string]any{"status": "Failure", "reason": "NonZeroExitCode", "message": err.Error(),
			"details": map[string]any{"causes": []any{cause}}}
	}
	_ = json.NewEncoder(streams["error"]).Encode(status)
	for _, s := range streams {
		s.Close()
	}
	<-link.CloseChan()
}

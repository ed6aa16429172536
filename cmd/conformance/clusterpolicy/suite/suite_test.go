// Package suite runs the conformance tests of network-policy-api v0.3.0 against sluice. They are the project's own,
// unchanged: they create namespaces, pods and policies in a cluster, run a command in a pod that connects to another,
// and say which connections must be made and which must not. Here the cluster is a client that holds objects in memory,
// the command is run by a server on loopback that speaks as an API server does, and whether a connection is made is
// asked of whoever started this program: questions go out on file 3 and answers come in on file 4, a line of JSON each.
// It is built with go test -c, as the tests take a testing.T.
package suite

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/httpstream"
	"k8s.io/apimachinery/pkg/util/httpstream/spdy"
	clientgo "k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	api "sigs.k8s.io/network-policy-api/apis/v1beta1"
	"sigs.k8s.io/network-policy-api/conformance/tests"
	"sigs.k8s.io/network-policy-api/conformance/utils/config"
	"sigs.k8s.io/network-policy-api/conformance/utils/suite"
	"sigs.k8s.io/yaml"
)

// TestSuite runs every test, those of the experimental channel too.
func TestSuite(t *testing.T) {
	known := runtime.NewScheme()
	for _, install := range []func(*runtime.Scheme) error{scheme.AddToScheme, api.Install} {
		if err := install(known); err != nil {
			t.Fatal(err)
		}
	}
	p := &pods{ask: json.NewEncoder(os.NewFile(3, "questions")), told: json.NewDecoder(os.NewFile(4, "answers"))}
	c := newClient(known, p.read)
	p.client = c
	server := httptest.NewServer(p)
	defer server.Close()
	kube := rest.Config{Host: server.URL}
	set, err := clientgo.NewForConfig(&kube)
	if err != nil {
		t.Fatal(err)
	}
	s := suite.New(suite.Options{Client: c, ClientSet: set, KubeConfig: kube, EnableAllSupportedFeatures: true, CleanupBaseResources: true,
		// Answers come at once, and do not change while a test waits.
		TimeoutConfig: config.TimeoutConfig{PokeInterval: time.Millisecond, PokeTimeout: 10 * time.Second}})
	s.Setup(t)
	s.Run(t, tests.ConformanceTests)
}

// pods is as much of an API server as running a command in a pod takes.
type pods struct {
	client client.Client
	mu     sync.Mutex
	ask    *json.Encoder
	told   *json.Decoder
}

// ServeHTTP runs agnhost connect.
func (p *pods) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/") // api/v1/namespaces/NS/pods/NAME/exec
	command := r.URL.Query()["command"]
	if len(parts) != 7 || parts[6] != "exec" || len(command) < 4 {
		http.NotFound(w, r)
		return
	}
	streams, done := open(w, r)
	if streams == nil {
		return
	}
	defer done()
	said := p.connect(r.Context(), parts[3], parts[5], strings.TrimPrefix(command[3], "--protocol="), command[len(command)-1])
	fmt.Fprint(streams["stderr"], said)
	_ = json.NewEncoder(streams["error"]).Encode(map[string]string{"status": "Success"})
}

// open takes the streams of a command.
func open(w http.ResponseWriter, r *http.Request) (map[string]httpstream.Stream, func()) {
	if _, err := httpstream.Handshake(r, w, []string{"v4.channel.k8s.io"}); err != nil {
		return nil, nil
	}
	opened := make(chan httpstream.Stream, 3)
	link := spdy.NewResponseUpgrader().UpgradeResponse(w, r, func(s httpstream.Stream, _ <-chan struct{}) error {
		opened <- s
		return nil
	})
	if link == nil {
		return nil, nil
	}
	streams := map[string]httpstream.Stream{}
	for len(streams) < 3 {
		select {
		case s := <-opened:
			streams[s.Headers().Get("streamType")] = s
		case <-link.CloseChan():
			return nil, nil
		}
	}
	return streams, func() {
		for _, s := range streams {
			s.Close()
		}
		<-link.CloseChan()
		link.Close()
	}
}

// connect returns what agnhost says of a connection: nothing where it is made.
func (p *pods) connect(ctx context.Context, namespace, name, protocol, target string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	q, err := present(ctx, p.client)
	if err != nil {
		return err.Error()
	}
	host, number, err := net.SplitHostPort(target)
	if err != nil {
		return err.Error()
	}
	for _, one := range q.Pods {
		if one.Namespace == namespace && one.Name == name {
			q.Connection.From = one.Address
		}
	}
	q.Connection.To, q.Connection.Protocol = host, protocol
	if q.Connection.Port, err = strconv.Atoi(number); err != nil {
		return err.Error()
	}
	answer, err := p.answer(q)
	if err != nil {
		return err.Error()
	}
	switch {
	case answer.Why != "":
		return answer.Why
	case answer.Allowed:
		return ""
	}
	return "TIMEOUT"
}

// read asks whether a policy can be read.
func (p *pods) read(o client.Object) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	text, err := yaml.Marshal(o)
	if err != nil {
		return err
	}
	answer, err := p.answer(question{Objects: []string{string(text)}, Only: true})
	if err == nil && answer.Why != "" {
		err = errors.New(answer.Why)
	}
	return err
}

type answer struct {
	Allowed bool
	Why     string // nobody knows
}

func (p *pods) answer(q question) (answer, error) {
	var a answer
	if err := p.ask.Encode(q); err != nil {
		return a, err
	}
	return a, p.told.Decode(&a)
}

package cli

import (
	"bytes"
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	flowpb "github.com/cilium/cilium/api/v1/flow"
	observerpb "github.com/cilium/cilium/api/v1/observer"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	"sluice/cmd/sluice/internal/kube/kubetest"
)

// observer is a relay with some flows: web asks api.
type observer struct {
	observerpb.UnimplementedObserverServer
	asked func() // after the first flow
}

func (o *observer) GetFlows(_ *observerpb.GetFlowsRequest, out observerpb.Observer_GetFlowsServer) error {
	end := func(name string) *flowpb.Endpoint {
		return &flowpb.Endpoint{Namespace: "shop", PodName: name + "-1", Identity: 1000,
			Labels: []string{"k8s:app=" + name, "k8s:io.kubernetes.pod.namespace=shop"}}
	}
	for i := range 10 {
		f := &flowpb.Flow{
			Time: timestamppb.New(time.Now().Add(time.Duration(i-20) * time.Second)), NodeName: "n1", Uuid: string(rune('a' + i)),
			Verdict: flowpb.Verdict_FORWARDED, Type: flowpb.FlowType_L3_L4, Source: end("web"), Destination: end("api"),
			IP: &flowpb.IP{Source: "10.0.0.1", Destination: "10.0.0.2", IpVersion: flowpb.IPVersion_IPv4},
			L4: &flowpb.Layer4{Protocol: &flowpb.Layer4_TCP{TCP: &flowpb.TCP{SourcePort: uint32(40000 + i), DestinationPort: 8080,
				Flags: &flowpb.TCPFlags{SYN: true}}}},
			TrafficDirection: flowpb.TrafficDirection_INGRESS,
			EventType:        &flowpb.CiliumEventType{Type: 4},
		}
		if err := out.Send(&observerpb.GetFlowsResponse{NodeName: "n1", Time: f.Time,
			ResponseTypes: &observerpb.GetFlowsResponse_Flow{Flow: f}}); err != nil {
			return err
		}
		if i == 0 && o.asked != nil {
			o.asked()
		}
	}
	return nil
}

func (o *observer) ServerStatus(_ context.Context, _ *observerpb.ServerStatusRequest) (*observerpb.ServerStatusResponse, error) {
	return &observerpb.ServerStatusResponse{NumFlows: 10, Version: "test"}, nil
}

// serveObserver starts a relay.
func serveObserver(t *testing.T, o *observer) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := grpc.NewServer()
	observerpb.RegisterObserverServer(s, o)
	go func() { _ = s.Serve(l) }()
	t.Cleanup(s.Stop)
	return l.Addr().String()
}

// relayCluster is a cluster whose relay is the given address.
func relayCluster(t *testing.T, address string) *kubetest.Server {
	s := kubetest.New(t)
	s.Serve("api/v1/services", kubetest.Service("kube-system", "hubble-relay", "relay", 80, "grpc"))
	s.Serve("api/v1/pods", kubetest.Pod("kube-system", "relay-1", "relay", true, 4245))
	s.Forward("kube-system/relay-1:4245", address)
	t.Setenv("KUBECONFIG", s.Kubeconfig())
	t.Setenv("HUBBLE_SERVER", "localhost:1") // -P wins
	return s
}

func calls(args ...string) (code ExitCode, out, errs string) {
	var o, e bytes.Buffer
	code = Main(args, strings.NewReader(""), &o, &e)
	return code, o.String(), e.String()
}

// TestLearnForwarded: -P and hubble:// without an address learn from the relay of the cluster.
func TestLearnForwarded(t *testing.T) {
	s := relayCluster(t, serveObserver(t, &observer{}))
	for _, how := range []string{"-P", "hubble://"} {
		dir := filepath.Join(t.TempDir(), "bundle")
		code, out, errs := calls("learn", how, "-n", "shop", "--out", dir, "--min-watch", "0")
		if code != ExitOK && code != ExitFindings {
			t.Fatalf("%s: exit %d: %s", how, code, errs)
		}
		if policies, _ := filepath.Glob(filepath.Join(dir, "allow", "shop", "*.yaml")); len(policies) == 0 {
			t.Errorf("%s: no policy\n%s%s", how, out, errs)
		}
	}
	for _, asked := range s.Asked {
		if verb, _, _ := strings.Cut(asked, " "); verb != "GET" && !strings.HasSuffix(asked, "/portforward") {
			t.Errorf("asked %s", asked)
		}
	}
}

// TestIngestForwarded: what is stored is named by cluster and service, so that another connection goes on with it.
func TestIngestForwarded(t *testing.T) {
	relayCluster(t, serveObserver(t, &observer{}))
	dir := t.TempDir()
	for range 2 {
		if code, _, errs := calls("ingest", "-P", "--store", dir, "-q"); code != ExitOK {
			t.Fatal(errs)
		}
	}
	_, out, _ := calls("show", "streams", "--store", dir, "-o", "json")
	if strings.Count(out, "hubble://lab/kube-system/hubble-relay") != 1 {
		t.Error(out)
	}
}

// TestForwardMistakes: what is missing in the cluster is said, with what to do.
func TestForwardMistakes(t *testing.T) {
	learn := []string{"learn", "-n", "shop", "--out", filepath.Join(t.TempDir(), "bundle")}
	for _, c := range []struct {
		name   string
		args   []string
		change func(*kubetest.Server)
		want   string
	}{
		{"wrong context", []string{"-P", "--context", "prod"}, nil, `there is no context "prod": the kubeconfig has test, torn`},
		{"as hubble calls it", []string{"-P", "--kube-context", "prod"}, nil, `there is no context "prod"`},
		{"another namespace", []string{"-P", "--kube-namespace", "cilium"}, nil, "there is one in kube-system: give --kube-namespace kube-system"},
		{"calico", []string{"-P"}, func(s *kubetest.Server) {
			s.Clear("api/v1/services")
			s.Serve("api/v1/services", kubetest.Service("calico-system", "goldmane", "g", 7443, 7443))
		}, "Calico has Goldmane in calico-system: give goldmane:// --tls-secret node-certs"},
		{"no relay", []string{"-P"}, func(s *kubetest.Server) { s.Clear("api/v1/services") }, "enable the relay (cilium hubble enable)"},
		{"no right", []string{"-P"}, func(s *kubetest.Server) { s.Refuse("portforward") }, "sluice install --rbac prints it"},
		{"no certificate", []string{"goldmane://"}, func(s *kubetest.Server) {
			s.Serve("api/v1/services", kubetest.Service("calico-system", "goldmane", "g", 7443, 7443))
		}, "Give --tls-secret node-certs"},
		{"no secret", []string{"hubbles://", "--tls-secret", "certs"}, func(s *kubetest.Server) { s.Serve("api/v1/secrets") },
			"there is no secret certs in namespace kube-system"},
		{"secret of a plain relay", []string{"-P", "--tls-secret", "certs"}, nil, "is read without TLS, and --tls-secret would do nothing"},
		{"secret of no cluster", []string{"hubble://localhost:1", "--tls-secret", "certs"}, nil, "are about a server of the cluster"},
		{"nothing listens", []string{"-P"}, func(s *kubetest.Server) { s.Forward("kube-system/relay-1:4245", "127.0.0.1:1") }, "nothing listens there"},
		{"two servers", []string{"-P", "--server", "localhost:1"}, nil, "-P and --server are two servers"},
		{"files as well", []string{"-P", "flows.jsonl"}, nil, "give no other source"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := relayCluster(t, serveObserver(t, &observer{}))
			if c.change != nil {
				c.change(s)
			}
			code, _, errs := calls(append(learn[:len(learn):len(learn)], c.args...)...)
			if code == ExitOK || !strings.Contains(errs, c.want) {
				t.Errorf("exit %d: %s\ndoes not say %s", code, errs, c.want)
			}
			if _, err := os.Stat(learn[len(learn)-1]); err == nil {
				t.Error("a bundle was written")
			}
		})
	}
}

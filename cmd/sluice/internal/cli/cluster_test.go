package cli

import (
	"bytes"
	"context"
	"maps"
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

	"sluice/cmd/sluice/internal/kube"
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
		if next := "sluice verify " + dir + " hubble:// --follow\n"; !strings.Contains(out, next) {
			t.Errorf("%s: the next steps do not say %s%s", how, next, out)
		}
	}
	for _, asked := range s.Asked {
		if verb, _, _ := strings.Cut(asked, " "); verb != "GET" && !strings.HasSuffix(asked, "/portforward") {
			t.Errorf("asked %s", asked)
		}
	}
}

// TestNextSteps: the next steps replay new flows from the server that was read, with the flags that decide how they are
// judged, and hold for a shell.
func TestNextSteps(t *testing.T) {
	at := serveObserver(t, &observer{})
	config := filepath.Join(t.TempDir(), "my sluice.yaml")
	if err := os.WriteFile(config, []byte("resolver: none\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("HUBBLE_SERVER", at)
	for _, c := range []struct{ read, want []string }{
		{[]string{"hubble://" + at}, []string{"hubble://" + at, "--follow"}},
		{[]string{"--server", at, "--cni", "cilium", "--config", config},
			[]string{"hubble://" + at, "--follow --config", "'" + config + "'", "--cni cilium"}},
		{nil, []string{"hubble://" + at, "--follow"}},
	} {
		dir := filepath.Join(t.TempDir(), "bundle")
		args := append([]string{"learn", "-n", "shop", "--out", dir, "--min-watch", "0"}, c.read...)
		code, out, errs := calls(args...)
		if code != ExitOK && code != ExitFindings {
			t.Fatalf("%v: exit %d: %s", c.read, code, errs)
		}
		if want := "sluice verify " + dir + " " + strings.Join(c.want, " ") + "\n"; !strings.Contains(out, want) {
			t.Errorf("%v: the next steps do not say %s%s", c.read, want, out)
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

// shop is a cluster with a workload, and policies of two kinds.
func shop(t *testing.T) *kubetest.Server {
	s := kubetest.New(t)
	t.Setenv("KUBECONFIG", s.Kubeconfig())
	meta := func(namespace, name string) kubetest.Object {
		return kubetest.Object{"namespace": namespace, "name": name, "managedFields": []string{"much"}}
	}
	labels := kubetest.Object{"app": "api"}
	s.Serve("api/v1/namespaces", kubetest.Object{"metadata": kubetest.Object{"name": "shop", "labels": kubetest.Object{"tier": "a"}}},
		kubetest.Object{"metadata": kubetest.Object{"name": "bank"}})
	s.Serve("api/v1/services")
	s.Serve("api/v1/nodes")
	s.Serve("apis/apps/v1/deployments", kubetest.Object{"metadata": meta("shop", "api"), "spec": kubetest.Object{
		"selector": kubetest.Object{"matchLabels": labels}, "template": kubetest.Object{"metadata": kubetest.Object{"labels": labels}}}})
	for _, name := range []string{"apps/v1/statefulsets", "apps/v1/daemonsets", "batch/v1/cronjobs"} {
		s.Serve("apis/" + name)
	}
	s.Serve("apis/networking.k8s.io/v1/networkpolicies", kubetest.Object{"metadata": meta("shop", "api"), "spec": kubetest.Object{
		"podSelector": kubetest.Object{"matchLabels": labels}, "policyTypes": []string{"Ingress"},
		"ingress": []kubetest.Object{{"ports": []kubetest.Object{{"port": 9090}}}}}})
	s.Serve("apis/cilium.io/v2/ciliumnetworkpolicies")
	return s
}

// TestVerifyCluster: the policies of the cluster are replayed, in pages, with get and list alone. A kind that it does
// not have is nothing, one that may not be read is named and unread.
func TestVerifyCluster(t *testing.T) {
	s := shop(t)
	s.Page = 1
	flows := filepath.Join(t.TempDir(), "store")
	observed := relayStore(t, flows)
	code, out, errs := calls("verify", "cluster", "--store", flows, "--manifests", "cluster", "-o", "json", "--kubeconfig", observed(s))
	if code != ExitFindings || !strings.Contains(out, `"lost": 1`) {
		t.Errorf("exit %d: %s%s", code, out, errs)
	}
	for _, asked := range s.Asked {
		if !strings.HasPrefix(asked, "GET ") {
			t.Error(asked)
		}
	}
	s.Refuse("apis/cilium.io/v2/ciliumnetworkpolicies", "apis/cilium.io/v2/ciliumclusterwidenetworkpolicies")
	code, _, errs = calls("verify", "cluster", "--store", flows, "--fail-on", "unread", "--kubeconfig", observed(s))
	if code != ExitFindings || !strings.Contains(errs, "not allowed to list ciliumnetworkpolicies.cilium.io") {
		t.Errorf("exit %d: %s", code, errs)
	}
	if strings.Contains(errs, "clusterwide") {
		t.Errorf("the cluster has no such kind: %s", errs)
	}
	s.Refuse("apis/apps/v1/deployments")
	code, _, errs = calls("ready", "-n", "shop", "--store", flows, "--manifests", "cluster", "--kubeconfig", observed(s))
	if code != ExitError || !strings.Contains(errs, "cluster: not read: not allowed to list deployments.apps: the user needs a ClusterRole") {
		t.Errorf("exit %d: %s", code, errs)
	}
}

// TestNodesOfCluster: the addresses of nodes are read of the cluster, and nothing else of what it says of their state.
func TestNodesOfCluster(t *testing.T) {
	s := shop(t)
	s.Serve("api/v1/nodes", kubetest.Object{"metadata": kubetest.Object{"name": "n1", "annotations": kubetest.Object{
		"projectcalico.org/IPv4VXLANTunnelAddr": "192.168.66.0", "projectcalico.org/IPv4Address": "10.1.0.1/24",
		"kubectl.kubernetes.io/last-applied-configuration": "much"}}, "status": kubetest.Object{
		"images": []kubetest.Object{{"names": []string{"much"}}}, "addresses": []kubetest.Object{{"type": "InternalIP", "address": "10.1.0.1"}}}})
	c, err := kube.Open(kube.Options{Kubeconfig: s.Kubeconfig()})
	if err != nil {
		t.Fatal(err)
	}
	found := ""
	if _, err := c.Each(t.Context(), kube.Declared, nil, func(name string, object []byte) error {
		if name == "cluster:nodes/n1" {
			found = string(object)
		}
		return nil
	}); err != nil || !strings.Contains(found, `"10.1.0.1"`) || !strings.Contains(found, "10.1.0.1/24") ||
		!strings.Contains(found, "192.168.66.0") || strings.Contains(found, "much") {
		t.Errorf("%v: %s", err, found)
	}
}

// TestClusterItself: where the API server is and what the network plugin can do is read of single objects, with get alone.
// Who may not read them is told what that costs.
func TestClusterItself(t *testing.T) {
	s := shop(t)
	one := func(path, namespace, name string, more kubetest.Object) {
		o := kubetest.Object{"metadata": kubetest.Object{"namespace": namespace, "name": name}}
		maps.Copy(o, more)
		s.Serve(path, o)
	}
	const endpoints, configs = "apis/discovery.k8s.io/v1/endpointslices", "api/v1/configmaps"
	one(endpoints, "default", "kubernetes", kubetest.Object{"endpoints": []kubetest.Object{{"addresses": []string{"172.18.0.2"}}}})
	one(endpoints, "shop", "db", kubetest.Object{"endpoints": []kubetest.Object{{"addresses": []string{"10.0.0.7"}}}})
	one(configs, "kube-system", "cilium-config", kubetest.Object{"data": kubetest.Object{"enable-l7-proxy": "true"}})
	one(configs, "shop", "secrets", kubetest.Object{"data": kubetest.Object{"password": "1234"}})
	one("apis/apps/v1/daemonsets", "kube-system", "cilium", kubetest.Object{"spec": kubetest.Object{"template": kubetest.Object{
		"spec": kubetest.Object{"hostNetwork": true, "containers": []kubetest.Object{
			{"name": "cilium-agent", "image": "quay.io/cilium/cilium:v1.15.3"}}}}}})
	flows := filepath.Join(t.TempDir(), "store")
	observed := relayStore(t, flows)
	learn := func() (ExitCode, string, string) {
		return calls("learn", "-n", "shop", "--store", flows, "--manifests", "cluster", "--dialect", "cilium", "--widen", "api",
			"--min-watch", "0", "--out", filepath.Join(t.TempDir(), "bundle"), "--kubeconfig", observed(s))
	}
	code, out, errs := learn()
	if code != ExitFindings || !strings.Contains(out, "The cluster does NOT have enableDefaultDeny (Cilium 1.16 or later): Cilium v1.15.3.") {
		t.Errorf("exit %d: %s%s", code, out, errs)
	}
	for _, asked := range s.Asked {
		if strings.HasSuffix(asked, endpoints) || strings.HasSuffix(asked, configs) || strings.Contains(asked, "secrets") {
			t.Errorf("asked %s", asked)
		}
	}
	s.Refuse(endpoints, configs)
	code, _, errs = learn()
	if code != ExitUsage || !strings.Contains(errs, "--widen api: nobody says where the API server is") {
		t.Errorf("exit %d: %s", code, errs)
	}
	for _, want := range []string{"addresses of the API server are not known", "options of Cilium are not known"} {
		if !strings.Contains(strings.ToLower(errs), strings.ToLower(want)) {
			t.Errorf("nothing of %s in\n%s", want, errs)
		}
	}
}

// TestRole: who may read one namespace only is told what that costs, and has the rest. What is not of the namespace in
// question is no error.
func TestRole(t *testing.T) {
	s := shop(t)
	flows := filepath.Join(t.TempDir(), "store")
	observed := relayStore(t, flows)
	wide := []string{"api/v1/namespaces", "api/v1/nodes", "apis/cilium.io/v2/ciliumclusterwidenetworkpolicies"}
	s.Serve("apis/cilium.io/v2/ciliumclusterwidenetworkpolicies")
	s.RefuseWide(append(wide, "api/v1/services", "apis/apps/v1/deployments", "apis/apps/v1/statefulsets", "apis/apps/v1/daemonsets",
		"apis/batch/v1/cronjobs", "apis/networking.k8s.io/v1/networkpolicies", "apis/cilium.io/v2/ciliumnetworkpolicies")...)
	dir := filepath.Join(t.TempDir(), "bundle")
	code, out, errs := calls("learn", "-n", "shop", "--store", flows, "--manifests", "cluster", "--kubeconfig", observed(s), "--min-watch", "0",
		"--out", dir, "--fail-on", "unread")
	for _, want := range []string{
		"cluster: not read for lack of rights (sluice install --rbac): namespaces. Labels of namespaces are not known: a policy that selects by them",
		"rbac): nodes. Addresses of nodes are not known but from the flows",
		"services, deployments.apps, statefulsets.apps, daemonsets.apps, cronjobs.batch, networkpolicies.networking.k8s.io, " +
			"ciliumnetworkpolicies.cilium.io. Read in shop alone: workloads, services and policies of other namespaces are not known",
		"ciliumclusterwidenetworkpolicies.cilium.io. Policies of the whole cluster are not known: what they allow and deny is not counted",
	} {
		if !strings.Contains(errs, want) {
			t.Errorf("nothing of %s in\n%s", want, errs)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "bundle.json")); err != nil || code == ExitError {
		t.Errorf("exit %d, %v: %s%s", code, err, out, errs)
	}
	code, out, errs = calls("verify", "cluster", "-n", "shop", "--store", flows, "--fail-on", "unread", "--kubeconfig", observed(s))
	if code != ExitFindings || !strings.Contains(out, "lost") || !strings.Contains(errs, "networkpolicies.networking.k8s.io was read in shop alone") ||
		!strings.Contains(errs, "not read: not allowed to list ciliumclusterwidenetworkpolicies.cilium.io") {
		t.Errorf("exit %d: %s%s", code, out, errs)
	}
	code, _, errs = calls("ready", "-n", "bank,shop", "--store", flows, "--manifests", "cluster", "--kubeconfig", observed(s))
	if !strings.Contains(errs, "Read in bank, shop alone") {
		t.Errorf("exit %d: %s", code, errs)
	}
	code, _, errs = calls("ready", "-A", "--store", flows, "--manifests", "cluster", "--kubeconfig", observed(s))
	if code != ExitError || !strings.Contains(errs, "not allowed to list services: the user needs a ClusterRole") ||
		!strings.Contains(errs, "; for the same reason not read: deployments.apps, ") {
		t.Errorf("all namespaces, exit %d: %s", code, errs)
	}
}

// TestNoRights: what a user may not read is told once with its remedy, and the rest by its name.
func TestNoRights(t *testing.T) {
	s := shop(t)
	flows := filepath.Join(t.TempDir(), "store")
	observed := relayStore(t, flows)
	s.Serve("apis/cilium.io/v2/ciliumclusterwidenetworkpolicies")
	s.Refuse("apis/networking.k8s.io/v1/networkpolicies", "apis/cilium.io/v2/ciliumnetworkpolicies",
		"apis/cilium.io/v2/ciliumclusterwidenetworkpolicies", "apis/apps/v1/deployments", "apis/apps/v1/daemonsets")
	from := []string{"--store", flows, "--kubeconfig", observed(s)}
	const first = "not read: not allowed to list networkpolicies.networking.k8s.io: the user needs a ClusterRole"
	const rest = "\nsluice: for the same reason not read: ciliumnetworkpolicies.cilium.io, ciliumclusterwidenetworkpolicies.cilium.io\n"
	code, out, errs := calls(append(from, "verify", "cluster", "-n", "shop", "-o", "json", "--fail-on", "unread")...)
	if code != ExitFindings || !strings.Contains(errs, first) || !strings.Contains(errs, rest) ||
		strings.Count(errs, "not allowed") != 1 || !strings.Contains(out, `"unread": 3`) {
		t.Errorf("exit %d: %s%s", code, out, errs)
	}
	code, _, errs = calls(append(from, "ready", "-n", "shop", "--manifests", "cluster")...)
	if code != ExitError || !strings.Contains(errs, "cluster: not read: not allowed to list deployments.apps: the user needs a ClusterRole") ||
		!strings.Contains(errs, "; for the same reason not read: daemonsets.apps, networkpolicies.networking.k8s.io, ciliumnetworkpolicies.cilium.io") {
		t.Errorf("exit %d: %s", code, errs)
	}
}

// TestDiffCluster: what is proposed is added to what the cluster has.
func TestDiffCluster(t *testing.T) {
	s := shop(t)
	flows := filepath.Join(t.TempDir(), "store")
	observed := relayStore(t, flows)
	file := filepath.Join(t.TempDir(), "new.yaml")
	text := "{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: more, namespace: shop}, " +
		"spec: {podSelector: {matchLabels: {app: api}}, ingress: [{ports: [{port: 8080}]}]}}"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, errs := calls("diff", "cluster", file, "--store", flows, "--kubeconfig", observed(s))
	if code != ExitOK || !strings.Contains(out, "8080") || strings.Contains(out, "9090/tcp  allowed  denied") {
		t.Errorf("exit %d: %s%s", code, out, errs)
	}
}

// TestNoPolicyInForce: in a cluster that nothing isolates yet nothing is denied today. Only where its policies are what is
// judged that is a mistake.
func TestNoPolicyInForce(t *testing.T) {
	s := shop(t)
	s.Clear("apis/networking.k8s.io/v1/networkpolicies")
	flows, dir := filepath.Join(t.TempDir(), "store"), filepath.Join(t.TempDir(), "bundle")
	observed := relayStore(t, flows)
	const note = "sluice: note: cluster: no policy is in force there: nothing is denied. Is it the right one (--context)?"
	from := []string{"--store", flows, "--kubeconfig", observed(s)}
	for _, c := range []struct {
		args      []string
		code      ExitCode
		out, errs string
	}{
		{[]string{"learn", "-n", "shop", "--min-watch", "0", "--with", "cluster", "--fail-on", "lost", "--out", dir}, ExitOK, "Bundle: ", note},
		{[]string{"diff", "cluster", dir}, ExitOK, "is isolated now", note},
		{[]string{"verify", dir, "--with", "cluster"}, ExitOK, "permitted             1", note},
		{[]string{"explain", "cluster", "shop/web", "shop/api", "8080"}, ExitOK, "nothing isolates this end", note},
		{[]string{"verify", "cluster"}, ExitError, "", "no policy in the cluster: nothing would be verified. Is it the right one"},
		{[]string{"ready", "-n", "shop", "--policies", "cluster"}, ExitError, "", "no policy in the cluster"},
		{[]string{"learn", "-n", "shop", "--with", "cluster", "--missing-only", "--out", dir}, ExitUsage, "",
			"Where none is in force leave --missing-only out"},
	} {
		code, out, errs := calls(append(c.args, from...)...)
		if code != c.code || !strings.Contains(out, c.out) || !strings.Contains(errs, c.errs) {
			t.Errorf("%v: exit %d: %s%s", c.args, code, out, errs)
		}
	}
}

// TestLearnUnread: learn names the policies in force that may not be read, and claims nothing of them.
func TestLearnUnread(t *testing.T) {
	s := shop(t)
	flows := filepath.Join(t.TempDir(), "store")
	observed := relayStore(t, flows)
	learn := func(failOn string) (ExitCode, string, string) {
		return calls("learn", "-n", "shop", "--store", flows, "--min-watch", "0", "--with", "cluster", "--fail-on", failOn,
			"--out", filepath.Join(t.TempDir(), "bundle"), "--kubeconfig", observed(s))
	}
	if code, out, errs := learn("lost,unread"); code != ExitOK || strings.Contains(errs, "not read") ||
		!strings.Contains(out, "Beside the policies in force: 1 connection lost today, 0 once these are applied.") {
		t.Errorf("exit %d: %s%s", code, out, errs)
	}
	s.Refuse("apis/cilium.io/v2/ciliumnetworkpolicies")
	const told = "not read: not allowed to list ciliumnetworkpolicies.cilium.io: the user needs a ClusterRole with the verb list on " +
		"ciliumnetworkpolicies.cilium.io (sluice install --rbac prints it; with -n NAMESPACE a Role there is enough)"
	code, out, errs := learn("unread")
	if code != ExitFindings || !strings.Contains(errs, told) || !strings.Contains(errs, "1 unread beside the policies in force") ||
		!strings.Contains(out, "Beside the policies in force that could be read: 1 connection lost today") {
		t.Errorf("exit %d: %s%s", code, out, errs)
	}
	if code, _, errs := learn("lost"); code != ExitOK || !strings.Contains(errs, told) {
		t.Errorf("exit %d: %s", code, errs)
	}
	s.Refuse("apis/networking.k8s.io/v1/networkpolicies")
	if code, out, errs := learn("unread"); code != ExitFindings || !strings.Contains(errs, "2 unread beside") {
		t.Errorf("exit %d: %s%s", code, out, errs)
	}
}

// relayStore fills a store from a relay, and returns how a cluster is named afterwards.
func relayStore(t *testing.T, dir string) func(*kubetest.Server) string {
	relayCluster(t, serveObserver(t, &observer{}))
	if code, _, errs := calls("ingest", "-P", "--store", dir, "-q"); code != ExitOK {
		t.Fatal(errs)
	}
	return (*kubetest.Server).Kubeconfig
}

// TestCompleteNamespaces: the shell completes the namespaces of the cluster that is asked.
func TestCompleteNamespaces(t *testing.T) {
	s := shop(t)
	for _, args := range [][]string{{"learn", "-P"}, {"verify", "cluster"}, {"ready", "--manifests", "cluster"}, {"ingest", "hubble://"}} {
		line := append(append([]string{"__complete"}, args...), "--kubeconfig", s.Kubeconfig(), "-n", "")
		if _, out, errs := calls(line...); !strings.HasPrefix(out, "shop\nbank\n") {
			t.Errorf("%v: %s%s", args, out, errs)
		}
	}
	if _, out, _ := calls("__complete", "learn", "flows.jsonl", "-n", ""); strings.Contains(out, "shop") {
		t.Errorf("a cluster that nobody named was asked: %s", out)
	}
}

// TestCompleteWorkloads: the shell completes workloads: of a store, else of the cluster that is asked, and of a bundle.
func TestCompleteWorkloads(t *testing.T) {
	s := shop(t)
	flows, dir := filepath.Join(t.TempDir(), "store"), filepath.Join(t.TempDir(), "bundle")
	observed := relayStore(t, flows)
	if code, _, errs := calls("learn", "-n", "shop", "--store", flows, "--min-watch", "0", "--out", dir, "--fail-on", "lost"); code == ExitError {
		t.Fatal(errs)
	}
	for _, c := range []struct {
		want string
		args []string
	}{
		{"shop/api\nshop/web\n", []string{"policies", "--store", flows, ""}},
		{"shop/api\nshop/web\n", []string{"policies", "shop/web", "--store", flows, ""}},
		{"shop/api\n:4", []string{"cluster", "--kubeconfig", observed(s), ""}},
		{"shop/api\nshop/web\n", []string{dir, "shop/web", ""}},
		{":4", []string{"policies", ""}},
	} {
		if _, out, errs := calls(append([]string{"__complete", "explain"}, c.args...)...); !strings.HasPrefix(out, c.want) {
			t.Errorf("%v: %s%s", c.args, out, errs)
		}
	}
}

package cli

import (
	"cmp"
	_ "embed"
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"text/template"

	"sluice/cmd/sluice/internal/collect"
	"sluice/cmd/sluice/internal/run"
	"sluice/ingest/live/goldmane"
	"sluice/ingest/live/hubble"
)

//go:embed install.yaml
var installText string

// installTemplate makes the manifests; other commands do not wait for it.
func installTemplate() *template.Template {
	quoted := func(v any) (string, error) {
		b, err := json.Marshal(v)
		return string(b), err
	}
	return template.Must(template.New("install").Funcs(template.FuncMap{"q": quoted}).Parse(installText))
}

// installValues are the values of the template.
type installValues struct {
	installOptions
	Args                []string
	Port                int
	Peer, PeerNamespace string // label k8s-app and namespace of the server's pods, "" where it is not in the cluster
	PeerPort            int
	Assumed             bool // Peer and PeerPort are those of the service: of its pods nothing is known
	Pinned              bool // the image is named by its digest
	Scraper             scraper
}

// PortText is the port as Cilium writes ports.
func (v *installValues) PortText() string { return strconv.Itoa(v.Port) }

// PeerPortText is the server's port likewise.
func (v *installValues) PeerPortText() string { return strconv.Itoa(v.PeerPort) }

const metricsPort = 9090

// values checks the options and works out what follows from them.
func (o *installOptions) values() (*installValues, error) {
	if o.Image == "" && o.helm == "" { // a chart is told by whoever uses it
		return nil, run.Usagef("--image IMAGE is needed: what to run")
	}
	if !collect.IsServer(o.Server) || strings.Contains(o.Server, "+unix:") {
		return nil, run.Usagef(
			"--server %s: give a server that the cluster's network reaches, such as hubble://hubble-relay.kube-system.svc:80",
			o.Server,
		)
	}
	if _, err := parseDays("keep", o.Keep); err != nil {
		return nil, err
	}
	from, err := o.check()
	if err != nil {
		return nil, err
	}
	scheme, _, _ := strings.Cut(o.Server, "://")
	switch secure := scheme == "hubbles" || scheme == "goldmane" || scheme == "whisker+https"; {
	case !secure && !o.Plaintext:
		return nil, run.Usagef(
			"--server %s is read without TLS: whoever is between may read and write flows; give hubbles:// or whisker+https://, or say --plaintext",
			o.Server,
		)
	case secure && o.Plaintext:
		return nil, run.Usagef("--server %s is read with TLS: --plaintext is for hubble:// and whisker+http://", o.Server)
	case !secure && (o.Secret != "" || o.ServerName != ""):
		return nil, run.Usagef(
			"--server %s is read without TLS: --tls-secret and --tls-server-name are for hubbles://, goldmane:// and whisker+https://",
			o.Server,
		)
	case scheme == "goldmane" && o.Secret == "":
		return nil, run.Usagef("--tls-secret SECRET is needed: Goldmane requires a client certificate")
	}
	v := &installValues{installOptions: *o, Port: metricsPort, Pinned: strings.Contains(o.Image, "@"), Scraper: from}
	if err := v.peer(); err != nil {
		return nil, err
	}
	v.Args = []string{
		"ingest",
		o.Server,
		"--store=/store",
		"--follow",
		"--quiet",
		"--log-format=json",
		"--keep=" + o.Keep,
		fmt.Sprintf("--listen=:%d", v.Port),
	}
	if o.Secret != "" {
		v.Args = append(
			v.Args,
			"--tls-ca-cert-files=/tls/ca.crt",
			"--tls-client-cert-file=/tls/tls.crt",
			"--tls-client-key-file=/tls/tls.key",
		)
	}
	if o.ServerName != "" {
		v.Args = append(v.Args, "--tls-server-name="+o.ServerName)
	}
	return v, nil
}

// targetPorts are the ports that the pods of known servers listen on, behind services with other ports: policies are
// about pods.
var targetPorts = map[string]int{"hubble-relay": 4245, "goldmane": 7443, "whisker": 8081}

// whiskerTLS is the port of Whisker since Calico 3.32, of its service and of its pods.
const whiskerTLS = 8443

// peer works out which pods the server is.
func (v *installValues) peer() error {
	host, port, err := serverAddress(v.Server)
	if err != nil {
		return run.Usagef("--server: %w", err)
	}
	v.PeerPort, _ = strconv.Atoi(port) // a port, as it was checked
	name, rest, _ := strings.Cut(host, ".")
	namespace, domain, _ := strings.Cut(rest, ".")
	known := targetPorts[name]
	if name == "whisker" && v.PeerPort == whiskerTLS {
		known = whiskerTLS
	}
	switch {
	case domain == "svc" || strings.HasPrefix(domain, "svc."):
		v.Peer, v.PeerNamespace, v.Assumed = name, namespace, known == 0
		v.PeerPort = cmp.Or(known, v.PeerPort)
	case net.ParseIP(host) == nil && (rest == "" || known != 0 && domain == ""):
		return run.Usagef(
			"--server %s: write a service of the cluster as NAME.NAMESPACE.svc: the network policies need its namespace",
			v.Server,
		)
	}
	return nil
}

// serverAddress returns host and port of a server, as the collector will reach it.
func serverAddress(server string) (host, port string, err error) {
	target, ok, err := goldmane.ParseURL(server)
	if err == nil && !ok {
		target, _, _, err = hubble.ParseURL(server)
	}
	if err != nil {
		return "", "", err
	}
	if goldmane.IsWhisker(target) {
		u, err := url.Parse(target)
		if err != nil {
			return "", "", err
		}
		return u.Hostname(), cmp.Or(u.Port(), map[string]string{"http": "80", "https": "443"}[u.Scheme]), nil
	}
	return net.SplitHostPort(target)
}

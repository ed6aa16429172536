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

	"github.com/spf13/cobra"

	"sluice/cmd/sluice/internal/collect"
	"sluice/cmd/sluice/internal/run"
	"sluice/cmd/sluice/internal/show"
	"sluice/ingest/live/goldmane"
	"sluice/ingest/live/hubble"
)

//go:embed install.yaml
var installText string

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

func newInstall(s Streams) *cobra.Command {
	o := &installOptions{}
	c := &cobra.Command{
		Use:   "install",
		Short: "Print the manifests of a collector in the cluster",
		Long: `install prints the manifests that run 'sluice ingest --follow' in a cluster: one pod with a volume, without rights in
the API, not as root, on a read-only root, and with network policies of its own. Nothing is applied. --rbac prints the
roles of people instead: what reaching a server with -P needs, and what reading the cluster needs (--manifests cluster). --alerts and
--dashboard print what Prometheus and Grafana need, made of the metrics that a collector declares.`,
		Example: `  sluice install --image registry.example/sluice@sha256:DIGEST --plaintext | kubectl apply -f -
  sluice install --image registry.example/sluice@sha256:DIGEST --server goldmane://goldmane.calico-system.svc:7443 --tls-secret sluice-tls
  sluice install --rbac | kubectl apply -f -
  sluice install --alerts`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			switch {
			case o.rbac && (o.alerts || o.dashboard) || o.alerts && o.dashboard:
				return run.Usagef("--rbac, --alerts and --dashboard are printed one at a time")
			case o.rbac:
				return printRoles(s, o)
			case o.alerts:
				return show.Alerts(s.Out)
			case o.dashboard:
				return show.Dashboard(s.Out)
			}
			v, err := o.values()
			if err != nil {
				return err
			}
			if !v.Pinned {
				fmt.Fprintln(s.Err, "sluice: warning: a tag may name another image tomorrow: give --image NAME@sha256:DIGEST")
			}
			return installTemplate.Execute(s.Out, v)
		},
	}
	f := c.Flags()
	f.BoolVar(&o.rbac, "rbac", false,
		"print instead the roles of people who use -P and cluster: for --server, with --tls-secret, and for reading")
	f.BoolVar(&o.alerts, "alerts", false, "print instead rules of Prometheus for the collector's metrics")
	f.BoolVar(&o.dashboard, "dashboard", false, "print instead a dashboard of Grafana for the collector's metrics")
	f.StringVar(&o.Image, "image", "", "the `IMAGE` to run, best by its digest; its entry point is sluice")
	f.StringVar(&o.Server, "server", "hubble://hubble-relay.kube-system.svc:80", "the `URL` to read from")
	f.StringVar(&o.Namespace, "namespace", "sluice", "the `NS` to run in, made with it")
	f.StringVar(&o.Size, "size", "10Gi", "the `SIZE` of the volume")
	f.StringVar(&o.Keep, "keep", "90d", "how long flows are kept")
	f.StringVar(
		&o.Secret,
		"tls-secret",
		"",
		"a `SECRET` in the namespace with ca.crt, tls.crt and tls.key, for mutual TLS",
	)
	f.StringVar(&o.ServerName, "tls-server-name", "", "the `NAME` in the server's certificate")
	f.StringVar(&o.MetricsFrom, "metrics-from", "", "let the pods `NS/KEY=VALUE[,...]` read the metrics")
	f.BoolVar(&o.Plaintext, "plaintext", false, "read from a server without TLS")
	f.BoolVar(&o.Cilium, "cilium", false, "print a CiliumNetworkPolicy as well (default: for hubble servers)")
	c.PreRun = func(*cobra.Command, []string) {
		if !c.Flags().Changed("cilium") {
			o.Cilium = strings.HasPrefix(o.Server, "hubble")
		}
	}
	return c
}

var installTemplate = template.Must(template.New("install").Funcs(template.FuncMap{"q": func(v any) (string, error) {
	b, err := json.Marshal(v)
	return string(b), err
}}).Parse(installText))

const metricsPort = 9090

// values checks the options and works out what follows from them.
func (o *installOptions) values() (*installValues, error) {
	if o.Image == "" {
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

package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"sluice/cmd/sluice/internal/run"
	"sluice/cmd/sluice/internal/show"
)

func newInstall(s Streams) *cobra.Command {
	o := &installOptions{}
	c := &cobra.Command{
		Use:   "install",
		Short: "Print the manifests of a collector in the cluster",
		Long: `install prints the manifests that run 'sluice ingest --follow' in a cluster: one pod with a volume, without rights in
the API, not as root, on a read-only root, and with network policies of its own. Nothing is applied. --rbac prints the
roles of people instead: what reaching a server with -P needs, what reading the cluster needs (--manifests cluster), and what
pull needs. --alerts and
--dashboard print what Prometheus and Grafana need, made of the metrics that a collector declares. --helm writes a chart
that renders to the same manifests, with the flags as its default values; a ServiceMonitor, the alerts and the dashboard
are optional in it.`,
		Example: `  sluice install --image registry.example/sluice@sha256:DIGEST --plaintext | kubectl apply -f -
  sluice install --image registry.example/sluice@sha256:DIGEST --server goldmane://goldmane.calico-system.svc:7443 --tls-secret sluice-tls
  sluice install --rbac | kubectl apply -f -
  sluice install --alerts
  sluice install --helm chart --plaintext   # then: helm install sluice chart --set image=registry.example/sluice@sha256:DIGEST`,
		Args: noArgs(""),
		RunE: func(*cobra.Command, []string) error {
			switch {
			case o.rbac && (o.alerts || o.dashboard) || o.alerts && o.dashboard:
				return run.Usagef("--rbac, --alerts and --dashboard are printed one at a time")
			case o.helm != "" && (o.rbac || o.alerts || o.dashboard):
				return run.Usagef("--helm writes a chart with alerts and a dashboard in it: nothing is printed")
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
			if !v.Pinned && v.Image != "" {
				fmt.Fprintln(s.Err, "sluice: warning: a tag may name another image tomorrow: give --image NAME@sha256:DIGEST")
			}
			if o.helm != "" {
				return writeChart(o.helm, v)
			}
			return installTemplate().Execute(s.Out, v)
		},
	}
	f := c.Flags()
	f.BoolVar(&o.rbac, "rbac", false,
		"print instead the roles of people who use -P, cluster and pull: for --server, with --tls-secret, and for reading")
	f.BoolVar(&o.alerts, "alerts", false, "print instead rules of Prometheus for the collector's metrics")
	f.BoolVar(&o.dashboard, "dashboard", false, "print instead a dashboard of Grafana for the collector's metrics")
	f.StringVar(&o.helm, "helm", "", "write a Helm chart into `DIR` instead, whose rendering is the same manifests")
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

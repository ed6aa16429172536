package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"sluice/cmd/sluice/internal/run"
	"sluice/cmd/sluice/internal/show"
)

// The chart has the manifests as its templates: of each action the field is that of the chart's values.
var (
	action   = regexp.MustCompile(`{{.*?}}`)
	anyField = regexp.MustCompile(`\$?l?\.[A-Z]\w*(\.[A-Z]\w*)?|\bq\b`)
	remark   = regexp.MustCompile(`^{{- /\*.*?\*/ -}}\s*`)
)

// inChart says what a word of the manifests' template is in the chart's.
var inChart = map[string]string{
	"q": "toJson", ".Server": ".Values.server", ".Namespace": ".Values.namespace", ".Image": ".Values.image",
	".Pinned": `(contains "@" .Values.image)`, ".Args": `(include "sluice.args" . | fromJsonArray)`, ".Port": "9090",
	".PortText": `"9090"`, ".Size": ".Values.size", ".Secret": ".Values.tlsSecret", ".MetricsFrom": ".Values.metricsFrom.labels",
	".Scraper.Namespace": ".Values.metricsFrom.namespace", ".Scraper.Labels": ".Values.metricsFrom.labels",
	"$l.Key": "$l.key", "$l.Value": "$l.value", ".Key": ".key", ".Value": ".value",
	".Peer": ".Values.peer.app", ".PeerNamespace": ".Values.peer.namespace", ".PeerPort": "(int .Values.peer.port)",
	".PeerPortText": "(toString (int .Values.peer.port))", ".Assumed": ".Values.peer.assumed", ".Cilium": ".Values.cilium",
}

// chartTemplate is a part of the manifests as a template of the chart.
func chartTemplate(text string) string {
	return action.ReplaceAllStringFunc(text, func(a string) string {
		return anyField.ReplaceAllStringFunc(a, func(word string) string { return inChart[word] })
	})
}

const chartHelpers = `{{- /* What the collector is started with. */ -}}
{{- define "sluice.args" -}}
{{- $args := list "ingest" .Values.server "--store=/store" "--follow" "--quiet" "--log-format=json" -}}
{{- $args = append $args (print "--keep=" .Values.keep) -}}
{{- $args = append $args "--listen=:9090" -}}
{{- if .Values.tlsSecret -}}
{{- $args = append $args "--tls-ca-cert-files=/tls/ca.crt" -}}
{{- $args = append $args "--tls-client-cert-file=/tls/tls.crt" -}}
{{- $args = append $args "--tls-client-key-file=/tls/tls.key" -}}
{{- end -}}
{{- if .Values.tlsServerName -}}
{{- $args = append $args (print "--tls-server-name=" .Values.tlsServerName) -}}
{{- end -}}
{{- $args | toJson -}}
{{- end -}}
`

const chartMonitoring = `{{- if .Values.serviceMonitor.enabled}}
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata:
  name: sluice
  namespace: {{toJson .Values.namespace}}
  labels: {{toJson .Values.serviceMonitor.labels}}
spec:
  selector:
    matchLabels: {app.kubernetes.io/name: sluice}
  endpoints:
    - {port: metrics}
{{- end}}
{{- if .Values.alerts.enabled}}
---
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: sluice
  namespace: {{toJson .Values.namespace}}
  labels: {{toJson .Values.alerts.labels}}
spec:
{{.Files.Get "files/alerts.yaml" | indent 2}}
{{- end}}
{{- if .Values.dashboard.enabled}}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: sluice-dashboard
  namespace: {{toJson .Values.namespace}}
  labels: {{toJson .Values.dashboard.labels}}
data:
  sluice.json: {{.Files.Get "files/dashboard.json" | toJson}}
{{- end}}
`

// chartValues writes values.yaml. Values are written as JSON, which YAML takes.
func chartValues(v *installValues) string {
	q := func(x any) string {
		b, err := json.Marshal(x)
		if err != nil {
			return "" // texts, numbers and lists of them always have JSON
		}
		return string(b)
	}
	labels := []map[string]string{}
	for _, l := range v.Scraper.Labels {
		labels = append(labels, map[string]string{"key": l.Key, "value": l.Value})
	}
	return fmt.Sprintf(`# The image to run, best by its digest; its entry point is sluice.
image: %s
# Where it runs. The objects name it by themselves, so that helm's own --namespace is only where helm keeps its record.
namespace: %s
# Make the namespace too. Without it the namespace has to be there.
createNamespace: true
# What to read from.
server: %s
# The pods of the server, for the network policies: they are about pods, not services. Change them with the server: app is
# the value of the label k8s-app, "" where the server is not in the cluster; assumed says that nobody checked them.
peer: {app: %s, namespace: %s, port: %d, assumed: %t}
# How long flows are kept, and the size of the volume for them.
keep: %s
size: %s
# A secret in the namespace with ca.crt, tls.crt and tls.key, and the name in the server's certificate.
tlsSecret: %s
tlsServerName: %s
# Who may read the metrics: pods of a namespace with labels. Without labels nobody may.
metricsFrom: {namespace: %s, labels: %s}
networkPolicy: {enabled: true}
# Write a CiliumNetworkPolicy as well.
cilium: %t
# For the Prometheus operator and for Grafana's sidecar. Whoever scrapes has to be named in metricsFrom.
serviceMonitor: {enabled: false, labels: {}}
alerts: {enabled: false, labels: {}}
dashboard: {enabled: false, labels: {grafana_dashboard: "1"}}
`, q(v.Image), q(v.Namespace), q(v.Server), q(v.Peer), q(v.PeerNamespace), v.PeerPort, v.Assumed, q(v.Keep), q(v.Size),
		q(v.Secret), q(v.ServerName), q(v.Scraper.Namespace), q(labels), v.Cilium)
}

// chartSchema is the JSON schema of the values: what sluice install refuses, helm refuses too.
func chartSchema() ([]byte, error) {
	type object = map[string]any
	text := func(may pattern, empty bool) object {
		if empty {
			return object{"type": "string", "pattern": "^$|" + string(may)}
		}
		return object{"type": "string", "pattern": string(may)}
	}
	flag := object{"type": "boolean"}
	closed := func(properties object) object {
		var all []string
		for name := range properties {
			all = append(all, name)
		}
		return object{"type": "object", "additionalProperties": false, "properties": properties, "required": slices.Sorted(slices.Values(all))}
	}
	optional := closed(object{"enabled": flag,
		"labels": object{"type": "object", "additionalProperties": object{"type": "string"}}})
	schema := closed(object{
		"image": text(imageName, false), "namespace": text(labelName, false), "createNamespace": flag,
		"server": object{"type": "string", "pattern": `^(hubbles?|goldmane|whisker\+https?)://`},
		"peer": closed(object{"app": object{"type": "string"}, "namespace": text(labelName, true),
			"port": object{"type": "integer", "minimum": 1, "maximum": 65535}, "assumed": flag}),
		"keep": object{"type": "string", "pattern": "^[0-9.]+(d|h|m|s)[0-9dhms.]*$"}, "size": text(quantity, false),
		"tlsSecret": text(dnsName, true), "tlsServerName": text(dnsName, true),
		"metricsFrom": closed(object{"namespace": text(labelName, true), "labels": object{"type": "array",
			"items": closed(object{"key": text(labelKey, false), "value": text(labelValue, false)})}}),
		"networkPolicy": closed(object{"enabled": flag}), "cilium": flag,
		"serviceMonitor": optional, "alerts": optional, "dashboard": optional,
	})
	if all, ok := schema["properties"].(object); ok {
		all["global"] = object{"type": "object"} // Helm adds it
	}
	schema["$schema"] = "http://json-schema.org/draft-07/schema#"
	b, err := json.MarshalIndent(schema, "", "  ")
	return append(b, '\n'), err
}

// chart is the files of a Helm chart of the collector, whose rendering is what sluice install prints.
func chart(v *installValues) (map[string][]byte, error) {
	docs := strings.Split(remark.ReplaceAllString(installText, ""), "\n---\n")
	const policies = 4 // after the namespace, the account, the collector and its service
	if len(docs) != policies+2 || !strings.Contains(docs[policies], "kind: NetworkPolicy") {
		return nil, errors.New("the manifests of the collector are not those that the chart was made for")
	}
	when := func(what string, list []string) []byte {
		text := chartTemplate(strings.Join(list, "\n---\n"))
		if what != "" {
			text = "{{- if " + what + "}}\n" + strings.TrimRight(text, "\n") + "\n{{- end}}\n"
		}
		return []byte(strings.TrimRight(text, "\n") + "\n")
	}
	schema, err := chartSchema()
	if err != nil {
		return nil, err
	}
	var alerts, dashboard bytes.Buffer
	if err := errors.Join(show.Alerts(&alerts), show.Dashboard(&dashboard)); err != nil {
		return nil, err
	}
	return map[string][]byte{
		"Chart.yaml": fmt.Appendf(nil, "apiVersion: v2\nname: sluice\ndescription: A collector of flow logs, without rights in the API\n"+
			"type: application\nversion: %s\nappVersion: %q\n", chartVersion(build().Version), build().Version),
		"values.yaml":                  []byte(chartValues(v)),
		"values.schema.json":           schema,
		"templates/_helpers.tpl":       []byte(chartHelpers),
		"templates/namespace.yaml":     when(".Values.createNamespace", docs[:1]),
		"templates/collector.yaml":     when("", docs[1:policies]),
		"templates/networkpolicy.yaml": when(".Values.networkPolicy.enabled", docs[policies:]),
		"templates/monitoring.yaml":    []byte(chartMonitoring),
		"files/alerts.yaml":            alerts.Bytes(),
		"files/dashboard.json":         dashboard.Bytes(),
	}, nil
}

var semver = regexp.MustCompile(`^v?([0-9]+\.[0-9]+\.[0-9]+([-+][-+.0-9A-Za-z]+)?)$`)

// chartVersion is a version as Helm takes them.
func chartVersion(version string) string {
	if m := semver.FindStringSubmatch(version); m != nil {
		return m[1]
	}
	return "0.0.0"
}

// writeChart writes a chart into a directory that is empty, not there, or has a former one.
func writeChart(dir string, v *installValues) error {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if former, err := os.ReadFile(filepath.Join(dir, "Chart.yaml")); len(entries) > 0 &&
		(err != nil || !bytes.Contains(former, []byte("\nname: sluice\n"))) {
		return run.Usagef("--helm %s: it is neither empty nor a former chart of sluice", dir)
	}
	files, err := chart(v)
	if err != nil {
		return err
	}
	for name, text := range files {
		to := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(to, text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

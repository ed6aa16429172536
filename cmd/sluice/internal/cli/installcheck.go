package cli

import (
	"regexp"
	"strings"

	"sluice/cmd/sluice/internal/run"
)

// installOptions are what the manifests depend on.
type installOptions struct {
	Namespace, Image, Server, Size, Keep, Secret, MetricsFrom string
	ServerName                                                string
	Cilium, Plaintext                                         bool
	rbac, alerts, dashboard                                   bool
	helm                                                      string
}

// What the cluster would refuse, or what would be another manifest than was asked for, is told before it is printed.
const (
	labelName  pattern = `^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`
	dnsName    pattern = `^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$`
	imageName  pattern = `^[a-z0-9][-a-z0-9._:/]*(:[A-Za-z0-9_][-A-Za-z0-9_.]{0,127})?(@sha256:[0-9a-f]{64})?$`
	quantity   pattern = `^[1-9][0-9]{0,11}(Ki|Mi|Gi|Ti|Pi|k|M|G|T|P)?$`
	labelKey   pattern = `^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$`
	labelValue pattern = `^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$`
)

// pattern is what a value has to look like. It is compiled where it is asked for: no other command waits for that.
type pattern string

func (p pattern) matches(value string) bool { return regexp.MustCompile(string(p)).MatchString(value) }

// scraper are the pods that read the metrics.
type scraper struct {
	Namespace string
	Labels    []scraperLabel
}

type scraperLabel struct{ Key, Value string }

// check is the error for a value that cannot be meant, and what --metrics-from says.
func (o *installOptions) check() (scraper, error) {
	for _, c := range []struct {
		flag, value string
		may         pattern
		want        string
	}{
		{"image", o.Image, imageName, "an image, such as registry.example/sluice@sha256:DIGEST"},
		{"namespace", o.Namespace, labelName, "the name of a namespace"},
		{"size", o.Size, quantity, "a size, such as 10Gi"},
		{"tls-secret", o.Secret, dnsName, "the name of a secret"},
		{"tls-server-name", o.ServerName, dnsName, "a DNS name"},
	} {
		if c.value != "" && !c.may.matches(c.value) || c.value == "" && (c.flag == "namespace" || c.flag == "size") {
			return scraper{}, run.Usagef("--%s %q: give %s", c.flag, c.value, c.want)
		}
	}
	return parseScraper(o.MetricsFrom)
}

// parseScraper reads NS/KEY=VALUE[,...]. A namespace alone is none: whoever runs a pod there could read them.
func parseScraper(text string) (scraper, error) {
	if text == "" {
		return scraper{}, nil
	}
	ns, labels, _ := strings.Cut(text, "/")
	from := scraper{Namespace: ns}
	for l := range strings.SplitSeq(labels, ",") {
		key, value, ok := strings.Cut(l, "=")
		if !ok || !labelName.matches(ns) || !labelKey.matches(key) || !labelValue.matches(value) {
			return from, run.Usagef(
				"--metrics-from %q: name the namespace and the labels of who reads, such as monitoring/app.kubernetes.io/name=prometheus", text)
		}
		from.Labels = append(from.Labels, scraperLabel{key, value})
	}
	return from, nil
}

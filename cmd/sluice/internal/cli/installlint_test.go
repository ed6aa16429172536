package cli

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// collectorPod is what of the manifest the rules below ask for.
type collectorPod struct {
	Spec struct {
		Replicas    int
		ServiceName string
		Selector    struct{ MatchLabels map[string]string }
		Template    struct {
			Metadata struct{ Labels map[string]string }
			Spec     struct {
				ServiceAccountName            string
				HostNetwork, HostPID, HostIPC bool
				AutomountServiceAccountToken  *bool
				SecurityContext               struct {
					RunAsNonRoot bool
					RunAsUser    int
					Sysctls      []any
				}
				InitContainers                            []any
				Affinity, PriorityClassName, NodeSelector any
				Volumes                                   []map[string]any
				Containers                                []container
			}
		}
	}
}

type container struct {
	Image, ImagePullPolicy string
	Command                []string
	Env                    []struct {
		Name      string
		Value     string
		ValueFrom any
	}
	Ports []struct {
		Name                    string
		ContainerPort, HostPort int
		Protocol                string
	}
	LivenessProbe, ReadinessProbe, StartupProbe *struct{ HTTPGet struct{ Port string } }
	SecurityContext                             struct {
		AllowPrivilegeEscalation *bool
		ReadOnlyRootFilesystem   bool
		Privileged               bool
		Capabilities             struct{ Drop, Add []string }
	}
	Resources struct{ Requests, Limits map[string]string }
}

// lintRules are the rules of kube-linter that are about what install prints, under its names. The tool itself cannot be
// had as a module, so each is written out. A rule that is not kept has its reason.
var lintRules = []struct {
	name   string
	kept   func(p *collectorPod, c *container, text string) bool
	except string
}{
	{"drop-net-raw-capability", func(_ *collectorPod, c *container, _ string) bool {
		return slices.Contains(c.SecurityContext.Capabilities.Drop, "ALL") && len(c.SecurityContext.Capabilities.Add) == 0
	}, ""},
	{"no-read-only-root-fs", func(_ *collectorPod, c *container, _ string) bool { return c.SecurityContext.ReadOnlyRootFilesystem }, ""},
	{"privilege-escalation-container", func(_ *collectorPod, c *container, _ string) bool {
		return c.SecurityContext.AllowPrivilegeEscalation != nil && !*c.SecurityContext.AllowPrivilegeEscalation
	}, ""},
	{"privileged-container", func(_ *collectorPod, c *container, _ string) bool { return !c.SecurityContext.Privileged }, ""},
	{"run-as-non-root", func(p *collectorPod, _ *container, _ string) bool {
		return p.Spec.Template.Spec.SecurityContext.RunAsNonRoot && p.Spec.Template.Spec.SecurityContext.RunAsUser > 0
	}, ""},
	{"host-network, host-pid, host-ipc", func(p *collectorPod, _ *container, _ string) bool {
		s := p.Spec.Template.Spec
		return !s.HostNetwork && !s.HostPID && !s.HostIPC
	}, ""},
	{"unsafe-sysctls", func(p *collectorPod, _ *container, _ string) bool {
		return len(p.Spec.Template.Spec.SecurityContext.Sysctls) == 0
	}, ""},
	{"docker-sock, sensitive-host-mounts, writable-host-mount", func(p *collectorPod, _ *container, text string) bool {
		return !strings.Contains(text, "hostPath")
	}, ""},
	{"unset-cpu-requirements", func(_ *collectorPod, c *container, _ string) bool { return c.Resources.Requests["cpu"] != "" }, ""},
	{"unset-memory-requirements", func(_ *collectorPod, c *container, _ string) bool {
		return c.Resources.Requests["memory"] != "" && c.Resources.Limits["memory"] != ""
	}, ""},
	{"ephemeral storage (no rule of the tool)", func(_ *collectorPod, c *container, _ string) bool {
		return c.Resources.Requests["ephemeral-storage"] != "" && c.Resources.Limits["ephemeral-storage"] != ""
	}, ""},
	{"liveness-port, readiness-port, startup-port, no-liveness-probe, no-readiness-probe, no-startup-probe",
		func(_ *collectorPod, c *container, _ string) bool {
			port := c.Ports[0].Name
			return c.LivenessProbe.HTTPGet.Port == port && c.ReadinessProbe.HTTPGet.Port == port && c.StartupProbe.HTTPGet.Port == port
		}, ""},
	{"latest-tag", func(_ *collectorPod, c *container, _ string) bool {
		return strings.Contains(c.Image, ":") && !strings.HasSuffix(c.Image, ":latest")
	}, ""},
	{"default-service-account, non-existent-service-account", func(p *collectorPod, _ *container, text string) bool {
		return p.Spec.Template.Spec.ServiceAccountName == "sluice" && strings.Contains(text, "kind: ServiceAccount\nmetadata:\n  name: sluice\n")
	}, ""},
	{"access-to-secrets, cluster-admin-role-binding, wildcard-in-rules", func(p *collectorPod, _ *container, text string) bool {
		return !strings.Contains(text, "kind: Role") && !strings.Contains(text, "kind: ClusterRole") &&
			p.Spec.Template.Spec.AutomountServiceAccountToken != nil && !*p.Spec.Template.Spec.AutomountServiceAccountToken
	}, ""},
	{"env-var-secret, env-value-from, read-secret-from-env-var", func(_ *collectorPod, c *container, _ string) bool {
		return !slices.ContainsFunc(c.Env, func(e struct {
			Name      string
			Value     string
			ValueFrom any
		}) bool {
			return e.ValueFrom != nil || strings.Contains(strings.ToLower(e.Name), "secret")
		})
	}, ""},
	{"mismatching-selector, dangling-service, dangling-networkpolicy", func(p *collectorPod, _ *container, text string) bool {
		return p.Spec.Selector.MatchLabels["app.kubernetes.io/name"] == p.Spec.Template.Metadata.Labels["app.kubernetes.io/name"] &&
			strings.Contains(text, "  selector: {app.kubernetes.io/name: sluice}\n")
	}, ""},
	{"invalid-target-ports, exposed-services, ssh-port, privileged-ports, host-port", func(_ *collectorPod, c *container, text string) bool {
		return len(c.Ports) == 1 && c.Ports[0].ContainerPort > 1024 && c.Ports[0].HostPort == 0 &&
			strings.Contains(text, "targetPort: metrics") && !strings.Contains(text, "NodePort") && !strings.Contains(text, "LoadBalancer")
	}, ""},
	{"non-isolated-pod", func(_ *collectorPod, _ *container, text string) bool {
		return strings.Contains(text, "policyTypes: [Ingress, Egress]")
	}, ""},
	{"use-namespace", func(_ *collectorPod, _ *container, text string) bool {
		return !strings.Contains(text, "namespace: default")
	}, ""},
	{"minimum-three-replicas, no-anti-affinity, pdb-min-available", nil, "a stream has one collector: the store refuses a second one, and a restart resumes"},
	{"no-node-affinity, priority-class-name, scheduler-name", nil, "where it runs and what is evicted first is the cluster's business"},
	{"unset-cpu-requirements for limits", nil, "a limit of CPU only makes it lag behind; what it takes is bounded by the stream"},
	{"required-label-owner, required-annotation-email", nil, "who owns it is not known here"},
	{"dnsconfig-options", nil, "names of the cluster are written in full"},
}

// TestInstallLint holds each manifest against the rules.
func TestInstallLint(t *testing.T) {
	for _, args := range installs {
		text := installed(t, args)
		var pod *collectorPod
		for doc := range strings.SplitSeq(text, "\n---\n") {
			if strings.Contains(doc, "kind: StatefulSet") {
				pod = new(collectorPod)
				if err := yaml.Unmarshal([]byte(doc), pod); err != nil {
					t.Fatal(err)
				}
			}
		}
		if pod == nil || len(pod.Spec.Template.Spec.Containers) != 1 {
			t.Fatalf("%v: no pod of one container", args)
		}
		for _, r := range lintRules {
			if (r.kept == nil) == (r.except == "") {
				t.Errorf("%s: kept, or a reason", r.name)
			}
			if r.kept != nil && !r.kept(pod, &pod.Spec.Template.Spec.Containers[0], text) {
				t.Errorf("%v: %s", args, r.name)
			}
		}
	}
}

// installed is what install prints.
func installed(t *testing.T, args []string) string {
	t.Helper()
	var out, errs bytes.Buffer
	if code := Main(append([]string{"install", "--image", "r/sluice:1"}, args...), nil, &out, &errs); code != ExitOK {
		t.Fatalf("%v: %s", args, errs.String())
	}
	return out.String()
}

// TestInstallPinned: an image that is named by its digest is not asked for again, and nothing is warned of.
func TestInstallPinned(t *testing.T) {
	image := "registry.example:5000/tools/sluice:1.0@sha256:" + strings.Repeat("0a", 32)
	var out, errs bytes.Buffer
	code := Main([]string{"install", "--image", image, "--server", "hubbles://relay.example.org"}, nil, &out, &errs)
	if code != ExitOK || errs.Len() > 0 || !strings.Contains(out.String(), "imagePullPolicy: IfNotPresent") {
		t.Errorf("%d %s\n%s", code, errs.String(), out.String())
	}
}

// TestInstallDNS: the collector reaches the resolver of any cluster: that of kubeadm, NodeLocal DNSCache, OpenShift's.
func TestInstallDNS(t *testing.T) {
	text := installed(t, installs[0])
	for _, want := range []string{
		"{k8s-app: kube-dns}", "{k8s-app: node-local-dns}", "{cidr: 169.254.20.10/32}", "{kubernetes.io/metadata.name: openshift-dns}",
		"port: 5353", "toEntities: [host]", `"k8s:k8s-app": node-local-dns`, `"k8s:dns.operator.openshift.io/daemonset-dns": default`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s", want)
		}
	}
}

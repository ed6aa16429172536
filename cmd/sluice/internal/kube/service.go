package kube

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Service names a service of the cluster.
type Service struct{ Namespace, Name string }

// String is "NAME.NAMESPACE.svc", as pods call it.
func (s Service) String() string { return s.Name + "." + s.Namespace + ".svc" }

// Find returns the namespaces that have a service of a name, as far as the user may look.
func (c *Cluster) Find(ctx context.Context, name string) ([]string, error) {
	var in []string
	at := access{verb: "list", resource: "services"}
	err := c.list(ctx, "/api/v1/services", url.Values{"fieldSelector": {"metadata.name=" + name}}, at,
		func(item json.RawMessage) error {
			var s service
			err := json.Unmarshal(item, &s)
			in = append(in, s.Metadata.Namespace)
			return err
		})
	return in, err
}

// service is what is read of a Service.
type service struct {
	Metadata metadata
	Spec     struct {
		Selector map[string]string
		Ports    []struct {
			Name, Protocol string
			Port           int
			TargetPort     json.RawMessage // a number or a name
		}
	}
}

type metadata struct {
	Name, Namespace   string
	DeletionTimestamp string
}

// pod is what is read of a Pod.
type pod struct {
	Metadata metadata
	Spec     struct{ Containers, InitContainers []container }
	Status   struct {
		Phase, Reason         string
		Conditions            []struct{ Type, Status string }
		ContainerStatuses     []containerStatus
		InitContainerStatuses []containerStatus
	}
}

type container struct {
	RestartPolicy string
	Ports         []struct {
		Name, Protocol string
		ContainerPort  int
	}
}

type containerStatus struct {
	Name  string
	State struct {
		Waiting    *struct{ Reason, Message string }
		Terminated *struct{ Reason string }
	}
}

// lookUp reads a service.
func (c *Cluster) lookUp(ctx context.Context, of Service) (*service, error) {
	s := &service{}
	at := access{"get", "services", of.Namespace}
	path := "/api/v1/namespaces/" + url.PathEscape(of.Namespace) + "/services/" + url.PathEscape(of.Name)
	if err := c.get(ctx, path, nil, at, s); err != nil {
		var none *absent
		if errors.As(err, &none) {
			return nil, &NoService{of, c}
		}
		return nil, err
	}
	switch {
	case len(s.Spec.Selector) == 0:
		return nil, fmt.Errorf("the service %s has no selector: its pods are not known, forward its port by hand", of)
	case len(s.Spec.Ports) == 0:
		return nil, fmt.Errorf("the service %s has no port", of)
	}
	return s, nil
}

// NoService is a service that is not there.
type NoService struct {
	Service
	cluster *Cluster
}

// Error names the service and the cluster.
func (e *NoService) Error() string {
	return fmt.Sprintf("there is no service %s in namespace %s of %s", e.Name, e.Namespace, e.cluster)
}

// backend returns a pod behind a service that is ready, and the port of its container. Tries differ in the pod where
// there are several: one may be gone without its status telling.
func (c *Cluster) backend(ctx context.Context, of Service, s *service, try int) (name string, port int, err error) {
	at := access{"list", "pods", of.Namespace}
	var terms []string
	for k, v := range s.Spec.Selector {
		terms = append(terms, k+"="+v)
	}
	slices.Sort(terms)
	var pods, ready []*pod
	err = c.list(ctx, "/api/v1/namespaces/"+url.PathEscape(of.Namespace)+"/pods",
		url.Values{"labelSelector": {strings.Join(terms, ",")}}, at, func(item json.RawMessage) error {
			p := &pod{}
			err := json.Unmarshal(item, p)
			if p.Metadata.DeletionTimestamp == "" {
				if pods = append(pods, p); p.ready() {
					ready = append(ready, p)
				}
			}
			return err
		})
	if err != nil {
		return "", 0, err
	}
	if len(ready) == 0 {
		return "", 0, notReady(of, terms, pods)
	}
	p := ready[try%len(ready)]
	if port, err = p.port(s); err != nil {
		return "", 0, fmt.Errorf("service %s: %w", of, err)
	}
	return p.Metadata.Name, port, nil
}

// notReady says what pods are in place of ready.
func notReady(of Service, terms []string, pods []*pod) error {
	if len(pods) == 0 {
		return fmt.Errorf("no pod is behind the service %s (%s in namespace %s): is its Deployment there, and not scaled to 0?",
			of, strings.Join(terms, ","), of.Namespace)
	}
	var states []string
	for _, p := range pods {
		states = append(states, p.Metadata.Name+" is "+p.state())
	}
	return fmt.Errorf("no pod behind the service %s is ready: %s: see kubectl describe pod -n %s %s",
		of, some(states), of.Namespace, pods[0].Metadata.Name)
}

func (p *pod) ready() bool {
	for _, c := range p.Status.Conditions {
		if c.Type == "Ready" {
			return c.Status == "True"
		}
	}
	return false
}

// state is why a pod is not ready, as kubectl get shows it.
func (p *pod) state() string {
	for _, c := range slices.Concat(p.Status.InitContainerStatuses, p.Status.ContainerStatuses) {
		switch {
		case c.State.Waiting != nil && c.State.Waiting.Reason != "":
			return c.State.Waiting.Reason
		case c.State.Terminated != nil && c.State.Terminated.Reason != "" && c.State.Terminated.Reason != "Completed":
			return c.State.Terminated.Reason
		}
	}
	if p.Status.Phase == "Running" {
		return "Running and not ready"
	}
	return cmp.Or(p.Status.Reason, p.Status.Phase, "Pending")
}

// port returns the port of the container that the first port of a service leads to.
func (p *pod) port(s *service) (int, error) {
	first := s.Spec.Ports[0]
	target := strings.Trim(string(first.TargetPort), `"`)
	if target == "" || target == "0" || target == "null" {
		return first.Port, nil
	}
	if n, err := strconv.ParseUint(target, 10, 16); err == nil {
		return int(n), nil
	}
	containers := p.Spec.Containers
	for _, c := range p.Spec.InitContainers {
		if c.RestartPolicy == "Always" { // a sidecar
			containers = append(containers, c)
		}
	}
	for _, c := range containers {
		for _, port := range c.Ports {
			if port.Name == target && cmp.Or(port.Protocol, "TCP") == cmp.Or(first.Protocol, "TCP") {
				return port.ContainerPort, nil
			}
		}
	}
	return 0, fmt.Errorf("its port %d leads to a port named %q, and pod %s has none of that name", first.Port, target, p.Metadata.Name)
}

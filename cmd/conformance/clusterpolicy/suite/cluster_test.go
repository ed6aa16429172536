package suite

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"sync"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	api "sigs.k8s.io/network-policy-api/apis/v1beta1"
	"sigs.k8s.io/yaml"
)

// newClient returns a cluster that holds objects and runs nothing: where a StatefulSet comes its pods are there at once,
// with addresses and, on the network of their nodes, nodes. Policies are read as they are written.
func newClient(scheme *runtime.Scheme, read func(client.Object) error) client.Client {
	var mu sync.Mutex
	address := 9
	create := func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.CreateOption) error {
		switch kind := o.GetObjectKind().GroupVersionKind().Kind; {
		case strings.HasSuffix(kind, "NetworkPolicy"):
			if err := read(o); err != nil {
				return err
			}
			return c.Create(ctx, o, opts...)
		case kind != "StatefulSet":
			return c.Create(ctx, o, opts...)
		}
		content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
		if err != nil {
			return err
		}
		var set appsv1.StatefulSet
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(content, &set); err != nil {
			return err
		}
		set.Status.ReadyReplicas = *set.Spec.Replicas
		if err := c.Create(ctx, &set); err != nil {
			return err
		}
		for i := range *set.Spec.Replicas {
			mu.Lock()
			address++
			n := address
			mu.Unlock()
			pod := &corev1.Pod{
				ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprint(set.Name, "-", i), Namespace: set.Namespace, Labels: map[string]string{}},
				Spec:       set.Spec.Template.Spec,
				Status:     corev1.PodStatus{PodIP: fmt.Sprint("10.244.0.", n)},
			}
			maps.Copy(pod.Labels, set.Spec.Template.Labels)
			pod.Labels[appsv1.StatefulSetPodNameLabel] = pod.Name
			if pod.Spec.HostNetwork {
				pod.Status.PodIP = fmt.Sprint("192.0.2.", n)
				node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprint("node-", n), Labels: map[string]string{"kubernetes.io/os": "linux"}},
					Status: corev1.NodeStatus{Addresses: []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: pod.Status.PodIP}}}}
				if err := c.Create(ctx, node); err != nil {
					return err
				}
			}
			if err := c.Create(ctx, pod); err != nil {
				return err
			}
		}
		return nil
	}
	return fake.NewClientBuilder().WithScheme(scheme).WithInterceptorFuncs(interceptor.Funcs{Create: create}).Build()
}

// question is what there is in a cluster, and a connection in it.
type question struct {
	Pods       []pod    `json:"pods"`
	Objects    []string `json:"objects"` // nodes and policies
	Only       bool     `json:"only"`    // read the objects, there is no connection
	Connection struct {
		From     string `json:"from"` // addresses
		To       string `json:"to"`
		Protocol string `json:"protocol"`
		Port     int    `json:"port"`
	} `json:"connection"`
}

type pod struct {
	Namespace       string            `json:"namespace"`
	NamespaceLabels map[string]string `json:"namespaceLabels"`
	Name            string            `json:"name"`
	Labels          map[string]string `json:"labels"`
	Address         string            `json:"address"`
	HostNetwork     bool              `json:"hostNetwork"`
	Ports           []port            `json:"ports"`
}

type port struct {
	Name     string `json:"name"`
	Protocol string `json:"protocol"`
	Port     uint16 `json:"port"`
}

// present describes what a cluster holds.
func present(ctx context.Context, c client.Client) (question, error) {
	var q question
	var namespaces corev1.NamespaceList
	var pods corev1.PodList
	for _, list := range []client.ObjectList{&namespaces, &pods} {
		if err := c.List(ctx, list); err != nil {
			return q, err
		}
	}
	labels := map[string]map[string]string{}
	for _, n := range namespaces.Items {
		labels[n.Name] = map[string]string{"kubernetes.io/metadata.name": n.Name} // as the API server adds it
		maps.Copy(labels[n.Name], n.Labels)
	}
	for _, p := range pods.Items {
		one := pod{p.Namespace, labels[p.Namespace], p.Name, p.Labels, p.Status.PodIP, p.Spec.HostNetwork, []port{}}
		for _, c := range p.Spec.Containers {
			for _, n := range c.Ports {
				one.Ports = append(one.Ports, port{n.Name, string(n.Protocol), uint16(n.ContainerPort)})
			}
		}
		q.Pods = append(q.Pods, one)
	}
	var err error
	q.Objects, err = objects(ctx, c)
	return q, err
}

// objects returns the texts of nodes and policies.
func objects(ctx context.Context, c client.Client) ([]string, error) {
	var out []string
	for _, x := range []struct {
		version, kind string
		list          client.ObjectList
	}{
		{"v1", "Node", &corev1.NodeList{}},
		{"networking.k8s.io/v1", "NetworkPolicy", &networkingv1.NetworkPolicyList{}},
		{"policy.networking.k8s.io/v1beta1", "ClusterNetworkPolicy", &api.ClusterNetworkPolicyList{}},
	} {
		if err := c.List(ctx, x.list); err != nil {
			return nil, err
		}
		content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(x.list)
		if err != nil {
			return nil, err
		}
		items, _ := content["items"].([]any)
		for _, item := range items {
			o, ok := item.(map[string]any)
			if !ok {
				return nil, fmt.Errorf("an item of %s is no object", x.kind)
			}
			o["apiVersion"], o["kind"] = x.version, x.kind
			delete(o, "status")
			if node, ok := x.list.(*corev1.NodeList); ok {
				o["status"] = map[string]any{"addresses": node.Items[len(out)].Status.Addresses}
			}
			text, err := yaml.Marshal(o)
			if err != nil {
				return nil, err
			}
			out = append(out, string(text))
		}
	}
	return out, nil
}

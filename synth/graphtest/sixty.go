package graphtest

import (
	"fmt"
	"math/rand/v2"
	"slices"
)

// Sixty returns the lines of a fixed cluster of the size that tools for policies are compared on: 60 namespaces with
// 396 workloads besides the system's, some 16,000 (workload, peer, port) tuples. Teams label as they like, call
// services of their own and of others, and share a platform that is asked by most and asks most. Each client draws
// the ports it uses of each server by itself, which leaves little that rules could share: a harder case than
// sixty.yaml of the scenarios.
func Sixty() []string {
	c := &sixty{r: rand.New(rand.NewPCG(60, 396)), seen: map[string]bool{}}
	c.platform()
	for i := range 52 {
		c.team(i)
	}
	c.shared()
	c.within()
	c.across()
	c.outside()
	return c.lines
}

// server is a workload and the ports that it listens on.
type server struct {
	id, namespace, role string
	ports               []string
}

type sixty struct {
	r       *rand.Rand
	servers []server
	seen    map[string]bool
	lines   []string
}

// roles are what the workloads of a team do, with their ports. The later ones are rarer.
var roles = []struct {
	name  string
	ports []string
}{
	{"api", []string{"8080/tcp", "8443/tcp", "9090/tcp", "50051/tcp"}},
	{"web", []string{"3000/tcp", "8080/tcp", "9090/tcp"}},
	{"worker", []string{"8081/tcp", "9102/tcp", "7000/tcp"}},
	{"db", []string{"5432/tcp", "6432/tcp", "9187/tcp"}},
	{"cache", []string{"6379/tcp", "16379/tcp", "9121/tcp"}},
	{"search", []string{"9200/tcp", "9300/tcp", "9114/tcp"}},
	{"queue", []string{"5672/tcp", "15672/tcp", "15692/tcp", "25672/tcp"}},
	{"auth", []string{"8080/tcp", "8443/tcp", "9000/tcp", "9001/tcp", "9002/tcp"}},
}

func (c *sixty) add(namespace, role, labels string, ports ...string) {
	c.servers = append(c.servers, server{namespace + "/{" + labels + "}", namespace, role, ports})
}

// platform is eight namespaces that serve the others.
func (c *sixty) platform() {
	for _, p := range []struct {
		namespace, name string
		components      []string
		ports           []string
	}{
		{"monitoring", "prometheus", []string{"server", "alertmanager", "gateway", "grafana"}, []string{"9090/tcp", "9091/tcp", "9093/tcp", "3000/tcp"}},
		{"tracing", "collector", []string{"agent", "gateway", "query"}, []string{"4317/tcp", "4318/tcp", "14250/tcp", "16686/tcp"}},
		{"logging", "loki", []string{"distributor", "querier", "ingester"}, []string{"3100/tcp", "9095/tcp", "7946/tcp"}},
		{"streams", "kafka", []string{"broker", "controller", "connect", "registry"}, []string{"9092/tcp", "9093/tcp", "9094/tcp", "8081/tcp"}},
		{"identity", "keycloak", []string{"server", "gateway"}, []string{"8080/tcp", "8443/tcp", "7800/tcp"}},
		{"secrets", "vault", []string{"server", "injector"}, []string{"8200/tcp", "8201/tcp"}},
		{"storage", "minio", []string{"server", "console", "gateway"}, []string{"9000/tcp", "9001/tcp"}},
		{"edge", "ingress", []string{"public", "internal", "admin"}, []string{"80/tcp", "443/tcp", "10254/tcp"}},
	} {
		for _, comp := range p.components {
			c.add(
				p.namespace,
				"platform",
				"app.kubernetes.io/name="+p.name+",app.kubernetes.io/component="+comp,
				p.ports...)
		}
	}
}

// team is a namespace with 7 workloads, 8 in the first ones, labelled in one of three ways.
func (c *sixty) team(i int) {
	ns := fmt.Sprintf("team-%02d", i)
	n := 7
	if i < 8 {
		n = 8
	}
	for k, role := range roles[:n] {
		ports := slices.Clone(role.ports)
		c.r.Shuffle(len(ports), func(i, j int) { ports[i], ports[j] = ports[j], ports[i] })
		ports = ports[:2+c.r.IntN(len(ports)-1)]
		name := fmt.Sprintf("%s-%d", role.name, c.r.IntN(3))
		switch i % 3 {
		case 0:
			c.add(ns, role.name, "app.kubernetes.io/name="+ns+",app.kubernetes.io/component="+name, ports...)
		case 1:
			c.add(ns, role.name, fmt.Sprintf("app=%s-%d,tier=%d", name, k, k%3), ports...)
		default:
			c.add(ns, role.name, "app="+role.name, ports...)
		}
	}
}

// call notes that one workload uses a few ports of another, each with a probability.
func (c *sixty) call(client, server *server, each float64) {
	if client.id == server.id {
		return
	}
	one := c.r.IntN(len(server.ports))
	for i, p := range server.ports {
		if i == one || c.r.Float64() < each {
			c.line(client.id + " -> " + server.id + " " + p)
		}
	}
}

func (c *sixty) line(s string) {
	if !c.seen[s] {
		c.seen[s] = true
		c.lines = append(c.lines, s)
	}
}

// shared is what most workloads have in common: names, metrics, traces, logs and the rest of the platform.
func (c *sixty) shared() {
	for i := range c.servers {
		s := &c.servers[i]
		c.line(s.id + " -> kube-system/{k8s-app=kube-dns} 53/udp")
		if c.r.Float64() < 0.8 {
			c.line(c.servers[0].id + " -> " + s.id + " " + s.ports[len(s.ports)-1])
		}
		for k := range c.servers {
			if p := &c.servers[k]; p.role == "platform" && c.r.Float64() < 0.25 {
				c.call(s, p, 0.3)
			}
		}
	}
}

// within is what the workloads of a namespace ask of each other.
func (c *sixty) within() {
	for i := range c.servers {
		for k := range c.servers {
			if s, t := &c.servers[i], &c.servers[k]; s.namespace == t.namespace && c.r.Float64() < 0.4 {
				c.call(s, t, 0.4)
			}
		}
	}
}

// across is what teams ask of others: some services are asked by many, most by few.
func (c *sixty) across() {
	for i := range c.servers {
		for range 3 {
			u := c.r.Float64()
			c.call(&c.servers[i], &c.servers[int(u*u*u*float64(len(c.servers)))], 0.4)
		}
	}
}

// outside are addresses, a few of them asked by many.
func (c *sixty) outside() {
	for i := range c.servers {
		if s := &c.servers[i]; c.r.Float64() < 0.3 {
			c.line(fmt.Sprintf("%s -> 192.0.2.%d 443/tcp", s.id, 1+c.r.IntN(40)))
		}
	}
}

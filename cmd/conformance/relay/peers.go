package main

import (
	"fmt"
	"net"
	"sync"

	"crypto/tls"
	peerpb "github.com/cilium/cilium/api/v1/peer"
	"github.com/cilium/cilium/pkg/crypto/certloader"
	"github.com/cilium/cilium/pkg/hubble/peer"
	"github.com/cilium/cilium/pkg/hubble/peer/serviceoption"
	"github.com/cilium/cilium/pkg/hubble/server/serveroption"
	ciliumnode "github.com/cilium/cilium/pkg/node"
	"github.com/cilium/cilium/pkg/node/addressing"
	nodetypes "github.com/cilium/cilium/pkg/node/types"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
)

// membership is the list of nodes that every agent keeps: where the real peer service learns who joins and leaves.
type membership struct {
	mu          sync.Mutex
	cluster     string
	subscribers map[ciliumnode.Handler]struct{}
	nodes       map[string]nodetypes.Node
}

func newMembership(cluster string) *membership {
	return &membership{cluster: cluster, subscribers: map[ciliumnode.Handler]struct{}{}, nodes: map[string]nodetypes.Node{}}
}

// set adds a node, or gives it another address.
func (m *membership) set(name, ip string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := nodetypes.Node{Name: name, Cluster: m.cluster, IPAddresses: []nodetypes.Address{{Type: addressing.NodeInternalIP, IP: net.ParseIP(ip)}}}
	old, known := m.nodes[name]
	m.nodes[name] = now
	for s := range m.subscribers {
		if known {
			s.NodeUpdate(old, now)
		} else {
			s.NodeAdd(now)
		}
	}
}

func (m *membership) remove(name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	old := m.nodes[name]
	delete(m.nodes, name)
	for s := range m.subscribers {
		s.NodeDelete(old)
	}
}

// Subscribe implements Cilium's manager.Notifier.
func (m *membership) Subscribe(h ciliumnode.Handler) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.subscribers[h] = struct{}{}
	for _, n := range m.nodes {
		h.NodeAdd(n)
	}
}

// Unsubscribe implements Cilium's manager.Notifier.
func (m *membership) Unsubscribe(h ciliumnode.Handler) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.subscribers, h)
}

// servePeers starts the peer service at an address of its own, as the hubble-peer service of a cluster is reached.
func servePeers(m *membership, addr string, config certloader.ServerConfigBuilder) error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("peer service: %w", err)
	}
	opts := []serviceoption.Option{serviceoption.WithHubblePort(hubblePort)}
	var security []grpc.ServerOption
	if config == nil {
		opts = append(opts, serviceoption.WithoutTLSInfo())
	} else {
		c := config.ServerConfig(&tls.Config{MinVersion: serveroption.MinTLSVersion})
		security = append(security, grpc.Creds(credentials.NewTLS(c)))
	}
	s := grpc.NewServer(security...)
	peerpb.RegisterPeerServer(s, peer.NewService(m, opts...))
	go s.Serve(l)
	return nil
}

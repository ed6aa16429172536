package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	observerpb "github.com/cilium/cilium/api/v1/observer"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
)

func (l *lab) relayAddress() string { return l.address(1, hubblePort+1) }

// startRelay starts hubble-relay with its own command line and waits until it is connected to all nodes that run.
func (l *lab) startRelay() error {
	if l.relay != nil {
		return errors.New("a relay is running")
	}
	args := []string{"serve", "--cluster-name", l.config.Cluster, "--gops=false", "--retry-timeout", "1s",
		"--listen-address", l.relayAddress(), "--health-listen-address", l.address(1, 4222), "--peer-service", l.address(1, hubblePort)}
	if l.certs == nil {
		args = append(args, "--disable-client-tls", "--disable-server-tls")
	} else {
		args = append(args, "--tls-hubble-client-cert-file", l.certs.relayClient.cert, "--tls-hubble-client-key-file", l.certs.relayClient.key,
			"--tls-hubble-server-ca-files", l.certs.CA, "--tls-relay-server-cert-file", l.certs.relayServer.cert, "--tls-relay-server-key-file", l.certs.relayServer.key)
		if l.config.TLS == "mtls" {
			args = append(args, "--tls-relay-client-ca-files", l.certs.CA)
		}
	}
	var err error
	if l.relay, err = spawn(filepath.Join(l.config.Dir, "relay.log"), nil, nil, relayProcess, args...); err != nil {
		return err
	}
	return l.ready()
}

// ready asks the relay for its nodes, for a quarter of a minute at most.
func (l *lab) ready() error {
	security := insecure.NewCredentials()
	if l.certs != nil {
		pool := x509.NewCertPool()
		text, err := os.ReadFile(l.certs.CA)
		if err != nil {
			return err
		}
		pool.AppendCertsFromPEM(text)
		own, err := tls.LoadX509KeyPair(l.certs.ClientCert, l.certs.ClientKey)
		if err != nil {
			return err
		}
		security = credentials.NewTLS(&tls.Config{RootCAs: pool, ServerName: l.certs.ServerName, Certificates: []tls.Certificate{own}})
	}
	conn, err := grpc.NewClient(l.relayAddress(), grpc.WithTransportCredentials(security))
	if err != nil {
		return err
	}
	defer conn.Close()
	running := uint32(0)
	for _, s := range l.seats {
		if s.now != nil {
			running++
		}
	}
	var last error
	for deadline := time.Now().Add(15 * time.Second); time.Now().Before(deadline); {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		r, err := observerpb.NewObserverClient(conn).ServerStatus(ctx, &observerpb.ServerStatusRequest{}, grpc.WaitForReady(true))
		cancel()
		if err == nil && r.GetNumConnectedNodes().GetValue() >= running {
			return nil
		}
		last = err
		select {
		case <-l.relay.gone:
			return fmt.Errorf("the relay ended; its log is %s", filepath.Join(l.config.Dir, "relay.log"))
		case <-time.After(50 * time.Millisecond):
		}
	}
	return fmt.Errorf("the relay is not connected to %d nodes: %w", running, last)
}

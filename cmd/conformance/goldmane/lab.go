package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/prometheus/client_golang/prometheus"

	calicotls "github.com/projectcalico/calico/crypto/pkg/tls"
	"github.com/projectcalico/calico/goldmane/pkg/goldmane"
	"github.com/projectcalico/calico/goldmane/pkg/server"
	"github.com/projectcalico/calico/goldmane/pkg/storage"
	"github.com/projectcalico/calico/goldmane/pkg/types"
	"github.com/projectcalico/calico/goldmane/proto"
)

// defaultBucket is Goldmane's own, in seconds.
const defaultBucket = 15

var errStopped = errors.New("the server is not running")

// lab is one server after the other, as a restart makes them, with one authority.
type lab struct {
	pki    string
	srv    *grpc.Server
	inside *grpc.Server // the collector without TLS, for the feeding peers
	gm     *goldmane.Goldmane
	bucket int64
	clock  *clock // nil: the real one
	peers  map[string]*peer
	feedAt string
	sent   atomic.Int64 // flows handed to the aggregator
	base   int64        // what it had taken when this server began
}

// clock is a server's own: it stands still between roll commands.
type clock struct {
	now  atomic.Int64 // seconds
	tick chan time.Time
}

func (c *clock) read() time.Time { return time.Unix(c.now.Load(), 0) }

// start wires the server as Calico's daemon does, on loopback alone.
func (l *lab) start(c *command) (string, error) {
	if l.srv != nil {
		return "", errors.New("the server is running")
	}
	if l.bucket = c.Bucket; l.bucket == 0 {
		l.bucket = defaultBucket
	}
	opts := []goldmane.Option{goldmane.WithRolloverTime(time.Duration(l.bucket) * time.Second)}
	begin := int64(0)
	l.clock = nil
	if c.Now != 0 {
		l.clock = &clock{tick: make(chan time.Time)}
		begin = c.Now - c.Now%l.bucket
		l.clock.now.Store(begin)
		opts = append(opts, goldmane.WithNowFunc(l.clock.read),
			goldmane.WithRolloverFunc(func(time.Duration) <-chan time.Time { return l.clock.tick }))
	}
	tls, err := calicotls.NewMutualTLSConfig(l.path("server.crt"), l.path("server.key"), l.path("ca.crt"))
	if err != nil {
		return "", err
	}
	addr := c.Addr
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	lis, err := net.Listen("tcp", addr)
	if err != nil {
		return "", err
	}
	feed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	l.gm = goldmane.NewGoldmane(opts...)
	l.srv = grpc.NewServer(grpc.Creds(credentials.NewTLS(tls)))
	l.inside = grpc.NewServer()
	l.peers, l.feedAt = map[string]*peer{}, feed.Addr().String()
	l.sent.Store(0)
	l.base = taken()
	col := server.NewFlowCollector(countingSink{l})
	col.RegisterWith(l.srv)
	col.RegisterWith(l.inside)
	go col.Run()
	if begin == 0 {
		begin = storage.GetStartTime(int(l.bucket))
	}
	<-l.gm.Run(begin)
	server.NewFlowsServer(l.gm).RegisterWith(l.srv)
	server.NewStatisticsServer(l.gm).RegisterWith(l.srv)
	go func() { _ = l.srv.Serve(lis) }()
	go func() { _ = l.inside.Serve(feed) }()
	return lis.Addr().String(), nil
}

func (l *lab) path(name string) string { return filepath.Join(l.pki, name) }

func (l *lab) stop() {
	if l.srv == nil {
		return
	}
	for name := range l.peers {
		_ = l.drop(name)
	}
	l.srv.Stop()
	l.inside.Stop()
	l.gm.Stop()
	l.srv = nil
}

// countingSink stands between collector and aggregator, so that a command can wait for what it caused.
type countingSink struct{ l *lab }

func (s countingSink) Receive(f *types.Flow) {
	s.l.sent.Add(1)
	s.l.gm.Receive(f)
}

// taken is how many flows aggregators of this process have indexed.
func taken() int64 {
	families, err := prometheus.DefaultGatherer.Gather()
	if err != nil {
		return 0
	}
	for _, f := range families {
		if f.GetName() == "goldmane_aggr_received_flows_total" {
			return int64(f.GetMetric()[0].GetCounter().GetValue())
		}
	}
	return 0
}

// settle waits until the aggregator has indexed all that the collector handed to it.
func (l *lab) settle() error {
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if taken()-l.base == l.sent.Load() {
			// The count goes up just before the flow is indexed; a request passes the same loop after it.
			_, err := l.gm.List(&proto.FlowListRequest{StartTimeGte: 1, StartTimeLt: 2})
			return err
		}
	}
	return fmt.Errorf("the aggregator took %d of %d flows", taken()-l.base, l.sent.Load())
}

// roll moves the server's own clock on by whole buckets.
func (l *lab) roll(n int) (int64, error) {
	switch {
	case l.srv == nil:
		return 0, errStopped
	case l.clock == nil:
		return 0, errors.New("the server goes by the real clock")
	}
	for range max(n, 1) {
		l.clock.now.Add(l.bucket)
		l.clock.tick <- l.clock.read()
	}
	return l.clock.now.Load(), l.settle()
}

// list returns what the server has between two times (0: all), spelled as the emitter spells it.
func (l *lab) list(from, to int64) ([]json.RawMessage, error) {
	if l.srv == nil {
		return nil, errStopped
	}
	res, err := l.gm.List(&proto.FlowListRequest{
		StartTimeGte: from, StartTimeLt: to, SortBy: []*proto.SortOption{{SortBy: proto.SortBy_DestName}},
	})
	if err != nil {
		return nil, err
	}
	var out []json.RawMessage
	for _, f := range res.Flows {
		b, err := json.Marshal(f.Flow)
		if err != nil {
			return nil, err
		}
		out = append(out, b)
	}
	return out, nil
}

// dial connects to the collector; the records' way in needs no certificate, as it is nobody's to judge.
func (l *lab) dial() (*grpc.ClientConn, error) {
	return grpc.NewClient(l.feedAt, grpc.WithTransportCredentials(insecure.NewCredentials()))
}

// connect opens the stream of a peer.
func (l *lab) connect() (*peer, error) {
	cc, err := l.dial()
	if err != nil {
		return nil, err
	}
	s, err := proto.NewFlowCollectorClient(cc).Connect(context.Background())
	if err != nil {
		_ = cc.Close()
		return nil, err
	}
	return &peer{cc: cc, stream: s}, nil
}

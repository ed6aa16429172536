// Package hubble reads flows from Cilium's gRPC interface: from hubble-relay, or from the Hubble server of one node. It
// knows how these servers deviate from what their interface promises, and it never believes that no news is good news.
package hubble

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	flowpb "github.com/cilium/cilium/api/v1/flow"
	observerpb "github.com/cilium/cilium/api/v1/observer"
	relaypb "github.com/cilium/cilium/api/v1/relay"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/experimental"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/protobuf/types/known/timestamppb"

	"sluice/ingest/live"
)

// Config says where to read and what.
type Config struct {
	Target     string    // of gRPC: host:port or unix:///path
	TLS        *live.TLS // nil: plain text
	Way        live.Way  // reaches Target other than by its address; nil: none
	Namespaces []string  // only flows with an end in one of these; none: all
	Last       uint64    // without follow: only so many of the newest flows of each node; 0: all
	Until      time.Time // without follow: only flows up to a time; zero: all
	// Timeout is how long a question may take that is no stream.
	Timeout time.Duration
	// Watch is how often the nodes behind a relay are looked at.
	Watch time.Duration
	Log   *slog.Logger
}

// DefaultPort is the port that hubble-relay is reached at through its port forward, and Hubble's servers on nodes
// listen on 4244.
const DefaultPort = "4245"

// DefaultConfig returns what is not asked for.
func DefaultConfig() Config {
	return Config{Timeout: 12 * time.Second, Watch: 5 * time.Second, Log: slog.New(slog.DiscardHandler)}
}

// ParseURL returns the target of hubble://host[:port], hubbles://host[:port] (TLS) and hubble+unix:///path; ok is
// false for URLs of another kind.
func ParseURL(text string) (target string, secure, ok bool, err error) {
	scheme, rest, found := strings.Cut(text, "://")
	switch {
	case !found:
		return "", false, false, nil
	case scheme == "hubble+unix":
		if !strings.HasPrefix(rest, "/") {
			return "", false, true, fmt.Errorf("%s: give the socket as hubble+unix:///path", text)
		}
		return "unix://" + rest, false, true, nil
	case scheme != "hubble" && scheme != "hubbles":
		return "", false, false, nil
	}
	u, err := url.Parse(text)
	if err == nil {
		text = u.Redacted() // an error goes into logs, and a password with it
	}
	if err != nil || u.Hostname() == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.User != nil {
		return "", false, true, fmt.Errorf("%s: give the server as %s://HOST:PORT", text, scheme)
	}
	port := cmp.Or(u.Port(), DefaultPort)
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return "", false, true, fmt.Errorf(
			"%s: there is no port %s: give the server as %s://HOST:PORT",
			text,
			port,
			scheme,
		)
	}
	return net.JoinHostPort(u.Hostname(), port), scheme == "hubbles", true, nil
}

// Client is a live.Client for Hubble.
type Client struct {
	cfg Config
}

var _ live.Client = (*Client)(nil)

// New makes a Client. It does nothing until Stream.
func New(cfg Config) *Client { return &Client{cfg: cfg} }

// errReopen ends a stream from which the server has silently lost a node.
var errReopen = errors.New("opening the stream anew")

// Stream reads flows; see live.Client. Errors name what to do about them.
func (c *Client) Stream(ctx context.Context, from time.Time, follow bool, s *live.Session) error {
	conn, err := c.dial()
	if err != nil {
		return &live.PermanentError{Err: err}
	}
	defer conn.Close()
	status, err := c.status(ctx, conn)
	if err != nil {
		return explain(err, &c.cfg)
	}
	s.Connected()
	if !follow {
		s.Served(c.served(ctx, conn, status))
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	if follow && c.cfg.Watch > 0 {
		w := &watch{
			client:  c,
			conn:    conn,
			session: s,
			reopen:  func(why error) { stop(fmt.Errorf("%w: %w", errReopen, why)) },
		}
		done := make(chan struct{})
		go func() { defer close(done); w.run(ctx) }()
		defer func() { stop(nil); <-done }()
	}
	err = c.receive(ctx, conn, c.request(from, follow, status), s)
	if cause := context.Cause(ctx); errors.Is(cause, errReopen) {
		return cause
	}
	if err != nil {
		return explain(err, &c.cfg)
	}
	return nil
}

// window is how many bytes a server may send before it hears that earlier ones were taken. gRPC's own begins with
// 64 KiB and grows as it measures: by chance, or not at all, and a small one is given anew every few flows.
const window = 2 << 20

func (c *Client) dial() (*grpc.ClientConn, error) {
	creds := insecure.NewCredentials()
	if c.cfg.TLS != nil {
		tc, err := c.cfg.TLS.Config()
		if err != nil {
			return nil, err
		}
		creds = credentials.NewTLS(tc)
	}
	target, how := c.cfg.Target, []grpc.DialOption{}
	if c.cfg.Way != nil {
		target = "passthrough:///" + target
		dial := func(ctx context.Context, _ string) (net.Conn, error) { return c.cfg.Way.Dial(ctx) }
		how = append(how, grpc.WithContextDialer(dial))
	}
	return grpc.NewClient(target, append(how, grpc.WithTransportCredentials(quiet{creds}), grpc.WithUserAgent("sluice"),
		grpc.WithStaticStreamWindowSize(window), grpc.WithStaticConnWindowSize(window),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage)), experimental.WithBufferPool(&buffers{}),
		// A peer that is gone without a word is noticed; servers allow a ping every five minutes (gRPC's default).
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 5 * time.Minute, Timeout: 20 * time.Second}))...)
}

// status asks who is there.
func (c *Client) status(ctx context.Context, conn *grpc.ClientConn) (*observerpb.ServerStatusResponse, error) {
	ctx, stop := context.WithTimeout(ctx, c.cfg.Timeout)
	defer stop()
	r, err := observerpb.NewObserverClient(conn).ServerStatus(ctx, &observerpb.ServerStatusRequest{})
	if err != nil {
		return nil, err
	}
	args := []any{
		"server",
		c.cfg.Target,
		"version",
		live.Brief(r.GetVersion()),
		"flowsHeld",
		r.GetNumFlows(),
		"flowsPerSecond",
		int(r.GetFlowsRate()),
	}
	if r.NumConnectedNodes != nil {
		args = append(
			args,
			"nodes",
			r.GetNumConnectedNodes().GetValue(),
			"unavailable",
			r.GetNumUnavailableNodes().GetValue(),
		)
	}
	if len(r.GetUnavailableNodes()) > 0 {
		args = append(args, "unavailableNodes", live.Brief(strings.Join(r.GetUnavailableNodes(), ",")))
	}
	c.cfg.Log.Info("connected", args...)
	return r, nil
}

// served is what the server says of itself and of the nodes behind it, as far as it answers.
func (c *Client) served(
	ctx context.Context, conn *grpc.ClientConn, status *observerpb.ServerStatusResponse,
) live.Server {
	out := live.Server{Version: live.Brief(status.GetVersion())}
	ctx, stop := context.WithTimeout(ctx, c.cfg.Timeout)
	defer stop()
	r, err := observerpb.NewObserverClient(conn).GetNodes(ctx, &observerpb.GetNodesRequest{})
	if err != nil { // the server of a node has no nodes
		return out
	}
	for _, n := range r.GetNodes() {
		out.Nodes = append(out.Nodes, live.ServerNode{Name: n.GetName(), Version: n.GetVersion(),
			Connected: n.GetState() == relaypb.NodeState_NODE_CONNECTED, Seen: n.GetSeenFlows()})
	}
	return out
}

// quietRate is the rate below which a relay that sorts would hold flows back for long: it waits until it has 100.
const quietRate = 100

// request asks for flows from a time on. With since, servers ignore the number when they follow, but the relay makes
// its buffer no larger than that: one flow a node, else a quiet cluster is seen minutes late.
func (c *Client) request(
	from time.Time,
	follow bool,
	status *observerpb.ServerStatusResponse,
) *observerpb.GetFlowsRequest {
	r := &observerpb.GetFlowsRequest{Follow: follow, Whitelist: filters(c.cfg.Namespaces)}
	switch {
	case follow:
		r.Since = timestamppb.New(begin(from))
		if status.GetFlowsRate() < quietRate {
			r.Number = 1
		}
	case c.cfg.Last > 0:
		r.Number = c.cfg.Last
	default:
		r.Since = timestamppb.New(begin(from))
	}
	if !follow && !c.cfg.Until.IsZero() {
		r.Until = timestamppb.New(c.cfg.Until)
	}
	return r
}

// begin is the time to ask for; servers that follow begin with now if they are given none.
func begin(from time.Time) time.Time {
	if from.IsZero() {
		return time.Unix(0, 0)
	}
	return from
}

// filters choose the flows with an end in one of the namespaces. Both ends are named in filters of their own, and by
// label as well, since a server knows names of pods later than their labels. Nothing else is filtered by the server:
// its filter of replies drops what it does not know.
func filters(namespaces []string) []*flowpb.FlowFilter {
	if len(namespaces) == 0 {
		return nil
	}
	var pods, labels []string
	for _, ns := range slices.Sorted(slices.Values(namespaces)) {
		pods = append(pods, ns+"/")
		labels = append(labels, "k8s:io.kubernetes.pod.namespace="+ns)
	}
	return []*flowpb.FlowFilter{
		{SourcePod: pods},
		{DestinationPod: pods},
		{SourceLabel: labels},
		{DestinationLabel: labels},
	}
}

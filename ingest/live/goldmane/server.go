package goldmane

import (
	"context"
	"fmt"
	"net"
	"slices"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/stats"
	"google.golang.org/protobuf/encoding/protowire"
)

const (
	listMethod = "/goldmane.Flows/List"
	// maxAnswer is the largest answer taken: 60,000 flows have 13 MB.
	maxAnswer = 256 << 20
	// maxFlow is the largest flow that is looked at, in bytes: spelled as JSON it may have six times as many. Of a larger
	// one excerpt bytes are, which are no flow.
	maxFlow = 1 << 20
	excerpt = 256
	// maxMissing is how many flows of a bucket an answer may be said to lack.
	maxMissing = 1 << 20
	// sampleFlows is how many flows of the whole memory are looked at to learn the length of a bucket.
	sampleFlows = 1000
	// sortByDestName is the order whose pages hold still; the one by time shuffles them.
	sortByDestName = 1
)

// server is a lister that asks Goldmane itself.
type server struct {
	cfg   *Config
	conn  *grpc.ClientConn
	kinds [][]byte // filters, as messages
	made  atomic.Uint64
	ends  time.Time // of the client's certificate
}

func newServer(cfg *Config) (*server, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	tls, err := cfg.TLS.Config()
	if err != nil {
		return nil, err
	}
	tls.ServerName = expectName(cfg.Target, tls.ServerName)
	s := &server{cfg: cfg, kinds: filterMessages(cfg.Namespaces), ends: tls.Certificates[0].Leaf.NotAfter}
	target, how := cfg.Target, []grpc.DialOption{}
	if cfg.Way != nil {
		target = "passthrough:///" + target
		dial := func(ctx context.Context, _ string) (net.Conn, error) { return cfg.Way.Dial(ctx) }
		how = append(how, grpc.WithContextDialer(dial))
	}
	s.conn, err = grpc.NewClient(target, append(
		how,
		grpc.WithTransportCredentials(credentials.NewTLS(tls)),
		grpc.WithUserAgent("sluice"),
		grpc.WithStatsHandler(
			s,
		),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxAnswer), grpc.ForceCodecV2(codec{})),
	)...)
	return s, err
}

// filterMessages are Filters for flows with an end in one of the namespaces: the members of one are all to hold, so
// each end needs its own. None: one empty filter.
func filterMessages(namespaces []string) [][]byte {
	const sourceNamespaces, destNamespaces, value = 2, 4, 1
	if len(namespaces) == 0 {
		return [][]byte{nil}
	}
	out := make([][]byte, 2)
	for i, end := range []protowire.Number{sourceNamespaces, destNamespaces} {
		for _, ns := range slices.Sorted(slices.Values(namespaces)) {
			match := protowire.AppendString(
				protowire.AppendTag(nil, value, protowire.BytesType),
				ns,
			) // exact by default
			out[i] = protowire.AppendBytes(protowire.AppendTag(out[i], end, protowire.BytesType), match)
		}
	}
	return out
}

func (s *server) filters() int { return len(s.kinds) }

func (s *server) links() uint64 { return s.made.Load() }

func (s *server) close() { _ = s.conn.Close() }

// question is a FlowListRequest.
type question struct {
	from, to int64 // 0: the oldest, now
	pageSize int64 // 0: all
	sortBy   int64
	filter   []byte
}

func (q *question) message() []byte {
	const startGTE, startLT, pageSize, sortBy, filter, by = 1, 2, 4, 5, 6, 1
	var b []byte
	num := func(n protowire.Number, v int64) {
		if v != 0 {
			b = protowire.AppendVarint(protowire.AppendTag(b, n, protowire.VarintType), uint64(v))
		}
	}
	num(startGTE, q.from)
	num(startLT, q.to)
	num(pageSize, q.pageSize)
	if q.sortBy != 0 {
		option := protowire.AppendVarint(protowire.AppendTag(nil, by, protowire.VarintType), uint64(q.sortBy))
		b = protowire.AppendBytes(protowire.AppendTag(b, sortBy, protowire.BytesType), option)
	}
	if len(q.filter) > 0 {
		b = protowire.AppendBytes(protowire.AppendTag(b, filter, protowire.BytesType), q.filter)
	}
	return b
}

// ask returns the answer to a question, a FlowListResult.
func (s *server) ask(ctx context.Context, q *question) ([]byte, error) {
	ctx, stop := context.WithTimeout(ctx, s.cfg.Timeout)
	defer stop()
	var out []byte
	if err := s.conn.Invoke(ctx, listMethod, q.message(), &out); err != nil {
		return nil, err
	}
	return out, nil
}

func (s *server) list(
	ctx context.Context,
	filter int,
	from, to int64,
	take func([]byte),
) (bytes, missing int, err error) {
	b, err := s.ask(ctx, &question{from: from, to: to, filter: s.kinds[filter]})
	if err != nil {
		return 0, 0, err
	}
	n := 0
	total, err := answer(b, func(flow []byte) {
		n++
		take(flow)
	})
	return len(b), max(0, min(total, maxMissing+n)-n), err
}

func (s *server) sample(ctx context.Context, take func([]byte)) error {
	b, err := s.ask(ctx, &question{pageSize: sampleFlows, sortBy: sortByDestName})
	if err != nil {
		return err
	}
	_, err = answer(b, take)
	return err
}

func (s *server) count(ctx context.Context, filter int, from, to int64) (int, bool, error) {
	b, err := s.ask(ctx, &question{from: from, to: to, pageSize: 1, filter: s.kinds[filter]})
	if err != nil {
		return 0, false, err
	}
	n, err := answer(b, func([]byte) {})
	return n, true, err
}

// answer reads a FlowListResult: it hands on the flows as JSON, and gives how many there are on all pages.
func answer(b []byte, take func([]byte)) (total int, err error) {
	const meta, results, totalResults, flow = 1, 2, 2, 2
	var out []byte
	err = fields(b, func(num protowire.Number, v []byte, _ uint64) error {
		switch num {
		case meta:
			return fields(v, func(num protowire.Number, _ []byte, n uint64) error {
				if num == totalResults {
					total = int(n)
				}
				return nil
			})
		case results:
			return fields(v, func(num protowire.Number, v []byte, _ uint64) error {
				if num != flow {
					return nil
				}
				if len(v) > maxFlow {
					take(v[:excerpt])
					return nil
				}
				if out, err = spell(out[:0], v, flowShape); err != nil {
					return err
				}
				take(out)
				return nil
			})
		default:
		}
		return nil
	})
	return total, err
}

// fields walks over the fields of a message: bytes for those with a length, a number for varints.
func fields(b []byte, each func(num protowire.Number, v []byte, n uint64) error) error {
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return errWire
		}
		b = b[n:]
		size := protowire.ConsumeFieldValue(num, typ, b)
		if size < 0 {
			return errWire
		}
		var v []byte
		var i uint64
		switch typ {
		case protowire.BytesType:
			v, _ = protowire.ConsumeBytes(b)
		case protowire.VarintType:
			i, _ = protowire.ConsumeVarint(b)
		default:
		}
		if err := each(num, v, i); err != nil {
			return err
		}
		b = b[size:]
	}
	return nil
}

// codec leaves messages as they are on the wire.
type codec struct{}

func (codec) Name() string { return "proto" }

func (codec) Marshal(v any) (mem.BufferSlice, error) {
	b, ok := v.([]byte)
	if !ok {
		return nil, fmt.Errorf("marshal %T", v)
	}
	return mem.BufferSlice{mem.SliceBuffer(b)}, nil
}

func (codec) Unmarshal(data mem.BufferSlice, v any) error {
	b, ok := v.(*[]byte)
	if !ok {
		return fmt.Errorf("unmarshal into %T", v)
	}
	*b = data.Materialize()
	return nil
}

// The server counts its connections as a stats.Handler.
var _ stats.Handler = (*server)(nil)

// HandleConn counts connections made.
func (s *server) HandleConn(_ context.Context, c stats.ConnStats) {
	if _, ok := c.(*stats.ConnBegin); ok {
		s.made.Add(1)
	}
}

// TagConn does nothing.
func (s *server) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }

// TagRPC does nothing.
func (s *server) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context { return ctx }

// HandleRPC does nothing.
func (s *server) HandleRPC(context.Context, stats.RPCStats) {}

// said explains an error. A server that does not take a client certificate may hang up before it says why.
func (s *server) said(err error) error {
	if time.Now().After(s.ends) {
		return fmt.Errorf(
			"goldmane at %s: the client certificate has expired on %s, or a clock is wrong (%w)",
			s.cfg.Target,
			s.ends.UTC().Format(time.RFC3339),
			err,
		)
	}
	return fmt.Errorf("goldmane at %s: %w", s.cfg.Target, s.cfg.explain(err))
}

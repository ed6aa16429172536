package goldmane

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/protobuf/encoding/protowire"

	"sluice/ingest/live"
)

// fake answers as Goldmane and Whisker do, from buckets that a test fills, and can be made to fail. The real Goldmane
// judges the same client in make conformance; this one is for what that cannot be made to do.
type fake struct {
	mu      sync.Mutex
	width   int64
	now     func() time.Time
	flows   map[int64]map[int]bool                // ports by bucket
	all     map[string]int                        // port@bucket of every flow ever added
	lists   map[int64]int                         // whole buckets asked for
	filters map[string]int                        // asked with
	fail    func() error                          // nil: answers
	lie     int64                                 // added to the number of flows
	twist   func(from int64, found []span) []span // what a server makes of the flows of a question; nil: nothing
}

func newFake(width int64, now func() time.Time) *fake {
	return &fake{width: width, now: now, flows: map[int64]map[int]bool{}, all: map[string]int{}, lists: map[int64]int{}, filters: map[string]int{}}
}

func (f *fake) add(at int64, ports ...int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	b := at - at%f.width
	if f.flows[b] == nil {
		f.flows[b] = map[int]bool{}
	}
	for _, p := range ports {
		f.flows[b][p] = true
		f.all[fmt.Sprintf("%d@%d", p, b)] = 1
	}
}

// forget is what a restart does, after which buckets may have another length.
func (f *fake) forget(width int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.flows, f.width = map[int64]map[int]bool{}, width
}

// span is what a flow has in the buckets of a question.
type span struct{ port, start, end int64 }

// find answers a question with the faults of the real one: a bucket that begins before the end but does not end before it
// gives a ghost.
func (f *fake) find(from, to int64, whole bool) (out []span, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fail != nil {
		if err := f.fail(); err != nil {
			return nil, err
		}
	}
	if whole {
		f.lists[from]++
	}
	if to <= 0 {
		to = f.now().Unix()
	}
	ports := map[int]*span{}
	for b, in := range f.flows {
		if b < from || b >= to {
			continue
		}
		for p := range in {
			s := ports[p]
			if s == nil {
				s = &span{port: int64(p)}
				ports[p] = s
			}
			if b+f.width > to {
				continue
			}
			if s.start == 0 || b < s.start {
				s.start = b
			}
			s.end = max(s.end, b+f.width)
		}
	}
	for _, s := range ports {
		out = append(out, *s)
	}
	if f.twist != nil {
		out = f.twist(from, out)
	}
	return out, nil
}

// grpc is the handler of every method.
func (f *fake) grpc(_ any, s grpc.ServerStream) error {
	var b []byte
	if err := s.RecvMsg(&b); err != nil {
		return err
	}
	var from, to, page int64
	filter := ""
	err := fields(b, func(num protowire.Number, v []byte, n uint64) error {
		switch num {
		case 1:
			from = int64(n)
		case 2:
			to = int64(n)
		case 4:
			page = int64(n)
		case 6:
			filter = string(v)
		default:
		}
		return nil
	})
	if err != nil {
		return err
	}
	found, err := f.find(from, to, page == 0)
	if err != nil {
		return err
	}
	f.mu.Lock()
	f.filters[filter]++
	lie := f.lie
	f.mu.Unlock()
	meta := protowire.AppendVarint(protowire.AppendTag(nil, 2, protowire.VarintType), uint64(int64(len(found))+lie))
	out := protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), meta)
	for i, sp := range found {
		if page > 0 && int64(i) == page {
			break
		}
		key := `{"source_name":"a-*","source_namespace":"x","source_type":1,"dest_name":"b-*","dest_namespace":"y","dest_type":1,"proto":"tcp","reporter":1,"action":1`
		text := fmt.Sprintf(`{"Key":%s,"dest_port":%d},"start_time":%d,"end_time":%d,"source_labels":["app=a"],"dest_labels":["app=b"]}`, key, sp.port, sp.start, sp.end)
		flow := flowBytes(&testing.T{}, text)
		result := protowire.AppendBytes(protowire.AppendTag(nil, 2, protowire.BytesType), flow)
		out = protowire.AppendBytes(protowire.AppendTag(out, 2, protowire.BytesType), result)
	}
	return s.SendMsg(out)
}

// serverCodec takes and gives bytes.
type serverCodec struct{ codec }

// serve starts the server with mutual TLS and gives a client's Config.
func (f *fake) serve(t *testing.T, addr string) (Config, func()) {
	t.Helper()
	return f.serveAs(t, addr, t.TempDir())
}

// serveAs writes the certificate to a directory.
func (f *fake) serveAs(t *testing.T, addr, dir string) (Config, func()) {
	t.Helper()
	pair, pool := selfSigned(t, dir)
	lis, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	srv := grpc.NewServer(grpc.ForceServerCodecV2(serverCodec{}), grpc.UnknownServiceHandler(f.grpc),
		grpc.Creds(credentials.NewTLS(&tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool})))
	go func() { _ = srv.Serve(lis) }()
	t.Cleanup(srv.Stop)
	cfg := DefaultConfig()
	cfg.Target = lis.Addr().String()
	cfg.TLS = &live.TLS{CAFiles: []string{filepath.Join(dir, "crt")}, CertFile: filepath.Join(dir, "crt"), KeyFile: filepath.Join(dir, "key")}
	return cfg, srv.Stop
}

// selfSigned writes a pair that is its own authority, for the name that Goldmane's have.
func selfSigned(t *testing.T, dir string) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{serverName}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	crt := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	pemKey := pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER})
	for name, b := range map[string][]byte{"crt": crt, "key": pemKey} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pair, err := tls.X509KeyPair(crt, pemKey)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(crt)
	return pair, pool
}

// ServeHTTP is Whisker's backend.
func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != WhiskerPath+"/flows" {
		http.NotFound(w, r)
		return
	}
	q := r.URL.Query()
	from, _ := strconv.ParseInt(q.Get("startTimeGte"), 10, 64)
	to, _ := strconv.ParseInt(q.Get("startTimeLt"), 10, 64)
	if from < 0 {
		from += f.now().Unix()
	}
	found, err := f.find(from, to, true)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	f.mu.Lock()
	f.filters[q.Get("filters")]++
	f.mu.Unlock()
	stamp := func(t int64) string { return time.Unix(t, 0).UTC().Format(time.RFC3339) }
	var items []string
	for _, sp := range found {
		items = append(items, fmt.Sprintf(`{"start_time":"%s","end_time":"%s","action":"Allow","source_name":"a-*","source_namespace":"x","source_labels":"app=a",`+
			`"dest_name":"b-*","dest_namespace":"y","dest_labels":"app=b","protocol":"tcp","dest_port":%d,"reporter":"Src","policies":{"enforced":null,"pending":null},"packets_in":0,"packets_out":0,"bytes_in":0,"bytes_out":0}`,
			stamp(sp.start), stamp(sp.end), sp.port))
	}
	fmt.Fprintf(w, `{"total":{"totalPages":1},"items":[%s]}`, strings.Join(items, ","))
}

func (f *fake) whisker(t *testing.T) Config {
	t.Helper()
	srv := httptest.NewServer(f)
	t.Cleanup(srv.Close)
	cfg := DefaultConfig()
	cfg.Target = srv.URL + WhiskerPath
	return cfg
}

// memory is a live.Store that counts records by port and bucket.
type memory struct {
	mu     sync.Mutex
	got    map[string]int
	gaps   int
	resent uint64
}

func (m *memory) Commit(_ context.Context, b *live.Batch) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range b.Rows {
		m.got[fmt.Sprintf("%d@%d", r.Port, r.First/1e6)] += int(r.Records)
	}
	m.gaps += len(b.Gaps)
	m.resent += b.Resent
	return nil
}

// missing is how many gaps were stored.
func (m *memory) missing() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.gaps
}

// again is how many records were sent again.
func (m *memory) again() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.resent
}

// collecting runs a collector until the test is over.
type collecting struct {
	stats func() live.Stats
	t     *testing.T
	mem   *memory
	stop  func() error
}

func collect(t *testing.T, cfg Config, now func() time.Time, change func(*live.Config)) *collecting {
	t.Helper()
	return collectBy(t, cfg, now, nil, change)
}

// collectBy has a wall clock that somebody sets, and one that nobody does.
func collectBy(t *testing.T, cfg Config, wall, steady func() time.Time, change func(*live.Config)) *collecting {
	t.Helper()
	c := New(cfg)
	c.now, c.other, c.look = wall, steady, 10*time.Millisecond
	lc := live.DefaultConfig()
	lc.Flush, lc.MinWait = 20*time.Millisecond, 10*time.Millisecond
	if change != nil {
		change(&lc)
	}
	mem := &memory{got: map[string]int{}}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	collector := live.New(lc, c, mem, live.Position{})
	go func() { done <- collector.Run(ctx) }()
	out := &collecting{t: t, mem: mem, stats: collector.Stats}
	out.stop = sync.OnceValue(func() error { cancel(); return <-done })
	t.Cleanup(func() { _ = out.stop() })
	if !lc.Follow {
		out.stop = sync.OnceValue(func() error { defer cancel(); return <-done })
	}
	return out
}

// await waits until every flow that the server ever had was stored once. Ports are to differ: those of one minute are folded.
func (c *collecting) await(f *fake) {
	c.t.Helper()
	var got, want string
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		f.mu.Lock()
		c.mem.mu.Lock()
		got, want = fmt.Sprint(c.mem.got), fmt.Sprint(f.all)
		c.mem.mu.Unlock()
		f.mu.Unlock()
		if got == want {
			return
		}
	}
	c.t.Fatalf("stored %s\nwant   %s", got, want)
}

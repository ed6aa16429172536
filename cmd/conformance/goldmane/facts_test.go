package main

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/projectcalico/calico/goldmane/pkg/client"
	"github.com/projectcalico/calico/goldmane/proto"
)

// These tests hold down what the real server does, where a reader's design follows from it.

const width = defaultBucket

// start returns a lab whose server's clock is moved by hand, and a client of it.
func start(t *testing.T, now int64) (*lab, proto.FlowsClient) {
	t.Helper()
	l := &lab{pki: t.TempDir()}
	if err := writePKI(l.pki); err != nil {
		t.Fatal(err)
	}
	addr, err := l.start(&command{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	creds, err := client.ClientCredentials(l.path("client.crt"), l.path("client.key"), l.path("ca.crt"))
	if err != nil {
		t.Fatal(err)
	}
	cc, err := grpc.NewClient(addr, grpc.WithTransportCredentials(creds), grpc.WithAuthority("goldmane"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cc.Close(); l.stop() })
	return l, proto.NewFlowsClient(cc)
}

func (l *lab) push(t *testing.T, port int, at int64, label string) {
	t.Helper()
	f := fmt.Sprintf(`{"Key":{"source_name":"a-*","source_namespace":"x","source_type":1,"dest_name":"b-*","dest_namespace":"x","dest_type":1,`+
		`"dest_port":%d,"proto":"tcp","reporter":1,"action":1,"policies":{}},"start_time":%d,"end_time":%d,"source_labels":["app=%s"]}`, port, at, at, label)
	if _, err := l.feed(&command{Peer: "node", Flows: []json.RawMessage{json.RawMessage(f)}}); err != nil {
		t.Fatal(err)
	}
}

func (l *lab) tick(t *testing.T, n int) {
	t.Helper()
	for range n { // a stream takes what one tick gives it before the next
		if _, err := l.roll(1); err != nil {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// stream opens a stream and gives the ports that came so far.
func stream(t *testing.T, c proto.FlowsClient, from int64) func() map[int64]int {
	t.Helper()
	s, err := c.Stream(t.Context(), &proto.FlowStreamRequest{StartTimeGte: from})
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan int64, 1000)
	go func() {
		for {
			r, err := s.Recv()
			if err != nil {
				return
			}
			got <- r.GetFlow().GetKey().GetDestPort()
		}
	}()
	time.Sleep(200 * time.Millisecond) // nothing tells that a stream is open
	ports := map[int64]int{}
	return func() map[int64]int {
		time.Sleep(200 * time.Millisecond)
		for {
			select {
			case p := <-got:
				ports[p]++
			default:
				return ports
			}
		}
	}
}

func ports(t *testing.T, c proto.FlowsClient, r *proto.FlowListRequest) map[int64]int {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 10*time.Second)
	defer stop()
	res, err := c.List(ctx, r)
	if err != nil {
		t.Fatal(err)
	}
	out := map[int64]int{}
	for _, f := range res.Flows {
		out[f.GetFlow().GetKey().GetDestPort()]++
	}
	return out
}

// TestStreamForgetsLate: a flow that comes into a bucket which was streamed is never streamed, and listed ever after.
func TestStreamForgetsLate(t *testing.T) {
	now := time.Now().Unix() / width * width
	l, c := start(t, now)
	got := stream(t, c, now-60*width)
	l.push(t, 1, now, "a")
	l.tick(t, 4)
	l.push(t, 2, now, "a") // late by four buckets
	l.tick(t, 30)
	if p := got(); p[1] != 1 || p[2] != 0 {
		t.Errorf("streamed %v: want 1 once, and not 2", p)
	}
	if p := ports(t, c, &proto.FlowListRequest{StartTimeGte: now, StartTimeLt: now + width}); p[1] != 1 || p[2] != 1 {
		t.Errorf("listed %v: want both once", p)
	}
}

// TestStreamStart: a start older than the memory brings no history; one in the newest two buckets brings all of it.
func TestStreamStart(t *testing.T) {
	now := time.Now().Unix() / width * width
	l, c := start(t, now)
	l.push(t, 1, now-20*width, "a")
	l.push(t, 2, now-3*width, "a")
	for _, tt := range []struct {
		name string
		from int64
		want map[int64]int
	}{
		{"inside", now - 30*width, map[int64]int{1: 1, 2: 1}},
		{"between", now - 10*width, map[int64]int{2: 1}},
		{"older than the memory", now - 300*width, map[int64]int{}},
		{"the newest bucket", now, map[int64]int{1: 1, 2: 1}},
	} {
		if got := stream(t, c, tt.from)(); fmt.Sprint(got) != fmt.Sprint(tt.want) {
			t.Errorf("%s: streamed %v, want %v", tt.name, got, tt.want)
		}
	}
}

// TestListOneBucket: a list of one bucket has the labels of that bucket; over several they are of the last that shared none.
func TestListOneBucket(t *testing.T) {
	now := time.Now().Unix() / width * width
	l, c := start(t, now)
	for i, label := range []string{"a", "b", "c"} {
		l.push(t, 1, now-int64(10-i)*width, label)
	}
	labels := func(from, to int64) string {
		res, err := c.List(t.Context(), &proto.FlowListRequest{StartTimeGte: from, StartTimeLt: to})
		if err != nil || len(res.Flows) != 1 {
			t.Fatalf("%v, %v", res, err)
		}
		return fmt.Sprint(res.Flows[0].GetFlow().GetSourceLabels())
	}
	for i, want := range []string{"[app=a]", "[app=b]", "[app=c]"} {
		if got := labels(now-int64(10-i)*width, now-int64(9-i)*width); got != want {
			t.Errorf("bucket %d: %s, want %s", i, got, want)
		}
	}
	if got := labels(now-10*width, now); got != "[app=c]" {
		t.Errorf("three buckets: %s: the server has changed, its intersection used to begin anew", got)
	}
}

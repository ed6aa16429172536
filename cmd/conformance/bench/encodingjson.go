package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"
)

type endpoint struct {
	Labels []string `json:"labels"`
}

type ports struct {
	Source      int64 `json:"source_port"`
	Destination int64 `json:"destination_port"`
}

type record struct {
	Flow struct {
		Time time.Time `json:"time"`
		IP   struct {
			Source      string `json:"source"`
			Destination string `json:"destination"`
		} `json:"IP"`
		L4 struct {
			TCP *ports `json:"TCP"`
			UDP *ports `json:"UDP"`
		} `json:"l4"`
		Source      endpoint `json:"source"`
		Destination endpoint `json:"destination"`
		IsReply     *bool    `json:"is_reply"`
	} `json:"flow"`
}

type total struct{ n, first, last int64 }

// jsonEdges is the plain Go program that a user would write: encoding/json into structs, a map of edges.
func jsonEdges(file string, w io.Writer) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	edges := map[string]*total{}
	d := json.NewDecoder(bufio.NewReaderSize(f, 1<<20))
	for {
		var r record
		if err := d.Decode(&r); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return err
		}
		fl, p, proto := &r.Flow, r.Flow.L4.TCP, "tcp"
		if p == nil {
			p, proto = r.Flow.L4.UDP, "udp"
		}
		if p == nil {
			continue
		}
		reply := p.Source < p.Destination
		if fl.IsReply != nil {
			reply = *fl.IsReply
		}
		cl, vl, cip, vip, port := fl.Source.Labels, fl.Destination.Labels, fl.IP.Source, fl.IP.Destination, p.Destination
		if reply {
			cl, vl, cip, vip, port = vl, cl, vip, cip, p.Source
		}
		k := fmt.Sprintf("%s\t%s\t%s\t%s\t%d/%s", strings.Join(cl, "\x01"), strings.Join(vl, "\x01"), worldIP(cl, cip), worldIP(vl, vip), port, proto)
		us := fl.Time.UnixMicro()
		t := edges[k]
		if t == nil {
			t = &total{first: us, last: us}
			edges[k] = t
		}
		t.n++
		t.first, t.last = min(t.first, us), max(t.last, us)
	}
	out := bufio.NewWriter(w)
	for k, t := range edges {
		fmt.Fprintf(out, "%s\t%d\t%d\t%d\n", k, t.n, t.first, t.last)
	}
	return out.Flush()
}

func worldIP(labels []string, ip string) string {
	if slices.Contains(labels, "reserved:world") {
		return ip
	}
	return ""
}

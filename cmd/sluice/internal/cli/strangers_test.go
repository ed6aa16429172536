package cli

import (
	"bufio"
	"bytes"
	"fmt"
	"strings"
	"time"
)

// twisted writes records with something in them replaced: what a record cannot usually be.
func (w *hostileLog) twisted(do func(), pairs ...string) {
	var b bytes.Buffer
	whole := w.w
	w.w = bufio.NewWriter(&b)
	do()
	_ = w.w.Flush()
	w.w = whole
	_, _ = strings.NewReplacer(pairs...).WriteString(w.w, b.String())
}

// strangers are what people do who own a pod, a label, a name, an address or a clock, at one hour of three days.
var strangers = []attack{
	{name: "a SYN scan of closed ports", count: 300, do: at(40, func(w *hostileLog) {
		for port := range 300 {
			w.reset(evil(w), w.app("shop", "", 2), 10_000+port)
		}
	})},
	{name: "a scan that finds one port open", count: 300, edges: map[string]string{
		"evil/evil -> shop/2 5432/tcp": "evil/evil",
	}, do: at(40, func(w *hostileLog) {
		for port := range 300 {
			w.reset(evil(w), w.app("shop", "", 2), 10_000+port)
		}
		w.answered(evil(w), w.app("shop", "", 2), 5432)
	})},
	{name: "a sweep of peers", count: 4, do: at(40, func(w *hostileLog) {
		for i := range 3 {
			w.reset(evil(w), w.app("shop", "", i), 22)
		}
		w.reset(evil(w), w.app("ops", "", 3), 22)
	})},
	{name: "SYNs that nobody answers", count: 200, do: at(40, func(w *hostileLog) {
		for port := range 200 {
			w.lone(evil(w), w.app("shop", "", 2), 41_000, 10_000+port, `"SYN":true`)
		}
	})},
	{name: "an ACK scan", count: 200, do: at(40, func(w *hostileLog) {
		for port := range 200 {
			w.twisted(func() { w.reset(evil(w), w.app("shop", "", 2), 10_000+port) }, `{"SYN":true}`, `{"ACK":true}`)
		}
	})},
	{name: "a FIN scan", count: 200, do: at(40, func(w *hostileLog) {
		for port := range 200 {
			w.twisted(func() { w.reset(evil(w), w.app("shop", "", 2), 10_000+port) }, `{"SYN":true}`, `{"FIN":true}`)
		}
	})},
	{name: "datagrams to many ports", count: 200, do: at(40, func(w *hostileLog) {
		for port := range 200 {
			w.datagram(evil(w), w.app("shop", "", 2), 10_000+port)
		}
	})},
	{name: "datagrams from forged addresses", count: 1, do: at(40, func(w *hostileLog) {
		for i := range 300 {
			w.datagram(w.world(i), w.app("shop", "", 0), 8080)
		}
	})},
	{name: "a ping where others are answered", count: 1, need: "shop/0 -> shop/2 8/icmp",
		do: func(w *hostileLog, hour int) {
			w.ping(w.app("shop", "", 0), w.app("shop", "", 2), 8, false)
			w.ping(w.app("shop", "", 2), w.app("shop", "", 0), 0, true)
			if hour == 40 {
				w.ping(evil(w), w.app("shop", "", 2), 8, false)
			}
		}},
	{name: "pings all the time that nobody answers", count: 1, do: every(func(w *hostileLog) {
		w.ping(evil(w), w.app("shop", "", 2), 8, false)
	})},
	{name: "messages of ICMP that no host answers", count: 2, do: every(func(w *hostileLog) {
		w.ping(evil(w), w.app("shop", "", 2), 13, false)
		w.ping(evil(w), w.app("shop", "", 1), 42, false)
	})},
	{name: "associations of SCTP that nobody answers", count: 1, do: every(func(w *hostileLog) {
		w.twisted(func() { w.lone(evil(w), w.app("shop", "", 2), 41_000, 38412, "") }, `"TCP":{`, `"SCTP":{`, `,"flags":{}`, ``)
	})},
	{name: "packets of TCP and SCTP to port 0", count: 2, do: every(func(w *hostileLog) {
		w.lone(evil(w), w.app("shop", "", 2), 41_000, 0, `"SYN":true`)
		w.twisted(func() { w.lone(evil(w), w.app("shop", "", 2), 41_000, 0, "") }, `"TCP":{`, `"SCTP":{`, `,"flags":{}`, ``)
	})},
	// What cannot be told from a need costs its own connection, and opens nothing to anybody else.
	{name: "answers of a resolver that nobody asked, by the dozen", count: 1, held: "evil/app=evil", do: every(func(w *hostileLog) {
		for range 20 {
			w.twisted(func() { w.lone(evil(w), w.app("shop", "", 0), 53, 40_000, "") }, `"TCP":{`, `"UDP":{`, `,"flags":{}`, ``)
		}
	})},
	{name: "packets without a protocol, by the dozen", count: 1, held: "evil/app=evil", do: every(func(w *hostileLog) {
		for range 20 {
			w.twisted(func() { w.lone(evil(w), w.app("shop", "", 2), 1, 1, "") },
				`"l4":{"TCP":{"source_port":1,"destination_port":1,"flags":{}}},`, ``)
		}
	})},
	{name: "a pod without labels at an open port", count: 1, held: "5432/tcp from evil/all", do: at(40, func(w *hostileLog) {
		w.answered(w.pod("evil", "evil"), w.app("shop", "", 2), 5432)
	})},
	{name: "a pod without labels at every port", count: 200, held: "from evil/all", do: at(40, func(w *hostileLog) {
		for port := range 90 {
			w.answered(w.pod("evil", "evil"), w.app("shop", "", 2), 10_000+port)
		}
		for port := range 110 {
			w.reset(w.pod("evil", "evil"), w.app("shop", "", 2), 20_000+port)
		}
	})},
	{name: "an identity that nobody knows, at an open port", count: 1, held: "ingress 5432/tcp from anywhere", do: at(40, func(w *hostileLog) {
		w.answered(hostileEnd{"10.9.9.9", `{"labels":["reserved:unknown"]}`}, w.app("shop", "", 2), 5432)
	})},
	{name: "a few packets without a protocol", count: 1, do: at(40, func(w *hostileLog) {
		for range 3 {
			w.twisted(func() { w.lone(evil(w), w.app("shop", "", 2), 1, 1, "") },
				`"l4":{"TCP":{"source_port":1,"destination_port":1,"flags":{}}},`, ``)
		}
	})},
	{name: "late answers of a resolver, refused all the time", count: 1, do: every(func(w *hostileLog) {
		w.twisted(func() { w.lone(evil(w), w.app("shop", "", 0), 53, 40_000, "") }, `"TCP":{`, `"UDP":{`, `,"flags":{}`, ``)
		w.ping(w.app("shop", "", 0), evil(w), 3, false)
	})},
	{name: "a few datagrams to some closed ports", count: 5, do: at(40, func(w *hostileLog) {
		for port := range 5 {
			for range 3 {
				w.datagram(evil(w), w.app("shop", "", 2), 10_000+port)
			}
		}
	})},
	{name: "errors of ICMP for what nobody sent", count: 0, do: at(40, func(w *hostileLog) {
		w.ping(evil(w), w.app("shop", "", 2), 3, false)
	})},
	{name: "a protocol without ports", count: 0, do: at(40, func(w *hostileLog) {
		w.twisted(func() { w.lone(evil(w), w.app("shop", "", 2), 1, 1, "") },
			`"l4":{"TCP":{"source_port":1,"destination_port":1,"flags":{}}},`, ``)
	})},
	{name: "a replica with labels of its own", edges: map[string]string{
		"shop/2-1d19a2dd -> ops/3 9000/tcp": "shop/2-1d19a2dd bears the name of 2",
	}, do: at(40, func(w *hostileLog) {
		e := w.pod("shop", "2", "app=evil", "tier=data")
		e.json = strings.Replace(e.json, "x2x4z", "evil0", 1)
		w.answered(e, w.app("ops", "", 3), 9000)
	})},
	{name: "labels by the thousand", edges: map[string]string{
		"evil/evil -> shop/2 5432/tcp": "",
	}, do: at(40, func(w *hostileLog) {
		for i := range 2000 {
			w.answered(w.pod("evil", "evil", "app=evil", fmt.Sprintf("k%d=v", i)), w.app("shop", "", 2), 5432)
		}
	})},
	{name: "names with a star", edges: map[string]string{
		"shop/0 -> world:203.0.113.7 443/tcp": "known by its address",
	}, do: every(func(w *hostileLog) {
		w.names = []string{"*", "**.com", "*.example.com"}
		w.answered(w.app("shop", "", 0), hostileEnd{"203.0.113.7", worldEnd}, 443)
		w.names = nil
	})},
	{name: "a name that leads inside", edges: map[string]string{
		"shop/0 -> world:10.0.0.1 443/tcp": "10.0.0.1",
	}, do: every(func(w *hostileLog) {
		w.names = []string{"updates.example.com"}
		w.answered(w.app("shop", "", 0), hostileEnd{"10.0.0.1", worldEnd}, 443)
		w.names = nil
	})},
	{name: "a name for the server of metadata", edges: map[string]string{
		"shop/0 -> world:169.254.169.254 80/tcp": "169.254.169.254",
	}, do: every(func(w *hostileLog) {
		w.names = []string{"updates.example.com"}
		w.answered(w.app("shop", "", 0), hostileEnd{"169.254.169.254", worldEnd}, 80)
		w.names = nil
	})},
	{name: "a record of the year 1990", count: 0, do: at(40, func(w *hostileLog) {
		w.twisted(func() { w.lone(evil(w), w.app("shop", "", 2), 41_000, 5432, `"SYN":true`) }, `"2026-`, `"1990-`)
	})},
	{name: "a SYN of the year 2076", count: 1, do: at(40, func(w *hostileLog) {
		w.twisted(func() { w.lone(evil(w), w.app("shop", "", 2), 41_000, 5432, `"SYN":true`) }, `"2026-`, `"2076-`)
	})},
	{name: "a SYN of two hours after the end", count: 1, do: at(71, func(w *hostileLog) {
		w.at += 2 * time.Hour
		w.lone(evil(w), w.app("shop", "", 2), 41_000, 5432, `"SYN":true`)
	})},
	{name: "a SYN of half an hour after the end", count: 1, do: at(71, func(w *hostileLog) {
		w.at += 31 * time.Minute
		w.lone(evil(w), w.app("shop", "", 2), 41_000, 5432, `"SYN":true`)
	})},
	{name: "SYNs of weeks before, one a day", count: 1, do: func(w *hostileLog, hour int) {
		if hour%24 == 0 {
			w.at -= 40 * 24 * time.Hour
			w.lone(evil(w), w.app("shop", "", 2), 41_000, 5432, `"SYN":true`)
		}
	}},
	{name: "a datagram of the year 2076", count: 1, do: at(40, func(w *hostileLog) {
		w.twisted(func() { w.datagram(evil(w), w.app("shop", "", 2), 5432) }, `"2026-`, `"2076-`)
	})},
	{name: "SYNs of a year to come, an hour each", count: 1, do: func(w *hostileLog, _ int) {
		w.at += 400 * 24 * time.Hour
		w.lone(evil(w), w.app("shop", "", 2), 41_000, 5432, `"SYN":true`)
	}},
	{name: "a stranger without identity", count: 1, do: at(40, func(w *hostileLog) {
		w.lone(hostileEnd{"10.9.9.9", `{"labels":["reserved:unknown"]}`}, w.app("shop", "", 2), 41_000, 5432, `"SYN":true`)
	})},
	{name: "a pod without labels", count: 1, do: at(40, func(w *hostileLog) {
		w.lone(w.bare("evil", "evil"), w.app("shop", "", 2), 41_000, 5432, `"SYN":true`)
	})},
	{name: "a pod that plays a victim's client", edges: map[string]string{
		"evil/evil -> shop/2 5432/tcp": "",
	}, do: func(w *hostileLog, hour int) {
		for k := range 10 {
			w.at = time.Duration(hour)*time.Hour + time.Duration(6*k+2)*time.Minute
			w.answered(evil(w), w.app("shop", "", 2), 5432)
		}
	}},
}

func evil(w *hostileLog) hostileEnd { return w.pod("evil", "evil", "app=evil") }

// at does something once, every does it each hour.
func at(when int, do func(w *hostileLog)) func(*hostileLog, int) {
	return func(w *hostileLog, hour int) {
		if hour == when {
			do(w)
		}
	}
}

func every(do func(w *hostileLog)) func(*hostileLog, int) {
	return func(w *hostileLog, _ int) { do(w) }
}

// datagram is one that nobody answers.
func (w *hostileLog) datagram(src, dst hostileEnd, port int) {
	w.twisted(func() { w.lone(src, dst, 41_000, port, "") }, `"TCP":{`, `"UDP":{`, `,"flags":{}`, ``)
}

// question is a datagram that is answered.
func (w *hostileLog) question(src, dst hostileEnd, port int) {
	w.twisted(func() { w.connection(src, dst, port, "") }, `"TCP":{`, `"UDP":{`, `,"flags":{"SYN":true}`, ``, `,"flags":{}`, ``)
}

// ping is one message of ICMP.
func (w *hostileLog) ping(src, dst hostileEnd, kind int, reply bool) {
	w.twisted(func() { w.record(src, dst, 1, 1, "", reply) },
		`"TCP":{"source_port":1,"destination_port":1,"flags":{}}`, fmt.Sprintf(`"ICMPv4":{"type":%d}`, kind))
}

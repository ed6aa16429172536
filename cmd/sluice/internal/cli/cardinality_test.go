package cli

import (
	"bufio"
	"bytes"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// cardinality are inputs that a stranger could make large, each in one dimension.
var cardinality = []struct {
	name  string
	n     int // how large it is whole
	write func(w *hostileLog, n int)
}{
	{"addresses in", 100_000, func(w *hostileLog, n int) {
		for i := range n {
			w.answered(w.world(i), w.pod("shop", "web", "app=web"), 443)
		}
	}},
	{"addresses out", 100_000, func(w *hostileLog, n int) {
		for i := range n {
			w.answered(w.pod("shop", "web", "app=web"), w.world(i), 443)
		}
	}},
	{"ports used", 65_535, func(w *hostileLog, n int) {
		for i := range n {
			w.answered(w.pod("shop", "web", "app=web"), w.pod("shop", "ftp", "app=ftp"), 1+i)
		}
	}},
	{"ports scanned", 65_535, func(w *hostileLog, n int) {
		for i := range n {
			w.reset(w.pod("evil", "evil", "app=evil"), w.pod("shop", "web", "app=web"), 1+i)
		}
	}},
	{"pairs of port and peer", 50_000, func(w *hostileLog, n int) {
		for range n {
			peer := w.r.IntN(max(n/50, 1))
			w.answered(w.app("shop", "c", peer), w.pod("shop", "web", "app=web"), 1+w.r.IntN(65_535))
		}
	}},
	{"pairs of port and address", 50_000, func(w *hostileLog, n int) {
		for range n {
			w.answered(w.world(w.r.IntN(n)), w.pod("shop", "web", "app=web"), 1+w.r.IntN(65_535))
		}
	}},
	{"workloads", 16_000, func(w *hostileLog, n int) {
		for i := range n {
			w.answered(w.app("shop", "c", i), w.pod("shop", "web", "app=web"), 443)
		}
	}},
	{"workloads in a chain", 16_000, func(w *hostileLog, n int) {
		for i := range n {
			w.answered(w.app("shop", "c", i), w.app("shop", "c", (i+1)%n), 443)
		}
	}},
	{"pods of mixed labels", 4_000, func(w *hostileLog, n int) {
		for i := range n {
			var labels []string
			for k := range 12 {
				if v := w.r.IntN(4); v > 0 {
					labels = append(labels, fmt.Sprintf("k%d=v%d", k, v))
				}
			}
			w.answered(w.pod("shop", fmt.Sprintf("p%d", i), labels...), w.pod("shop", "web", "app=web"), 1000+w.r.IntN(8))
		}
	}},
	{"label keys", 16_000, func(w *hostileLog, n int) {
		for i := range n / 10 {
			labels := []string{"app=evil"}
			for k := range 10 {
				labels = append(labels, fmt.Sprintf("k%d=v", 10*i+k))
			}
			w.answered(w.pod("shop", "evil", labels...), w.pod("shop", "web", "app=web"), 443)
		}
	}},
	{"label keys of own workloads", 16_000, func(w *hostileLog, n int) {
		for i := range n / 10 {
			var labels []string
			for k := range 10 {
				labels = append(labels, fmt.Sprintf("k%d=v", 10*i+k))
			}
			w.answered(w.pod("shop", fmt.Sprintf("p%d", i), labels...), w.pod("shop", "web", "app=web"), 443)
		}
	}},
	{"namespaces", 16_000, func(w *hostileLog, n int) {
		for i := range n {
			w.answered(w.pod(fmt.Sprintf("n%d", i), "app", "app=app"), w.pod("shop", "web", "app=web"), 443)
		}
	}},
	{"dense matrix of workloads", 40_000, func(w *hostileLog, n int) {
		for i := range n {
			if w.r.IntN(2) == 0 {
				w.answered(w.app("shop", "c", i%200), w.app("shop", "s", i/200), 443)
			}
		}
	}},
	{"dense matrix of ports", 40_000, func(w *hostileLog, n int) {
		for i := range n {
			if w.r.IntN(2) == 0 {
				w.answered(w.app("shop", "c", i%200), w.pod("shop", "web", "app=web"), 1000+7*(i/200))
			}
		}
	}},
	{"names", 20_000, func(w *hostileLog, n int) {
		for i := range n {
			w.names = []string{fmt.Sprintf("h%d.example%d.com", i, i%2000)}
			w.answered(w.pod("shop", "web", "app=web"), w.world(i), 443)
		}
	}},
}

// hostileLog writes records of Hubble, a second apart.
type hostileLog struct {
	w     *bufio.Writer
	r     *rand.Rand
	n     int
	names []string
	at    time.Duration // if not 0, since the beginning
}

// hostileEnd is one end of a record.
type hostileEnd struct{ ip, json string }

func (w *hostileLog) pod(ns, name string, labels ...string) hostileEnd {
	h := uint32(2166136261)
	for _, c := range []byte(ns + "/" + name) {
		h = (h ^ uint32(c)) * 16777619
	}
	quoted := []string{fmt.Sprintf("%q", "k8s:io.kubernetes.pod.namespace="+ns)}
	for _, l := range labels {
		quoted = append(quoted, fmt.Sprintf("%q", "k8s:"+l))
	}
	return hostileEnd{fmt.Sprintf("10.%d.%d.%d", h>>16&255, h>>8&255, h&255), fmt.Sprintf(
		`{"identity":%d,"cluster_name":"demo","namespace":%q,"labels":[%s],"pod_name":%q,"workloads":[{"name":%q,"kind":"Deployment"}]}`,
		20_000+h>>8, ns, strings.Join(quoted, ","), name+"-7d9fbd6c7b-x2x4z", name)}
}

// app is the pod of the workload i of many.
func (w *hostileLog) app(ns, prefix string, i int) hostileEnd {
	name := fmt.Sprintf("%s%d", prefix, i)
	return w.pod(ns, name, "app="+name)
}

// world is the address i of many that no common prefix covers.
func (w *hostileLog) world(i int) hostileEnd {
	a := uint32(i) * 2654435761
	return hostileEnd{fmt.Sprintf("%d.%d.%d.%d", 20+a>>24%100, a>>16&255, a>>8&255, a&255), worldEnd}
}

// worldEnd is what stands for the outside.
const worldEnd = `{"identity":2,"labels":["reserved:world"]}`

// bare is a pod that nothing owns.
func (w *hostileLog) bare(ns, name string, labels ...string) hostileEnd {
	e := w.pod(ns, name, labels...)
	e.json = strings.Replace(e.json[:strings.Index(e.json, `,"workloads"`)]+"}", name+"-7d9fbd6c7b-x2x4z", name, 1)
	return e
}

// lone is one packet that nothing came before or after.
func (w *hostileLog) lone(src, dst hostileEnd, sport, port int, flags string) {
	w.record(src, dst, sport, port, flags, false)
}

// answered is a connection with its answer, reset one that is refused.
func (w *hostileLog) answered(src, dst hostileEnd, port int) {
	w.connection(src, dst, port, `"SYN":true,"ACK":true`)
}
func (w *hostileLog) reset(src, dst hostileEnd, port int) {
	w.connection(src, dst, port, `"RST":true,"ACK":true`)
}

func (w *hostileLog) connection(src, dst hostileEnd, port int, answer string) {
	sport := 32_768 + w.n%28_000
	w.record(src, dst, sport, port, `"SYN":true`, false)
	w.record(dst, src, port, sport, answer, true)
	w.n++
}

// record writes one record of a packet.
func (w *hostileLog) record(src, dst hostileEnd, sport, port int, flags string, reply bool) {
	at := time.Date(2026, 3, 1, 10, 0, w.n, 0, time.UTC)
	if w.at != 0 {
		at = time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC).Add(w.at)
	}
	client, server := src, dst
	if reply {
		client, server = dst, src
	}
	direction := "INGRESS"
	if server.json == worldEnd && client.json != worldEnd {
		direction = "EGRESS"
	}
	names, of := "", "destination_names"
	for i, n := range w.names {
		names += ","[:min(i, 1)] + fmt.Sprintf("%q", n)
	}
	if reply {
		of = "source_names"
	}
	fmt.Fprintf(w.w, `{"flow":{"time":%q,"verdict":"FORWARDED","IP":{"source":%q,"destination":%q,"ipVersion":"IPv4"},`+
		`"l4":{"TCP":{"source_port":%d,"destination_port":%d,"flags":{%s}}},"source":%s,"destination":%s,%q:[%s],`+
		`"Type":"L3_L4","node_name":"demo/a","event_type":{"type":4},"traffic_direction":%q,"trace_observation_point":"TO_ENDPOINT",`+
		`"is_reply":%t},"node_name":"demo/a","time":%q}`+"\n", at.Format(time.RFC3339), src.ip, dst.ip, sport, port, flags, src.json,
		dst.json, of, names, direction, reply, at.Format(time.RFC3339))
}

// The bounds of one command on one input. The system ends one that takes far more.
const (
	mostCPU    = 10  // seconds
	mostMemory = 512 // MiB
	everCPU    = 300 // seconds
	mostFolded = 64  // KiB of bundle.json and of what is printed, where one row says it all
)

// beyond are inputs that are known to take more than they should whole, with what they may: each workload or namespace
// has policies of its own, and the time goes into writing and reading files.
var beyond = map[string]struct{ cpu, mib float64 }{
	"workloads in a chain": {20, 512}, "pods of mixed labels": {16, 512}, "namespaces": {30, 560},
}

// folded are the inputs that one row says.
var folded = []string{"addresses in", "addresses out", "ports used", "ports scanned", "pairs of port and address", "label keys", "names"}

// TestCardinality runs the commands on inputs that are large in one dimension, each in a process of its own, and prints
// what they cost. SLUICE_LONG runs them whole; else they are a sixteenth, with the bounds of the whole.
func TestCardinality(t *testing.T) {
	if os.Getenv("SLUICE_VALIDATE") != "" {
		t.Setenv("SLUICE_VALIDATE", "")
	}
	var table strings.Builder
	fmt.Fprintf(&table, "%-28s %7s %9s %9s %9s %9s %6s %6s %6s  %s\n", "input", "n", "in KiB", "bundle", "yaml", "review", "CPU s", "wall", "MiB", "command")
	for _, c := range cardinality {
		t.Run(strings.ReplaceAll(c.name, " ", "-"), func(t *testing.T) {
			n := c.n
			if os.Getenv("SLUICE_LONG") == "" {
				n /= 16
			}
			dir := t.TempDir()
			flows, out := filepath.Join(dir, "flows.jsonl"), filepath.Join(dir, "bundle")
			writeLog(t, flows, n, c.write)
			for _, args := range [][]string{
				{"learn", flows, "-A", "--min-watch", "0", "--out", out},
				{"verify", out},
				{"show", "edges", flows},
			} {
				u := measure(t, args)
				size := written(t, out)
				row := fmt.Sprintf("%-28s %7d %9d %9d %9d %9d %6.1f %6.1f %6.0f  %s, exit %d, prints %d KiB\n", c.name, n, kib(flows),
					kib(filepath.Join(out, "bundle.json")), size[".yaml"]>>10, size[".md"]>>10, u.cpu, u.wall, u.mib, args[0], u.exit, u.printed>>10)
				t.Log(row)
				table.WriteString(row)
				if u.exit != int(ExitOK) && u.exit != int(ExitFindings) {
					t.Errorf("%s: exit %d: %s", args[0], u.exit, u.log)
				}
				if b := kib(filepath.Join(out, "bundle.json")); slices.Contains(folded, c.name) && (b > mostFolded || u.printed>>10 > mostFolded) {
					t.Errorf("%s: bundle.json has %d KiB, %d are printed", args[0], b, u.printed>>10)
				}
				cpu, mib := max(mostCPU, beyond[c.name].cpu), max(mostMemory, beyond[c.name].mib)
				if u.cpu > cpu || u.mib > mib {
					t.Errorf("%s: %.1f CPU s, %.0f MiB", args[0], u.cpu, u.mib)
				}
			}
		})
	}
	t.Logf("\n%s", table.String())
}

type used struct {
	cpu, wall, mib float64
	exit           int
	printed        int
	log            string
}

// measure runs a command as a process of its own, which the system ends after everCPU seconds or with 3 GiB.
func measure(t *testing.T, args []string) used {
	t.Helper()
	peak := filepath.Join(t.TempDir(), "peak")
	exe, err := exec.LookPath("measured")
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(exe, append([]string{peak}, args...)...)
	var out, log bytes.Buffer
	c.Stdout, c.Stderr = &out, &log
	began := time.Now()
	_ = c.Run()
	u := used{wall: time.Since(began).Seconds(), exit: c.ProcessState.ExitCode(), printed: out.Len() + log.Len(), log: tail(log.String())}
	u.cpu = (c.ProcessState.UserTime() + c.ProcessState.SystemTime()).Seconds()
	text, _ := os.ReadFile(peak)
	_, _ = fmt.Sscan(string(text), &u.mib)
	return u
}

func tail(s string) string { return s[max(0, len(s)-600):] }

// measured is sluice with bounds, which writes the most memory that it had to a file.
func measured() {
	for what, most := range map[int]uint64{syscall.RLIMIT_CPU: everCPU, syscall.RLIMIT_DATA: 3 << 30} {
		if err := syscall.Setrlimit(what, &syscall.Rlimit{Cur: most, Max: most}); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	code := Main(os.Args[2:], os.Stdin, os.Stdout, os.Stderr)
	status, _ := os.ReadFile("/proc/self/status")
	if _, after, ok := strings.Cut(string(status), "VmHWM:"); ok {
		var kib float64
		if _, err := fmt.Sscan(after, &kib); err == nil {
			_ = os.WriteFile(os.Args[1], fmt.Append(nil, kib/1024), 0o666)
		}
	}
	os.Exit(int(code))
}

func kib(file string) int64 {
	if s, err := os.Stat(file); err == nil {
		return s.Size() >> 10
	}
	return 0
}

// written sums up the bytes of a directory's files by extension.
func written(t *testing.T, dir string) map[string]int64 {
	t.Helper()
	out := map[string]int64{}
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			if s, err := d.Info(); err == nil {
				out[filepath.Ext(p)] += s.Size()
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

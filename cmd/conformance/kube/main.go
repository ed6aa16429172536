// Command kube is a judge of what sluice writes: a real API server with etcd on loopback, and kustomize.
//
//	kube [-timeout 10m] DIR...
//	kube [-timeout 10m] -lab DIR
//
// With -lab it is no judge but a cluster with a node that forwards ports, until standard input ends (lab.go). Else:
// Every YAML file below the directories is submitted as kubectl would, as a server-side dry run with strict field
// validation; every kustomization is built. One JSON line a file says what became of it; the exit code is 1 where one
// was refused. The namespaces that the objects name are made first.
//
// The servers are kube-apiserver 1.36.3 and etcd 3.6.8, built from their modules by `make conformance` and looked for
// beside this program. The server knows the CRDs of Cilium 1.20.2 as they are, and of Calico 3.31.0 those that back its
// aggregated API, registered under the names of that API (crds.go). A server accepts more than an engine understands: a
// Cilium port of 99999999, a Calico selector that does not parse. The engines' own judges look after that.
//
// It knows nothing of sluice. It needs Linux: there its children die with it.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

func main() {
	timeout := flag.Duration("timeout", 10*time.Minute, "give up after `TIME`")
	binaries := flag.String("binaries", besideMe(), "the `DIR` of kube-apiserver and etcd")
	asLab := flag.String("lab", "", "be a cluster, with kubeconfigs in `DIR`, until standard input ends")
	flag.Parse()
	if flag.NArg() == 0 && *asLab == "" {
		fmt.Fprintln(os.Stderr, "usage: kube [-timeout TIME] [-binaries DIR] [-lab DIR] DIR...")
		os.Exit(2)
	}
	ctx, cancel := context.WithTimeout(context.Background(), *timeout)
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	var refused int
	var err error
	if *asLab != "" {
		err = lab(ctx, *binaries, *asLab, os.Stdout)
	} else {
		refused, err = run(ctx, *binaries, flag.Args())
	}
	stop()
	cancel()
	if err != nil {
		fmt.Fprintln(os.Stderr, "kube:", err)
	}
	if err != nil || refused > 0 {
		os.Exit(1)
	}
}

func besideMe() string {
	self, err := os.Executable()
	if err != nil {
		return "."
	}
	return filepath.Dir(self)
}

// run starts the servers, writes the verdicts and gives the number of files that were refused.
func run(ctx context.Context, binaries string, dirs []string) (refused int, err error) {
	s, err := start(ctx, binaries)
	if err != nil {
		return 0, err
	}
	defer s.stop()
	c, err := connect(ctx, s)
	if err != nil {
		return 0, err
	}
	out := json.NewEncoder(os.Stdout)
	out.SetEscapeHTML(false)
	for _, dir := range dirs {
		verdicts, err := judge(ctx, c, dir)
		if err != nil {
			return refused, err
		}
		for _, v := range verdicts {
			if !v.Accepted {
				refused++
			}
			if err := out.Encode(v); err != nil {
				return refused, err
			}
		}
	}
	return refused, nil
}

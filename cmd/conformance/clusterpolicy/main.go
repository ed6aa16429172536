// Command clusterpolicy is a judge of ClusterNetworkPolicies beside NetworkPolicies: the policy engine of
// kube-network-policies 1.1.1, which evaluates packets. It reads one World a line from standard input as JSON and writes
// one Answer a line, in the same order.
//
// Of NetworkPolicies it says less than the API: a pod that one selects in a direction is decided in both, so that the
// tier Baseline is never asked. Whoever asks has to count these apart.
//
// It is a module of its own because the engine's dependencies would force their versions on everybody, and it knows
// nothing of sluice but the YAML and the connections it is shown.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"k8s.io/klog/v2"
)

func main() {
	klog.SetLogger(klog.Logger{})
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "clusterpolicy:", err)
		os.Exit(1)
	}
}

func run(in io.Reader, out io.Writer) error {
	dec := json.NewDecoder(bufio.NewReaderSize(in, 1<<20))
	dec.DisallowUnknownFields()
	buffered := bufio.NewWriter(out)
	enc := json.NewEncoder(buffered)
	for n := 1; ; n++ {
		var w World
		if err := dec.Decode(&w); errors.Is(err, io.EOF) {
			return buffered.Flush()
		} else if err != nil {
			return fmt.Errorf("read world %d: %w", n, err)
		}
		answer, err := judge(&w)
		if err != nil {
			return fmt.Errorf("judge world %d: %w", n, err)
		}
		if err := enc.Encode(answer); err != nil {
			return err
		}
	}
}

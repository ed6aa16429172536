// Command engine is a judge of the cilium and kubernetes dialects and of the cilium semantics: Cilium 1.20.2's own
// policy engine, run offline. It computes the policy maps that the agent would load for both ends of a connection and
// looks the connection up in them. It reads one World a line from standard input as JSON and writes one Answer a line,
// in the same order.
//
// It is a module of its own because Cilium's dependencies would force their versions on everybody, and it knows nothing
// of sluice but the YAML and the connections it is shown.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/cilium/cilium/pkg/logging"
	"github.com/cilium/cilium/pkg/option"
	"github.com/cilium/cilium/pkg/policy"
	"github.com/cilium/cilium/pkg/policy/api"
)

func main() {
	configure()
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "cilium engine:", err)
		os.Exit(1)
	}
}

// configure sets what an agent on Kubernetes has as installed, and the protocols and rules that need a switch. Both
// address families are on, so that an address is of the world of its family.
func configure() {
	logging.SetLogLevel(slog.LevelError + 1) // it complains of labels that it made itself
	c := option.Config
	c.EnableIPv4, c.EnableIPv6 = true, true
	c.EnableNodeSelectorLabels = true // else a ClusterNetworkPolicy with nodes is refused
	c.EnableICMPRules, c.EnableNonDefaultDenyPolicies, c.EnableL7Proxy, c.EnableExtendedIPProtocols = true, true, true, true
	c.UnsafeDaemonConfigOption.AllowLocalhost = option.AllowLocalhostAlways
	policy.SetPolicyEnabled(option.DefaultEnforcement)
	api.InitEntities(cluster)
}

func run(in io.Reader, out io.Writer) error {
	dec := json.NewDecoder(bufio.NewReaderSize(in, 1<<20))
	dec.DisallowUnknownFields()
	buffered := bufio.NewWriter(out)
	enc := json.NewEncoder(buffered)
	for n := 1; ; n++ {
		var w World
		if err := dec.Decode(&w); errors.Is(err, io.EOF) {
			return nil
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
		if err := buffered.Flush(); err != nil {
			return err
		}
	}
}

// judge reads the objects of a world and asks about every connection.
func judge(w *World) (Answer, error) {
	var a Answer
	var read objects
	for _, text := range w.Objects {
		a.Objects = append(a.Objects, read.add(text))
	}
	e, err := newEngine(w, &read)
	if err != nil {
		return a, err
	}
	for _, c := range w.Connections {
		v, err := e.verdict(c)
		if err != nil {
			return a, err
		}
		a.Verdicts = append(a.Verdicts, v)
	}
	return a, nil
}

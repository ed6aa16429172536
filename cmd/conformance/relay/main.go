// Command relay is a judge of live ingest: the real Hubble observer and the real hubble-relay of Cilium 1.19 on
// loopback, fed with records of a capture. Each node and each relay is a process of its own, so that both can crash.
//
//	relay lab            reads commands as JSON lines, writes what happened as JSON lines
//	relay recv           reads a stream and throws the flows away: the peers of the speed table
//
// What is real: ring, observer, monitor consumer and its queue, gRPC server, peer service, relay with its command line.
// What is not: the datapath and the parser of its events; the flows come decoded, from the capture.
//
// It knows nothing of sluice. It needs Linux: any address of 127.0.0.0/8 can be listened on there.
package main

import (
	"fmt"
	"os"

	hubblerelay "github.com/cilium/cilium/hubble-relay/cmd"
)

func main() {
	if len(os.Args) < 2 {
		fail(fmt.Errorf("usage: relay lab | recv [FLAG...]"))
	}
	var err error
	switch args := os.Args[2:]; os.Args[1] {
	case "lab":
		err = runLab(os.Stdin, os.Stdout)
	case "recv":
		err = receive(args, os.Stdout)
	case nodeProcess:
		err = runNode(os.Stdin, os.Stdout)
	case relayProcess:
		root := hubblerelay.New()
		root.SetArgs(args)
		err = root.Execute()
	default:
		err = fmt.Errorf("unknown command %q", os.Args[1])
	}
	if err != nil {
		fail(err)
	}
}

// The names under which the lab starts itself again: relay commands that users have no need for.
const (
	nodeProcess  = "node"
	relayProcess = "hubble-relay"
)

func fail(err error) {
	fmt.Fprintln(os.Stderr, "relay:", err)
	os.Exit(1)
}

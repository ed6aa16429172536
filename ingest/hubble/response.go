package hubble

// Response is a message of the stream that Hubble's servers send: a flow, or one of the other two, as bytes.
type Response struct {
	HasFlow    bool
	NodeStatus []byte // a relay.NodeStatusEvent
	LostEvents []byte // a flow.LostEvent
	Node       []byte // name of the node it came from
	Time       int64  // microseconds since 1970 UTC, 0 where it has none
}

// Fields of GetFlowsResponse in observer.proto.
const (
	responseFlow, responseStatus, responseLost = 1, 2, 3
	responseNode, responseTime                 = 1000, 1001
)

// Response reads a GetFlowsResponse message; its flow, if any, is decoded into w. What comes back aliases b. The flow
// gets the time of the message where it has none of its own, the message the node of its flow.
func (w *Wire) Response(b []byte) (r Response, err error) {
	var f field
	var flow []byte
	for len(b) > 0 {
		if b = f.next(b); b == nil {
			return r, errWire
		}
		if !f.text {
			continue
		}
		switch f.num {
		case responseFlow:
			flow, r.HasFlow = f.b, true
			r.NodeStatus, r.LostEvents = nil, nil
		case responseStatus:
			r.NodeStatus, r.LostEvents, r.HasFlow = f.b, nil, false
		case responseLost:
			r.LostEvents, r.NodeStatus, r.HasFlow = f.b, nil, false
		case responseNode:
			r.Node = f.b
		case responseTime:
			if r.Time, err = WireTime(f.b); err != nil {
				return r, err
			}
		}
	}
	if !r.HasFlow {
		return r, nil
	}
	if err := w.Decode(flow); err != nil {
		return r, err
	}
	if w.Flow.Time == 0 {
		w.Flow.Time = r.Time
	}
	if len(r.Node) == 0 {
		r.Node = w.Node
	}
	return r, nil
}

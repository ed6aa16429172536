package model

// meshPorts are the TCP ports at which the proxies of a mesh carry the connections of others.
var meshPorts = map[uint16]string{
	15001: "Istio's sidecar, outbound", 15006: "Istio's sidecar, inbound", 15008: "HBONE of Istio's ambient mesh",
	4143: "Linkerd's proxy, inbound", 4140: "Linkerd's proxy, outbound",
}

// MeshPort says at which proxy of a mesh a port carries the connections of others, "" if it is none. The ports of the
// services are inside, and in no flow log.
func MeshPort(p Proto, port uint16) string {
	if p != TCP {
		return ""
	}
	return meshPorts[port]
}

// sidecarPorts are the ports at which the sidecar of a pod does so where the pod has a label: by themselves they are
// anybody's.
var sidecarPorts = map[uint16]struct{ label, proxy string }{
	20000: {"consul.hashicorp.com/connect-inject-status", "Consul's sidecar, inbound"},
	50002: {"dapr.io/app-id", "Dapr's sidecar, internal"},
}

// SidecarPort is MeshPort for a port of pods with labels.
func SidecarPort(p Proto, port uint16, of Labels) string {
	if at := sidecarPorts[port]; p == TCP && at.label != "" {
		if _, ok := of.Get(at.label); ok {
			return at.proxy
		}
	}
	return MeshPort(p, port)
}

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

package model

import (
	"net/netip"
	"slices"
)

// metadata are the addresses at which clouds tell a node's metadata, its credentials among them: of AWS, Google, Azure,
// Oracle and others, of ECS, of Azure's wire server, of Alibaba; and over IPv6 of AWS and Google.
var metadata = []netip.Addr{
	netip.MustParseAddr("169.254.169.254"), netip.MustParseAddr("169.254.170.2"),
	netip.MustParseAddr("168.63.129.16"), netip.MustParseAddr("100.100.100.200"),
	netip.MustParseAddr("fd00:ec2::254"), netip.MustParseAddr("fd20:ce::254"),
}

// ServesMetadata reports whether a cloud tells a node's metadata there. Names are answered at some of them as well.
func ServesMetadata(a netip.Addr, p Proto, port uint16) bool {
	return p == TCP && port != 53 && slices.Contains(metadata, a.Unmap())
}

// FixedAddress reports whether an address is the same everywhere and for ever: of one link, of a group, or of a cloud.
func FixedAddress(a netip.Addr) bool {
	a = a.Unmap()
	return a.IsLinkLocalUnicast() || a.IsMulticast() || slices.Contains(metadata, a) ||
		a == netip.AddrFrom4([4]byte{255, 255, 255, 255})
}

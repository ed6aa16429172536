package cilium

import "sluice/model"

// mostPorts is how many ports or ICMP types one list of the API may hold.
const mostPorts = 40

// maxICMPType is the highest message type.
const maxICMPType = 255

// protocols are the names that the API has. Without a protocol it means all that have ports.
var protocols = map[model.Proto]string{
	0:          "ANY",
	model.TCP:  "TCP",
	model.UDP:  "UDP",
	model.SCTP: "SCTP",
	model.IGMP: "IGMP", // this and the next need enable-extended-ip-protocols
	model.VRRP: "VRRP",
}

// hasPorts reports whether a protocol of the API has ports.
func hasPorts(p model.Proto) bool { return p == 0 || p.HasPorts() }

// families are the names of address families by their ICMP.
var families = map[model.Proto]string{model.ICMP: "IPv4", model.ICMPv6: "IPv6"}

// icmpTypes are the message types that the API also has names for.
var icmpTypes = map[model.Proto]map[string]uint16{
	model.ICMP: {
		"EchoReply":              0,
		"DestinationUnreachable": 3,
		"Redirect":               5,
		"Echo":                   8,
		"EchoRequest":            8,
		"RouterAdvertisement":    9,
		"RouterSelection":        10,
		"TimeExceeded":           11,
		"ParameterProblem":       12,
		"Timestamp":              13,
		"TimestampReply":         14,
		"Photuris":               40,
		"ExtendedEchoRequest":    42,
		"ExtendedEchoReply":      43,
	},
	model.ICMPv6: {
		"DestinationUnreachable":                 1,
		"PacketTooBig":                           2,
		"TimeExceeded":                           3,
		"ParameterProblem":                       4,
		"EchoRequest":                            128,
		"EchoReply":                              129,
		"MulticastListenerQuery":                 130,
		"MulticastListenerReport":                131,
		"MulticastListenerDone":                  132,
		"RouterSolicitation":                     133,
		"RouterAdvertisement":                    134,
		"NeighborSolicitation":                   135,
		"NeighborAdvertisement":                  136,
		"RedirectMessage":                        137,
		"RouterRenumbering":                      138,
		"ICMPNodeInformationQuery":               139,
		"ICMPNodeInformationResponse":            140,
		"InverseNeighborDiscoverySolicitation":   141,
		"InverseNeighborDiscoveryAdvertisement":  142,
		"HomeAgentAddressDiscoveryRequest":       144,
		"HomeAgentAddressDiscoveryReply":         145,
		"MobilePrefixSolicitation":               146,
		"MobilePrefixAdvertisement":              147,
		"DuplicateAddressRequestCodeSuffix":      157,
		"DuplicateAddressConfirmationCodeSuffix": 158,
		"ExtendedEchoRequest":                    160,
		"ExtendedEchoReply":                      161,
	},
}

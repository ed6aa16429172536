package policy

import "encoding/binary"

// PeersKey returns a text that is equal for lists of equal peers and for no others.
func PeersKey(list []Peer) string { return string(appendPeers(nil, list)) }

// PortsKey returns a text that is equal for lists of equal ports and for no others.
func PortsKey(list []Port) string {
	k := binary.AppendUvarint(nil, uint64(len(list)))
	for _, p := range list {
		k = append(k, byte(p.Proto))
		k = binary.BigEndian.AppendUint16(k, p.First)
		k = binary.BigEndian.AppendUint16(k, p.Last)
		k = binary.BigEndian.AppendUint16(k, p.Code)
		k = appendText(k, p.Name)
	}
	return string(k)
}

func appendPeers(k []byte, list []Peer) []byte {
	k = binary.AppendUvarint(k, uint64(len(list)))
	for i := range list {
		p := &list[i]
		k = append(k, byte(p.Kind))
		k = appendSelector(appendSelector(k, p.Namespaces), p.Pods)
		if p.Inside {
			k = append(k, '!')
		}
		k = appendText(k, p.CIDR.String())
		k = binary.AppendUvarint(k, uint64(len(p.Except)))
		for _, e := range p.Except {
			k = appendText(k, e.String())
		}
		k = binary.AppendUvarint(k, uint64(p.Entities))
		k = appendText(appendText(k, p.Name), p.Namespace)
		k = appendPeers(appendPeers(k, p.All), p.None)
	}
	return k
}

func appendSelector(k []byte, s Selector) []byte {
	k = binary.AppendUvarint(k, uint64(len(s)))
	for _, r := range s {
		k = append(appendText(k, r.Key), byte(r.Op))
		k = binary.AppendUvarint(k, uint64(len(r.Values)))
		for _, v := range r.Values {
			k = appendText(k, v)
		}
		k = binary.AppendUvarint(k, uint64(len(r.Any)))
		for _, any := range r.Any {
			k = appendSelector(k, any)
		}
	}
	return k
}

func appendText(k []byte, s string) []byte {
	return append(binary.AppendUvarint(k, uint64(len(s))), s...)
}

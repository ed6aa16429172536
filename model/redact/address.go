package redact

import (
	"net/netip"
	"strconv"
)

// kept are networks whose addresses mean the same in every cluster.
var kept = prefixes("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4", "::/16", "fe80::/10", "ff00::/8")

// within are networks that an address stays in, the narrowest first, since plugins and policies treat them apart.
var within = prefixes("192.168.0.0/16", "172.16.0.0/12", "100.64.0.0/10", "10.0.0.0/8", "fc00::/7", "2000::/3", "0.0.0.0/0", "::/0")

func prefixes(list ...string) []netip.Prefix {
	var out []netip.Prefix
	for _, s := range list {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}

// Address returns the pseudonym of an address: another one of the same kind, and never that of a second address. Two
// that have their first bits in common nearly always have as many in common afterwards.
func (r *Redactor) Address(a netip.Addr) netip.Addr {
	if !a.IsValid() || in(kept, a) >= 0 {
		return a
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	block := in(within, a)
	out := r.permute(a, within[block].Bits())
	for in(within, out) != block || in(kept, out) >= 0 { // it left its kind: on, along the circle that it is on
		out = r.permute(out, within[block].Bits())
	}
	return out
}

// in returns the first of the networks that has an address, -1 for none.
func in(list []netip.Prefix, a netip.Addr) int {
	plain := a.Unmap().WithZone("")
	for i, p := range list {
		if p.Contains(plain) {
			return i
		}
	}
	return -1
}

// permute turns over every bit behind the first ones or not, as the bits before it and the key say: that is a
// permutation of the addresses, and keeps prefixes.
func (r *Redactor) permute(a netip.Addr, keep int) netip.Addr {
	plain := a.Unmap()
	was := plain.AsSlice()
	out := plain.AsSlice()
	for i := keep; i < plain.BitLen(); i++ {
		head := netip.PrefixFrom(plain.WithZone(""), i).Masked()
		if r.sum("bit"+strconv.Itoa(i), head.Addr().String())[0]&1 == 1 {
			out[i/8] = was[i/8]&(0x80>>(i%8)) ^ (0x80 >> (i % 8)) | out[i/8]&^(0x80>>(i%8))
		}
	}
	b, _ := netip.AddrFromSlice(out)
	if a.Is4In6() {
		return netip.AddrFrom16(b.As16())
	}
	return b
}

package eval

import (
	"net/netip"
	"testing"

	"sluice/model"
)

// TestWithin: where only the block is known that an address lies in, an answer is sure only if it is the same for all of it.
func TestWithin(t *testing.T) {
	for _, c := range []struct {
		address, block string
		list           []string
		want           model.Tri
	}{
		{"192.0.2.7", "", []string{"192.0.2.0/28"}, model.Yes},
		{"192.0.2.7", "", []string{"192.0.2.8/29", "2001:db8::/32"}, model.No},
		{"", "", []string{"0.0.0.0/0"}, model.Unknown},
		{"", "192.0.2.0/28", []string{"192.0.2.0/28"}, model.Yes},
		{"", "192.0.2.0/28", []string{"10.0.0.0/8", "192.0.2.0/24"}, model.Yes},
		{"", "192.0.2.0/28", []string{"192.0.2.0/29"}, model.Unknown},
		{"", "192.0.2.0/28", []string{"192.0.3.0/28", "::/0"}, model.No},
		{"", "192.0.2.0/28", nil, model.No},
		{"", "2001:db8::/32", []string{"::/0"}, model.Yes},
	} {
		var e End
		if c.address != "" {
			e.Address = netip.MustParseAddr(c.address)
		}
		if c.block != "" {
			e.Block = netip.MustParsePrefix(c.block)
		}
		var list []netip.Prefix
		for _, x := range c.list {
			list = append(list, netip.MustParsePrefix(x))
		}
		var n need
		if got := e.within(list, &n); got != c.want || (n == "") == (got == model.Unknown) {
			t.Errorf("%s%s in %v: %v (%q), want %v", c.address, c.block, c.list, got, n, c.want)
		}
	}
}

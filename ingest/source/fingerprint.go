package source

import (
	"bytes"
	"hash/maphash"
	"math/bits"

	"sluice/ingest"
	"sluice/ingest/scan"
)

// fingerprint is a number that is the same for records of the same meaning, and another one for others.
func fingerprint(seed maphash.Seed, record []byte) uint64 {
	for k, v := range ingest.Keys(record) {
		if string(k) == "flow" && v[0] != 'n' {
			record = v
			break
		}
	}
	return valueSum(seed, record)
}

// valueSum is a number for the JSON value that a text begins with, whatever the order of members in it.
func valueSum(seed maphash.Seed, text []byte) (sum uint64) {
	switch text[0] {
	case '{':
		for k, v := range ingest.Keys(text) {
			sum += mixed(stringSum(seed, k), valueSum(seed, v))
		}
		return mixed(1, sum)
	case '[':
		for v := range ingest.Elements(text) {
			sum = mixed(sum, valueSum(seed, v))
		}
		return mixed(2, sum)
	case '"':
		end := max(ingest.End(text), 2)
		return mixed(3, stringSum(seed, text[1:end-1]))
	}
	return mixed(4, maphash.Bytes(seed, bytes.TrimRight(text[:max(ingest.End(text), 0)], blankBytes)))
}

// stringSum is a number for the inside of a string.
func stringSum(seed maphash.Seed, inside []byte) uint64 {
	if !scan.IsPlain(inside) {
		inside = unescape(nil, inside)
	}
	return maphash.Bytes(seed, inside)
}

// mixed makes one number of two, in this order.
func mixed(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a^0x9E3779B97F4A7C15, b^0xD1B54A32D192ED03)
	return hi ^ lo ^ bits.RotateLeft64(a, 17)
}

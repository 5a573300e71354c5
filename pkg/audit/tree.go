package audit

import (
	"crypto/sha256"
	"math/bits"
)

// Root is the root of the tree over the hashes, RFC 6962.
func Root(hashes []Hash) Hash {
	switch len(hashes) {
	case 0:
		return sha256.Sum256(nil)
	case 1:
		return leaf(hashes[0])
	}
	k := split(len(hashes))
	return node(Root(hashes[:k]), Root(hashes[k:]))
}

// Proof shows that an entry stands at a place of a sealed batch: with the entry's hash, it gives the
// seal's root.
type Proof struct {
	Index int    // of the entry in the batch, from 0: its number less the seal's First
	Size  int    // of the batch
	Path  []Hash // from the leaf to the root
}

// Prove makes the proof for the hash at that index.
func Prove(hashes []Hash, index int) Proof {
	return Proof{index, len(hashes), path(hashes, index)}
}

func path(hashes []Hash, index int) []Hash {
	if len(hashes) <= 1 {
		return nil
	}
	k := split(len(hashes))
	if index < k {
		return append(path(hashes[:k], index), Root(hashes[k:]))
	}
	return append(path(hashes[k:], index-k), Root(hashes[:k]))
}

// Root returns the root that the proof leads to from an entry's hash, and false if the proof is none.
func (p Proof) Root(entry Hash) (Hash, bool) {
	if p.Index < 0 || p.Index >= p.Size {
		return Hash{}, false
	}
	h, index, last := leaf(entry), p.Index, p.Size-1
	for _, other := range p.Path { // RFC 9162, section 2.1.3.2
		if last == 0 {
			return Hash{}, false
		}
		if index&1 == 1 || index == last {
			h = node(other, h)
			for index&1 == 0 && index != 0 {
				index, last = index>>1, last>>1
			}
		} else {
			h = node(h, other)
		}
		index, last = index>>1, last>>1
	}
	return h, last == 0
}

// split is the largest power of two below n.
func split(n int) int { return 1 << (bits.Len(uint(n-1)) - 1) }

// leaf and node differ in their first byte, so that no entry can pass for a part of the tree.
func leaf(h Hash) Hash {
	var b [1 + sha256.Size]byte
	copy(b[1:], h[:])
	return sha256.Sum256(b[:])
}

func node(l, r Hash) Hash {
	var b [1 + 2*sha256.Size]byte
	b[0] = 1
	copy(b[1:], l[:])
	copy(b[1+sha256.Size:], r[:])
	return sha256.Sum256(b[:])
}

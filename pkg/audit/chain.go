package audit

import (
	"bytes"
	"cmp"
	"crypto/ed25519"
	"fmt"
	"slices"

	"github.com/google/uuid"
)

// Fault is the first thing that is wrong in a clinic's journal.
type Fault struct {
	Clinic uuid.UUID
	Number int64  // of the first entry that is concerned; 0 if it has none that is known
	What   string // for example "was removed"; never a value
}

// Error says where and what.
func (f *Fault) Error() string {
	if f.Number == 0 {
		return fmt.Sprintf("clinic %s: an entry %s", f.Clinic, f.What)
	}
	return fmt.Sprintf("clinic %s: entry %d %s", f.Clinic, f.Number, f.What)
}

// Sealed is a seal as it is stored, with the hashes of its entries: they say which entry is not what it
// was, whatever else was made to fit.
type Sealed struct {
	Seal
	Hash      Hash
	Hashes    []Hash // of its entries
	Signature []byte // of the end that the seal makes
}

// Chain checks a clinic's journal from its beginning. It keeps nothing but the end of what it has seen.
type Chain struct {
	clinic      uuid.UUID
	key         ed25519.PublicKey
	checkpoints []Checkpoint // not met yet, by number
	last        int64
	hash        Hash
	attested    int64 // the last number that a checkpoint has confirmed
}

// NewChain begins with a clinic. Checkpoints are its signed ends from outside of the database, in any
// order; those that key has not signed, or of other clinics, are left out.
func NewChain(clinic uuid.UUID, key ed25519.PublicKey, checkpoints []Checkpoint) *Chain {
	c := &Chain{clinic: clinic, key: key}
	for _, p := range checkpoints {
		if p.Clinic == clinic && p.Signed(key) {
			c.checkpoints = append(c.checkpoints, p)
		}
	}
	slices.SortFunc(c.checkpoints, func(a, b Checkpoint) int {
		return cmp.Or(cmp.Compare(a.Number, b.Number), bytes.Compare(a.Hash[:], b.Hash[:]))
	})
	return c
}

// Last is the number of the last entry that was checked.
func (c *Chain) Last() int64 { return c.last }

// Add checks the next seal and its entries, which come in the order of their numbers. The error is a
// *Fault; there is nothing more to learn from the chain then.
func (c *Chain) Add(s *Sealed, entries []Entry) error {
	if err := c.seal(s); err != nil {
		return err
	}
	for i := range s.Hashes {
		number := s.First + int64(i)
		if i >= len(entries) || entries[i].Number > number {
			return c.fault(number, "was removed")
		}
		e := &entries[i]
		switch {
		case e.Number < number:
			return c.fault(e.Number, "is there twice: one was inserted")
		case e.Hash() != s.Hashes[i]:
			return c.differs(s, e)
		}
	}
	if extra := len(s.Hashes); len(entries) > extra {
		return c.fault(entries[extra].Number, "is there twice: one was inserted")
	}
	c.last, c.hash = s.Last, s.Hash
	return c.attest()
}

// seal checks the seal by itself and against the one before.
func (c *Chain) seal(s *Sealed) error {
	switch {
	case s.First > c.last+1:
		return c.fault(c.last+1, "is under no seal: a seal was removed")
	case s.First <= c.last || s.Last < s.First:
		return c.fault(c.last+1, "is under a seal that begins or ends elsewhere: one was inserted or edited")
	case s.Clinic != c.clinic, int64(len(s.Hashes)) != s.Last-s.First+1, Root(s.Hashes) != s.Root, s.Seal.Hash() != s.Hash:
		return c.fault(s.First, "is under a seal that was edited")
	case s.Previous != c.hash:
		return c.fault(s.First, "is under a seal that does not follow the one before")
	}
	end := s.End()
	end.Signature = s.Signature
	if !end.Signed(c.key) {
		return c.fault(s.First, "is under a seal that this deployment has not signed")
	}
	return nil
}

// differs says what has become of an entry whose hash is not the one that was sealed.
func (c *Chain) differs(s *Sealed, e *Entry) error {
	moved := *e
	for i, h := range s.Hashes {
		moved.Number = s.First + int64(i)
		if moved.Hash() == h {
			return c.fault(e.Number, fmt.Sprintf("was entry %d when it was sealed: the order was changed", moved.Number))
		}
	}
	return c.fault(e.Number, "was edited, or another entry was put in its place")
}

// attest compares the chain with the checkpoints up to where it is.
func (c *Chain) attest() error {
	for len(c.checkpoints) > 0 && c.checkpoints[0].Number <= c.last {
		p := c.checkpoints[0]
		if p.Number != c.last || p.Hash != c.hash {
			return c.fault(c.attested+1, fmt.Sprintf("or one after it, up to %d, is not what a checkpoint attests", p.Number))
		}
		c.attested = p.Number
		c.checkpoints = c.checkpoints[1:]
	}
	return nil
}

// End checks that the chain ends where the clinic's head says, and not before any checkpoint. last is the
// largest number of an entry that is there.
func (c *Chain) End(head int64, hash Hash, last int64) error {
	switch {
	case len(c.checkpoints) > 0:
		return c.fault(c.last+1, fmt.Sprintf("and all after it were cut off: a checkpoint attests %d entries", c.checkpoints[len(c.checkpoints)-1].Number))
	case head > c.last:
		return c.fault(c.last+1, fmt.Sprintf("and all after it were cut off: the head says %d", head))
	case last > c.last:
		return c.fault(c.last+1, "is under no seal: it was inserted")
	case head < c.last:
		return c.fault(head+1, "is behind the head: the head was edited")
	case hash != c.hash:
		return c.fault(c.last, "is not the end that the head says: the head was edited")
	}
	return nil
}

func (c *Chain) fault(number int64, what string) error { return &Fault{c.clinic, number, what} }

package audit

import (
	"crypto/ed25519"
	"crypto/sha256"
	"time"

	"github.com/google/uuid"
)

// Entry is what the journal says of one operation.
type Entry struct {
	Number    int64 // in the clinic, from 1
	Clinic    uuid.UUID
	ID        uuid.UUID
	At        time.Time // to the microsecond
	Operation string    // the contract's operationId
	Actor     string    // "staff:" and the id, "patient:" …, or "system"
	RequestID string
	Patient   uuid.UUID // zero: not about one patient
	Outcome   string
	Events    string // JSON exactly as stored: the order of its members counts
	ClockSkew *int64 // seconds by which the server's clock was ahead of the sender's; nil: not known
}

// Hash covers all of the entry.
func (e *Entry) Hash() Hash {
	f := make(fields, 0, 1024)
	f = append(f, "titrate/entry/1"...).number(e.Number).uuid(e.Clinic).uuid(e.ID).time(e.At).
		text(e.Operation).text(e.Actor).text(e.RequestID).uuid(e.Patient).text(e.Outcome).text(e.Events).optional(e.ClockSkew)
	return sha256.Sum256(f)
}

// Seal closes a batch of a clinic's entries, in the order of their numbers.
type Seal struct {
	Clinic      uuid.UUID
	First, Last int64 // the numbers of its first and its last entry
	Root        Hash  // of the tree over the hashes of its entries
	Previous    Hash  // of the clinic's seal before; zero for the first
	At          time.Time
}

// Hash covers all of the seal, and through Previous all entries before it.
func (s *Seal) Hash() Hash {
	f := make(fields, 0, 256)
	return sha256.Sum256(append(f, "titrate/seal/1"...).uuid(s.Clinic).number(s.First).number(s.Last).
		bytes(s.Root[:]).bytes(s.Previous[:]).time(s.At))
}

// Checkpoint is the signed end of a clinic's chain at some time.
type Checkpoint struct {
	Clinic    uuid.UUID `json:"clinic"`
	Number    int64     `json:"number"` // of the last entry
	Hash      Hash      `json:"hash"`   // of the last seal
	At        time.Time `json:"at"`     // when it was sealed
	Signature []byte    `json:"signature"`
}

// End is the checkpoint that a seal makes, without its signature.
func (s *Seal) End() Checkpoint {
	return Checkpoint{Clinic: s.Clinic, Number: s.Last, Hash: s.Hash(), At: s.At}
}

// Message is what is signed.
func (c *Checkpoint) Message() []byte {
	f := make(fields, 0, 256)
	return append(f, "titrate/checkpoint/1"...).uuid(c.Clinic).number(c.Number).bytes(c.Hash[:]).time(c.At)
}

// Signed reports whether the signature is by the key's owner.
func (c *Checkpoint) Signed(key ed25519.PublicKey) bool {
	return len(key) == ed25519.PublicKeySize && ed25519.Verify(key, c.Message(), c.Signature)
}

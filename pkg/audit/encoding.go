package audit

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// Hash is a SHA-256 sum. Its text, also in JSON, is hexadecimal.
type Hash [sha256.Size]byte

// String returns the hash in hexadecimal.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// MarshalText writes the hash in hexadecimal.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText reads 64 hexadecimal digits.
func (h *Hash) UnmarshalText(text []byte) error {
	if len(text) != 2*len(h) {
		return fmt.Errorf("audit: a hash has %d hexadecimal digits", 2*len(h))
	}
	_, err := hex.Decode(h[:], text)
	return err
}

// fields is the one encoding of what is hashed or signed.
type fields []byte

func (f fields) text(s string) fields {
	return append(binary.BigEndian.AppendUint64(f, uint64(len(s))), s...)
}

func (f fields) bytes(b []byte) fields {
	return append(binary.BigEndian.AppendUint64(f, uint64(len(b))), b...)
}

func (f fields) number(n int64) fields {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(f, 8), uint64(n))
}

func (f fields) optional(n *int64) fields {
	if n == nil {
		return f.bytes(nil)
	}
	return f.number(*n)
}

func (f fields) time(t time.Time) fields { return f.number(t.UnixMicro()) }

func (f fields) uuid(id uuid.UUID) fields {
	if id == uuid.Nil {
		return f.bytes(nil)
	}
	return f.bytes(id[:])
}

package api

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
)

// sealer encrypts and authenticates what leaves the process and comes back: cursors hold
// names as sort keys, kept answers hold patient data and invitations.
type sealer struct{ aead cipher.AEAD }

func newSealer(key [32]byte) (sealer, error) {
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return sealer{}, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	return sealer{aead}, err
}

// seal binds plain to context: it opens with the same context only.
func (s sealer) seal(plain, context []byte) ([]byte, error) {
	if s.aead == nil {
		return nil, errors.New("no key to seal with")
	}
	return s.aead.Seal(nil, nil, plain, context), nil //nolint:gosec // the nonce is random: NewGCMWithRandomNonce
}

func (s sealer) open(sealed, context []byte) ([]byte, error) {
	if s.aead == nil {
		return nil, errors.New("no key to open with")
	}
	return s.aead.Open(nil, nil, sealed, context)
}

// codeLength is that of a code: 125 random bits in letters that survive being read out.
const codeLength = 25

// newCode makes the code of an invitation or a ticket.
func newCode() string { return rand.Text()[:codeLength] }

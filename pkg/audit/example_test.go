package audit_test

import (
	"crypto/ed25519"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/pkg/audit"
)

var (
	clinic = uuid.MustParse("0190f3a4-0000-7000-8000-000000000001")
	noon   = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
)

// journal returns a sealed batch of n entries after a seal that ended at last.
func journal(key ed25519.PrivateKey, last int64, previous audit.Hash, n int) (*audit.Sealed, []audit.Entry) {
	s := &audit.Sealed{Seal: audit.Seal{Clinic: clinic, First: last + 1, Last: last + int64(n), Previous: previous, At: noon}}
	var entries []audit.Entry
	for i := range n {
		e := audit.Entry{
			Number: s.First + int64(i), Clinic: clinic, ID: uuid.NewSHA1(clinic, []byte{byte(last), byte(i)}), At: noon,
			Operation: "recordDose", Actor: "system", RequestID: "r", Outcome: "done", Events: `[{"event":"session.dosed"}]`,
		}
		entries = append(entries, e)
		s.Hashes = append(s.Hashes, e.Hash())
	}
	s.Root = audit.Root(s.Hashes)
	s.Hash = s.Seal.Hash()
	end := s.End()
	s.Signature = ed25519.Sign(key, end.Message())
	return s, entries
}

// An auditor has a clinic's entries, its seals, the public key, and a checkpoint that was kept elsewhere.
func ExampleChain() {
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	public := key.Public().(ed25519.PublicKey)
	seal, entries := journal(key, 0, audit.Hash{}, 5)
	checkpoint := seal.End()
	checkpoint.Signature = seal.Signature

	chain := audit.NewChain(clinic, public, []audit.Checkpoint{checkpoint})
	fmt.Println(chain.Add(seal, entries), chain.End(5, seal.Hash, 5))

	entries[2].Actor = "staff:somebody-else"
	chain = audit.NewChain(clinic, public, []audit.Checkpoint{checkpoint})
	fmt.Println(chain.Add(seal, entries))

	chain = audit.NewChain(clinic, public, []audit.Checkpoint{checkpoint})
	fmt.Println(chain.End(0, audit.Hash{}, 0)) // everything is gone, the head too
	// Output:
	// <nil> <nil>
	// clinic 0190f3a4-0000-7000-8000-000000000001: entry 3 was edited, or another entry was put in its place
	// clinic 0190f3a4-0000-7000-8000-000000000001: entry 1 and all after it were cut off: a checkpoint attests 5 entries
}

// One entry is shown to stand under a signed seal without showing the others.
func ExampleProve() {
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	seal, entries := journal(key, 0, audit.Hash{}, 5)

	proof := audit.Prove(seal.Hashes, 3)
	root, ok := proof.Root(entries[3].Hash())
	fmt.Println(ok && root == seal.Root, len(proof.Path), "hashes")
	// Output: true 3 hashes
}

package audit_test

import (
	"crypto/ed25519"
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/titrate-health/titrate/pkg/audit"
)

// The encoding is a promise to those who have kept a hash.
func TestHashesStay(t *testing.T) {
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	seal, entries := journal(key, 0, audit.Hash{}, 3)
	for what, got := range map[string][2]string{
		"entry": {entries[0].Hash().String(), "c31926efa1c4e684a63a72d606982812c40b91d5fa1730b0c7dd398a74f6a60f"},
		"root":  {seal.Root.String(), "617c2c23989cc2a47468c17f4e2c4cb1328cf5445cefce919b02b3161b54d0b3"},
		"seal":  {seal.Hash.String(), "f06870164d91e16060c51edc82869992137b6f43823a5d1456ad4ce99ea390d7"},
	} {
		if got[0] != got[1] {
			t.Errorf("%s: %s, want %s", what, got[0], got[1])
		}
	}
}

// Every field of an entry, and no text moved from one field to the next, gives the same hash.
func TestHashCoversEveryField(t *testing.T) {
	base := audit.Entry{1, clinic, clinic, noon, "a", "bc", "d", clinic, "e", "f", nil}
	others := []audit.Entry{
		{1, clinic, clinic, noon, "ab", "c", "d", clinic, "e", "f", nil},
		{1, clinic, clinic, noon, "a", "bcd", "", clinic, "e", "f", nil},
		{1, clinic, clinic, noon, "a", "bc", "d", uuid.Nil, "e", "f", nil},
		{1, clinic, clinic, noon.Add(time.Microsecond), "a", "bc", "d", clinic, "e", "f", nil},
	}
	for i := range reflect.TypeFor[audit.Entry]().NumField() {
		e := base
		switch f := reflect.ValueOf(&e).Elem().Field(i).Addr().Interface().(type) {
		case *int64:
			*f++
		case **int64:
			*f = new(int64)
		case *string:
			*f += "x"
		case *uuid.UUID:
			f[3]++
		case *time.Time:
			*f = f.Add(time.Hour)
		default:
			t.Fatalf("a field of type %T", f)
		}
		others = append(others, e)
	}
	seen := map[audit.Hash]bool{base.Hash(): true}
	for _, e := range others {
		if seen[e.Hash()] {
			t.Errorf("%+v has the hash of another entry", e)
		}
		seen[e.Hash()] = true
	}
}

func hashes(t *rapid.T, n int) []audit.Hash {
	list := make([]audit.Hash, n)
	for i := range list {
		copy(list[i][:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "hash"))
		list[i][0], list[i][1] = byte(i), byte(i>>8) // no two alike
	}
	return list
}

// A proof leads to the root for its own entry at its own place, and for nothing else.
func TestProof(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 40).Draw(t, "n")
		list := hashes(t, n)
		i := rapid.IntRange(0, n-1).Draw(t, "i")
		p, root := audit.Prove(list, i), audit.Root(list)
		if got, ok := p.Root(list[i]); !ok || got != root {
			t.Fatalf("proof %d of %d leads elsewhere", i, n)
		}
		for j, h := range list {
			if got, ok := p.Root(h); ok && got == root && j != i {
				t.Fatalf("proof of %d fits %d", i, j)
			}
			q := p
			q.Index = j
			if got, ok := q.Root(list[i]); ok && got == root && j != i {
				t.Fatalf("proof of %d fits at %d", i, j)
			}
		}
		if len(p.Path) > 0 {
			q := p
			q.Path = p.Path[1:]
			if got, ok := q.Root(list[i]); ok && got == root {
				t.Fatal("a shorter path fits")
			}
		}
	})
}

// A clean chain verifies; one change anywhere is a fault, at the entry that was changed or before.
func TestChain(t *testing.T) {
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	public := key.Public().(ed25519.PublicKey)
	rapid.Check(t, func(t *rapid.T) {
		var seals []*audit.Sealed
		var batches [][]audit.Entry
		var kept []audit.Checkpoint
		var last int64
		var hash audit.Hash
		for range rapid.IntRange(1, 4).Draw(t, "seals") {
			s, entries := journal(key, last, hash, rapid.IntRange(1, 5).Draw(t, "entries"))
			seals, batches = append(seals, s), append(batches, entries)
			last, hash = s.Last, s.Hash
			if rapid.Bool().Draw(t, "kept") {
				p := s.End()
				p.Signature = s.Signature
				kept = append(kept, p)
			}
		}
		verify := func() error {
			c := audit.NewChain(clinic, public, kept)
			for i, s := range seals {
				if err := c.Add(s, batches[i]); err != nil {
					return err
				}
			}
			return c.End(last, hash, last)
		}
		if err := verify(); err != nil {
			t.Fatalf("false alarm: %v", err)
		}
		at := rapid.IntRange(0, len(seals)-1).Draw(t, "at")
		i := rapid.IntRange(0, len(batches[at])-1).Draw(t, "entry")
		want := seals[at].First + int64(i)
		switch rapid.SampledFrom([]string{"edit", "remove", "insert", "swap", "seal", "hashes", "key"}).Draw(t, "change") {
		case "edit":
			batches[at][i].Actor += "x"
		case "remove":
			batches[at] = slices.Delete(batches[at], i, i+1)
		case "insert":
			batches[at] = slices.Insert(batches[at], i, batches[at][i])
			want++ // the copy is where the next should be, but for its number
		case "swap":
			j := rapid.IntRange(0, len(batches[at])-1).Draw(t, "other")
			if i == j {
				return
			}
			a, b := &batches[at][i], &batches[at][j]
			*a, *b = *b, *a
			a.Number, b.Number = b.Number, a.Number
			want = seals[at].First + int64(min(i, j))
		case "seal":
			seals[at].Root[0]++
			want = seals[at].First
		case "hashes": // the entry, its hash and the seal are made to fit: the signature is not
			batches[at][i].Actor += "x"
			seals[at].Hashes[i] = batches[at][i].Hash()
			seals[at].Root = audit.Root(seals[at].Hashes)
			seals[at].Hash = seals[at].Seal.Hash()
			want = seals[at].First
		case "key":
			other := ed25519.NewKeyFromSeed(append(make([]byte, 31), 1))
			end := seals[at].End()
			seals[at].Signature = ed25519.Sign(other, end.Message())
			want = seals[at].First
		}
		fault, ok := errors.AsType[*audit.Fault](verify())
		if !ok || fault.Number > want || fault.Number < seals[at].First {
			t.Fatalf("%v, want entry %d", fault, want)
		}
	})
}

// What comes before a checkpoint cannot be sealed anew, not even with the key.
func TestCheckpoints(t *testing.T) {
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	public := key.Public().(ed25519.PublicKey)
	first, entries := journal(key, 0, audit.Hash{}, 3)
	kept := first.End()
	kept.Signature = first.Signature
	anew, others := journal(key, 0, audit.Hash{1}, 3)
	anew.Previous = audit.Hash{}
	others[1].Actor = "somebody"
	anew.Hashes[1] = others[1].Hash()
	anew.Root = audit.Root(anew.Hashes)
	anew.Hash = anew.Seal.Hash()
	end := anew.End()
	anew.Signature = ed25519.Sign(key, end.Message())

	if err := audit.NewChain(clinic, public, nil).Add(anew, others); err != nil {
		t.Fatalf("the forgery is not good enough: %v", err)
	}
	if err := audit.NewChain(clinic, public, []audit.Checkpoint{kept}).Add(anew, others); err == nil {
		t.Error("a chain that was made anew passes")
	}
	kept.Number++ // somebody edits the file: such a line proves nothing
	chain := audit.NewChain(clinic, public, []audit.Checkpoint{kept})
	if err := errors.Join(chain.Add(first, entries), chain.End(3, first.Hash, 3)); err != nil {
		t.Errorf("an unsigned checkpoint is believed: %v", err)
	}
}

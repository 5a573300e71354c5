package api

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/pkg/audit"
)

// numberedWithin is how long an entry may wait for its number while a server runs.
const numberedWithin = time.Minute

// Verification is what a check of all journals has found.
type Verification struct {
	Clinics int
	Entries int64 // that were checked
	Erased  int64 // values that entries have the hashes of and the history does not have any more
	// Faults has the first thing that is wrong in each clinic, a line each, and each line of a checkpoint file
	// that this deployment has not signed. It names numbers, ids and tables, never a value.
	Faults []string
	// Unreadable counts lines of checkpoint files that are cut off, as a power cut leaves them.
	Unreadable int
}

// verification gathers what is wrong, the first of each clinic.
type verification struct {
	s      *Server
	result Verification
	faults map[uuid.UUID]*audit.Fault
}

// VerifyAudit checks the journals of all clinics from their beginning: every entry against its seal, the seals
// against each other and their signatures, the ends against the heads and the checkpoint files, and the history
// against the entries. The server must have been opened with [OpenToVerify]; it may run meanwhile.
func (s *Server) VerifyAudit(ctx context.Context, checkpointFiles ...string) (*Verification, error) {
	v := &verification{s: s, faults: map[uuid.UUID]*audit.Fault{}}
	if len(checkpointFiles) == 0 && s.checkpoints.file != "" {
		if _, err := os.Stat(s.checkpoints.file); err == nil {
			checkpointFiles = []string{s.checkpoints.file}
		}
	}
	// First the files: what is sealed after they were read is in none of them.
	checkpoints, err := v.checkpoints(checkpointFiles)
	if err != nil {
		return nil, err
	}
	journals, err := s.db.Journals(ctx)
	if err != nil {
		return nil, err
	}
	for clinic := range checkpoints { // of which nothing may be left
		if !slices.ContainsFunc(journals, func(j store.JournalState) bool { return j.Clinic == clinic }) {
			journals = append(journals, store.JournalState{Clinic: clinic})
		}
	}
	var values, versions int64
	history := &verification{s: s, faults: map[uuid.UUID]*audit.Fault{}}
	read := make(chan error, 1) // both take about as long
	go func() {
		var err error
		versions, err = history.versions(ctx)
		read <- err
	}()
	for _, j := range journals {
		n, chained := v.chain(ctx, j, checkpoints[j.Clinic])
		values += n
		err = errors.Join(err, chained)
	}
	if err := errors.Join(err, <-read); err != nil {
		return nil, err
	}
	for _, f := range history.faults {
		v.fault(f)
	}
	v.result.Clinics, v.result.Erased = len(journals), max(0, values-versions)
	return v.conclude(), nil
}

// OpenToVerify opens the database as its owner, as [OpenOwner] does, for a check; one that is not there is not made.
// The deployment's key must be there too: the journal's seals are signed with one derived from it.
func OpenToVerify(ctx context.Context, cfg Config) (*Server, error) {
	if cfg.DatabaseURL == "" {
		if _, err := os.Stat(filepath.Join(cfg.dataDir(), "titrate.db")); err != nil {
			return nil, errors.New("there is no database in the data folder")
		}
	} else if cfg.SigningKeyFile == "" {
		return nil, errors.New("SIGNING_KEY_FILE is required: seals are signed with a key derived from it")
	}
	if _, err := os.Stat(cfg.keyFile()); err != nil {
		return nil, errors.New("the signing key's file is not there: seals are signed with a key derived from it")
	}
	s, err := OpenOwner(ctx, cfg)
	if err != nil {
		return nil, err
	}
	if err := s.db.CheckOwner(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// fault keeps the first of a clinic. Of some the number is not known.
func (v *verification) fault(f *audit.Fault) {
	if first := v.faults[f.Clinic]; first == nil || first.Number == 0 || f.Number != 0 && f.Number < first.Number {
		v.faults[f.Clinic] = f
	}
}

func (v *verification) conclude() *Verification {
	for _, f := range v.faults {
		v.result.Faults = append(v.result.Faults, f.Error())
	}
	slices.Sort(v.result.Faults)
	return &v.result
}

// checkpoints reads the files' lines by clinic.
func (v *verification) checkpoints(files []string) (map[uuid.UUID][]audit.Checkpoint, error) {
	public, _ := v.s.sealKey.Public().(ed25519.PublicKey)
	byClinic := map[uuid.UUID][]audit.Checkpoint{}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("checkpoint file: %w", err)
		}
		number := 0
		for line := range bytes.Lines(text) {
			number++
			var p audit.Checkpoint
			switch {
			case len(bytes.TrimSpace(line)) == 0:
			case json.Unmarshal(line, &p) != nil:
				v.result.Unreadable++
			case !p.Signed(public):
				v.result.Faults = append(v.result.Faults, fmt.Sprintf("%s: line %d is not signed by this deployment's key", filepath.Base(name), number))
			default:
				byClinic[p.Clinic] = append(byClinic[p.Clinic], p)
			}
		}
	}
	return byClinic, nil
}

// chain checks a clinic's entries and seals and returns how many values the entries have hashes of.
func (v *verification) chain(ctx context.Context, j store.JournalState, checkpoints []audit.Checkpoint) (values int64, err error) {
	public, _ := v.s.sealKey.Public().(ed25519.PublicKey)
	c := audit.NewChain(j.Clinic, public, checkpoints)
	for {
		seals, entries, err := v.s.db.Sealed(ctx, j.Clinic, c.Last(), j.Sealed)
		if err != nil {
			return values, err
		}
		if len(seals) == 0 {
			break
		}
		for i := range entries { // the text is the one that was sealed, or else a fault
			values += int64(strings.Count(entries[i].Events, `"hash":`))
		}
		v.result.Entries += int64(len(entries))
		for i := range seals {
			n := len(entries)
			if i < len(seals)-1 {
				n, _ = slices.BinarySearchFunc(entries, seals[i].Last+1, func(e audit.Entry, n int64) int { return int(e.Number - n) })
			}
			if err := c.Add(&seals[i], entries[:n]); err != nil {
				return values, v.found(err)
			}
			entries = entries[n:]
		}
	}
	return values, v.found(c.End(j.Head, j.Hash, j.Last))
}

// found keeps a fault; another error is one.
func (v *verification) found(err error) error {
	if f, ok := errors.AsType[*audit.Fault](err); ok {
		v.fault(f)
		return nil
	}
	return err
}

// versions holds what the history has against the entries, and returns how many versions agree. The versions
// of a record must have come about in the order of their entries.
func (v *verification) versions(ctx context.Context) (agree int64, err error) {
	var last store.KeptVersion
	for {
		page, err := v.s.db.Versions(ctx, last)
		if err != nil || len(page) == 0 {
			return agree, err
		}
		for _, r := range page {
			before := last
			last = r
			sum := sha256.Sum256([]byte(r.Data))
			what := ""
			switch {
			case !r.Found:
				what = "was removed: the history has its version %d of %s %s"
			case r.Event == store.Event{}:
				what = "says nothing of what the history has from it: version %d of %s %s"
			case r.Event.Hash != hex.EncodeToString(sum[:]):
				what = "has another hash than the history's version %d of %s %s, which was edited"
			case !r.At:
				what = "is of another time than the history's version %d of %s %s, which was edited"
			case r.Entry != 0 && before.Clinic == r.Clinic && before.Record == r.Record && before.ID == r.ID && before.Entry > r.Entry:
				what = "has a number that contradicts the order of versions: it made version %d of %s %s"
			default:
				agree++
				continue
			}
			v.fault(&audit.Fault{Clinic: r.Clinic, Number: r.Entry, What: fmt.Sprintf(what, r.Number, r.Record, r.ID)})
		}
	}
}

// VerifyEvents checks that the numbers of every clinic's entries have no gaps, that no entry waits longer for its
// number than it should, that numbers rise with the versions of each record, and that history and entries agree.
// The server must have been opened with [OpenToVerify]; it may run meanwhile.
func (s *Server) VerifyEvents(ctx context.Context) (*Verification, error) {
	v := &verification{s: s, faults: map[uuid.UUID]*audit.Fault{}}
	journals, err := s.db.Journals(ctx)
	if err != nil {
		return nil, err
	}
	for _, j := range journals {
		if err := v.numbers(ctx, j); err != nil {
			return nil, err
		}
	}
	pending, err := s.db.Pending(ctx, s.now().Add(-numberedWithin))
	if err != nil {
		return nil, err
	}
	for clinic, n := range pending {
		v.result.Faults = append(v.result.Faults, fmt.Sprintf("clinic %s: %d entries have waited for a number for more than %s", clinic, n, numberedWithin))
	}
	if _, err := v.versions(ctx); err != nil {
		return nil, err
	}
	v.result.Clinics = len(journals)
	return v.conclude(), nil
}

// numbers looks for the first gap.
func (v *verification) numbers(ctx context.Context, j store.JournalState) error {
	var last int64
	for last < j.Last {
		page, err := v.s.db.Numbers(ctx, j.Clinic, last)
		if err != nil {
			return err
		}
		for _, n := range page {
			if n != last+1 {
				v.fault(&audit.Fault{Clinic: j.Clinic, Number: last + 1, What: "is missing"})
				return nil
			}
			last = n
		}
		v.result.Entries += int64(len(page))
		if len(page) == 0 {
			break
		}
	}
	return nil
}

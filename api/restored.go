package api

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/pkg/audit"
)

// Restoration is what [Server.Restored] has done, a line each for people to read. It names ids and numbers only.
type Restoration struct {
	Lines []string
	// Lost is how many numbered entries checkpoints attest and the database does not have.
	Lost int64
	*Verification
}

func (r *Restoration) say(format string, args ...any) {
	r.Lines = append(r.Lines, fmt.Sprintf(format, args...))
}

// Restored is to be run once after the database was restored from a backup or to a point in time, before
// anybody is served. It parks what was to be sent, takes again the rights that were revoked since, as the files
// beside the checkpoints say, compares the journals with the checkpoints, notes in every clinic's journal that it
// was restored, and verifies the chain of what is there. The server must have been opened with [OpenToVerify].
// Without files it takes the deployment's own; where none is left, lost says that this is known.
func (s *Server) Restored(ctx context.Context, lost bool, checkpointFiles ...string) (*Restoration, error) {
	if len(checkpointFiles) == 0 && !lost {
		if s.checkpoints.file == "" {
			return nil, errors.New("say with --checkpoint-file where the checkpoints are: what was revoked since the backup stands beside them; or with --checkpoints-lost that there are none")
		}
		checkpointFiles = []string{s.checkpoints.file}
	}
	r := &Restoration{}
	v := &verification{s: s, faults: map[uuid.UUID]*audit.Fault{}}
	checkpoints, err := v.checkpoints(checkpointFiles)
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%w; --checkpoint-file says where it is, --checkpoints-lost that there is none", err)
	}
	if err != nil {
		return nil, err
	}
	journals, err := s.db.Journals(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.knows(ctx, journals); err != nil {
		return nil, err
	}
	parked, err := s.db.Restored(ctx)
	if err != nil {
		return nil, err
	}
	r.say("deliveries parked: %d; invitations and tickets have ended", parked)
	if err := s.revokeAgain(ctx, r, checkpointFiles); err != nil {
		return nil, err
	}
	for i := range journals {
		if err := s.noteRestored(ctx, journals[i].Clinic); err != nil {
			return nil, err
		}
		known := cutOff(r, &journals[i], checkpoints[journals[i].Clinic])
		delete(checkpoints, journals[i].Clinic)
		if _, err := v.chain(ctx, journals[i], known); err != nil {
			return nil, err
		}
	}
	for clinic, list := range checkpoints {
		cutOff(r, &store.JournalState{Clinic: clinic}, list)
	}
	if _, err := v.versions(ctx); err != nil {
		return nil, err
	}
	v.result.Clinics = len(journals)
	r.Verification = v.conclude()
	if err := putAside(r, checkpointFiles, s.now()); err != nil {
		return nil, err
	}
	return r, s.db.NoBackup(ctx)
}

// unprepared refuses to serve a database that was restored and of which [Server.Restored] does not know: a copy that
// [Backup] has made, or one that lacks entries which the process's own checkpoints attest.
func (s *Server) unprepared(ctx context.Context) error {
	const first = "; run \"titrate restored\" first, which sends nothing again and revokes again what was revoked"
	if copied, err := s.db.IsBackup(ctx); err != nil {
		return err
	} else if copied {
		return errors.New("the database is a backup" + first)
	}
	ends, err := s.db.Checkpoints(ctx)
	if err != nil {
		return err
	}
	if err := s.foreign(ends); err != nil {
		return err
	}
	attested, err := s.checkpoints.latest()
	if err != nil || len(attested) == 0 {
		return err
	}
	for _, end := range ends {
		if attested[end.Clinic] <= end.Number {
			delete(attested, end.Clinic)
		}
	}
	if len(attested) > 0 {
		return errors.New("the database lacks entries that the checkpoint file attests: it was restored from a backup" + first)
	}
	return nil
}

// knows is foreign for the owner.
func (s *Server) knows(ctx context.Context, journals []store.JournalState) error {
	var ends []audit.Checkpoint
	for _, j := range journals {
		seals, _, err := s.db.Sealed(ctx, j.Clinic, j.Sealed-1, j.Sealed)
		if err != nil {
			return err
		}
		for i := range seals {
			end := seals[i].End()
			end.Signature = seals[i].Signature
			ends = append(ends, end)
		}
	}
	return s.foreign(ends)
}

// foreign refuses a database whose journals are all sealed with another key: seals of this one after them would leave
// chains that no key verifies.
func (s *Server) foreign(ends []audit.Checkpoint) error {
	public, _ := s.sealKey.Public().(ed25519.PublicKey)
	if len(ends) == 0 || slices.ContainsFunc(ends, func(end audit.Checkpoint) bool { return end.Signed(public) }) {
		return nil
	}
	return errors.New("the database's journals are sealed with another signing key than this one: SIGNING_KEY_FILE must name theirs")
}

// cutOff says what is missing at the end of a journal, and returns the checkpoints of what is there.
func cutOff(r *Restoration, j *store.JournalState, checkpoints []audit.Checkpoint) (known []audit.Checkpoint) {
	attested := j.Last
	for _, p := range checkpoints {
		if p.Number <= j.Last {
			known = append(known, p)
		}
		attested = max(attested, p.Number)
	}
	if attested > j.Last {
		r.Lost += attested - j.Last
		r.say("clinic %s: entries %d to %d, and what they did, are lost", j.Clinic, j.Last+1, attested)
	}
	return known
}

func restoring(clinic uuid.UUID) store.Scope {
	return store.Scope{Clinic: clinic, Actor: store.Actor{Kind: store.ActorSystem}, Operation: "restored"}
}

func (s *Server) noteRestored(ctx context.Context, clinic uuid.UUID) error {
	return s.db.Update(ctx, restoring(clinic), func(tx *store.Tx) error {
		tx.Note("clinic.restored", "clinics", clinic)
		return nil
	})
}

// revokeAgain takes the rights that were revoked after the backup, each in a transaction of its own, and hands
// the lines on to this deployment's own file: the same backup may be restored once more.
func (s *Server) revokeAgain(ctx context.Context, r *Restoration, checkpointFiles []string) error {
	var list []revocation
	own := revocationFile(s.checkpoints.file)
	for _, file := range checkpointFiles {
		found, err := readRevocations(revocationFile(file))
		if err != nil {
			return err
		}
		list = append(list, found...)
		for i := range found {
			if own == "" || samePath(own, revocationFile(file)) {
				break
			}
			if err := appendDurably(own, append(mustJSON(&found[i]), '\n')); err != nil {
				return err
			}
		}
	}
	slices.SortStableFunc(list, func(a, b revocation) int { return a.At.Compare(b.At) })
	for i := range list {
		if slices.ContainsFunc(list[i+1:], func(later revocation) bool { return later.ID == list[i].ID && later.Operation == list[i].Operation }) {
			continue // the last one says how it was in the end
		}
		done := false
		err := s.db.Update(ctx, restoring(list[i].Clinic), func(tx *store.Tx) (err error) {
			if done, err = revoking[list[i].Operation](tx, &list[i]); err == nil && !done {
				err = errDiscard
			}
			return err
		})
		switch {
		case errors.Is(err, errDiscard), errors.Is(err, store.ErrNotFound): // nothing to take, or nobody to take it from
		case err != nil:
			return fmt.Errorf("%s %s: %w", list[i].Operation, list[i].ID, err)
		default:
			r.say("clinic %s: %s %s done again", list[i].Clinic, list[i].Operation, list[i].ID)
		}
	}
	return nil
}

// putAside renames checkpoint files that attest what is lost: the numbers are given again, to other entries.
func putAside(r *Restoration, files []string, now time.Time) error {
	for _, file := range files {
		if r.Lost == 0 {
			return nil
		}
		aside := file + ".before-" + now.UTC().Format("20060102T150405Z")
		if err := os.Rename(file, aside); err != nil {
			return err
		}
		r.say("checkpoints of what is lost: %s", aside)
	}
	return nil
}

func samePath(a, b string) bool {
	first, err := filepath.Abs(a)
	second, err2 := filepath.Abs(b)
	return err == nil && err2 == nil && first == second
}

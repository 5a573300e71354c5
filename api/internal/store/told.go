package store

import (
	"time"

	"github.com/google/uuid"
)

// Told is what every fact carries beside what it says: when and where it happened, whose word
// it is and who sent it. The server's own time is the record's CreatedAt.
type Told struct {
	OccurredAt time.Time
	TimeZone   string
	ReportedBy string
	Mode       string
	ClockSkew  bool   // the client's clock was ahead of the server's
	RecordedBy string // the actor, in the journal's form
}

// Report is Told for a record that was there before the fact: who said what became of it, and
// when. It is empty until somebody has.
type Report struct {
	FactID     *uuid.UUID
	OccurredAt *time.Time
	TimeZone   string
	ReportedBy string
	Mode       string
	ClockSkew  bool
	RecordedBy string // the actor, in the journal's form
	RecordedAt *time.Time
}

// Report is what a fact with that id has told now.
func (t Told) Report(id uuid.UUID, now time.Time) Report {
	return Report{
		FactID: &id, OccurredAt: &t.OccurredAt, TimeZone: t.TimeZone, ReportedBy: t.ReportedBy, Mode: t.Mode,
		ClockSkew: t.ClockSkew, RecordedBy: t.RecordedBy, RecordedAt: &now,
	}
}

// Struck says that a fact was entered in error: it stays and no longer counts.
type Struck struct {
	StruckOutAt     *time.Time
	StruckOutBy     *string // the actor, in the journal's form
	StruckOutReason *string
	ReplacedBy      *uuid.UUID
}

// Counts reports whether the fact was not struck out.
func (s Struck) Counts() bool { return s.StruckOutAt == nil }

// StrikeOut marks the fact as entered in error by the transaction's actor.
func (tx *Tx) StrikeOut(s *Struck, reason string, replacedBy *uuid.UUID) {
	now, by := tx.Now, tx.scope.Actor.String()
	*s = Struck{&now, &by, &reason, replacedBy}
}

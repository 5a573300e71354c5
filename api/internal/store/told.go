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

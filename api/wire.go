package api

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/oapi-codegen/nullable"
	openapi_types "github.com/oapi-codegen/runtime/types"

	"github.com/titrate-health/titrate/api/internal/oapi"
	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/pkg/problem"
	"github.com/titrate-health/titrate/pkg/treatment"
)

// What several converters between wire and row need.

// etag is the record's version, with statuses that follow from time appended, so that a 304
// never hides an expiry.
func etag(version int64, derived ...string) *string {
	tag := strconv.FormatInt(version, 10)
	for _, d := range derived {
		if d != "" {
			tag += "." + d
		}
	}
	return new(`"` + tag + `"`)
}

// location is the path of a record by its plural noun.
func location(noun string, id uuid.UUID) *string { return new("/v1/" + noun + "/" + id.String()) }

// actorOut reads the journal's form of an actor, "staff:0190…".
func actorOut(text string) oapi.Actor {
	kind, id, _ := strings.Cut(text, ":")
	out := oapi.Actor{Kind: oapi.ActorKind(kind)}
	if parsed, err := uuid.Parse(id); err == nil { // the system has none
		out.ID = &parsed
	}
	return out
}

func dateIn(d openapi_types.Date) string { return d.Format(time.DateOnly) }

func dateOut(text string) openapi_types.Date {
	t, _ := time.Parse(time.DateOnly, text) // stored by dateIn
	return openapi_types.Date{Time: t}
}

// dayIn reads an optional day; one that was not given is empty.
func dayIn(d *openapi_types.Date) treatment.Date {
	if d == nil {
		return ""
	}
	return treatment.Date(dateIn(*d))
}

// dayOut is the inverse of dayIn.
func dayOut(d treatment.Date) *openapi_types.Date {
	if d == "" {
		return nil
	}
	return new(dateOut(string(d)))
}

// textOf turns an optional string of one type into one of another: enumerations are their
// own types on the wire and in the rules.
func textOf[To, From ~string](v *From) *To {
	if v == nil {
		return nil
	}
	return new(To(*v))
}

// set applies a member of a merge patch that cannot be null.
func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

// clear applies a member of a merge patch that null clears.
func setOrClear[T any](to **T, from nullable.Nullable[T]) {
	switch {
	case !from.IsSpecified():
	case from.IsNull():
		*to = nil
	default:
		v := from.MustGet()
		*to = &v
	}
}

// setOrEmpty applies a member of a merge patch that null clears, where nothing is the empty text.
func setOrEmpty[To, From ~string](to *To, from nullable.Nullable[From]) {
	switch {
	case !from.IsSpecified():
	case from.IsNull():
		*to = ""
	default:
		*to = To(from.MustGet())
	}
}

// orZero returns what p points to, or nothing.
func orZero[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

// maxSkew is how far ahead of the server a fact's time may be: clocks of phones are wrong.
const maxSkew = 24 * time.Hour

// told keeps what a fact carries beside what it says. A time ahead of the server's is kept and
// flagged; one further ahead than maxSkew is refused.
func told(ctx context.Context, tx *store.Tx, at time.Time, zone string, by oapi.ReportedBy, mode oapi.Mode) (store.Told, error) {
	at = at.UTC().Truncate(time.Microsecond)
	if err := notAhead(tx, at, "/occurredAt"); err != nil {
		return store.Told{}, err
	}
	return store.Told{
		OccurredAt: at, TimeZone: zone, ReportedBy: string(by), Mode: string(mode),
		ClockSkew: at.After(tx.Now), RecordedBy: callOf(ctx).who.actor.String(),
	}, nil
}

// strikeOut marks a fact as entered in error. Patients may do it with what they recorded
// themselves.
func strikeOut(ctx context.Context, tx *store.Tx, said store.Told, s *store.Struck, b *oapi.StrikeOutInput) error {
	who := &callOf(ctx).who
	switch {
	case !s.Counts():
		return problem.New(problem.IllegalTransition, "it was struck out before")
	case !who.staff() && said.RecordedBy != who.actor.String():
		return problem.New(problem.Forbidden, "patients strike out what they recorded themselves")
	}
	tx.StrikeOut(s, b.Reason, b.ReplacedBy)
	return nil
}

// reportOut shows a fact that told what became of a record; nil if there was none.
func reportOut(r store.Report) *oapi.Report {
	if r.FactID == nil {
		return nil
	}
	return &oapi.Report{
		ID: *r.FactID, OccurredAt: *r.OccurredAt, TimeZone: r.TimeZone, ReportedBy: oapi.ReportedBy(r.ReportedBy), Mode: oapi.Mode(r.Mode),
		ClockSkew: r.ClockSkew, RecordedBy: actorOut(r.RecordedBy), RecordedAt: *r.RecordedAt,
	}
}

// notAhead refuses the time of something that has happened if it is further ahead than maxSkew.
func notAhead(tx *store.Tx, at time.Time, pointer string) error {
	if !at.After(tx.Now.Add(maxSkew)) {
		return nil
	}
	return problem.New(problem.OccurredInFuture, strings.TrimPrefix(pointer, "/")+" is more than 24 hours ahead of the server",
		problem.Fault{In: problem.InBody, Pointer: pointer, Code: "occurred_in_future", Detail: "must not be more than 24 hours ahead"})
}

func struckOut(s store.Struck) *oapi.StrikeOut {
	if s.Counts() {
		return nil
	}
	return &oapi.StrikeOut{At: *s.StruckOutAt, By: actorOut(orZero(s.StruckOutBy)), Reason: orZero(s.StruckOutReason), ReplacedBy: s.ReplacedBy}
}

// notFoundIn refuses an id in the body that names nothing the caller can see.
func notFoundIn(pointer string) error {
	return problem.New(problem.ReferenceNotFound, "refers to a record that does not exist", noRecord(pointer))
}

func noRecord(pointer string) problem.Fault {
	return problem.Fault{In: problem.InBody, Pointer: pointer, Code: "reference_not_found", Detail: "names no record"}
}

// filled returns a pointer to v, or nil if it is empty: what is not known is left out.
func filled[T ~string](v T) *T {
	if v == "" {
		return nil
	}
	return &v
}

func itoa(i int) string { return strconv.Itoa(i) }

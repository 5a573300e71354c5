package api

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/titrate-health/titrate/api/internal/oapi"
	"github.com/titrate-health/titrate/api/internal/store"
	"github.com/titrate-health/titrate/pkg/problem"
	"github.com/titrate-health/titrate/pkg/treatment"
)

// A support person has no account: a ticket lets them act in one session.

// ticketHeader carries a ticket. Where there is an Authorization too, that one counts.
const ticketHeader = "Titrate-Ticket"

// InviteSupportPerson makes a ticket; only its hash is stored.
func (s *Server) InviteSupportPerson(ctx context.Context, req oapi.InviteSupportPersonRequestObject) (oapi.InviteSupportPersonResponseObject, error) {
	tx, who := store.From(ctx), &callOf(ctx).who
	row, err := store.Find[store.Session](tx, req.SessionID)
	if err != nil {
		return nil, err
	}
	person, err := supportPersonOf(tx, row.PatientID, req.Body.SupportPersonID)
	if err != nil {
		return nil, err
	}
	until, err := ticketUntil(tx, row)
	if err != nil {
		return nil, err
	}
	if err := row.Invite(person.SupportPerson, until, tx.Now); err != nil {
		return nil, err
	}
	code := newCode()
	if err := tx.Issue(s.codeHash(code), store.Ticket{Patient: row.PatientID, Session: row.ID, Person: person.ID, OfPatient: !who.staff()}); err != nil {
		return nil, err
	}
	tx.Note("session.supportPersonInvited", "sessions", row.ID)
	out := oapi.Ticket{Ticket: code, SessionID: row.ID, SupportPersonID: person.ID, IssuedTo: oapi.TicketHolderSupportPerson, ValidUntil: until}
	if !who.staff() {
		out.IssuedTo = oapi.TicketHolderPatient
	}
	return oapi.InviteSupportPerson201JSONResponse{TicketJSONResponse: oapi.TicketJSONResponse(out)}, nil
}

// supportPersonOf finds the support person whom a body names among the patient's.
func supportPersonOf(tx *store.Tx, patient, id uuid.UUID) (*store.SupportPerson, error) {
	person, err := store.Find[store.SupportPerson](tx, id)
	if errors.Is(err, store.ErrNotFound) || err == nil && person.PatientID != patient {
		return nil, notFoundIn("/supportPersonId")
	}
	return person, err
}

// AttestSession records the support person's own word, once.
func (s *Server) AttestSession(ctx context.Context, req oapi.AttestSessionRequestObject) (oapi.AttestSessionResponseObject, error) {
	b, call := req.Body, callOf(ctx)
	if !call.repeated {
		facts, err := store.From(ctx).Facts(req.SessionID)
		if err != nil {
			return nil, err
		}
		for i := range facts {
			if f := &facts[i]; f.Kind == treatment.FactAttestation && f.Counts() && f.RecordedBy == call.who.actor.String() {
				return nil, problem.New(problem.IllegalTransition, "you have attested this session already")
			}
		}
	}
	f := factIn(treatment.FactAttestation, b.ID, b.OccurredAt, b.TimeZone, b.ReportedBy, b.Mode)
	f.PresentThroughout, f.LookedIn, f.Note = &b.PresentThroughout, &b.LookedIn, b.Note
	out, err := s.addFact(ctx, req.SessionID, "session.attested", f)
	return oapi.AttestSession200JSONResponse{SessionJSONResponse: out}, err
}

// admit makes a principal of a ticket. Whether it is good in this moment is decided where its
// session is read: see [ticketHolds].
func (s *Server) admit(c echo.Context, op *operation) error {
	r := c.Request()
	code := r.Header.Get(ticketHeader)
	if op.open() || len(code) != codeLength {
		return errUnauthenticated
	}
	t, err := s.db.Ticket(r.Context(), s.codeHash(code))
	if errors.Is(err, store.ErrNotFound) {
		return errUnauthenticated
	}
	if err != nil {
		return err
	}
	who := &callOf(r.Context()).who
	who.clinic, who.actor = t.Clinic, store.Actor{Kind: store.ActorSupportPerson, ID: t.Person}
	who.roles, who.ticket = []string{roleSupportPerson}, &t
	return nil
}

// ticketHolds lets a ticket into its session, and to the instructions of that session's
// treatment, while the session can use a support person and the person is one.
func ticketHolds(tx *store.Tx, t *store.Ticket, record uuid.UUID) error {
	row, err := store.Find[store.Session](tx, t.Session)
	if err != nil {
		return err
	}
	if record != row.ID && record != row.TreatmentID {
		return store.ErrNotFound
	}
	person, err := store.Find[store.SupportPerson](tx, t.Person)
	if err != nil {
		return err
	}
	until, err := ticketUntil(tx, row)
	if err != nil {
		return err
	}
	if person.RemovedAt != nil || !row.TakesTickets() || tx.Now.After(until) {
		return errUnauthenticated
	}
	return nil
}

func ticketUntil(tx *store.Tx, row *store.Session) (until time.Time, err error) {
	course, err := tx.Course(row.TreatmentID)
	if err != nil {
		return until, err
	}
	policy, err := policyOf(tx, course.ProtocolAt(row.At))
	if err != nil {
		return until, err
	}
	return row.TicketUntil(row.Plan, row.At, *policy), nil
}

// forSupportPerson leaves in a session what the support person needs: when, how much, and what
// was measured and seen, without anybody's words. The facts are [wordless] already.
func forSupportPerson(out *oapi.Session) {
	out.StatusReason, out.CheckIns, out.Checks = nil, nil, nil
}

// wordless is a fact without what anybody has written.
func wordless(f store.SessionFact) store.SessionFact {
	f.Note, f.JournalText, f.JournalShared, f.StruckOutReason = nil, nil, nil, nil
	return f
}

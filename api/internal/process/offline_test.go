package process_test

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/titrate-health/titrate/pkg/client"
	"github.com/titrate-health/titrate/pkg/problem"
)

// A phone that was offline keeps what happened and sends it when it can: late, again when it saw
// no answer, in any order, to a session that has been closed meanwhile.

// phone is a patient's phone with facts of one session that are not sent yet.
type phone struct {
	*course
	session uuid.UUID
	facts   []fact
}

// fact is one thing that happened. Sending it answers the status and the session.
type fact struct {
	name string
	id   uuid.UUID
	send func(t testing.TB) (status int, seen *client.Session, body []byte)
}

// phoneFor fills a phone with a session that began at a time. But for the support person's own
// word it is within the rules, and the second completion comes too late to count.
func phoneFor(t testing.TB, co *course, session uuid.UUID, began time.Time) *phone {
	p := &phone{course: co, session: session}
	for _, v := range []struct {
		name                string
		after               time.Duration
		systolic, diastolic int
	}{
		{"vitals before", -10 * time.Minute, 118, 76}, {"vitals during", 40 * time.Minute, 150, 92}, {"vitals after", 115 * time.Minute, 121, 79},
	} {
		reading := vitals(began.Add(v.after), v.systolic, v.diastolic)
		reading.HeartRateBpm = new(72)
		p.vitals(v.name, reading)
	}
	p.check("check", check(began.Add(-5*time.Minute), 300, co.patient.supporter(t)))
	p.dose("dose", doseOf(began, milligrams(100)))
	p.observation("observation", observation(began.Add(50*time.Minute), 6))
	p.completion("completion", completion(began.Add(125*time.Minute), true))
	p.completion("second completion", completion(began.Add(140*time.Minute), false))
	p.checkIn("check-in", checkIn(began.Add(24*time.Hour)))
	return p
}

func (p *phone) vitals(name string, in client.VitalsInput) {
	p.facts = append(p.facts, fact{name, in.ID, func(t testing.TB) (int, *client.Session, []byte) {
		r := good(p.patient.RecordVitalsWithResponse(t.Context(), p.session, nil, in))(t)
		return r.StatusCode(), either(r.JSON201, r.JSON200), r.Body
	}})
}

func (p *phone) check(name string, in client.CheckInput) {
	p.facts = append(p.facts, fact{name, in.ID, func(t testing.TB) (int, *client.Session, []byte) {
		r := good(p.patient.CheckSessionWithResponse(t.Context(), p.session, nil, in))(t)
		return r.StatusCode(), either(r.JSON201, r.JSON200), r.Body
	}})
}

func (p *phone) dose(name string, in client.DoseInput) {
	p.facts = append(p.facts, fact{name, in.ID, func(t testing.TB) (int, *client.Session, []byte) {
		r := good(p.patient.RecordDoseWithResponse(t.Context(), p.session, nil, in))(t)
		return r.StatusCode(), either(r.JSON201, r.JSON200), r.Body
	}})
}

func (p *phone) observation(name string, in client.ObservationInput) {
	p.facts = append(p.facts, fact{name, in.ID, func(t testing.TB) (int, *client.Session, []byte) {
		r := good(p.patient.RecordObservationWithResponse(t.Context(), p.session, nil, in))(t)
		return r.StatusCode(), either(r.JSON201, r.JSON200), r.Body
	}})
}

func (p *phone) completion(name string, in client.CompletionInput) {
	p.facts = append(p.facts, fact{name, in.ID, func(t testing.TB) (int, *client.Session, []byte) {
		r := good(p.patient.CompleteSessionWithResponse(t.Context(), p.session, nil, in))(t)
		return r.StatusCode(), either(r.JSON201, r.JSON200), r.Body
	}})
}

func (p *phone) checkIn(name string, in client.CheckInInput) {
	p.facts = append(p.facts, fact{name, in.ID, func(t testing.TB) (int, *client.Session, []byte) {
		r := good(p.patient.CheckInSessionWithResponse(t.Context(), p.session, nil, in))(t)
		return r.StatusCode(), either(r.JSON201, r.JSON200), r.Body
	}})
}

func either[T any](a, b *T) *T {
	if a != nil {
		return a
	}
	return b
}

func (p *phone) fact(name string) fact {
	return p.facts[slices.IndexFunc(p.facts, func(f fact) bool { return f.name == name })]
}

// send sends a fact and wants that status.
func (p *phone) send(t testing.TB, name string, want int) *client.Session {
	t.Helper()
	status, seen, body := p.fact(name).send(t)
	if status != want {
		t.Fatalf("%s: %d %s, want %d", name, status, body, want)
	}
	return seen
}

// moment matches what differs between two sessions in which the same has happened: when it was
// told, and who each patient has asked to be there.
var moment = regexp.MustCompile(`"(recordedAt|updatedAt|createdAt|reviewedAt|supportPersonId)":"[^"]*"`)

// summary is a session as the clinic sees it, with names instead of ids and without when it was
// told: what must not depend on the order.
func (p *phone) summary(t testing.TB) string {
	t.Helper()
	shown := good(p.clinic.clinician.ShowSessionWithResponse(t.Context(), p.session, nil))(t)
	text := moment.ReplaceAllString(string(shown.Body), `"$1":""`)
	for _, f := range p.facts {
		text = strings.ReplaceAll(text, f.id.String(), f.name)
	}
	for name, id := range map[string]uuid.UUID{"session": p.session, "patient": p.patient.id, "treatment": p.id, "prescription": p.prescription} {
		text = strings.ReplaceAll(text, id.String(), name)
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, []byte(text), "", " "); err != nil {
		t.Fatal(err)
	}
	return pretty.String()
}

// Every order in which the facts arrive, each of them once or twice, gives the same session.
func TestOrderOfArrival(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		server := s.serve(t, "TEST_CLOCK=1")
		c := s.open(t, server.URL)
		now, random := server.advance(t, 0), rand.New(rand.NewPCG(1, 2))
		began := now.Add(2 * time.Hour)
		var phones []*phone
		for range 8 {
			co := c.course(t, now)
			phones = append(phones, phoneFor(t, co, co.session(t, began), began))
		}
		server.advance(t, 30*time.Hour) // by now all are missed
		want := ""
		for i, p := range phones {
			order := random.Perm(len(p.facts))
			if i == 0 {
				order = []int{0, 3, 4, 1, 5, 2, 6, 7, 8} // as it happened
			}
			for _, n := range order {
				f := p.facts[n]
				status, seen, body := f.send(t)
				if status != 201 || seen.Status == client.SessionStatusMissed && f.name == "dose" {
					t.Errorf("%s: %d %s", f.name, status, body)
				}
				if random.IntN(2) == 0 {
					if again, _, repeated := f.send(t); again != 200 || !bytes.Equal(repeated, body) {
						t.Errorf("%s again: %d %s, want %s", f.name, again, repeated, body)
					}
				}
			}
			got := p.summary(t)
			if want == "" {
				want = got
				if !strings.Contains(want, `"status": "completed"`) || strings.Count(want, `"rule":`) != 1 || !strings.Contains(want, `"attestationMissing"`) ||
					!strings.Contains(want, `"peakSystolicMmHg": 150`) {
					t.Fatalf("as it happened: %s", want)
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("in the order %v (-as it happened +got):\n%s", order, diff)
			}
		}
	})
}

// What arrives after a session was closed is taken, and opens its review again.
func TestFactsAfterTheEnd(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		server := s.serve(t, "TEST_CLOCK=1")
		c := s.open(t, server.URL)
		now := server.advance(t, 0)
		began := now.Add(time.Hour)
		co := c.course(t, now)
		p := phoneFor(t, co, co.session(t, began), began)
		server.advance(t, 26*time.Hour)

		deviations := func() (status client.SessionStatus, rules []string, etag string) {
			shown := good(c.clinician.ShowSessionWithResponse(t.Context(), p.session, nil))(t)
			for _, d := range *shown.JSON200.Deviations {
				rules = append(rules, string(d.Rule))
			}
			return shown.JSON200.Status, rules, shown.HTTPResponse.Header.Get("ETag")
		}
		expect := func(want client.SessionStatus, rules ...string) (etag string) {
			t.Helper()
			status, got, etag := deviations()
			if status != want || cmp.Diff(rules, got) != "" {
				t.Errorf("%s with %q, want %s with %q", status, got, want, rules)
			}
			return etag
		}
		review := func(etag string) {
			t.Helper()
			good(c.clinician.ReviewSessionWithResponse(t.Context(), p.session, &client.ReviewSessionParams{IdempotencyKey: key(), IfMatch: etag}, client.SessionReview{Note: "Looked at."}))(t)
		}

		p.send(t, "completion", 201)
		expect(client.SessionStatusCompleted, "completedWithoutDose")
		p.send(t, "dose", 201)
		review(expect(client.SessionStatusCompleted, "noClearance", "noVitalsAfterDose", "noVitalsAtPeak", "attestationMissing"))
		expect(client.SessionStatusReviewed, "noClearance", "noVitalsAfterDose", "noVitalsAtPeak", "attestationMissing")

		p.send(t, "vitals during", 201)
		expect(client.SessionStatusCompleted, "noClearance", "noVitalsAtRelease", "releasePressureHigh", "attestationMissing")
		p.send(t, "check", 201) // held, until the reading arrives that it rests on
		p.send(t, "vitals before", 201)
		expect(client.SessionStatusCompleted, "noVitalsAtRelease", "releasePressureHigh", "attestationMissing")
		p.send(t, "vitals after", 201)
		again := expect(client.SessionStatusCompleted, "attestationMissing")
		p.send(t, "vitals after", 200) // nothing new: what the reviewer sees is still true
		review(again)
		p.send(t, "vitals after", 200)
		before := expect(client.SessionStatusReviewed, "attestationMissing")

		// The same ids with something else in them, and another patient's ids.
		refuse(t, s, problem.IDInUse)(co.patient.RecordDoseWithResponse(t.Context(), p.session, nil, client.DoseInput{
			ID: p.fact("dose").id, OccurredAt: began, TimeZone: zone, ReportedBy: client.ReportedByPatient, Mode: client.ModeApp, DoseMg: milligrams(50)}))
		stolen := vitals(began, 120, 80)
		stolen.ID = p.fact("dose").id
		refuse(t, s, problem.IDInUse)(co.patient.RecordVitalsWithResponse(t.Context(), p.session, nil, stolen))
		other := c.course(t, now.Add(26*time.Hour))
		refuse(t, s, problem.IDInUse)(other.patient.RecordMeasurementWithResponse(t.Context(), other.patient.id, nil, client.MeasurementInput{
			ID: p.fact("dose").id, OccurredAt: began, TimeZone: zone, ReportedBy: client.ReportedByPatient, Mode: client.ModeApp, HeartRateBpm: new(60)}))
		if after := expect(client.SessionStatusReviewed, "attestationMissing"); after != before {
			t.Errorf("ETag %s, want %s", after, before)
		}

		// Entered in error: now nothing more is taken, but what was is still answered.
		good(c.clinician.VoidSessionWithResponse(t.Context(), p.session, &client.VoidSessionParams{IdempotencyKey: key(), IfMatch: before}, client.Reason{Reason: "Wrong patient."}))(t)
		refuse(t, s, problem.IllegalTransition)(co.patient.RecordVitalsWithResponse(t.Context(), p.session, nil, vitals(began, 120, 80)))
		p.send(t, "dose", 200)
	})
}

// A dose is recorded although its session was called off, and clocks of phones are wrong.
func TestFactsAgainstThePlan(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		server := s.serve(t, "TEST_CLOCK=1")
		c := s.open(t, server.URL)
		now := server.advance(t, 0)
		co := c.course(t, now)
		p := phoneFor(t, co, co.session(t, now.Add(time.Hour)), now.Add(23*time.Hour)) // a day ahead
		good(co.patient.CancelSessionWithResponse(t.Context(), p.session, &client.CancelSessionParams{IdempotencyKey: key(), IfMatch: `"1"`}, client.Reason{Reason: "Feeling ill."}))(t)

		got := p.send(t, "dose", 201)
		if got.Status != client.SessionStatusMonitoring || (*got.Doses)[0].ClockSkew == nil || !*(*got.Doses)[0].ClockSkew {
			t.Errorf("a dose of a cancelled session, ahead of the clock: %+v", got)
		}
		p.send(t, "dose", 200)
		seen := good(c.clinician.ShowSessionWithResponse(t.Context(), p.session, nil))(t).JSON200
		if d := *seen.Deviations; len(d) != 2 || d[0].Rule != "noClearance" || d[1].Rule != "sessionCancelled" {
			t.Errorf("deviations: %+v", d)
		}
		refuse(t, s, problem.OccurredInFuture, "/occurredAt")(co.patient.RecordDoseWithResponse(t.Context(), p.session, nil, doseOf(now.Add(25*time.Hour), milligrams(10))))

		// A session that nobody planned is logged with all its facts, and may be sent again.
		log := client.SessionLog{
			Doses:       []client.DoseInput{doseOf(now.Add(2*time.Minute), milligrams(100))},
			Vitals:      &[]client.VitalsInput{vitals(now.Add(60*time.Minute), 185, 100)},
			Completions: &[]client.CompletionInput{completion(now.Add(122*time.Minute), true)},
		}
		id := uuid.New()
		first := good(co.patient.LogSessionWithResponse(t.Context(), co.id, id, nil, log))(t)
		again := good(co.patient.LogSessionWithResponse(t.Context(), co.id, id, nil, log))(t)
		if first.JSON201 == nil || again.JSON200 == nil || !bytes.Equal(first.Body, again.Body) {
			t.Errorf("logged twice: %s\n%s", first.Body, again.Body)
		}
		if first.JSON201.SafetyMessage == nil {
			t.Errorf("a crisis without the safety message: %s", first.Body)
		}
		refuse(t, s, problem.IDInUse)(co.patient.LogSessionWithResponse(t.Context(), co.id, uuid.New(), nil, log)) // its facts have a session
		log.Doses[0].DoseMg = milligrams(200)
		refuse(t, s, problem.IDInUse)(co.patient.LogSessionWithResponse(t.Context(), co.id, id, nil, log))
	})
}

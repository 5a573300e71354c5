package process_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/oapi-codegen/nullable"

	"github.com/titrate-health/titrate/pkg/client"
	"github.com/titrate-health/titrate/pkg/problem"
)

// answer is what must be the same, byte for byte, whenever a request is repeated.
type answer struct {
	Status               int
	Code                 problem.Code // of a refusal
	Body, ETag, Location string
}

// ask reads an answer; replayed says that it was given before. A refusal is an answer too.
func ask(res *http.Response, err error) (a answer, replayed bool, _ error) {
	if p, ok := errors.AsType[*problem.Problem](err); ok {
		return answer{Status: p.Status, Code: p.Code}, false, nil
	}
	if err != nil {
		return a, false, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	h := res.Header
	return answer{Status: res.StatusCode, Body: string(body), ETag: h.Get("ETag"), Location: h.Get("Location")}, h.Get("Idempotent-Replayed") == "true", err
}

// field is a clinic that is served by all processes its database allows, and warm: a cold pool
// opens its connections one after the other, and would let no two requests meet.
type field struct {
	*clinic
	servers []*process
	retried int // answers that said to come back
}

func newField(t *testing.T, s *site) *field {
	f := &field{servers: []*process{s.serve(t)}}
	if s.postgres() {
		f.servers = append(f.servers, s.serve(t))
	}
	f.clinic = s.open(t, f.servers[0].URL)
	people := f.everywhere(t, f.clinician)
	for range 5 {
		together(40, func(i int) {
			if _, err := people[i%len(people)].ListPatientsWithResponse(t.Context(), nil); err != nil {
				t.Error(err)
			}
		})
	}
	return f
}

// everywhere is a person at each server.
func (f *field) everywhere(t *testing.T, who *person) (list []*person) {
	for _, p := range f.servers {
		list = append(list, who.at(t, p.URL))
	}
	return list
}

// together does n things at once: nobody begins before everybody is ready.
func together(n int, do func(i int)) {
	var ready, done sync.WaitGroup
	gate := make(chan struct{})
	ready.Add(n)
	for i := range n {
		done.Go(func() {
			ready.Done()
			<-gate
			do(i)
		})
	}
	ready.Wait()
	close(gate)
	done.Wait()
}

// storm sends the same request from everywhere at once, times over, until each has its final
// answer. That must be new once, and the same for all; facts that are repeated are 200.
func (f *field) storm(t *testing.T, who []*person, wave, times int, send func(*person) (*http.Response, error)) answer {
	t.Helper()
	var (
		mu     sync.Mutex
		first  []answer
		finals = map[answer]int{}
	)
	for range times {
		together(wave, func(i int) {
			a, replayed, tries, err := insist(func() (*http.Response, error) { return send(who[i%len(who)]) })
			mu.Lock()
			defer mu.Unlock()
			f.retried += tries - 1
			if err != nil {
				t.Error(err)
			}
			if replayed {
				finals[a]++
			} else {
				first = append(first, a)
			}
		})
	}
	if len(first) != 1 || len(finals) != 1 {
		codes := map[string]int{}
		for _, a := range first {
			codes[fmt.Sprint(a.Status, a.Code)]++
		}
		t.Fatalf("%d new answers %v and %d different repeated ones, want 1 of each", len(first), codes, len(finals))
	}
	for repeated := range finals {
		if repeated.Location == "" { // a fact's
			repeated.Status, repeated.Location = first[0].Status, first[0].Location
		}
		if diff := cmp.Diff(first[0], repeated); diff != "" {
			t.Fatalf("repeated (-new +repeated):\n%s", diff)
		}
	}
	return first[0]
}

// insist repeats a request for as long as the answer is to come back; tries says how often.
func insist(send func() (*http.Response, error)) (a answer, replayed bool, tries int, err error) {
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		tries++
		a, replayed, err = ask(send())
		known, refused := problem.Lookup(a.Code)
		if !refused || !known.Retryable || time.Now().After(end) {
			return a, replayed, tries, err
		}
	}
}

// phoneNumber is a decision about a patient.
func phoneNumber(t *testing.T, who *person, patient uuid.UUID, key, etag, number string) (*http.Response, error) {
	return who.UpdatePatientWithApplicationMergePatchPlusJSONBody(t.Context(), patient,
		&client.UpdatePatientParams{IdempotencyKey: key, IfMatch: etag}, client.PatientUpdate{Phone: nullable.NewNullableWithValue(number)})
}

func TestStorms(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		f := newField(t, s)
		t.Run("one key one effect", f.oneKeyOneEffect)
		t.Run("one id one fact", f.oneIDOneFact)
		t.Run("one version one decision", f.oneVersionOneDecision)
		t.Run("facts meet", f.factsMeet)
		t.Logf("%d answers said to come back", f.retried)
	})
}

// The same decision or plan, sent many times at once with one key, has one effect.
func (f *field) oneKeyOneEffect(t *testing.T) {
	co := f.course(t, time.Now())
	decide, plan := f.everywhere(t, f.clinician), f.everywhere(t, f.prescriber)
	kept, drafts, planned := f.s.rows(t, "idempotency_records"), f.s.rows(t, "prescriptions"), f.s.entries(t, "prescribe")

	etag := `"2"`
	decision := func(waves, wave int, number string) {
		t.Helper()
		once, version := key(), etag
		a := f.storm(t, decide, wave, waves, func(p *person) (*http.Response, error) {
			return phoneNumber(t, p, co.patient.id, once, version, number)
		})
		if etag = a.ETag; a.Status != 200 {
			t.Fatalf("%+v", a)
		}
	}
	decision(5, 200, "+12125550000")
	const storms = 200
	for i := range storms {
		if i%2 == 0 {
			decision(1, 20, fmt.Sprintf("+1212556%04d", i))
			continue
		}
		once := key()
		a := f.storm(t, plan, 20, 1, func(p *person) (*http.Response, error) {
			return p.Prescribe(t.Context(), co.id, &client.PrescribeParams{IdempotencyKey: once}, order)
		})
		if a.Status != 201 || a.Location == "" {
			t.Fatalf("%+v", a)
		}
	}
	if want := fmt.Sprintf("%q", fmt.Sprint(2+1+storms/2)); etag != want {
		t.Errorf("the patient is at %s, want %s", etag, want)
	}
	for what, n := range map[string][2]int{
		"entries of decisions": {f.s.entries(t, "updatePatient"), 1 + storms/2},
		"entries of plans":     {f.s.entries(t, "prescribe"), planned + storms/2},
		"kept answers":         {f.s.rows(t, "idempotency_records"), kept + 1 + storms},
		"drafts":               {f.s.rows(t, "prescriptions"), drafts + storms/2},
	} {
		if n[0] != n[1] {
			t.Errorf("%d %s, want %d", n[0], what, n[1])
		}
	}
}

// The same fact, sent many times at once, is recorded once; everybody sees the same record.
func (f *field) oneIDOneFact(t *testing.T) {
	co := f.course(t, time.Now())
	session, phones := co.session(t, time.Now().Add(time.Hour)), f.everywhere(t, co.patient)
	reading := vitals(time.Now(), 121, 81)
	if a := f.storm(t, phones, 100, 3, func(p *person) (*http.Response, error) {
		return p.RecordVitals(t.Context(), session, nil, reading)
	}); a.Status != 201 {
		t.Fatalf("%+v", a)
	}
	measured := f.s.entries(t, "recordMeasurement")
	const storms = 50
	for range storms {
		in := weight(time.Now(), 70_000)
		if a := f.storm(t, phones, 20, 1, func(p *person) (*http.Response, error) {
			return p.RecordMeasurement(t.Context(), co.patient.id, nil, in)
		}); a.Status != 201 {
			t.Fatalf("%+v", a)
		}
	}
	if n, facts := f.s.entries(t, "recordVitals"), f.s.rows(t, "session_facts"); n != 1 || facts != 1 {
		t.Errorf("%d entries, %d facts of the session, want 1", n, facts)
	}
	if n := f.s.entries(t, "recordMeasurement") - measured; n != storms {
		t.Errorf("%d entries, want %d", n, storms)
	}
}

// Of decisions that rest on the same version, one is taken.
func (f *field) oneVersionOneDecision(t *testing.T) {
	patient := f.patient(t).id
	people, before := f.everywhere(t, f.clinician), f.s.entries(t, "updatePatient")
	const rounds = 25
	for round := range rounds {
		etag := fmt.Sprintf("%q", fmt.Sprint(2+round))
		var mu sync.Mutex
		var won []string
		together(20, func(i int) {
			number := fmt.Sprintf("+1212557%02d%02d", round, i)
			a, _, _, err := insist(func() (*http.Response, error) {
				return phoneNumber(t, people[i%len(people)], patient, key(), etag, number)
			})
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err != nil:
				t.Error(err)
			case a.Status == 200:
				won = append(won, number)
			case a.Code != problem.Stale && a.Status != 409:
				t.Errorf("round %d: %+v", round, a)
			}
		})
		shown := good(f.clinician.ShowPatientWithResponse(t.Context(), patient, nil))(t).JSON200
		if len(won) != 1 || *shown.Phone != won[0] || shown.Version != int64(3+round) {
			t.Fatalf("round %d: %q won, version %d", round, won, shown.Version)
		}
	}
	if n := f.s.entries(t, "updatePatient") - before; n != rounds {
		t.Errorf("%d entries, want %d", n, rounds)
	}
}

// Phones that record different facts of one session at the same time do not refuse each other,
// and the session is what all of them together say.
func (f *field) factsMeet(t *testing.T) {
	co := f.course(t, time.Now())
	session, phones, before := co.session(t, time.Now().Add(time.Hour)), f.everywhere(t, co.patient), f.s.entries(t, "recordVitals")
	const rounds, n = 5, 20
	for round := range rounds {
		together(n, func(i int) {
			in := vitals(time.Now(), 100+round*n+i, 70)
			a, _, _, err := insist(func() (*http.Response, error) {
				return phones[i%len(phones)].RecordVitals(t.Context(), session, nil, in)
			})
			if err != nil || a.Status != 201 {
				t.Errorf("round %d: %+v, %v", round, a, err)
			}
		})
	}
	shown := good(f.clinician.ShowSessionWithResponse(t.Context(), session, nil))(t).JSON200
	if len(*shown.Vitals) != rounds*n || shown.Version != 1+rounds*n || *shown.PeakSystolicMmHg != 100+rounds*n-1 {
		t.Errorf("%d facts at version %d, peak %d", len(*shown.Vitals), shown.Version, *shown.PeakSystolicMmHg)
	}
	if got := f.s.entries(t, "recordVitals") - before; got != rounds*n {
		t.Errorf("%d entries, want %d", got, rounds*n)
	}
}

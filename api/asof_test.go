package api_test

import (
	"maps"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/titrate-health/titrate/api/internal/apitest"
	"github.com/titrate-health/titrate/api/internal/testbed"
	"github.com/titrate-health/titrate/pkg/problem"
)

// looks are the requests for everything that a scene has and that can be asked for as of a time, by staff and
// by the patient.
func looks(t *testing.T, scene *apitest.Scene) (calls []apitest.Call) {
	t.Helper()
	for path, item := range document(t).Paths.Map() {
		op := item.Get
		if op == nil || op.Parameters.GetByInAndName("query", "asOf") == nil {
			continue
		}
		values := map[string]string{}
		for part := range strings.SplitSeq(path, "/") {
			if name, ok := strings.CutPrefix(part, "{"); ok {
				name = strings.TrimSuffix(name, "}")
				values[name] = scene.IDs[strings.TrimSuffix(name, "Id")]
			}
		}
		if slices.Contains(slices.Collect(maps.Values(values)), "") {
			continue // the scene has none
		}
		queries := []string{""}
		if op.Parameters.GetByInAndName("query", "patientId") != nil {
			queries = append(queries, "patientId="+scene.Patient.ID.String())
		}
		if op.OperationID == "showWorklist" {
			queries = append(queries, "limit=2", "severity=low", "reason=sessionReview", "staffId="+scene.IDs["cosigner"])
		}
		for _, token := range []string{readerOf(t, scene.Clinic, op.OperationID).Token, scene.Patient.Token} {
			for _, query := range queries {
				calls = append(calls, apitest.Call{Operation: op.OperationID, Token: token, Path: values, Query: query})
			}
		}
	}
	return calls
}

// readerOf is a prescriber, or an admin if prescribers may not read it.
func readerOf(t *testing.T, c *apitest.Clinic, operation string) *apitest.Person {
	t.Helper()
	if op, _ := apitest.Contract(t).Operation(operation); !slices.Contains(op.Access, "prescriber") {
		return c.Admin
	}
	return c.Prescriber
}

// glance is what a request was answered at a time.
type glance struct {
	call   apitest.Call
	at     time.Time
	answer apitest.Answer
}

func look(t *testing.T, s *apitest.Site, calls []apitest.Call) (list []glance) {
	t.Helper()
	for _, call := range calls {
		list = append(list, glance{call, s.Clock.Now(), s.Do(t, call)})
	}
	return list
}

// unsealed is an answer's body without its cursor: no two are the same.
func unsealed(a apitest.Answer) string {
	cursor := a.Text("nextCursor")
	if cursor == "" {
		return string(a.Body)
	}
	return strings.Replace(string(a.Body), cursor, "", 1)
}

// again asks for what was seen, as of when it was.
func (v glance) again(t *testing.T, s *apitest.Site) apitest.Answer {
	t.Helper()
	call := v.call
	call.Query = strings.Trim(call.Query+"&asOf="+url.QueryEscape(v.at.Format(time.RFC3339Nano)), "&")
	return s.Do(t, call)
}

// TestAsOf: what everything answered at a moment of a story is what it answers later, asked as of that moment.
func TestAsOf(t *testing.T) {
	seed := rand.Uint64()
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		t.Logf("seed %d", seed)
		c, random := s.Clinic(t, "As of"), rand.New(rand.NewPCG(seed, 0))
		var all []glance
		told := operations(t, writes...)
		random.Shuffle(len(told), func(i, j int) { told[i], told[j] = told[j], told[i] })
		asked := map[string]bool{}
		for _, operation := range told[:20] {
			scene, call := allowed(t, c, operation)
			calls := looks(t, scene)
			all = append(all, look(t, s, calls)...)
			pause := time.Second + time.Duration(random.IntN(3_600_000))*time.Millisecond
			s.Pass(t, pause)
			if done := s.Do(t, call); done.Status > 299 && random.IntN(2) == 0 {
				t.Logf("%s: %d %s", operation, done.Status, done.Body)
			}
			all = append(all, look(t, s, calls)...)
			s.Pass(t, time.Duration(random.IntN(72))*time.Hour+time.Second-pause%time.Second) // what a scene tells is in whole seconds
		}
		for _, v := range all {
			asked[v.call.Operation] = true
			if got := v.again(t, s); got.Status != v.answer.Status || unsealed(got) != unsealed(v.answer) && got.Status < 300 || got.Header.Get("ETag") != v.answer.Header.Get("ETag") {
				t.Errorf("%s as of %s: %d %s\n%s\nwas %d %s\n%s", v.call.Operation, v.at.Format(time.RFC3339Nano),
					got.Status, got.Header.Get("ETag"), got.Body, v.answer.Status, v.answer.Header.Get("ETag"), v.answer.Body)
				return
			}
		}
		t.Logf("%d answers of %v", len(all), slices.Sorted(maps.Keys(asked)))
	})
}

// TestAsOfLimits: there is no asking as of the future, or for what was not there yet.
func TestAsOfLimits(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Limits")
		scene := c.For(t, "showMedication")
		ask := func(at time.Time) apitest.Answer {
			call := scene.Call(t, "showMedication")
			call.Token, call.Query = c.Prescriber.Token, "asOf="+url.QueryEscape(at.Format(time.RFC3339Nano))
			return s.Do(t, call)
		}
		now := s.Clock.Now()
		expect(t, "future", ask(now.Add(time.Microsecond)), 400, problem.InvalidRequest)
		expect(t, "now", ask(now), 200, "")
		expect(t, "in another zone", ask(now.In(time.FixedZone("", 3600))), 200, "")
		expect(t, "before it was there", ask(now.Add(-time.Microsecond)), 404, problem.NotFound)
		for query, status := range map[string]int{
			"asOf=yesterday": 400, "asOf=2026-11-20": 400, "asOf=": 400, "asOf=1900-01-01T00:00:00Z": 404, "asOf=2026-11-20T14:00:00.1234567Z": 404,
		} {
			call := scene.Call(t, "showMedication")
			call.Token, call.Query = c.Prescriber.Token, query
			if got := s.Do(t, call); got.Status != status {
				t.Errorf("%s: %d %s", query, got.Status, got.Body)
			}
		}
	})
}

package api_test

import (
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/titrate-health/titrate/api/internal/apitest"
	"github.com/titrate-health/titrate/api/internal/store/storetest"
	"github.com/titrate-health/titrate/api/internal/testbed"
	"github.com/titrate-health/titrate/pkg/problem"
	"github.com/titrate-health/titrate/pkg/treatment"
)

// clinicLists are what a clinic as a whole can be asked for as of a time, each with a change that it shows and the
// filters that are asked, too.
var clinicLists = map[string]struct {
	change  string
	filters []string
}{
	"listStaff":            {"deactivateStaff", []string{"status=active", "status=deactivated"}},
	"listPatients":         {"changePatientStatus", []string{"status=active", "status=inactive"}},
	"listProtocols":        {"approveProtocol", []string{"status=proposed", "status=approved"}},
	"listConsentTemplates": {"retireConsentTemplate", []string{"status=retired", "kind=treatment&status=published"}},
	"listInstruments":      {"publishInstrument", nil},
	"showInstrument":       {"attestInstrumentLicence", nil},
	"listAlertRules":       {"publishAlertRules", nil},
	"listAlerts":           {"acknowledgeAlert", []string{"status=open", "status=acknowledged&severity=medium"}},
	"listWebhookEndpoints": {"updateWebhookEndpoint", []string{"status=pending", "status=disabled"}},
	"showWebhookEndpoint":  {"updateWebhookEndpoint", nil},
	"showWorklist": {"reviewSession", []string{
		"reason=sessionReview", "severity=low", "staffId={prescriber}", "staffId={cosigner}", "reason=licenceExpiring",
	}},
}

// whole reads every page of what is asked, as of a time unless it is zero.
func whole(t *testing.T, s *apitest.Site, call apitest.Call, at time.Time) (pages []string) {
	t.Helper()
	if !at.IsZero() {
		call.Query = strings.Trim(call.Query+"&asOf="+url.QueryEscape(at.Format(time.RFC3339Nano)), "&")
	}
	query := call.Query
	for {
		page := s.Must(t, call)
		pages = append(pages, unsealed(page))
		next := page.Text("nextCursor")
		if next == "" {
			return pages
		}
		call.Query = query + "&cursor=" + next
	}
}

// TestAsOfClinic: what the lists of a clinic had at a time, each is asked for after it has changed.
func TestAsOfClinic(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Then")
		for range 3 { // a page of several
			allowed(t, c, "reviewSession")
			s.Pass(t, time.Minute)
		}
		for _, operation := range slices.Sorted(maps.Keys(clinicLists)) {
			list := clinicLists[operation]
			scene, change := allowed(t, c, list.change)
			s.Pass(t, time.Minute)
			look := scene.Call(t, operation)
			look.Token, look.Body = readerOf(t, c, operation).Token, nil
			var calls []apitest.Call
			for _, filter := range append([]string{"", "limit=1"}, list.filters...) {
				if filter == "limit=1" && list.filters == nil {
					continue
				}
				look.Query = strings.NewReplacer("{prescriber}", scene.IDs["prescriber"], "{cosigner}", scene.IDs["cosigner"]).Replace(filter)
				calls = append(calls, look)
			}
			then, before := s.Clock.Now(), map[string][]string{}
			for _, call := range calls {
				before[call.Query] = whole(t, s, call, time.Time{})
			}
			s.Pass(t, time.Minute)
			if got := s.Do(t, change); got.Status > 299 {
				t.Fatalf("%s: %d %s", change.Operation, got.Status, got.Body)
			}
			allowed(t, c, list.change) // and there is one more
			s.Pass(t, 26*time.Hour)    // deadlines pass
			renew(t, c)
			if now := whole(t, s, withToken(t, calls[0], c), time.Time{}); slices.Equal(now, before[calls[0].Query]) {
				t.Errorf("%s is the same after %s", operation, change.Operation)
			}
			for _, call := range calls {
				if got := whole(t, s, withToken(t, call, c), then); !slices.Equal(got, before[call.Query]) {
					t.Errorf("%s?%s as of %s: %s\nwas %s", operation, call.Query, then, got, before[call.Query])
				}
			}
		}
	})
}

func withToken(t *testing.T, call apitest.Call, c *apitest.Clinic) apitest.Call {
	t.Helper()
	call.Token = readerOf(t, c, call.Operation).Token
	return call
}

// TestAsOfMissed: what was overdue then is on the worklist of then, also after it was missed without a new version.
func TestAsOfMissed(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Missed")
		c.For(t, "rescheduleFollowUp")
		s.Pass(t, 4*24*time.Hour)
		renew(t, c)
		call := apitest.Call{Operation: "showWorklist", Token: c.Prescriber.Token, Query: "reason=followUp"}
		then, overdue := s.Clock.Now(), whole(t, s, call, time.Time{})
		s.Pass(t, 10*24*time.Hour)
		renew(t, c)
		call = withToken(t, call, c)
		if now := whole(t, s, call, time.Time{}); slices.Equal(now, overdue) {
			t.Fatalf("it was not missed: %s", now)
		}
		if got := whole(t, s, call, then); !slices.Equal(got, overdue) {
			t.Errorf("as of %s: %s\nwas %s", then, got, overdue)
		}
	})
}

// TestAsOfWorklistOfStaff: whose patients somebody's are, and where they live, is what it was then.
func TestAsOfWorklistOfStaff(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Whose")
		team := func(patient string, members ...any) {
			path := map[string]string{"patientId": patient}
			shown := s.Must(t, apitest.Call{Operation: "showPatient", Token: c.Admin.Token, Path: path})
			s.Must(t, apitest.Call{Operation: "setCareTeam", Token: c.Admin.Token, Path: path, Body: map[string]any{"members": append([]any{}, members...)},
				Header: map[string]string{"If-Match": shown.Header.Get("ETag")}})
		}
		clinician := map[string]any{"staffId": c.Clinician.ID, "role": "clinician"}
		for range 2 { // these live where the licence does not end, and are there first
			elsewhere := c.For(t, "showPrescription")
			changed(t, c, c.Clinician, "Patient", elsewhere.IDs["patient"], map[string]any{"state": "NJ"})
		}
		stays, leaves, comes := c.For(t, "acknowledgeAlert"), c.For(t, "reviewSession"), c.For(t, "reviewAssessment")
		team(stays.IDs["patient"], clinician)
		team(leaves.IDs["patient"], clinician)
		soon := map[string]any{"state": "NY", "number": "NY-1", "expires": treatment.DateOf(s.Clock.Now().Add(20 * day))}
		changed(t, c, c.Admin, "Staff", c.Prescriber.ID.String(), map[string]any{"licences": []any{soon}})
		s.Pass(t, time.Minute)
		then, before := s.Clock.Now(), map[string][]string{}
		queries := []string{
			"", "limit=1", "staffId=" + c.Clinician.ID.String(), "limit=1&staffId=" + c.Clinician.ID.String(), "staffId=" + c.Prescriber.ID.String(),
			"reason=licenceExpiring", "limit=1&reason=licenceExpiring", "reason=licenceExpiring&staffId=" + c.Clinician.ID.String(),
		}
		ask := func(query string, at time.Time) []string {
			return whole(t, s, apitest.Call{Operation: "showWorklist", Token: c.Prescriber.Token, Query: query}, at)
		}
		for _, query := range queries {
			if before[query] = ask(query, time.Time{}); !strings.Contains(strings.Join(before[query], ""), leaves.IDs["patient"]) {
				t.Errorf("%s: %s", query, before[query])
			}
		}
		s.Pass(t, time.Minute)
		team(leaves.IDs["patient"])
		team(comes.IDs["patient"], clinician)
		changed(t, c, c.Clinician, "Patient", leaves.IDs["patient"], map[string]any{"state": "NJ"})
		s.Pass(t, time.Minute)
		for _, query := range queries {
			if query != "limit=1" && slices.Equal(ask(query, time.Time{}), before[query]) {
				t.Errorf("%s: nothing has changed", query)
			}
			if got := ask(query, then); !slices.Equal(got, before[query]) {
				t.Errorf("%s as of then: %s\nwas %s", query, got, before[query])
			}
		}
	})
}

// TestAsOfClinicCursor: a page of a time is followed by one of that time, and by no other.
func TestAsOfClinicCursor(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Cursors")
		c.Patient(t, "Adler")
		c.Patient(t, "Brandt")
		then := s.Clock.Now()
		s.Pass(t, time.Minute)
		c.Patient(t, "Alvarez") // stands between them
		s.Pass(t, time.Minute)
		at := func(t time.Time) string { return "limit=1&asOf=" + url.QueryEscape(t.Format(time.RFC3339Nano)) }
		ask := func(query string) apitest.Answer {
			return s.Do(t, apitest.Call{Operation: "listPatients", Token: c.Admin.Token, Query: query})
		}
		first := ask(at(then))
		cursor := "&cursor=" + first.Text("nextCursor")
		if link := first.Header.Get("Link"); !strings.Contains(link, "asOf=") {
			t.Errorf("Link %s", link)
		}
		for name, query := range map[string]string{"now": "limit=1" + cursor, "another time": at(then.Add(time.Second)) + cursor} {
			expect(t, name, ask(query), 400, problem.InvalidCursor)
		}
		second := ask(at(then) + cursor)
		if items := second.Items(); len(items) != 1 || !strings.Contains(string(second.Body), "Brandt") || second.JSON("nextCursor") != nil {
			t.Errorf("the second page: %d %s", second.Status, second.Body)
		}
	})
}

// TestAsOfHides: whom somebody may not see now, they do not see in the past either.
func TestAsOfHides(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Hidden")
		scene := c.For(t, "acknowledgeAlert")
		own, other := scene.IDs["patient"], c.Patient(t, "Other").ID.String()
		then := s.Clock.Now()
		look := func(operation string) bool {
			call := apitest.Call{Operation: operation, Token: c.Clinician.Token, Query: "asOf=" + url.QueryEscape(then.Format(time.RFC3339Nano))}
			return strings.Contains(strings.Join(whole(t, s, call, time.Time{}), ""), own)
		}
		lists := []string{"listPatients", "listAlerts", "showWorklist"}
		for _, operation := range lists {
			if !look(operation) {
				t.Errorf("%s does not show the patient at all", operation)
			}
		}
		patient := map[string]string{"patientId": own}
		seen := s.Must(t, apitest.Call{Operation: "showPatient", Token: c.Admin.Token, Path: patient})
		invited := s.Must(t, apitest.Call{
			Operation: "invitePatient", Token: c.Admin.Token, Path: patient, Header: map[string]string{"If-Match": seen.Header.Get("ETag")},
		})
		s.Must(t, apitest.Call{
			Operation: "redeemInvitation", Token: c.Clinician.Token, Body: map[string]any{"code": invited.Text("code"), "birthDate": "1986-04-17"},
		})
		s.Pass(t, 5*time.Second)
		for _, operation := range lists {
			if look(operation) {
				t.Errorf("%s shows what somebody may not see any more", operation)
			}
		}
		all := apitest.Call{Operation: "listPatients", Token: scene.Patient.Token}
		if pages := strings.Join(whole(t, s, all, then), ""); !strings.Contains(pages, own) || strings.Contains(pages, other) {
			t.Errorf("a patient sees %s", pages)
		}
	})
}

// TestAsOfTooLarge: what needs more patients' records than may be looked at is refused as of a time.
func TestAsOfTooLarge(t *testing.T) {
	storetest.EachDSN(t, func(t *testing.T, dsn string) {
		s, db := newSite(t, dsn)
		c := s.Clinic(t, "Crowd")
		c.For(t, "reviewSession")
		names, id, many := `SELECT name FROM pragma_table_info('treatments')`, `lower(hex(randomblob(4)) || '-0000-4000-8000-' || hex(randomblob(6)))`,
			`(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) SELECT i FROM n)`
		if s.Config.DatabaseURL != "" {
			names = `SELECT column_name FROM information_schema.columns WHERE table_name = 'treatments' AND table_schema = current_schema()`
			id, many = `gen_random_uuid()`, `generate_series(1, 20000)`
		}
		columns := strings.Join(db.Column(t, names), `", "`)
		copied := strings.Replace(`"`+columns+`"`, `"id"`, id, 1)
		ask := func(query string) apitest.Answer {
			return s.Do(t, apitest.Call{Operation: "showWorklist", Token: c.Prescriber.Token, Query: query})
		}
		mine := "staffId=" + c.Prescriber.ID.String()
		then := "asOf=" + url.QueryEscape(s.Clock.Now().Format(time.RFC3339Nano))
		expect(t, "before", ask(mine+"&"+then), 200, "")
		behind(t, s, dsn, `DROP INDEX treatments_open`) // the patient of them all is one
		behind(t, s, dsn, `INSERT INTO treatments ("`+columns+`") SELECT `+copied+` FROM (SELECT * FROM treatments LIMIT 1) a, `+many+` i`)
		refused := ask(mine + "&" + then)
		expect(t, "one with all their patients", refused, 400, problem.InvalidRequest)
		if body := string(refused.Body); !strings.Contains(body, `"code":"tooLarge"`) || !strings.Contains(body, `"pointer":"asOf"`) {
			t.Errorf("%s", body)
		}
		expect(t, "in the present", ask(mine), 200, "")
		expect(t, "of somebody else", ask("staffId="+c.Cosigner.ID.String()+"&"+then), 200, "")
	})
}

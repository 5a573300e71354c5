package api_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/titrate-health/titrate/api/internal/apitest"
	"github.com/titrate-health/titrate/api/internal/testbed"
	"github.com/titrate-health/titrate/pkg/client"
	"github.com/titrate-health/titrate/pkg/treatment"
)

// TestGuardsOfSignatures: what a signature, and the second one, is judged by. Consents, eligibility,
// the monitoring program and the examination in person have tests of their own.
func TestGuardsOfSignatures(t *testing.T) {
	eachSite(t, func(t *testing.T, s *apitest.Site, _ testbed.Database) {
		c := s.Clinic(t, "Signatures")
		t.Run("weight", func(t *testing.T) { guardedBy(t, c, "updatePrescription").weights() })
		t.Run("amounts", func(t *testing.T) { guardedBy(t, c, "signPrescription").amounts() })
		t.Run("credentials", func(t *testing.T) { guardedBy(t, c, "signPrescription").credentials() })
		t.Run("second signature", func(t *testing.T) { guardedBy(t, c, "cosignPrescription").cosignatures() })
		t.Run("holds and ends", func(t *testing.T) { guardedBy(t, c, "stopPrescription").overlays() })
	})
}

// weigh records a weight of so long ago.
func (g *guarded) weigh(kg float64, ago time.Duration) {
	g.t.Helper()
	body := g.Fact("weightKg", kg)
	body["occurredAt"] = g.site.Clock.Now().Add(-ago).Format(time.RFC3339)
	about(g.Scene, "measurement", g.must(g.Patient, "recordMeasurement", body).Text("id"), `"1"`)
}

// weights: of the last 90 days; struck out, one is not known.
func (g *guarded) weights() {
	const day = 24 * time.Hour
	check := g.Fact("state", "NY")
	check["result"], check["reportedBy"] = "nothingUnexpected", "clinician"
	g.must(g.Clinic.Clinician, "recordPdmpCheck", check)
	sign := func(what, want string) {
		g.t.Helper()
		g.would(what, g.Clinic.Prescriber, "signPrescription", nil, want)
	}
	sign("never measured", "weight_required: weight")
	g.weigh(68.4, 90*day+time.Second)
	sign("more than 90 days ago", "weight_required: weight")
	g.weigh(68.4, 90*day)
	sign("90 days ago", "")
	g.must(g.Clinic.Clinician, "voidMeasurement", object{"reason": "Somebody else."})
	sign("struck out", "weight_required: weight")
}

// amounts: dose and booster together are judged by mg and by mg/kg of the newest weight. At the soft
// maximum of 410.4 mg one signature is enough, at the hard one of 478.8 mg two are.
func (g *guarded) amounts() {
	order := func(what string, change object, want string) {
		g.t.Helper()
		g.must(g.Clinic.Clinician, "updatePrescription", change)
		if want != "active" && want != "awaitingCosignature" {
			g.would(what, g.Clinic.Prescriber, "signPrescription", nil, want)
			return
		}
		call := g.Call(g.t, "signPrescription")
		call.Token, call.Query = g.Clinic.Prescriber.Token, "validateOnly=true"
		if got := g.site.Must(g.t, call); got.Text("status") != want {
			g.t.Errorf("%s: %s, want %s", what, got.Text("status"), want)
		}
	}
	const above = "hard_maximum_exceeded: hardMaximum /doseMg"
	order("at the soft maximum", object{"doseMg": 410.4}, "active")
	order("a microgram more", object{"doseMg": 410.401}, "awaitingCosignature")
	order("with a booster", object{"doseMg": 400, "boosterMg": 10.401}, "awaitingCosignature")
	order("at the hard maximum", object{"doseMg": 400, "boosterMg": 78.8}, "awaitingCosignature")
	order("a microgram more", object{"boosterMg": 78.801}, above)
	order("five refills", object{"boosterMg": 0, "refills": 5}, "active")
	order("six", object{"refills": 6}, "rule_violated: refills /refills")
	order("nothing to take", object{"refills": 0, "doseMg": 0}, "rule_violated: dose /doseMg")

	order("as it was weighed", object{"doseMg": 478.8}, "awaitingCosignature")
	g.site.Clock.Advance(time.Minute)
	g.weigh(68.399, 0)
	order("a gram less", object{"directions": "Chew."}, above)
	order("at the soft maximum of before", object{"doseMg": 410.4}, "awaitingCosignature")
	g.weigh(90, 24*time.Hour)
	order("an older weight told later", object{"directions": "Let it melt."}, "awaitingCosignature")
	g.site.Clock.Advance(time.Minute)
	g.weigh(90, 0)
	order("450 mg, whatever somebody weighs", object{"doseMg": 450}, "active")
	order("a microgram more", object{"doseMg": 450.001}, "awaitingCosignature")
}

// credentials cover the state where the patient is, on that day.
func (g *guarded) credentials() {
	c := g.Clinic
	moved := func(state string) {
		g.t.Helper()
		about(g.Scene, "patient", g.IDs["patient"], "") // its version is read anew
		g.must(c.Clinician, "updatePatient", object{"state": state})
		check := g.Fact("state", state)
		check["result"], check["reportedBy"] = "nothingUnexpected", "clinician"
		g.must(c.Clinician, "recordPdmpCheck", check)
	}
	sign := func(what string, who *apitest.Person, want string) {
		g.t.Helper()
		g.would(what, who, "signPrescription", nil, want)
	}
	sign("at home", c.Prescriber, "")
	moved("VT")
	sign("in a state without either", c.Prescriber, "credentials_required: licence: deaRegistration")

	fresh := c.Staff(g.t, "newcomer", client.StaffRoleClinician)
	change := func(body object) {
		g.t.Helper()
		about(g.Scene, "staff", fresh.ID.String(), g.site.Must(g.t, apitest.Call{
			Operation: "showStaff", Token: c.Admin.Token, Path: map[string]string{"staffId": fresh.ID.String()},
		}).Header.Get("ETag"))
		g.must(c.Admin, "updateStaff", body)
		g.site.Clock.Advance(3 * time.Second) // rights may be remembered for two
	}
	day := func(days int) string {
		return string(treatment.DateOf(g.site.Clock.Now().In(newYork(g.t)).AddDate(0, 0, days)))
	}
	credential := func(number, expires string) []object {
		return []object{{"state": "VT", "number": number, "expires": expires}}
	}
	change(object{"roles": []string{"prescriber"}})
	sign("without anything", fresh, "credentials_required: npi: licence: deaRegistration")
	change(object{"npi": apitest.NPI(77_000_001), "licences": credential("VT-1", day(0)), "deaRegistrations": credential("AB1234563", day(0))})
	sign("valid until today", fresh, "")
	change(object{"licences": credential("VT-1", day(-1))})
	sign("a licence until yesterday", fresh, "credentials_required: licence")
	change(object{"licences": credential("VT-1", day(1)), "deaRegistrations": credential("AB1234563", day(-1))})
	sign("a registration until yesterday", fresh, "credentials_required: deaRegistration")
	moved("NY")
	sign("in another state", fresh, "credentials_required: licence: deaRegistration")
}

// cosignatures: of a second person who could have signed too. The scene's cosigner has signed first.
func (g *guarded) cosignatures() {
	c := g.Clinic
	g.would("the signer", c.Cosigner, "cosignPrescription", nil, "rule_violated: otherPrescriber")
	g.would("another prescriber", c.Prescriber, "cosignPrescription", nil, "")
	g.would("a nurse", c.Clinician, "cosignPrescription", nil, "forbidden")
	g.would("without a reason", c.Prescriber, "withdrawPrescription", object{"reason": " "}, "invalid_request: pattern /reason")
	g.must(c.Clinician, "updatePatient", object{"state": "VT"})
	g.would("where nobody is licensed", c.Prescriber, "cosignPrescription", nil, "credentials_required: licence: deaRegistration")
	g.must(c.Clinician, "updatePatient", object{"state": "NY"})
	g.must(c.Prescriber, "cosignPrescription", nil)
	g.would("cosigned already", c.Prescriber, "cosignPrescription", nil, "illegal_transition")
	g.would("withdrawn when active", c.Cosigner, "withdrawPrescription", object{"reason": "Think again."}, "illegal_transition")
}

// overlays: a hold is put on and lifted; what has ended stays so.
func (g *guarded) overlays() {
	c, why := g.Clinic, object{"reason": "No effect."}
	g.would("not on hold", c.Prescriber, "resumePrescription", why, "illegal_transition")
	g.must(c.Clinician, "holdPrescription", object{"reason": "supply"})
	g.would("on hold already", c.Prescriber, "holdPrescription", object{"reason": "other"}, "illegal_transition")
	g.would("resumed by a nurse", c.Clinician, "resumePrescription", why, "forbidden")
	g.must(c.Prescriber, "resumePrescription", why)
	for _, operation := range []string{"stopPrescription", "voidPrescription"} {
		g.would(operation+" without a reason", c.Prescriber, operation, object{"reason": ""}, "invalid_request: min_length /reason: pattern /reason")
	}
	g.must(c.Prescriber, "stopPrescription", why)
	for _, operation := range []string{"stopPrescription", "resumePrescription", "signPrescription", "discardPrescription"} {
		body := any(why)
		if operation == "signPrescription" {
			body = nil
		}
		g.would(fmt.Sprint(operation, " when stopped"), c.Prescriber, operation, body, "illegal_transition")
	}
	g.must(c.Prescriber, "voidPrescription", why)
	g.would("void already", c.Prescriber, "voidPrescription", why, "illegal_transition")
}

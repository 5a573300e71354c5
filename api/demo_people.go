package api

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"github.com/titrate-health/titrate/pkg/dose"
	"github.com/titrate-health/titrate/pkg/treatment"
)

// The people of the demo. All of them, and the clinic, are invented; phone numbers are from
// the range that is kept free for fiction.

const (
	demoClinic = "Hudson Ketamine Care"
	demoZone   = "America/New_York"
	// firstDay is when the clinic opened, counted from today: six months and two weeks ago.
	firstDay = -198
)

// demoNurse looks after every patient.
const demoNurse = "demo-clinician"

// demoStaff are the clinic's staff but its first admin. Who prescribes needs a colleague who
// is an admin too, so that the second one comes first.
var demoStaff = []struct {
	subject, given, family string
	roles                  []string
	npi                    string
	states                 []string
}{
	{subject: "demo-admin-2", given: "Helen", family: "Sato", roles: []string{roleAdmin, roleClinician}},
	{
		subject: "demo-prescriber", given: "Ruth", family: "Adeyemi", roles: []string{rolePrescriber},
		npi: "1234567893", states: []string{"NY", "NJ", "CT", "MA"},
	},
	{
		subject: "demo-prescriber-2", given: "Samuel", family: "Ortega", roles: []string{rolePrescriber},
		npi: "1448392716", states: []string{"NY", "PA", "FL"},
	},
	{
		subject: "demo-prescriber-3", given: "Priya", family: "Raman", roles: []string{roleAdmin, rolePrescriber},
		npi: "1583604271", states: []string{"TX", "CO", "AZ", "WA", "CA"},
	},
	{subject: demoNurse, given: "Grace", family: "Kimura", roles: []string{roleClinician}},
}

// prescriberIn is who may prescribe for patients in a state.
func prescriberIn(state string) string {
	for _, m := range demoStaff {
		for _, covered := range m.states {
			if covered == state {
				return m.subject
			}
		}
	}
	return ""
}

// deaNumber makes a registration number with its check digit: (d1+d3+d5) + 2(d2+d4+d6).
func deaNumber(family string, random *rand.Rand) string {
	sum, digits := 0, ""
	for i := range 6 {
		d := random.IntN(10)
		sum += d * (1 + i%2)
		digits += itoa(d)
	}
	return "F" + family[:1] + digits + itoa(sum%10)
}

// openClinic makes the clinic and adds its staff, who all sign in.
func (t *teller) openClinic() {
	_, invitation, err := t.s.CreateClinic(t.ctx, NewClinic{
		Name: demoClinic, TimeZone: demoZone, AdminGiven: "Walter", AdminName: "Brandt", AdminEmail: "walter.brandt@example.org",
	})
	if err != nil {
		t.err = err
		return
	}
	admin := demoSubjects[roleAdmin]
	t.redeem(admin, invitation, "")
	random := demoRandom(t.seed, -1)
	for _, m := range demoStaff {
		body := obj{
			"name": obj{"given": m.given, "family": m.family}, "roles": m.roles,
			"email": strings.ToLower(m.given+"."+m.family) + "@example.org",
		}
		if m.npi != "" {
			var licences, registrations []obj
			for _, state := range m.states {
				expires := t.today.AddDate(1, random.IntN(24), 0).Format(time.DateOnly)
				licences = append(licences, obj{"state": state, "number": fmt.Sprintf("%s-%06d", state, random.IntN(1e6)), "expires": expires})
				registrations = append(registrations, obj{"state": state, "number": deaNumber(m.family, random), "expires": expires})
			}
			body["npi"], body["licences"], body["deaRegistrations"] = m.npi, licences, registrations
		}
		added := t.plan(admin, "/staff", body)
		if t.err != nil {
			return
		}
		t.staff[m.subject] = added.Staff.ID
		t.redeem(m.subject, added.Invitation.Code, "")
	}
	t.protocol = t.get(admin, "/protocols").Items[0].ID
	for _, text := range t.get(admin, "/consent-templates").Items {
		t.texts[text.Kind] = text.ID
	}
}

// reviseText has the clinic put another text in the place of one, which is retired some days later:
// whoever has not signed the new one by then has to.
func (t *teller) reviseText(kind, title, text string) {
	admin, day := demoSubjects[roleAdmin], func(n, hour int) time.Time { return t.today.AddDate(0, 0, n).Add(time.Duration(hour) * time.Hour) }
	var old string
	t.add(day(-40, 10), func() {
		old = t.texts[kind]
		t.texts[kind] = t.plan(admin, "/consent-templates", obj{"kind": kind, "title": title, "text": text}).ID
	})
	t.add(day(-37, 10), func() {
		t.decide(admin, http.MethodPost, "/consent-templates/"+old+"/retire", obj{"reason": "Text messages are no longer sent."})
	})
}

// tightenRules has the clinic publish alert rules of its own.
func (t *teller) tightenRules() {
	t.add(t.today.AddDate(0, 0, -60).Add(11*time.Hour), func() {
		t.plan(demoSubjects[roleAdmin], "/alert-rules", obj{
			"settings": []obj{
				{"rule": treatment.AlertCheckInOverdue, "dueMin": 720, "note": "Two patients had nobody to call them over a weekend."},
				{"rule": treatment.AlertAssessmentOverdue, "severity": treatment.SeverityMedium, "note": "Silence was the first sign twice."},
			},
			"reason": "After the review of the first months.",
		})
	})
}

// redeem links a sign-in to the record that an invitation was made for.
func (t *teller) redeem(as, code, birthDate string) {
	body := obj{"code": code}
	if birthDate != "" {
		body["birthDate"] = birthDate
	}
	t.fact(as, http.MethodPost, "/invitations/redeem", body)
}

// place is where somebody lives.
type place struct{ city, state, postalCode, zone, areaCode string }

const (
	eastern  = "America/New_York"
	central  = "America/Chicago"
	mountain = "America/Denver"
	pacific  = "America/Los_Angeles"
)

var (
	albany       = place{"Albany", "NY", "12207", eastern, "518"}
	brooklyn     = place{"Brooklyn", "NY", "11215", eastern, "718"}
	buffalo      = place{"Buffalo", "NY", "14222", eastern, "716"}
	jerseyCity   = place{"Jersey City", "NJ", "07302", eastern, "201"}
	hartford     = place{"Hartford", "CT", "06103", eastern, "860"}
	boston       = place{"Boston", "MA", "02116", eastern, "617"}
	philadelphia = place{"Philadelphia", "PA", "19103", eastern, "215"}
	tampa        = place{"Tampa", "FL", "33602", eastern, "813"}
	pensacola    = place{"Pensacola", "FL", "32501", central, "850"}
	austin       = place{"Austin", "TX", "78701", central, "512"}
	elPaso       = place{"El Paso", "TX", "79901", mountain, "915"}
	denver       = place{"Denver", "CO", "80202", mountain, "303"}
	phoenix      = place{"Phoenix", "AZ", "85004", "America/Phoenix", "602"}
	seattle      = place{"Seattle", "WA", "98101", pacific, "206"}
	sanDiego     = place{"San Diego", "CA", "92101", pacific, "619"}
)

// givenName comes with the administrative gender that goes with it here.
type givenName struct{ given, gender string }

var givenNames = []givenName{
	{"Amara", "female"}, {"Bruno", "male"}, {"Carmen", "female"}, {"Dmitri", "male"}, {"Elif", "female"},
	{"Finn", "male"}, {"Gloria", "female"}, {"Hassan", "male"}, {"Imani", "female"}, {"Javier", "male"},
	{"Keiko", "female"}, {"Leon", "male"}, {"Marisol", "female"}, {"Nikhil", "male"}, {"Odette", "female"},
	{"Piotr", "male"}, {"Quinn", "other"}, {"Rosa", "female"}, {"Stefan", "male"}, {"Tamsin", "female"},
	{"Umar", "male"}, {"Vera", "female"}, {"Wendell", "male"}, {"Ximena", "female"}, {"Zoë", "female"},
}

var familyNames = []string{
	"Abara", "Bergström", "Castellano", "Delacroix", "Eriksen", "Fontaine", "Grzybowski", "Haddad", "Ibarra",
	"Jankowski", "Khoury", "Lombardi", "Mwangi", "Nakagawa", "O'Malley", "Petrov", "Quispe", "Rosenthal",
	"Santoro", "Takahashi", "Ulrich", "Villanueva", "Whitlock", "Yilmaz", "Zamora",
}

var streets = []string{"Alder Street", "Birch Lane", "Chestnut Avenue", "Dogwood Court", "Elm Street", "Harbor Road", "Juniper Way", "Mill Street"}

// demoPerson is a synthetic patient.
type demoPerson struct {
	givenName
	family, email, street, contact, relationship string
	birthDate                                    string
	weight                                       dose.Kg
}

// demoPatient is the patient of the tour, and of the examples in the contract.
var demoPatient = demoPerson{
	givenName: givenName{"Maya", "female"}, family: "Lindqvist", email: "maya.lindqvist@example.org", birthDate: "1986-04-17",
	street: "12 Alder Street", contact: "Jonas Lindqvist", relationship: "spouse", weight: 68_400 * dose.Gram,
}

// demoPersons draws n people; the first one is always the same.
func demoPersons(n int, random *rand.Rand) []demoPerson {
	given, family := random.Perm(len(givenNames)), random.Perm(len(familyNames))
	people := []demoPerson{demoPatient}
	for i := range n - 1 {
		p := demoPerson{
			givenName: givenNames[given[i]], family: familyNames[family[i]],
			email:        fmt.Sprintf("r-%d@example.org", firstRecord+i+1),
			street:       fmt.Sprintf("%d %s", 1+random.IntN(240), streets[random.IntN(len(streets))]),
			relationship: []string{"spouse", "sibling", "parent", "cousin"}[random.IntN(4)],
			birthDate:    fmt.Sprintf("%d-%02d-%02d", 1958+random.IntN(46), 1+random.IntN(12), 1+random.IntN(28)),
			weight:       dose.Kg(560+random.IntN(380)) * 100,
		}
		p.contact = givenNames[given[n-1-i]].given + " " + p.family
		people = append(people, p)
	}
	return people
}

// firstRecord is the clinic's number of its first patient.
const firstRecord = 1042

// registration is what the clinic writes down of the i-th person.
func (p demoPerson) registration(i int, home place) obj {
	phone := func(n int) string { return fmt.Sprintf("+1%s555%04d", home.areaCode, 142+2*i+n) }
	return obj{
		"name": obj{"given": p.given, "family": p.family}, "birthDate": p.birthDate, "gender": p.gender,
		"state": home.state, "timeZone": home.zone, "recordNumber": fmt.Sprintf("R-%d", firstRecord+i),
		"phone": phone(0), "email": p.email,
		"address":          obj{"line": p.street, "city": home.city, "postalCode": home.postalCode},
		"emergencyContact": obj{"name": p.contact, "phone": phone(1), "relationship": p.relationship},
	}
}

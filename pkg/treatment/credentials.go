package treatment

import (
	"slices"

	"github.com/google/uuid"
)

// Credential is a licence to practise, or a DEA registration, in one state.
type Credential struct {
	// State is the two-letter code of a US state, such as NY.
	State  string
	Number string
	// Expires is the last day on which it is valid.
	Expires Date
}

// Covers says whether one of the credentials is for the state and valid on the day. An
// unknown state or an empty expiry is never covered.
func Covers(list []Credential, state string, day Date) bool {
	return state != "" && slices.ContainsFunc(list, func(c Credential) bool {
		return c.State == state && c.Expires != "" && day <= c.Expires
	})
}

// NPIValid says whether s is a well-formed National Provider Identifier: ten digits, the
// first 1 or 2, with a right check digit (Luhn over 80840 and the number; CMS, NPI check
// digit standard). It does not say that the number was issued.
func NPIValid(s string) bool {
	if len(s) != 10 || !digits(s) || (s[0] != '1' && s[0] != '2') {
		return false
	}
	sum := 24 // what the constant prefix 80840 adds
	for i := range 10 {
		digit := int(s[i] - '0')
		if i%2 == 0 { // counted from the check digit, every second one is doubled
			digit *= 2
		}
		sum += digit/10 + digit%10
	}
	return sum%10 == 0
}

// DEAValid says whether s is a well-formed DEA registration number: two letters (the second
// may be 9) and seven digits, the last of which is the units digit of
// (d1+d3+d5) + 2(d2+d4+d6). Numbers that begin with X are refused: the buprenorphine waiver
// they stood for has ended. It does not say that the number was issued.
func DEAValid(s string) bool {
	if len(s) != 9 || !letter(s[0]) || s[0] == 'X' || (!letter(s[1]) && s[1] != '9') || !digits(s[2:]) {
		return false
	}
	d := func(i int) int { return int(s[1+i] - '0') }
	return ((d(1)+d(3)+d(5))+2*(d(2)+d(4)+d(6)))%10 == d(7)
}

func letter(c byte) bool { return 'A' <= c && c <= 'Z' }

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// Prescriber is what is known of somebody who signs or cosigns.
type Prescriber struct {
	StaffID          uuid.UUID
	NPI              string
	Licences         []Credential
	DEARegistrations []Credential
}

// missing lists what the prescriber lacks to sign for a patient in a state on a day: an NPI,
// a licence and a DEA registration (21 CFR 1306.03, 1306.05).
func (p Prescriber) missing(o *objections, state string, day Date) {
	if !NPIValid(p.NPI) {
		o.add(CodeCredentialsRequired, Reason{Rule: RuleNPI, Detail: "the prescriber has no valid NPI"})
	}
	if !Covers(p.Licences, state, day) {
		o.add(CodeCredentialsRequired, Reason{Rule: RuleLicence, Limit: state,
			Detail: "the prescriber has no licence that covers the patient's state on this day"})
	}
	registered := slices.DeleteFunc(slices.Clone(p.DEARegistrations), func(c Credential) bool { return !DEAValid(c.Number) })
	if !Covers(registered, state, day) {
		o.add(CodeCredentialsRequired, Reason{Rule: RuleDEARegistration, Limit: state,
			Detail: "the prescriber has no DEA registration that covers the patient's state on this day"})
	}
}

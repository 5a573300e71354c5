package treatment_test

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/titrate-health/titrate/pkg/treatment"
)

func TestNPIValid(t *testing.T) {
	for _, npi := range []string{"1234567893", "1993999998", "1558598797", "1245319599"} {
		if !treatment.NPIValid(npi) {
			t.Errorf("%s is refused", npi)
		}
	}
	for _, npi := range []string{
		"", "1234567890", "1234567892", "123456789", "12345678930", "3234567899", "0234567894",
		"123456789a", " 1234567893", "1234567893\n", "１234567893",
	} {
		if treatment.NPIValid(npi) {
			t.Errorf("%q is accepted", npi)
		}
	}
}

// Of the ten numbers that differ in the last digit exactly one is right, and no single digit
// can be wrong unnoticed.
func TestNPICheckDigit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		stem := rapid.StringMatching(`[12][0-9]{8}`).Draw(t, "stem")
		var right []string
		for digit := range 10 {
			if npi := fmt.Sprintf("%s%d", stem, digit); treatment.NPIValid(npi) {
				right = append(right, npi)
			}
		}
		if len(right) != 1 {
			t.Fatalf("%s has the check digits %v", stem, right)
		}
		i := rapid.IntRange(1, 9).Draw(t, "place")
		wrong := []byte(right[0])
		wrong[i] = '0' + (wrong[i]-'0'+byte(rapid.IntRange(1, 9).Draw(t, "off")))%10
		if treatment.NPIValid(string(wrong)) {
			t.Fatalf("%s passes for %s", wrong, right[0])
		}
	})
}

func TestDEAValid(t *testing.T) {
	for _, number := range []string{"AB1234563", "BB1388568", "MA1234563", "F91234563"} {
		if !treatment.DEAValid(number) {
			t.Errorf("%s is refused", number)
		}
	}
	for _, number := range []string{
		"", "AB1234567", "AB123456", "AB12345630", "XB1234563", "9B1234563", "A81234563", "ab1234563",
		"AB12345-3", "1234563AB", "ÄB1234563",
	} {
		if treatment.DEAValid(number) {
			t.Errorf("%q is accepted", number)
		}
	}
}

func TestCovers(t *testing.T) {
	list := []treatment.Credential{
		{State: "NY", Number: "1", Expires: "2026-11-20"},
		{State: "NJ", Number: "2", Expires: "2026-11-19"},
		{State: "CA", Number: "3"},
	}
	tests := []struct {
		name  string
		state string
		day   treatment.Date
		want  bool
	}{
		{"on its last day", "NY", "2026-11-20", true},
		{"the day after", "NY", "2026-11-21", false},
		{"expired yesterday", "NJ", "2026-11-20", false},
		{"without an expiry", "CA", "2026-11-20", false},
		{"another state", "TX", "2026-11-20", false},
		{"unknown state", "", "2026-11-20", false},
	}
	for _, test := range tests {
		if got := treatment.Covers(list, test.state, test.day); got != test.want {
			t.Errorf("%s: %t, want %t", test.name, got, test.want)
		}
	}
	if treatment.Covers([]treatment.Credential{{Expires: "2030-01-01"}}, "", "2026-11-20") {
		t.Error("a credential without a state covers an unknown state")
	}
}

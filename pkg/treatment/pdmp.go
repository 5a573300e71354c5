package treatment

import (
	"strings"
	"time"
)

// PDMPResult is what a prescription drug monitoring program showed.
type PDMPResult string

// PDMP results. Something unexpected does not keep anybody from signing: a prescriber reads it
// and decides.
const (
	PDMPNothingUnexpected PDMPResult = "nothingUnexpected"
	PDMPUnexpected        PDMPResult = "unexpected"
)

// PDMPResults lists every result.
var PDMPResults = []PDMPResult{PDMPNothingUnexpected, PDMPUnexpected}

// PDMPCheck is one look into a state's prescription drug monitoring program.
type PDMPCheck struct {
	State  string // whose program was asked: two letters, such as NY
	Result PDMPResult
	Note   string
}

// PDMPStaleAt is from when a check that was made at a time is too old for a signature.
func (p Protocol) PDMPStaleAt(at time.Time) time.Time {
	return at.UTC().Add(time.Duration(p.Prescribing.PDMPMaxAgeDays)*24*time.Hour + time.Microsecond) // exactly that old is good
}

// Validate refuses something unexpected that is not described.
func (c PDMPCheck) Validate() error {
	if c.Result == PDMPUnexpected && strings.TrimSpace(c.Note) == "" {
		return refuse(CodeRuleViolated, "the check cannot be recorded", Reason{Rule: RuleNote, Pointer: "/note",
			Detail: "what was unexpected must be described"})
	}
	return nil
}

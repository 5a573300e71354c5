package treatment

import "strings"

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

// Validate refuses something unexpected that is not described.
func (c PDMPCheck) Validate() error {
	if c.Result == PDMPUnexpected && strings.TrimSpace(c.Note) == "" {
		return refuse(CodeRuleViolated, "the check cannot be recorded", Reason{Rule: RuleNote, Pointer: "/note",
			Detail: "what was unexpected must be described"})
	}
	return nil
}

package treatment

// Surroundings is what is known beside a session and its facts when its gate is checked: as it
// was at the time of the check. Pointers, and lists but of medicines, that are nil are unknown, and stand in the
// way while their guard is on.
type Surroundings struct {
	Protocol Protocol
	// Limits are the patient's own.
	Limits Limits
	// Seen is what was measured and noticed outside of the session in the protocol's stopHours before.
	Seen []Sighting
	// SignedConsents are the kinds of consent in force. Guard consents.
	SignedConsents []string
	// Alerts of the patient that are not resolved, without those that this session raised: its
	// facts are judged by themselves.
	Alerts []StandingAlert
	// Acknowledged: the patient has read the current instructions.
	Acknowledged bool
	// SupportPersonAdult: the support person who was named is an adult, by the clinic's records;
	// nil when nobody was named. SupportPersonRemoved: the patient does not want them there any more.
	SupportPersonAdult   *bool
	SupportPersonRemoved bool
	// Medicines are those that the patient takes or took lately, and Day is the day of the check
	// where the patient is. Guard interactions.
	Medicines []Medication
	Day       Date
	// Units are what is at home. Guard units.
	Units *UnitsAtHome
}

// StandingAlert is an alert that nobody has resolved.
type StandingAlert struct {
	Rule     AlertRule
	Severity Severity
}

// UnitsAtHome says what the supply at home allows.
type UnitsAtHome struct {
	// Enough: there is at least as much as the dose.
	Enough bool
	// Makeable: whole units, or parts of them as they may be split, make exactly the dose.
	Makeable bool
}

// Reasons are those for which the gate does not clear a dose, whatever the session's facts say.
func (s Surroundings) Reasons() []GateReason {
	list := s.dangers()
	add := func(stop bool, r GateReason) {
		r.Stop = stop
		list = append(list, r)
	}
	var missing objections
	missingConsents(&missing, s.SignedConsents, s.Protocol)
	for _, reason := range missing.reasons {
		add(true, GateReason{Rule: RuleConsents, Limit: reason.Limit, Source: "protocol.treatment.requiredConsents", Clears: "The patient signs the consent."})
	}
	switch {
	case s.SupportPersonRemoved:
		add(true, GateReason{Rule: RuleSupportPersonMissing, Value: "removed", Source: "supportPeople", Clears: "Somebody who is among the patient's support people has to be there."})
	case s.SupportPersonAdult != nil && !*s.SupportPersonAdult:
		add(true, GateReason{Rule: RuleSupportPersonMissing, Value: "not known to be an adult", Source: "supportPeople", Clears: "Somebody who is at least 18 has to be there."})
	}
	for _, alert := range s.Alerts {
		if administrative(alert.Rule) {
			continue
		}
		reason := GateReason{Rule: RuleOpenAlert, Value: string(alert.Rule) + ", " + string(alert.Severity), Source: "alerts", Clears: "The clinic resolves the alert."}
		stop := false
		if suicidality(alert.Rule) {
			reason.Rule, stop = RuleSuicidality, alert.Severity == SeverityHigh || alert.Severity == SeverityCritical
		}
		add(stop, reason)
	}
	list = append(list, s.interactions()...)
	if s.Protocol.Guards(GuardUnits) {
		switch {
		case s.Units == nil || !s.Units.Enough:
			add(true, GateReason{Rule: RuleNoUnits, Source: "supply", Clears: "A dispense, or a count of what is there, has to be recorded."})
		case !s.Units.Makeable:
			add(false, GateReason{Rule: RuleUnitsCannotMakeDose, Source: "protocol.supply.unitStep", Clears: "Ask the clinic which units to take."})
		}
	}
	if !s.Acknowledged {
		add(false, GateReason{Rule: RuleInstructions, Source: "instructions", Clears: "The patient reads and acknowledges the current instructions."})
	}
	return list
}

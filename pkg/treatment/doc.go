// Package treatment holds the clinic's rules for ketamine treatment at home: who is eligible
// for it, who may sign which dose, when a session may take place, what follows from what
// happened in it, which change of dose or interval might help, and which findings somebody must
// look at, by when.
//
// Everything is pure: what is known goes in, a verdict comes out. There is no clock, no
// database and no network; the caller says what time it is. The main words:
//
//   - [Protocol]: every number a clinic decides, as data. The rules hold no number of their
//     own but those that no clinic decides ([LegalMaxRefills], [LegalValidityMonths],
//     [AdultAge], [SuggestionMaxDays]).
//   - Decisions ([Prescription.Sign], [Start], [Schedule] …) take a record, or what is known
//     before there is one, and answer the record as it then is, or a [Refusal] that names
//     every rule that stands in the way.
//   - [Suggest] supports a prescriber's decision and makes none: see the criteria in its file.
//   - Facts ([Fact]) are never refused. [Fold] turns a [Plan] and all facts into the
//     [Session]: its status, its deviations from the rules and the alerts it raises. The
//     order in which facts arrive makes no difference. [Reckon] does the same for the units
//     at home, and [Signals] finds in all of it what may be misuse.
//
// Four principles run through all of it. Every limit is inclusive: a pressure of 160 reaches
// a limit of 160, a weight measured 90 days ago is 90 days old and still good. What is not
// known is never fine: no weight means no signature, a missing reading is not a normal one.
// An implausible reading is kept, marked and treated as if it were true. And a dose that was
// taken is recorded, whatever the rules say about it.
//
// The structs carry no tags and, but for what is marked otherwise, only scalars, so that a
// database row can embed them. Times that records keep are UTC.
package treatment

// RulesVersion names this state of the rules. It is stored with every decision, beside the
// protocol's version.
const RulesVersion = "2026.1"

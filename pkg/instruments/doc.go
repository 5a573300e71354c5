// Package instruments holds questionnaires as data and scores them.
//
// An [Instrument] is everything an app needs to show a questionnaire (the exact wording,
// answers and LOINC codes) and everything needed to judge it: the scoring version,
// severity bands or levels, and the thresholds by which change is called response or
// remission.
// [Find] and [All] answer the ones that are built in:
//
//	phq-9, phq-2      Patient Health Questionnaire, depression, 0 to 27 and 0 to 6
//	gad-7, gad-2      Generalized Anxiety Disorder scale, 0 to 21 and 0 to 6
//	c-ssrs-screener   Columbia-Suicide Severity Rating Scale, four levels of risk
//	pcl-5             PTSD Checklist for DSM-5, 0 to 80, four clusters
//	audit-c           alcohol consumption, 0 to 12, cut-off by gender
//	cgi-s, cgi-i      a clinician's global impression, 1 to 7
//	pgi-c             the patient's own, 1 to 7
//
// and, in own words and not validated:
//
//	dissociation      six sliders about a session, 0 to 24
//	urinary-symptoms  five symptoms
//	daily-check-in    mood, sleep, energy and anxiety, 0 to 100, higher is better
//	side-effects      the worst of fourteen complaints, 0 to 3
//	mania-psychosis   seven signs, on follow-up
//
// and, without their wording, which needs the owner's licence:
//
//	qids-sr16         Quick Inventory of Depressive Symptomatology, 0 to 27
//	who-5             WHO-Five Well-Being Index, 0 to 100, higher is better
//	dast-10           Drug Abuse Screening Test, 0 to 10
//	madrs             Montgomery-Åsberg Depression Rating Scale, 0 to 60, by a clinician
//	wsas              Work and Social Adjustment Scale, 0 to 40
//
// A clinic adds simple instruments of its own as a [Definition].
//
// Scoring is pure and deterministic: the same answers and the same scoring version always
// give the same [Result]. It never guesses. An answer that is out of range is an error and
// not rounded or cut; with too many unanswered items there is no total; and an unanswered
// safety item is unknown, never negative.
//
// Every number names where it comes from, and its [Provenance] says whether somebody has
// checked it there; what is unverified must be shown as such. Severity bands describe a
// score, they are not a diagnosis.
//
// To add an instrument, write its function beside phq9 or cssrsScreener, as data, and list it
// in [All]. How it is scored is data too: a sum, a mean or the highest item, multiplied
// perhaps; items that are reversed, skipped, or count as a group; how many may be missing;
// subscales and flags. The package's tests check its structure and its LOINC check digits.
// Only wording that is free to distribute belongs here.
package instruments

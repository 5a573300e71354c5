package api

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/titrate-health/titrate/api/internal/oapi"
)

// questions are what the patient answers on one evening: the totals of PHQ-9 and GAD-7, and
// how the ninth item of the PHQ-9 has its part in it.
type questions struct {
	phq, gad   int
	ninth      int
	noNinth    bool // left out
	unreviewed bool
	amended    int // the PHQ-9's total after the patient has corrected it; 0: left as it is
}

// recordAnswers sends answers that nobody has asked for.
func (c *chart) recordAnswers(day int, clock string, instrument oapi.InstrumentID, answers obj) *string {
	at := c.at(day, clock)
	id := uuidAt(at, c.random).String()
	fact := c.said(at, obj{"instrument": instrument, "answers": answers})
	delete(fact, "id") // it is in the path
	c.on(day, clock, func() {
		c.fact(c.self, http.MethodPut, "/patients/"+c.patient+"/assessments/"+id, fact)
	})
	c.reviewAnswers(day+1, &id)
	return &id
}

// answerNext sends the answers to what earlier ones have assigned.
func (c *chart) answerNext(day int, clock string, instrument oapi.InstrumentID, answers obj) {
	at, id := c.at(day, clock), new(string)
	c.on(day, clock, func() {
		asked := c.get(c.self, "/patients/"+c.patient+"/assessments?status=assigned&instrument="+string(instrument)).Items
		if len(asked) == 0 {
			if c.err == nil {
				c.err = fmt.Errorf("%s is not asked", instrument)
			}
			return
		}
		*id = asked[0].ID
		c.fact(c.self, http.MethodPost, "/assessments/"+*id+"/submit", c.said(at, obj{"answers": answers}))
	})
	c.reviewAnswers(day+1, id)
}

// sleepInstrument is one that the clinic has made itself: publishSleep publishes it.
const sleepInstrument oapi.InstrumentID = "own-sleep"

func (t *teller) publishSleep() {
	options := func(often ...string) (list []obj) {
		for value, text := range often {
			list = append(list, obj{"value": value, "text": text})
		}
		return list
	}
	nights := options("Never", "On some nights", "On most nights")
	t.plan(demoSubjects[roleAdmin], "/instruments", obj{
		"id": sleepInstrument, "title": "Sleep in the past week", "version": "1", "prompt": "In the past week:", "recallPeriod": "P1W",
		"items": []obj{
			{"id": "sleep-1", "text": "I lay awake for more than half an hour.", "options": nights},
			{"id": "sleep-2", "text": "I woke up long before I had to.", "options": nights},
			{"id": "sleep-3", "text": "I got up rested.", "options": options("Never", "On some mornings", "On most mornings"), "reverse": true},
		},
		"method": oapi.ScoringMethodSum, "direction": oapi.ScoreDirectionHigherIsWorse, "screenPositive": 3,
		"bands": []obj{{"name": "good", "from": 0, "to": 2}, {"name": "poor", "from": 3, "to": 6}},
		"flags": []obj{{"name": "awake", "title": "Awake on most nights.", "items": []string{"sleep-1", "sleep-2"}, "from": 2}},
	})
}

// ask assigns both instruments three days ahead; the patient answers in the evening.
func (c *chart) ask(day int, q questions) {
	phq := phq9Answers(q.phq, q.ninth)
	if q.noNinth {
		delete(phq, "phq9-9")
	}
	first := c.answerAssigned(day, "20:15", oapi.InstrumentIDPhq9, phq)
	second := c.answerAssigned(day, "20:22", oapi.InstrumentIDGad7, gad7Answers(q.gad))
	if q.amended > 0 {
		c.on(day, "20:35", func() {
			c.decide(c.self, http.MethodPost, "/assessments/"+*first+"/amend", obj{
				"answers": phq9Answers(q.amended, q.ninth), "reason": "I had thought of one bad day, not of two weeks.",
			})
		})
	}
	if !q.unreviewed {
		c.reviewAnswers(day+1, first)
		c.reviewAnswers(day+1, second)
	}
}

// assign asks for answers by the end of a day.
func (c *chart) assign(day, due int, instrument oapi.InstrumentID) *string {
	id, by := new(string), c.at(due, "23:00")
	c.office(day, "09:30", func() {
		body := obj{"instrument": instrument, "dueAt": by.Format(time.RFC3339)}
		if c.treatment != "" {
			body["treatmentId"] = c.treatment
		}
		*id = c.plan(demoNurse, "/patients/"+c.patient+"/assessments", body).ID
	})
	return id
}

func (c *chart) answerAssigned(day int, clock string, instrument oapi.InstrumentID, answers obj) *string {
	id, at := c.assign(day-3, day, instrument), c.at(day, clock)
	c.on(day, clock, func() {
		c.fact(c.self, http.MethodPost, "/assessments/"+*id+"/submit", c.said(at, obj{"answers": answers}))
	})
	return id
}

func (c *chart) reviewAnswers(day int, id *string) {
	c.office(day, "09:15", func() {
		c.decide(demoNurse, http.MethodPost, "/assessments/"+*id+"/review", obj{"note": "Seen."})
	})
}

// voidAnswers says that answers were entered in error.
func (c *chart) voidAnswers(day int, id *string, reason string) {
	c.office(day, "10:40", func() {
		c.decide(demoNurse, http.MethodPost, "/assessments/"+*id+"/enter-in-error", obj{"reason": reason})
	})
}

// cancelAnswers takes an assignment back.
func (c *chart) cancelAnswers(day int, id *string, reason string) {
	c.office(day, "10:40", func() {
		c.decide(demoNurse, http.MethodPost, "/assessments/"+*id+"/cancel", obj{"reason": reason})
	})
}

// phq9Answers come to a total, of which the ninth item is one part.
func phq9Answers(total, ninth int) obj {
	answers := spread("phq9", 8, total-ninth)
	answers["phq9-9"] = ninth
	return answers
}

// screenerAnswers are those to the C-SSRS screener: yes to these items, no to the others that are
// asked then. Whoever has no thoughts of death is asked three.
func screenerAnswers(yes ...int) obj {
	asked := []int{1, 2, 6}
	if slices.Contains(yes, 2) {
		asked = []int{1, 2, 3, 4, 5, 6}
	}
	answers := obj{}
	for _, item := range asked {
		answers[fmt.Sprintf("cssrs-%d", item)] = 0
		if slices.Contains(yes, item) {
			answers[fmt.Sprintf("cssrs-%d", item)] = 1
		}
	}
	return answers
}

func gad7Answers(total int) obj { return spread("gad7", 7, total) }

// spread divides a total evenly among the first items of an instrument.
func spread(prefix string, items, total int) obj {
	answers := obj{}
	for i := range items {
		answers[fmt.Sprintf("%s-%d", prefix, i+1)] = (total + i) / items
	}
	return answers
}

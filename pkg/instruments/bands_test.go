package instruments_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/titrate-health/titrate/pkg/instruments"
)

// edges are the bands as they were published: each with its lowest and its highest total. An
// instrument with bands that is not here fails.
var edges = map[string]string{
	"phq-9":            "minimal 0-4, mild 5-9, moderate 10-14, moderatelySevere 15-19, severe 20-27",
	"gad-7":            "minimal 0-4, mild 5-9, moderate 10-14, severe 15-21",
	"pcl-5":            "belowCutoff 0-30, probable 31-80",
	"cgi-s":            "normal 1-1, borderline 2-2, mild 3-3, moderate 4-4, marked 5-5, severe 6-6, extreme 7-7",
	"cgi-i":            "veryMuchImproved 1-1, muchImproved 2-2, minimallyImproved 3-3, noChange 4-4, minimallyWorse 5-5, muchWorse 6-6, veryMuchWorse 7-7",
	"pgi-c":            "veryMuchImproved 1-1, muchImproved 2-2, minimallyImproved 3-3, noChange 4-4, minimallyWorse 5-5, muchWorse 6-6, veryMuchWorse 7-7",
	"urinary-symptoms": "none 0-0, single 1-1, several 2-5",
	"qids-sr16":        "none 0-5, mild 6-10, moderate 11-15, severe 16-20, verySevere 21-27",
	"who-5":            "likelyDepression 0-28, low 29-50, adequate 51-100",
	"dast-10":          "none 0-0, low 1-2, moderate 3-5, substantial 6-8, severe 9-10",
	"madrs":            "normal 0-6, mild 7-19, moderate 20-34, severe 35-60",
	"wsas":             "subclinical 0-9, significant 10-20, moderatelySevere 21-40",
	"side-effects":     "none 0-0, mild 1-1, moderate 2-2, severe 3-3",
}

// Both sides of every band: a total at an edge is in it, one beyond it is in the next.
func TestBands(t *testing.T) {
	for _, instrument := range instruments.All() {
		want, listed := edges[instrument.ID]
		if listed != (len(instrument.Bands) > 0) {
			t.Errorf("%s has %d bands, and edges: %t", instrument.ID, len(instrument.Bands), listed)
		}
		if !listed {
			continue
		}
		for _, text := range strings.Split(want, ", ") {
			var code string
			var least, most int
			if _, err := fmt.Sscanf(strings.Replace(text, "-", " ", 1), "%s %d %d", &code, &least, &most); err != nil {
				t.Fatal(err)
			}
			for total, inside := range map[int]bool{least - 1: false, least: true, most: true, most + 1: false} {
				band, found := instrument.BandOf(total)
				if (band.Code == code) != inside || found != (total >= instrument.MinTotal && total <= instrument.MaxTotal) {
					t.Errorf("%s %d is in %q, want %q: %t", instrument.ID, total, band.Code, code, inside)
				}
			}
		}
	}
}

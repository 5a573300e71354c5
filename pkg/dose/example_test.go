package dose_test

import (
	"encoding/json"
	"fmt"

	"github.com/titrate-health/titrate/pkg/dose"
)

func Example() {
	var session struct {
		Dose    dose.Mg `json:"doseMg"`
		Booster dose.Mg `json:"boosterMg"`
	}
	if err := json.Unmarshal([]byte(`{"doseMg": 100.1, "boosterMg": 0.2}`), &session); err != nil {
		fmt.Println(err)
		return
	}
	total := session.Dose + session.Booster
	fmt.Println(total, "mg is", total.Micrograms(), "µg")
	// Output: 100.3 mg is 100300 µg
}

func ExampleParseMg() {
	d, err := dose.ParseMg("37.5")
	fmt.Println(d, d.Micrograms(), err)

	_, err = dose.ParseMg("1e2")
	fmt.Println(err)
	// Output:
	// 37.5 37500 <nil>
	// dose: not a plain decimal number with at most three decimals
}

// A hard maximum of 7 mg/kg for somebody who weighs 62.3 kg.
func ExamplePerKg() {
	most := dose.PerKg(7*dose.Milligram, 62_300*dose.Gram)
	fmt.Println(most, 450*dose.Milligram > most)
	// Output: 436.1 true
}

func ExampleSum() {
	taken, err := dose.Sum(100*dose.Milligram, 100*dose.Milligram, 50*dose.Milligram)
	fmt.Println(taken, err)
	// Output: 250 <nil>
}

// One and a half tablets of 50 mg, and how many tablets of 100 mg that is.
func ExampleUnits_Of() {
	amount := (dose.Unit + dose.Unit/2).Of(50 * dose.Milligram)
	fmt.Println(amount, "mg are", dose.UnitsOf(amount, 100*dose.Milligram), "units")
	// Output: 75 mg are 0.75 units
}

package dose_test

import (
	"encoding"
	"encoding/json"
	"errors"
	"math"
	"math/big"
	"reflect"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/titrate-health/titrate/pkg/dose"
)

func TestParse(t *testing.T) {
	tests := []struct {
		text string
		want int64 // thousandths
		err  error
	}{
		{text: "0"},
		{text: "-0"},
		{text: "100", want: 100_000},
		{text: "37.5", want: 37_500},
		{text: "0.125", want: 125},
		{text: "0.001", want: 1},
		{text: "100.10", want: 100_100},
		{text: "1.005", want: 1005},  // in float64 1.005 * 1000 is 1004.9999999999999
		{text: "64.1", want: 64_100}, // and 64.1 * 1000 is 64099.99999999999
		{text: "-12.5", want: -12_500},
		{text: "9007199254740.993", want: 9_007_199_254_740_993}, // 2^53+1: no float64 holds it
		{text: "9223372036854775.807", want: math.MaxInt64},
		{text: "-9223372036854775.808", want: math.MinInt64},
		{text: "9223372036854775.808", err: dose.ErrOverflow},
		{text: "-9223372036854775.809", err: dose.ErrOverflow},
		{text: "99999999999999999999999999", err: dose.ErrOverflow},
		{text: "", err: dose.ErrSyntax},
		{text: "-", err: dose.ErrSyntax},
		{text: ".", err: dose.ErrSyntax},
		{text: ".5", err: dose.ErrSyntax},
		{text: "5.", err: dose.ErrSyntax},
		{text: "+5", err: dose.ErrSyntax},
		{text: "--5", err: dose.ErrSyntax},
		{text: "05", err: dose.ErrSyntax},
		{text: "-05", err: dose.ErrSyntax},
		{text: "1e2", err: dose.ErrSyntax},
		{text: "1E2", err: dose.ErrSyntax},
		{text: "1.2345", err: dose.ErrSyntax},
		{text: "1.0000", err: dose.ErrSyntax},
		{text: "1.2.3", err: dose.ErrSyntax},
		{text: "1,5", err: dose.ErrSyntax},
		{text: "1_000", err: dose.ErrSyntax},
		{text: " 1", err: dose.ErrSyntax},
		{text: "1 ", err: dose.ErrSyntax},
		{text: "1mg", err: dose.ErrSyntax},
		{text: "0x10", err: dose.ErrSyntax},
		{text: "NaN", err: dose.ErrSyntax},
		{text: "Infinity", err: dose.ErrSyntax},
		{text: "١٠", err: dose.ErrSyntax}, // digits, but not ASCII ones
	}
	for _, test := range tests {
		t.Run(test.text, func(t *testing.T) {
			mg, err := dose.ParseMg(test.text)
			if mg.Micrograms() != test.want || !errors.Is(err, test.err) {
				t.Errorf("ParseMg = %d µg, %v; want %d µg, %v", mg.Micrograms(), err, test.want, test.err)
			}
			kg, err := dose.ParseKg(test.text)
			if kg.Grams() != test.want || !errors.Is(err, test.err) {
				t.Errorf("ParseKg = %d g, %v; want %d g, %v", kg.Grams(), err, test.want, test.err)
			}
			units, err := dose.ParseUnits(test.text)
			if units.Thousandths() != test.want || !errors.Is(err, test.err) {
				t.Errorf("ParseUnits = %d thousandths, %v; want %d, %v", units.Thousandths(), err, test.want, test.err)
			}
		})
	}
}

func TestString(t *testing.T) {
	tests := []struct {
		micrograms int64
		want       string
	}{
		{0, "0"},
		{1, "0.001"},
		{10, "0.01"},
		{100, "0.1"},
		{1000, "1"},
		{37_500, "37.5"},
		{100_000, "100"},
		{100_010, "100.01"},
		{-1, "-0.001"},
		{-12_500, "-12.5"},
		{math.MaxInt64, "9223372036854775.807"},
		{math.MinInt64, "-9223372036854775.808"},
	}
	for _, test := range tests {
		if got := dose.Mg(test.micrograms).String(); got != test.want {
			t.Errorf("Mg(%d).String() = %q, want %q", test.micrograms, got, test.want)
		}
		if got := dose.Kg(test.micrograms).String(); got != test.want {
			t.Errorf("Kg(%d).String() = %q, want %q", test.micrograms, got, test.want)
		}
		if got := dose.Units(test.micrograms).String(); got != test.want {
			t.Errorf("Units(%d).String() = %q, want %q", test.micrograms, got, test.want)
		}
	}
}

type record struct {
	Dose    dose.Mg    `json:"doseMg"`
	Booster *dose.Mg   `json:"boosterMg"`
	Weight  dose.Kg    `json:"weightKg"`
	Units   dose.Units `json:"units"`
}

func TestJSON(t *testing.T) {
	const text = `{"doseMg":100.1,"boosterMg":12.5,"weightKg":70.25,"units":1.5}`
	want := record{Dose: 100_100, Booster: new(dose.Mg(12_500)), Weight: 70_250, Units: 1500}

	var got record
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("read (-want +got):\n%s", diff)
	}
	out, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	if string(out) != text {
		t.Errorf("wrote %s, want %s", out, text)
	}
}

func TestJSONRefuses(t *testing.T) {
	for _, text := range []string{
		`null`, `"100"`, `""`, `1e2`, `1E-3`, `0.0001`, `100.0000`, `true`, `[]`, `{}`, `9223372036854775.808`,
	} {
		before := record{Dose: 5, Weight: 7, Units: 9}
		got := before
		errDose := json.Unmarshal([]byte(`{"doseMg":`+text+`}`), &got)
		errWeight := json.Unmarshal([]byte(`{"weightKg":`+text+`}`), &got)
		errUnits := json.Unmarshal([]byte(`{"units":`+text+`}`), &got)
		if errDose == nil || errWeight == nil || errUnits == nil {
			t.Errorf("%s was accepted: %v, %v, %v", text, errDose, errWeight, errUnits)
		}
		if got != before {
			t.Errorf("%s was refused but changed %v to %v", text, before, got)
		}
	}

	got := record{Booster: new(dose.Mg(1))}
	if err := json.Unmarshal([]byte(`{"boosterMg":null}`), &got); err != nil || got.Booster != nil {
		t.Errorf("null for a pointer = %v, %v; want nil, nil", got.Booster, err)
	}
}

// Parameters and map keys are read and written by the text methods, with the same meaning.
func TestText(t *testing.T) {
	mg, kg, units := new(dose.Mg), new(dose.Kg), new(dose.Units)
	for _, value := range []interface {
		encoding.TextMarshaler
		encoding.TextUnmarshaler
	}{mg, kg, units} {
		if err := value.UnmarshalText([]byte("37.5")); err != nil {
			t.Errorf("%T: %v", value, err)
		}
		if err := value.UnmarshalText([]byte("1e2")); !errors.Is(err, dose.ErrSyntax) {
			t.Errorf("%T: error %v, want %v", value, err, dose.ErrSyntax)
		}
		if text, err := value.MarshalText(); string(text) != "37.5" || err != nil {
			t.Errorf("%T is written as %q, %v; want 37.5", value, text, err)
		}
	}
	if *mg != 37_500*dose.Microgram || *kg != 37_500*dose.Gram || *units != 37*dose.Unit+500 {
		t.Errorf("read %d µg, %d g and %d thousandths, want 37500", mg.Micrograms(), kg.Grams(), units.Thousandths())
	}
}

// Libraries that look at the kind of a value (gorm, database/sql) must find an integer and
// nothing that turns it into something else.
func TestPlainInteger(t *testing.T) {
	for _, value := range []any{new(dose.Mg), new(dose.Kg), new(dose.Units)} {
		typ := reflect.TypeOf(value)
		if got := typ.Elem().Kind(); got != reflect.Int64 {
			t.Errorf("%v is a %v, want an int64", typ.Elem(), got)
		}
		for _, method := range []string{"Value", "Scan"} {
			if _, found := typ.MethodByName(method); found {
				t.Errorf("%v has a method %s", typ, method)
			}
		}
	}
}

func TestPerKg(t *testing.T) {
	tests := []struct {
		name  string
		limit dose.Mg
		w     dose.Kg
		want  dose.Mg
	}{
		{"0.5 mg/kg at 70 kg", 500, 70_000, 35 * dose.Milligram},
		{"7 mg/kg at 85.7 kg", 7 * dose.Milligram, 85_700, 599_900},
		{"a third of a microgram is dropped", 1, 70_333, 70},
		{"just under the next microgram", 1, 999, 0},
		{"no weight allows nothing", 7 * dose.Milligram, 0, 0},
		{"no limit allows nothing", 0, 70_000, 0},
		{"negative weight allows nothing", 7 * dose.Milligram, -70_000, 0},
		{"negative limit allows nothing", -1, 70_000, 0},
		{"product beyond 64 bits, quotient within", math.MaxInt64, 1000, math.MaxInt64},
		{"quotient just beyond Mg", math.MaxInt64, 1001, math.MaxInt64},
		{"quotient of just 65 bits", 1 << 62, 4000, math.MaxInt64},
		{"quotient beyond 64 bits", math.MaxInt64, math.MaxInt64, math.MaxInt64},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := dose.PerKg(test.limit, test.w); got != test.want {
				t.Errorf("got %v mg, want %v mg", got, test.want)
			}
		})
	}
}

func TestUnits(t *testing.T) {
	for _, test := range []struct {
		name     string
		units    dose.Units
		strength dose.Mg
		want     dose.Mg
		back     dose.Units
	}{
		{"two tablets", 2 * dose.Unit, 50 * dose.Milligram, 100 * dose.Milligram, 2 * dose.Unit},
		{"a half", 500, 50 * dose.Milligram, 25 * dose.Milligram, 500},
		{"a third of a microgram is dropped", 333, 1, 0, 0},
		{"a third of a tablet", 333, 100 * dose.Milligram, 33_300, 333},
		{"none", 0, 50 * dose.Milligram, 0, 0},
		{"no strength", 2 * dose.Unit, 0, 0, 0},
		{"negative units", -2 * dose.Unit, 50 * dose.Milligram, 0, 0},
		{"negative strength", 2 * dose.Unit, -50, 0, 0},
		{"beyond Mg", math.MaxInt64, 1001, math.MaxInt64, 9_214_157_878_975_800_006},
	} {
		got := test.units.Of(test.strength)
		if got != test.want {
			t.Errorf("%s: %v mg, want %v mg", test.name, got, test.want)
		}
		if back := dose.UnitsOf(got, test.strength); back != test.back {
			t.Errorf("%s: back to %v units, want %v", test.name, back, test.back)
		}
		if taken := dose.UnitsOf(-got, test.strength); taken != -test.back {
			t.Errorf("%s: taken %v units, want %v", test.name, taken, -test.back)
		}
	}
	for amount, want := range map[dose.Mg]dose.Units{math.MaxInt64: math.MaxInt64, math.MinInt64: -math.MaxInt64, 100: 33_333, -100: -33_333} {
		strength := dose.Mg(3)
		if want == math.MaxInt64 || want == -math.MaxInt64 {
			strength = 1
		}
		if got := dose.UnitsOf(amount, strength); got != want {
			t.Errorf("%d of %d are %d thousandths, want %d", amount, strength, got, want)
		}
	}
}

func TestSum(t *testing.T) {
	tests := []struct {
		name    string
		amounts []dose.Mg
		want    dose.Mg
		err     error
	}{
		{name: "nothing"},
		{name: "tenths", amounts: []dose.Mg{100, 200}, want: 300},
		{name: "a difference", amounts: []dose.Mg{100_000, -37_500}, want: 62_500},
		{name: "the largest", amounts: []dose.Mg{math.MaxInt64 - 1, 1}, want: math.MaxInt64},
		{name: "the smallest", amounts: []dose.Mg{math.MinInt64 + 1, -1}, want: math.MinInt64},
		{name: "only the total counts", amounts: []dose.Mg{math.MaxInt64, 1, -1}, want: math.MaxInt64},
		{name: "too much", amounts: []dose.Mg{math.MaxInt64, 1}, err: dose.ErrOverflow},
		{name: "too little", amounts: []dose.Mg{math.MinInt64, -1}, err: dose.ErrOverflow},
		{name: "twice around", amounts: []dose.Mg{math.MaxInt64, math.MaxInt64, 2}, err: dose.ErrOverflow},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := dose.Sum(test.amounts...)
			if got != test.want || !errors.Is(err, test.err) {
				t.Errorf("got %v, %v; want %v, %v", got, err, test.want, test.err)
			}
		})
	}
}

// Every amount survives JSON, also those beyond 2^53 that a float64 would round.
func TestRoundTripProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := record{
			Dose:   dose.Mg(rapid.Int64().Draw(t, "dose")),
			Weight: dose.Kg(rapid.Int64().Draw(t, "weight")),
		}
		text, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		var got record
		if err := json.Unmarshal(text, &got); err != nil || got != want {
			t.Fatalf("%v became %s and then %v, %v", want, text, got, err)
		}
		decimal, _ := new(big.Rat).SetString(want.Dose.String())
		if exact := big.NewRat(want.Dose.Micrograms(), 1000); decimal.Cmp(exact) != 0 {
			t.Fatalf("%v is written as %v", exact, want.Dose)
		}
	})
}

// PerKg is the exact product rounded down, judged by arbitrary-precision arithmetic.
func TestPerKgProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.Int64Min(1).Draw(t, "limit")
		w := rapid.Int64Min(1).Draw(t, "w")
		want := new(big.Int).Mul(big.NewInt(limit), big.NewInt(w))
		want.Quo(want, big.NewInt(1000))
		if most := big.NewInt(math.MaxInt64); want.Cmp(most) > 0 {
			want = most
		}
		if got := dose.PerKg(dose.Mg(limit), dose.Kg(w)).Micrograms(); got != want.Int64() {
			t.Fatalf("got %d, want %v", got, want)
		}
	})
}

// Sum agrees with arbitrary-precision arithmetic, in any order.
func TestSumProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		amounts := rapid.SliceOf(rapid.Custom(func(t *rapid.T) dose.Mg {
			return dose.Mg(rapid.Int64().Draw(t, "amount"))
		})).Draw(t, "amounts")
		want := new(big.Int)
		for _, amount := range amounts {
			want.Add(want, big.NewInt(amount.Micrograms()))
		}
		got, err := dose.Sum(amounts...)
		switch {
		case want.IsInt64() && (err != nil || got.Micrograms() != want.Int64()):
			t.Fatalf("got %v, %v; want %v", got, err, want)
		case !want.IsInt64() && !errors.Is(err, dose.ErrOverflow):
			t.Fatalf("got %v, %v; want %v", got, err, dose.ErrOverflow)
		}
		slices.Reverse(amounts)
		if again, againErr := dose.Sum(amounts...); again != got || !errors.Is(againErr, err) {
			t.Fatalf("reversed: %v, %v; before: %v, %v", again, againErr, got, err)
		}
	})
}

package dose

import (
	"errors"
	"math"
	"math/bits"
)

// Mg is an amount of substance in whole micrograms, read and written as milligrams.
// The zero value is 0 mg. It is signed so that differences are amounts too.
type Mg int64

// Kg is a body weight in whole grams, read and written as kilograms.
// The zero value is 0 kg.
type Kg int64

// Units is a number of units of a dosage form, such as tablets or millilitres, in whole
// thousandths: people halve tablets. The zero value is none. It is signed so that differences
// are numbers of units too.
type Units int64

// Units to write constants with: 100 * dose.Milligram, 70 * dose.Kilogram, 12 * dose.Unit.
const (
	Microgram Mg    = 1
	Milligram Mg    = 1000
	Gram      Kg    = 1
	Kilogram  Kg    = 1000
	Unit      Units = 1000
)

// ErrSyntax says that a text is not a plain decimal number with at most three decimals.
// Exponents, quotes, a leading plus and superfluous leading zeros are refused. The error
// never contains the text: it may come from a patient's record.
var ErrSyntax = errors.New("dose: not a plain decimal number with at most three decimals")

// ErrOverflow says that an amount is too large for whole micrograms (or grams, or thousandths
// of a unit) in an int64.
var ErrOverflow = errors.New("dose: amount is out of range")

// ParseMg reads an amount in milligrams, such as "100", "37.5" or "0.125".
// The error is [ErrSyntax] or [ErrOverflow].
func ParseMg(s string) (Mg, error) {
	n, err := parseThousandths(s)
	return Mg(n), err
}

// ParseKg reads a weight in kilograms, such as "70" or "70.25".
// The error is [ErrSyntax] or [ErrOverflow].
func ParseKg(s string) (Kg, error) {
	n, err := parseThousandths(s)
	return Kg(n), err
}

// ParseUnits reads a number of units, such as "12" or "0.5".
// The error is [ErrSyntax] or [ErrOverflow].
func ParseUnits(s string) (Units, error) {
	n, err := parseThousandths(s)
	return Units(n), err
}

// Micrograms is the amount as an integer, for storage and arithmetic that needs one.
func (d Mg) Micrograms() int64 { return int64(d) }

// Grams is the weight as an integer, for storage and arithmetic that needs one.
func (w Kg) Grams() int64 { return int64(w) }

// Thousandths is the number of units as an integer, for storage and arithmetic that needs one.
func (u Units) Thousandths() int64 { return int64(u) }

// String is the amount in milligrams, without unit and superfluous zeros: "37.5".
func (d Mg) String() string { return string(appendThousandths(nil, int64(d))) }

// String is the weight in kilograms, without unit and superfluous zeros: "70.2".
func (w Kg) String() string { return string(appendThousandths(nil, int64(w))) }

// String is the number of units, without superfluous zeros: "0.5".
func (u Units) String() string { return string(appendThousandths(nil, int64(u))) }

// PerKg is what a limit given in milligrams per kilogram of body weight allows at a weight:
// limit × w, exact, rounded down to a microgram, because a limit must not grow by rounding.
//
// A limit or weight of zero or less allows nothing. A product beyond the range of Mg is
// the largest Mg, which no amount exceeds either.
func PerKg(limit Mg, w Kg) Mg { return Mg(scale(int64(limit), int64(w), 1000)) }

// Of is what so many units of a strength hold: u × strength, exact, rounded down to a
// microgram. No units, or units without strength, hold nothing; a product beyond the range of
// Mg is the largest Mg.
func (u Units) Of(strength Mg) Mg { return Mg(scale(int64(strength), int64(u), 1000)) }

// UnitsOf is how many units of a strength an amount is, rounded towards zero to a thousandth;
// none when there is no strength, and the largest number of units beyond their range.
func UnitsOf(amount, strength Mg) Units {
	if amount < 0 {
		return -Units(scale(-int64(max(amount, -math.MaxInt64)), 1000, int64(strength)))
	}
	return Units(scale(int64(amount), 1000, int64(strength)))
}

// scale is a × b / c, rounded down: 0 unless all of them are above zero, and the largest int64
// when that is exceeded.
func scale(a, b, c int64) int64 {
	if a <= 0 || b <= 0 || c <= 0 {
		return 0
	}
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	if hi >= uint64(c) { // the quotient would not fit into 64 bits
		return math.MaxInt64
	}
	quotient, _ := bits.Div64(hi, lo, uint64(c))
	return int64(min(quotient, math.MaxInt64))
}

// Sum adds amounts exactly. It answers [ErrOverflow] only when the total itself is out of
// range: the order of the amounts makes no difference.
func Sum(amounts ...Mg) (Mg, error) {
	var hi, lo, carry uint64 // a 128-bit two's complement total
	for _, d := range amounts {
		lo, carry = bits.Add64(lo, uint64(d), 0)
		hi, _ = bits.Add64(hi, signWord(int64(d)), carry)
	}
	if hi != signWord(int64(lo)) {
		return 0, ErrOverflow
	}
	return Mg(lo), nil
}

// signWord is the upper word of n as a 128-bit number: all ones below zero.
func signWord(n int64) uint64 { return uint64(n >> 63) }

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

// Units to write constants with: 100 * dose.Milligram, 70 * dose.Kilogram.
const (
	Microgram Mg = 1
	Milligram Mg = 1000
	Gram      Kg = 1
	Kilogram  Kg = 1000
)

// ErrSyntax says that a text is not a plain decimal number with at most three decimals.
// Exponents, quotes, a leading plus and superfluous leading zeros are refused. The error
// never contains the text: it may come from a patient's record.
var ErrSyntax = errors.New("dose: not a plain decimal number with at most three decimals")

// ErrOverflow says that an amount is too large for whole micrograms (or grams) in an int64.
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

// Micrograms is the amount as an integer, for storage and arithmetic that needs one.
func (d Mg) Micrograms() int64 { return int64(d) }

// Grams is the weight as an integer, for storage and arithmetic that needs one.
func (w Kg) Grams() int64 { return int64(w) }

// String is the amount in milligrams, without unit and superfluous zeros: "37.5".
func (d Mg) String() string { return string(appendThousandths(nil, int64(d))) }

// String is the weight in kilograms, without unit and superfluous zeros: "70.2".
func (w Kg) String() string { return string(appendThousandths(nil, int64(w))) }

// PerKg is what a limit given in milligrams per kilogram of body weight allows at a weight:
// limit × w, exact, rounded down to a microgram, because a limit must not grow by rounding.
//
// A limit or weight of zero or less allows nothing. A product beyond the range of Mg is
// the largest Mg, which no amount exceeds either.
func PerKg(limit Mg, w Kg) Mg {
	if limit <= 0 || w <= 0 {
		return 0
	}
	hi, lo := bits.Mul64(uint64(limit), uint64(w))
	if hi >= uint64(Kilogram) { // the quotient would not fit into 64 bits
		return math.MaxInt64
	}
	micrograms, _ := bits.Div64(hi, lo, uint64(Kilogram))
	return Mg(min(micrograms, math.MaxInt64))
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

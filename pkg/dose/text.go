package dose

import (
	"strconv"
	"strings"
)

// MarshalJSON writes the amount as a JSON number of milligrams: 37.5.
func (d Mg) MarshalJSON() ([]byte, error) { return appendThousandths(nil, int64(d)), nil }

// MarshalJSON writes the weight as a JSON number of kilograms: 70.2.
func (w Kg) MarshalJSON() ([]byte, error) { return appendThousandths(nil, int64(w)), nil }

// MarshalJSON writes the number of units as a JSON number: 0.5.
func (u Units) MarshalJSON() ([]byte, error) { return appendThousandths(nil, int64(u)), nil }

// UnmarshalJSON reads a JSON number of milligrams with at most three decimals. Strings,
// exponents and null are refused: a missing dose must not become 0 mg, so use *Mg
// where a dose may be absent.
func (d *Mg) UnmarshalJSON(b []byte) error { return d.UnmarshalText(b) }

// UnmarshalJSON reads a JSON number of kilograms with at most three decimals. Strings,
// exponents and null are refused; use *Kg where a weight may be absent.
func (w *Kg) UnmarshalJSON(b []byte) error { return w.UnmarshalText(b) }

// UnmarshalJSON reads a JSON number of units with at most three decimals. Strings, exponents
// and null are refused; use *Units where a number may be absent.
func (u *Units) UnmarshalJSON(b []byte) error { return u.UnmarshalText(b) }

// MarshalText writes what [Mg.String] says. Libraries that know nothing of the type
// (URL parameters, flags) would otherwise see an integer and be wrong by a factor of 1000.
func (d Mg) MarshalText() ([]byte, error) { return appendThousandths(nil, int64(d)), nil }

// MarshalText writes what [Kg.String] says.
func (w Kg) MarshalText() ([]byte, error) { return appendThousandths(nil, int64(w)), nil }

// MarshalText writes what [Units.String] says.
func (u Units) MarshalText() ([]byte, error) { return appendThousandths(nil, int64(u)), nil }

// UnmarshalText reads what [ParseMg] reads. The amount is unchanged when it fails.
func (d *Mg) UnmarshalText(b []byte) error {
	n, err := parseThousandths(string(b))
	if err != nil {
		return err
	}
	*d = Mg(n)
	return nil
}

// UnmarshalText reads what [ParseKg] reads. The weight is unchanged when it fails.
func (w *Kg) UnmarshalText(b []byte) error {
	n, err := parseThousandths(string(b))
	if err != nil {
		return err
	}
	*w = Kg(n)
	return nil
}

// UnmarshalText reads what [ParseUnits] reads. The number is unchanged when it fails.
func (u *Units) UnmarshalText(b []byte) error {
	n, err := parseThousandths(string(b))
	if err != nil {
		return err
	}
	*u = Units(n)
	return nil
}

// parseThousandths reads a JSON number without exponent as a whole number of thousandths:
// the digits are padded to three decimals and read as one integer.
func parseThousandths(s string) (int64, error) {
	unsigned := strings.TrimPrefix(s, "-")
	whole, fraction, hasPoint := strings.Cut(unsigned, ".")
	switch {
	case !digits(whole), len(whole) > 1 && whole[0] == '0':
		return 0, ErrSyntax
	case hasPoint && (!digits(fraction) || len(fraction) > 3):
		return 0, ErrSyntax
	}
	sign := s[:len(s)-len(unsigned)]
	n, err := strconv.ParseInt(sign+whole+fraction+"000"[len(fraction):], 10, 64)
	if err != nil { // only digits are left, so there are too many of them
		return 0, ErrOverflow
	}
	return n, nil
}

// digits reports whether s is one or more decimal digits.
func digits(s string) bool {
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return s != ""
}

// appendThousandths appends n/1000 as the shortest decimal number that is exact.
func appendThousandths(b []byte, n int64) []byte {
	size := uint64(n)
	if n < 0 {
		b = append(b, '-')
		size = -size // right for the smallest int64 too
	}
	b = strconv.AppendUint(b, size/1000, 10)
	rest := size % 1000
	if rest == 0 {
		return b
	}
	b = append(b, '.', byte('0'+rest/100), byte('0'+rest/10%10), byte('0'+rest%10))
	for b[len(b)-1] == '0' {
		b = b[:len(b)-1]
	}
	return b
}

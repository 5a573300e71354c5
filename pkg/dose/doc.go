// Package dose holds exact amounts of medicine, numbers of units of it, and body weights.
//
// A dose is a whole number of micrograms ([Mg]), a number of tablets or millilitres a whole
// number of thousandths ([Units]) and a weight a whole number of grams ([Kg]). All are int64,
// so they add, subtract and compare with Go's own operators, and a database column of any of
// them is a plain integer. Outside the process they are decimal numbers of milligrams, units
// and kilograms with at most three decimals:
//
//	{"doseMg": 37.5, "units": 1.5, "weightKg": 70.2}
//
// The decimal text is turned into the integer and back digit by digit and never passes
// through a floating-point number: 0.1 mg + 0.2 mg is 0.3 mg, and what was prescribed is
// what is stored, compared and shown.
//
// Beware of two conversions that the compiler allows: Mg(100) is 100 micrograms, not
// 100 mg (write 100 * dose.Milligram), and int64(d) is micrograms (say so with
// [Mg.Micrograms]).
//
// The package is a leaf: it needs nothing but the standard library.
package dose

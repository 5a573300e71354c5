package api

import (
	"crypto/ed25519"
	"testing"
	"time"
)

func FuzzVerify(f *testing.F) {
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		f.Fatal(err)
	}
	i, err := newIssuer(private)
	if err != nil {
		f.Fatal(err)
	}
	v := newTestVerifier(f, demoIssuer, demoAudience, i, func() time.Time { return noon })
	for _, header := range badTokens(f, i, noon) {
		f.Add(header)
	}
	f.Fuzz(func(t *testing.T, header string) {
		if who, err := v.verify(t.Context(), header); err == nil {
			t.Errorf("accepted as %v: %q", who, header)
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	forgers, keys := clinicForgers()
	for _, f := range forgers {
		header := "Bearer " + f.good()
		b.Run(f.method.Alg(), func(b *testing.B) {
			v := newTestVerifier(b, f.issuer, f.audience, keys, func() time.Time { return noon })
			for b.Loop() {
				clear(v.recent.seen)
				if _, err := v.verify(b.Context(), header); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("remembered", func(b *testing.B) {
		v := newTestVerifier(b, clinicIssuer, clinicAudience, keys, func() time.Time { return noon })
		header := "Bearer " + forgers[0].good()
		for b.Loop() {
			if _, err := v.verify(b.Context(), header); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkRefuse reports the slowest of the bad tokens: a refusal must stay under a millisecond.
func BenchmarkRefuse(b *testing.B) {
	forgers, keys := clinicForgers()
	f := forgers[0]
	bad := f.badTokens(b)
	v := newTestVerifier(b, f.issuer, f.audience, keys, func() time.Time { return noon })
	slowest, name := time.Duration(0), ""
	for b.Loop() {
		for n, header := range bad {
			fastest := time.Hour // of three, so that a pause of the machine does not count
			for range 3 {
				start := time.Now()
				if _, err := v.verify(b.Context(), header); err == nil {
					b.Fatalf("%s: accepted", n)
				}
				fastest = min(fastest, time.Since(start))
			}
			if fastest > slowest {
				slowest, name = fastest, n
			}
		}
	}
	b.ReportMetric(float64(slowest.Microseconds()), "µs-slowest")
	b.Logf("%d bad tokens, slowest: %s", len(bad), name)
}

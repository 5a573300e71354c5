package contract_test

import (
	"fmt"
	"io"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"
)

// BenchmarkCheck holds a body of 1 KB with 22 members, nested ones among them, against the
// contract. The aim is about 100 µs on one core of the build machine.
func BenchmarkCheck(b *testing.B) {
	body := `{` + required + `,"doseMg":100.125,"weightKg":70.5,"count":120,"big":123456789,"low":1,"high":2,"share":0.25,"name":"abcd",` +
		`"day":"2026-01-31","at":"2026-01-31T08:00:00.123456+02:00","zone":"America/New_York","mail":"somebody@example.org",` +
		`"link":"https://example.org/` + strings.Repeat("a", 300) + `","same":"only","yes":true,"list":[1,2,3],"two":[1,2],` +
		`"address":{"city":"Graz"},"shape":{"shape":"round","radius":1.5},"answers":{"q-1":1,"q-2":2,"q-3":3},` +
		`"tree":{"branches":[{"branches":[{},{}]},{"branches":[]},{}]},"both":{"a":1,"b":2}}`
	body += strings.Repeat(" ", 1024-len(body))
	bad := strings.Replace(body, `"count":120`, `"count":999`, 1)
	for name, body := range map[string]string{"accepted": body, "refused": bad} {
		b.Run(name, func(b *testing.B) {
			c := load(b)
			op, _ := c.Operation("makeThing")
			r := request("POST", "/v1/things", body, key)
			e, w, reader := echo.New(), httptest.NewRecorder(), strings.NewReader(body)
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				reader.Reset(body)
				r.Body = io.NopCloser(reader)
				if err := op.Check(e.NewContext(r, w)); (err != nil) != (name == "refused") {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkManyFaults holds the largest body against the contract, and every member of it
// is unknown.
func BenchmarkManyFaults(b *testing.B) {
	c := load(b)
	op, _ := c.Operation("makeThing")
	var body strings.Builder
	for i := range 23_000 {
		fmt.Fprintf(&body, `"%06x":1,`, i)
	}
	all := "{" + body.String() + required + "}"
	e, w := echo.New(), httptest.NewRecorder()
	b.SetBytes(int64(len(all)))
	for b.Loop() {
		if op.Check(e.NewContext(request("POST", "/v1/things", all, key), w)) == nil {
			b.Fatal("accepted")
		}
	}
}

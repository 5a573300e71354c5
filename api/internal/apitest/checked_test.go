package apitest

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// TestCheckFindsFaults: a check that finds nothing proves nothing unless it can find.
func TestCheckFindsFaults(t *testing.T) {
	const me = `{"memberships":[{"clinicId":"01980000-0000-7000-8000-000000000001","clinicName":"A","kind":"staff",` +
		`"memberId":"01980000-0000-7000-8000-0000000000a1","roles":["admin"]}]}`
	const json = "application/json"
	for name, tt := range map[string]struct {
		status       int
		kind, header string
		body         string
		ok           bool
	}{
		"right":                   {200, json, "", me, true},
		"a parameter of the type": {200, json + "; charset=utf-8", "", me, true},
		"another status":          {201, json, "", me, false},
		"another type":            {200, "text/plain", "", me, false},
		"no body":                 {200, json, "", "", false},
		"not JSON":                {200, json, "", me + "}", false},
		"a member missing":        {200, json, "", `{}`, false},
		"a word unheard of":       {200, json, "", `{"memberships":[{"clinicId":"01980000-0000-7000-8000-000000000001","kind":"ghost"}]}`, false},
		"a bad id":                {200, json, "", `{"memberships":[{"clinicId":"1","clinicName":"A","kind":"staff","memberId":"2","roles":[]}]}`, false},
		"a bad header":            {429, "application/problem+json", "soon", `{"type":"/problems/rate_limited","title":"T","status":429,"code":"rate_limited","requestId":"1","retryable":true}`, false},
		"no problem":              {401, json, "", `{}`, false},
	} {
		r := httptest.NewRequest(http.MethodGet, "/v1/me", nil)
		res := &http.Response{StatusCode: tt.status, Header: http.Header{"Content-Type": {tt.kind}}}
		if tt.header != "" {
			res.Header.Set("Retry-After", tt.header)
		}
		if err := Check(r, res, []byte(tt.body)); (err == nil) != tt.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

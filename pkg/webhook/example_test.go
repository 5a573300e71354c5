package webhook_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/titrate-health/titrate/pkg/webhook"
)

// A receiver believes what is signed, and answers soon.
func Example() {
	const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" // from addWebhookEndpoint; keep it like a password
	now := func() time.Time { return time.Date(2026, 11, 22, 14, 0, 0, 0, time.UTC) }
	receiver := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 64<<10))
		if err == nil {
			err = webhook.Verify(r.Header, body, now(), secret)
		}
		if err != nil {
			http.Error(w, "not signed by Titrate", http.StatusUnauthorized)
			return
		}
		// Put it in a queue, under r.Header.Get(webhook.HeaderID): it may come again.
		w.WriteHeader(http.StatusNoContent)
	})

	send := func(body string, header http.Header) {
		r := httptest.NewRequest(http.MethodPost, "/titrate", strings.NewReader(body))
		r.Header = header
		w := httptest.NewRecorder()
		receiver.ServeHTTP(w, r)
		fmt.Println(w.Code)
	}
	header, err := webhook.Sign("0198c0de", now(), []byte(`{"type":"session.completed"}`), secret)
	if err != nil {
		panic(err)
	}
	send(`{"type":"session.completed"}`, header)
	send(`{"type":"session.aborted"}`, header)
	// Output:
	// 204
	// 401
}

// While a secret is rotated, messages carry a signature of the old and of the new one.
func ExampleVerify() {
	const before, after = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
	now := time.Date(2026, 11, 22, 14, 0, 0, 0, time.UTC)
	body := []byte(`{"type":"session.completed"}`)
	header, err := webhook.Sign("0198c0de", now, body, after, before)
	fmt.Println(err)
	fmt.Println(webhook.Verify(header, body, now, before))
	fmt.Println(webhook.Verify(header, body, now, after))
	fmt.Println(webhook.Verify(header, body, now.Add(time.Hour), after))
	// Output:
	// <nil>
	// <nil>
	// <nil>
	// webhook: time outside of the tolerance
}

func ExampleSecret() {
	fmt.Println(webhook.Secret([]byte("thirty-two random bytes, really.")))
	// Output: whsec_dGhpcnR5LXR3byByYW5kb20gYnl0ZXMsIHJlYWxseS4=
}

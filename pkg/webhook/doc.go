// Package webhook signs and verifies webhooks as Standard Webhooks 1.0 says, for those who receive
// Titrate's events in Go.
//
// A receiver keeps the secret that addWebhookEndpoint or rotateWebhookSecret has answered, reads
// the body as it came, and believes it after [Verify] has returned nil:
//
//	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 64<<10))
//	if err == nil {
//		err = webhook.Verify(r.Header, body, time.Now(), secret)
//	}
//
// While a secret is rotated a message carries a signature of each valid secret: a receiver may know the old
// one, the new one, or both. A message may arrive more than once; its [HeaderID] stays the same, and no other
// message gets it, also when the server's data were restored from a backup. The same is true of the "id" in an event's
// body, which names the event, but not of its "number".
package webhook

package process_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/titrate-health/titrate/api/internal/testbed"
	"github.com/titrate-health/titrate/pkg/client"
)

var transactions = regexp.MustCompile(`(?m)^titrate_database_transactions_total (\d+)$`)

// TestIdle: a server that nobody asks anything looks into its database once a second, in one transaction, although somebody
// listens to its events and gets its webhooks.
func TestIdle(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		metrics := testbed.OwnAddress(t)
		env := []string{toLoopback, "METRICS_ADDR=" + metrics}
		var between *proxy
		if s.postgres() {
			between = newProxy(t, s.dsn)
			env = append(env, "DATABASE_URL="+between.dsn)
		}
		server := s.serve(t, env...)
		c := s.open(t, server.URL)
		receiver := c.partner(t, time.Millisecond)
		patient := c.patient(t)
		ctx, hangUp := context.WithCancel(t.Context())
		var listening sync.WaitGroup
		for _, who := range []*person{c.clinician, c.prescriber, c.admin, patient} {
			line := network(t)
			line.Timeout = 0
			open, err := client.New(server.URL, client.Token(who.token), client.WithHTTPClient(line))
			if err != nil {
				t.Fatal(err)
			}
			listening.Go(func() {
				for _, err := range open.Stream(ctx, client.Now) {
					if err != nil && ctx.Err() == nil {
						t.Error(err)
					}
				}
			})
		}
		defer listening.Wait()
		defer hangUp()
		good(patient.RecordMeasurementWithResponse(t.Context(), patient.id, nil, weight(time.Now(), 70_000)))(t)
		within(t, 20*time.Second, "what was done was sent", func() bool { return receiver.count() > 0 })
		time.Sleep(6 * time.Second) // until all rights were looked at that may have changed by then

		start, begun, seen := time.Now(), begunBy(t, metrics), between.seen()
		time.Sleep(8 * time.Second)
		said, passed := begunBy(t, metrics)-begun, between.seen()-seen
		// Both ends of the time may have a look; the reading of the metrics counts deliveries, and what a process does each minute
		// may fall into it.
		most := int(time.Since(start)/time.Second) + 4
		if said < 2 || said > most {
			t.Errorf("%d transactions in %s, want %d at most", said, time.Since(start), most)
		}
		if between != nil && (passed < 2 || passed > most) {
			t.Errorf("the database has seen %d transactions in %s, want %d at most", passed, time.Since(start), most)
		}
		t.Logf("%d transactions; %d have passed", said, passed)
	})
}

// seen is how many transactions the database has ended; 0 without a proxy.
func (p *proxy) seen() int {
	if p == nil {
		return 0
	}
	return int(p.ended.Load())
}

// begunBy is how many transactions a server says that it has begun.
func begunBy(t *testing.T, metrics string) (n int) {
	t.Helper()
	res, err := http.Get("http://" + metrics)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	found := transactions.FindSubmatch(text)
	if err != nil || found == nil {
		t.Fatalf("no transactions are counted: %v", err)
	}
	_, _ = fmt.Sscan(string(found[1]), &n)
	return n
}

package api

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/titrate-health/titrate/api/internal/store"
)

// outcomeOf is how an attempt is counted.
func outcomeOf(a *store.Attempt) string {
	if a.Status == store.DeliveryPending {
		return "retried"
	}
	return string(a.Status)
}

// measureWebhooks counts attempts, and what waits or was given up. No label names a clinic or an endpoint.
func (s *Server) measureWebhooks() error {
	s.webhooks.ended = prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "titrate", Name: "webhook_attempts_total", Help: "Attempts to deliver a webhook, by outcome: succeeded, retried, failed.",
	}, []string{"outcome"})
	for _, outcome := range []string{"succeeded", "retried", "failed"} {
		s.webhooks.ended.WithLabelValues(outcome)
	}
	if err := s.metrics.Register(s.webhooks.ended); err != nil {
		return err
	}
	return s.metrics.Register(deliveryCounts{s})
}

// deliveryCounts counts in the database when somebody asks.
type deliveryCounts struct{ s *Server }

var (
	pendingDeliveries = prometheus.NewDesc("titrate_webhook_deliveries_pending", "Deliveries of all clinics that are still to be sent.", nil, nil)
	disabledEndpoints = prometheus.NewDesc("titrate_webhook_endpoints_disabled", "Webhook endpoints of all clinics to which nothing is sent, by reason: failing, gone, paused.", []string{"reason"}, nil)
	failedDeliveries  = prometheus.NewDesc("titrate_webhook_deliveries_failed", "Deliveries of all clinics of which every attempt has failed: dead letters.", nil, nil)
)

// Describe implements [prometheus.Collector].
func (deliveryCounts) Describe(ch chan<- *prometheus.Desc) {
	ch <- pendingDeliveries
	ch <- failedDeliveries
	ch <- disabledEndpoints
}

// Collect implements [prometheus.Collector]. Without the database there are no counts.
func (c deliveryCounts) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	n, err := c.s.db.CountDeliveries(ctx)
	if err != nil {
		return
	}
	ch <- prometheus.MustNewConstMetric(pendingDeliveries, prometheus.GaugeValue, float64(n.Pending))
	ch <- prometheus.MustNewConstMetric(failedDeliveries, prometheus.GaugeValue, float64(n.Failed))
	for reason, endpoints := range n.Disabled {
		ch <- prometheus.MustNewConstMetric(disabledEndpoints, prometheus.GaugeValue, float64(endpoints), string(reason))
	}
}

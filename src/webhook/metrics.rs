//! Metrics in Prometheus' text format. No label has a value that came from outside, so the number of series stays as it is.
//!
//! <https://prometheus.io/docs/instrumenting/exposition_formats/>

use bytes::Bytes;
use prometheus::{
    Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, TEXT_FORMAT,
    TextEncoder,
};
use warp::http::header::{CONTENT_TYPE, HeaderValue};

use crate::delivery::outcome::{DeliveryResult, Outcome};
use crate::events::EventType;
use crate::functions::Service;
use crate::server::http_response::{HttpResponse, internal_error};

/// What this process counts.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    events: IntCounterVec,
    /// From `eventTime` until a hub had accepted the event for all devices.
    delivery_seconds: Histogram,
    event_seconds: Histogram,
    hub_seconds: Histogram,
    in_flight: IntGauge,
    rejected: IntCounter,
    overloaded: IntCounter,
    hub_paused: IntGaugeVec,
    hub_retries: IntCounterVec,
    maintenance: IntCounterVec,
}

/// From five milliseconds to the seconds that a delivery may take, and for those that come again to minutes and hours.
const BUCKETS: [f64; 14] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 300.0, 3600.0];

const NAMES_ARE_VALID: &str = "names and labels are valid, and no two metrics have the same name";

impl Metrics {
    /// All at zero, with what the store of this service measures.
    pub fn new(service: &Service) -> Self {
        let registry = Registry::new();
        let register = Registering(&registry);
        let store = Box::new(service.store.seconds().clone());
        registry.register(store).expect(NAMES_ARE_VALID);
        Self {
            events: register.counters(
                "acs_push_events_total",
                "Events by type, outcome and code",
                &["type", "outcome", "code"],
            ),
            delivery_seconds: register.histogram(
                "acs_push_delivery_seconds",
                "From an event's own time until hubs accepted it, of delivered events",
            ),
            event_seconds: register.histogram("acs_push_event_seconds", "How long events took, without waiting here"),
            hub_seconds: register.histogram(
                "acs_push_hub_seconds",
                "From an event's first request to a hub to the last response, with the waits between them",
            ),
            in_flight: register.gauge("acs_push_events_in_flight", "Events without an outcome so far"),
            rejected: register.counter("acs_push_rejected_total", "Bodies that were no delivery of Event Grid"),
            overloaded: register.counter(
                "acs_push_overloaded_total",
                "Deliveries that were answered with 503 because too many events were in flight",
            ),
            hub_paused: register.gauges(
                "acs_push_hub_paused",
                "1 while a hub is throttling and nothing is sent",
                &["hub"],
            ),
            hub_retries: register.counters(
                "acs_push_hub_retries_total",
                "Requests that were sent to a hub again",
                &["hub"],
            ),
            maintenance: register.counters(
                "acs_push_maintenance_total",
                "How often this process looked whether Maintenance was due, by whether it ran it",
                &["ran"],
            ),
            registry,
        }
    }

    /// Counts an event.
    pub fn count(&self, result: &DeliveryResult) {
        // Types come from outside: only those that are known have a series.
        let known = |name: &String| EventType::from_full_name(name).map(EventType::name);
        let type_name = result.type_name.as_ref().and_then(known).unwrap_or("other");
        self.events.with_label_values(&[type_name, result.outcome.name(), result.code.name()]).inc();
        let seconds = |ms: u64| ms as f64 / 1000.0;
        self.event_seconds.observe(seconds(result.ms));
        if result.attempts > 0 {
            self.hub_seconds.observe(seconds(result.hub_ms));
        }
        if let (Outcome::Delivered, Some(age)) = (result.outcome, result.age_ms) {
            self.delivery_seconds.observe(seconds(age.max(0).unsigned_abs() + result.ms));
        }
    }

    /// Counts a look at whether Maintenance is due.
    pub fn note_maintenance(&self, ran: bool) {
        self.maintenance.with_label_values(&[if ran { "yes" } else { "no" }]).inc();
    }

    /// The answer to Prometheus.
    pub fn response(&self, service: &Service) -> HttpResponse {
        self.look_at(service);
        match TextEncoder::new().encode_to_string(&self.registry.gather()) {
            Ok(text) => {
                let mut response = HttpResponse::new(Bytes::from(text));
                response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(TEXT_FORMAT));
                response
            }
            Err(error) => internal_error(&error.to_string()),
        }
    }

    /// Copies what others count.
    fn look_at(&self, service: &Service) {
        let counts = service.counters.counts();
        self.in_flight.set(i64::try_from(counts.in_flight).unwrap_or(i64::MAX));
        raise(&self.rejected, counts.rejected);
        raise(&self.overloaded, counts.overloaded);
        let loads = service.delivery_service.hubs.loads();
        for (hub, load) in &loads {
            self.hub_paused.with_label_values(&[*hub]).set(i64::from(load.is_paused));
            raise(&self.hub_retries.with_label_values(&[*hub]), load.retries);
        }
    }
}

/// Sets a counter to a count that never falls.
fn raise(counter: &IntCounter, count: u64) {
    counter.inc_by(count.saturating_sub(counter.get()));
}

/// Makes metrics that are registered.
struct Registering<'a>(&'a Registry);

impl Registering<'_> {
    fn with<M: prometheus::core::Collector + Clone + 'static>(&self, metric: prometheus::Result<M>) -> M {
        let metric = metric.expect(NAMES_ARE_VALID);
        self.0.register(Box::new(metric.clone())).expect(NAMES_ARE_VALID);
        metric
    }

    fn counter(&self, name: &str, help: &str) -> IntCounter {
        self.with(IntCounter::new(name, help))
    }

    fn counters(&self, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
        self.with(IntCounterVec::new(Opts::new(name, help), labels))
    }

    fn gauge(&self, name: &str, help: &str) -> IntGauge {
        self.with(IntGauge::new(name, help))
    }

    fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
        self.with(IntGaugeVec::new(Opts::new(name, help), labels))
    }

    fn histogram(&self, name: &str, help: &str) -> Histogram {
        self.with(Histogram::with_opts(HistogramOpts::new(name, help).buckets(BUCKETS.to_vec())))
    }
}

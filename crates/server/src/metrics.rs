//! Counters in the OpenMetrics text format.

use std::time::Duration;

use axum::http::Method;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

/// A method may be any word: each made-up one would stay in memory, or in a log.
pub(crate) fn method_name(method: &Method) -> &'static str {
    METHODS.into_iter().find(|known| known == method).unwrap_or("other")
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Request {
    method: String,
    /// The route's pattern, never the path that was asked for: few values, no names.
    route: String,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    route: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfList {
    list: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    outcome: String,
}

/// Methods with a series of their own.
const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"];

/// From 1 ms to 10 s.
const BUCKETS_S: [f64; 11] = [0.001, 0.003, 0.01, 0.03, 0.06, 0.1, 0.3, 1.0, 3.0, 6.0, 10.0];

#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<Request, Counter>,
    durations: Family<Route, Histogram>,
    records: Family<OfList, Gauge>,
    syncs: Family<Outcome, Counter>,
    listeners: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("tutela");
        let requests = Family::default();
        let durations =
            Family::new_with_constructor((|| Histogram::new(BUCKETS_S)) as fn() -> Histogram);
        let (records, syncs, listeners) = (Family::default(), Family::default(), Gauge::default());
        registry.register("http_requests", "HTTP requests by route and status", requests.clone());
        registry.register(
            "http_request_duration_seconds",
            "Time until the reply's head",
            durations.clone(),
        );
        registry.register("records", "Current rows by list", records.clone());
        registry.register("syncs", "Ended syncs by outcome", syncs.clone());
        registry.register("event_listeners", "Open event streams", listeners.clone());
        let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "What runs", build);
        Self { registry, requests, durations, records, syncs, listeners }
    }
}

impl Metrics {
    pub(crate) fn request(&self, method: &Method, route: &str, status: u16, took: Duration) {
        let labels = Request { method: method_name(method).into(), route: route.into(), status };
        self.requests.get_or_create(&labels).inc();
        self.durations.get_or_create(&Route { route: route.into() }).observe(took.as_secs_f64());
    }

    pub(crate) fn records(&self, list: &str, n: u64) {
        let n = i64::try_from(n).unwrap_or(i64::MAX);
        self.records.get_or_create(&OfList { list: list.into() }).set(n);
    }

    pub(crate) fn sync_ended(&self, outcome: &str) {
        self.syncs.get_or_create(&Outcome { outcome: outcome.into() }).inc();
    }

    pub(crate) fn listener_came(&self) {
        self.listeners.inc();
    }

    pub(crate) fn listener_went(&self) {
        self.listeners.dec();
    }

    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        match encode(&mut text, &self.registry) {
            Ok(()) => text,
            Err(std::fmt::Error) => String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_up_methods_share_one_series() {
        let metrics = Metrics::default();
        for n in 0..100 {
            let method = Method::from_bytes(format!("M{n}").as_bytes()).unwrap();
            metrics.request(&method, "none", 405, Duration::ZERO);
        }
        let text = metrics.text();
        assert_eq!(text.matches("tutela_http_requests_total{").count(), 1, "{text}");
    }
}

//! Metrics of a resource: sums of the last hour.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde::Deserialize;

use super::arm::{Arm, ArmError};

#[derive(Deserialize)]
struct Metrics {
    value: Vec<Metric>,
}

#[derive(Deserialize)]
struct Metric {
    name: Name,
    #[serde(default)]
    timeseries: Vec<Series>,
}

#[derive(Deserialize)]
struct Name {
    value: String,
}

#[derive(Deserialize)]
struct Series {
    #[serde(default)]
    data: Vec<Point>,
}

#[derive(Deserialize)]
struct Point {
    total: Option<f64>,
}

/// Sums by metric, in the order of their names.
#[derive(Debug, Default)]
pub struct Sums(BTreeMap<String, f64>);

impl Sums {
    /// Those of the hour before `now`.
    pub async fn of_last_hour(arm: &Arm, id: &str, names: &[&str], now: DateTime<Utc>) -> Result<Self, ArmError> {
        let time = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::Secs, true);
        let (from, to) = (time(now - TimeDelta::hours(1)), time(now));
        let names = names.join(",");
        let query = format!("metricnames={names}&timespan={from}/{to}&interval=PT1H&aggregation=Total");
        let path = format!("{id}/providers/Microsoft.Insights/metrics?api-version=2018-01-01&{query}");
        let Metrics { value } = arm.get(&path).await?;
        let sum = |metric: &Metric| {
            let points = metric.timeseries.iter().flat_map(|series| &series.data);
            // The sum of nothing is -0.
            points.filter_map(|point| point.total).sum::<f64>() + 0.0
        };
        Ok(Self(value.iter().map(|metric| (metric.name.value.to_ascii_lowercase(), sum(metric))).collect()))
    }

    /// The sum of one metric.
    pub fn of(&self, name: &str) -> f64 {
        self.0.get(&name.to_ascii_lowercase()).copied().unwrap_or_default()
    }

    /// These metrics with their sums, for people.
    pub fn told(&self, names: &[&str]) -> String {
        let told: Vec<_> = names.iter().map(|name| format!("{name} {}", self.of(name))).collect();
        format!("in the last hour: {}", told.join(", "))
    }
}

//! The counts of the process's parts, read at each scrape.

use std::fmt;
use std::sync::Arc;

use database::{Pool, Replica};
use ledger::Ledger;
use limits::Limits;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use verification::Verifier;

use crate::clock;
use crate::telemetry::Traces;

/// The parts with counts.
#[derive(Debug)]
pub struct Parts {
    /// The database.
    pub pool: Pool,
    /// Its replica.
    pub replica: Option<Replica>,
    /// The token ledger.
    pub ledger: Ledger,
    /// The issuer's keys.
    pub verifier: Arc<Verifier>,
    /// The limits: refused calls and guesses.
    pub limits: Limits,
    /// Spans.
    pub traces: Traces,
}

impl Collector for Parts {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut families = Families(encoder);
        let (size, idle) = self.pool.count();
        families.gauge(
            ("db_client_connections", "Connections of the pool by state"),
            "state",
            [("idle", idle as u64), ("used", size.saturating_sub(idle) as u64)],
        )?;
        if let Some(replica) = &self.replica {
            let (is_believed, from_replica, from_primary) = replica.counts();
            families.gauge(
                (
                    "origin_replica_believed",
                    "1 while the replica is known to be up to date",
                ),
                "",
                [("", u64::from(is_believed))],
            )?;
            families.counter(
                (
                    "origin_recent_reads",
                    "Look-ups that may be seconds old, by the server that answered",
                ),
                "from",
                [("replica", from_replica), ("primary", from_primary)],
            )?;
        }
        families.counter(
            ("ledger_events", "What the ledger did, refused and had to repeat"),
            "event",
            self.ledger.counters().snapshot().named(),
        )?;
        let keys = self.verifier.key_status(clock::now()).into_iter();
        let ages =
            keys.filter_map(|(ring, status)| Some((ring.as_str(), status.age_seconds?.unsigned_abs())));
        families.gauge(
            ("jwks_cache_age_seconds", "Age of the issuer's keys"),
            "ring",
            ages,
        )?;
        self.limits(&mut families)?;
        let Some((exported, dropped)) = self.traces.counts() else {
            return Ok(());
        };
        families.counter(
            ("otel_spans_exported", "Spans the collector took"),
            "",
            [("", exported)],
        )?;
        families.counter(
            (
                "otel_spans_dropped",
                "Spans lost: too many waited, or the collector did not take them",
            ),
            "",
            [("", dropped)],
        )
    }
}

impl Parts {
    fn limits(&self, families: &mut Families<'_>) -> fmt::Result {
        let counts = self.limits.counts();
        families.counter(
            ("origin_slowed_down", "Calls and guesses answered with 429"),
            "what",
            [("guess", counts.refused_guesses), ("call", counts.refused_calls)],
        )?;
        let Some(counters) = counts.counters else {
            return Ok(());
        };
        families.gauge(
            ("origin_limit_counters", "Counters in memory"),
            "what",
            [
                ("guess", counters.guesses as u64),
                ("call", counters.calls as u64),
            ],
        )?;
        families.counter(
            ("origin_limit_uncounted", "Calls that no counter was left for"),
            "",
            [("", counters.uncounted)],
        )?;
        let Some(replicas) = counters.replicas else {
            return Ok(());
        };
        families.gauge(
            ("origin_redis_up", "Whether replicas count together"),
            "",
            [("", u64::from(replicas.is_there))],
        )?;
        families.counter(
            ("origin_redis_failures", "Counts that Redis did not take in time"),
            "",
            [("", replicas.failures)],
        )
    }
}

/// Families of at most one label. One without a label has the label `""`.
struct Families<'a>(DescriptorEncoder<'a>);

impl Families<'_> {
    fn counter<'s>(
        &mut self,
        name_and_help: (&str, &str),
        label: &str,
        samples: impl IntoIterator<Item = (&'s str, u64)>,
    ) -> fmt::Result {
        self.family(MetricType::Counter, name_and_help, label, samples)
    }

    fn gauge<'s>(
        &mut self,
        name_and_help: (&str, &str),
        label: &str,
        samples: impl IntoIterator<Item = (&'s str, u64)>,
    ) -> fmt::Result {
        self.family(MetricType::Gauge, name_and_help, label, samples)
    }

    fn family<'s>(
        &mut self,
        kind: MetricType,
        (name, help): (&str, &str),
        label: &str,
        samples: impl IntoIterator<Item = (&'s str, u64)>,
    ) -> fmt::Result {
        // The registry ends its own help texts in the same way.
        let help = format!("{help}.");
        let mut family = self.0.encode_descriptor(name, &help, None, kind)?;
        for (value, count) in samples {
            let labels: &[_] = if label.is_empty() { &[] } else { &[(label, value)] };
            let mut metric = family.encode_family(&labels)?;
            if let MetricType::Counter = kind {
                metric.encode_counter::<NoLabelSet, _, u64>(&count, None)?;
            } else {
                metric.encode_gauge(&count)?;
            }
        }
        Ok(())
    }
}

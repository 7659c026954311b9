//! Whether, where and how much is traced. The variables are OpenTelemetry's own:
//! <https://opentelemetry.io/docs/specs/otel/protocol/exporter/>,
//! <https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/>.

use reqwest::Url;
use shared::config::Reader;

use crate::telemetry::{ALL, Sampling};

const RULE: &str = "is not an http or https URL without user, query and fragment";
/// No trace id lies below it.
const NONE: u64 = 0;
/// The longest name of a service, in bytes.
const MAX_NAME_BYTES: usize = 128;
/// Trace ids are compared with a share of 2^56, the bits that W3C Trace Context level 2 asks to be random.
const IDS: f64 = 72_057_594_037_927_936.0;

/// Where spans are sent, and which requests have one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TracesConfig {
    /// Where spans are posted: the collector's address and `/v1/traces`.
    pub url: Url,
    /// What this service is called in the traces.
    pub service: String,
    /// Which requests have a span.
    pub sampling: Sampling,
}

impl TracesConfig {
    /// Reads `OTEL_EXPORTER_OTLP_ENDPOINT`, or `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` with its whole path (neither set: nothing is traced),
    /// `OTEL_SERVICE_NAME` (`crossfade-origin`), `OTEL_TRACES_SAMPLER` (`parentbased_always_on`) and `OTEL_TRACES_SAMPLER_ARG` (1, for the
    /// samplers by ratio). `OTEL_SDK_DISABLED=true` and `OTEL_TRACES_EXPORTER=none` trace nothing. What is set and cannot be done here is a
    /// fault, so that nobody waits for traces that never come.
    pub fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let is_wanted = is_wanted(reader);
        let url = reader.optional("OTEL_EXPORTER_OTLP_ENDPOINT", |text| {
            collector(text).and_then(|url| beneath(url, ["v1", "traces"]))
        });
        let endpoint_of_traces = reader.optional("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", collector);
        let service = reader.or("OTEL_SERVICE_NAME", "crossfade-origin".to_owned(), |text| {
            let fits = text.len() <= MAX_NAME_BYTES && !text.chars().any(char::is_control);
            fits.then(|| text.to_owned())
                .ok_or("is longer than 128 bytes or has control characters")
        });
        let share = reader.or("OTEL_TRACES_SAMPLER_ARG", ALL, share);
        let sampling = reader.or(
            "OTEL_TRACES_SAMPLER",
            Sampling::of_callers(ALL),
            |text| match text {
                "always_on" => Ok(Sampling::of_all(ALL)),
                "always_off" => Ok(Sampling::of_all(NONE)),
                "traceidratio" => Ok(Sampling::of_all(share)),
                "parentbased_always_on" => Ok(Sampling::of_callers(ALL)),
                "parentbased_always_off" => Ok(Sampling::of_callers(NONE)),
                "parentbased_traceidratio" => Ok(Sampling::of_callers(share)),
                _ => Err("is not `always_on`, `always_off` or `traceidratio`, alone or after `parentbased_`"),
            },
        );
        let url = endpoint_of_traces.or(url).filter(|_| is_wanted);
        url.map(|url| Self {
            url,
            service,
            sampling,
        })
    }
}

/// Whether the standard's switches leave tracing on; those that ask for what there is not are faults.
fn is_wanted(reader: &mut Reader<'_>) -> bool {
    let disabled = reader.or("OTEL_SDK_DISABLED", false, |text| {
        match text.to_ascii_lowercase().as_str() {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err("is neither `true` nor `false`"),
        }
    });
    let exported = reader.or("OTEL_TRACES_EXPORTER", true, |text| match text {
        "otlp" => Ok(true),
        "none" => Ok(false),
        _ => Err("is neither `otlp` nor `none`: there is no other exporter here"),
    });
    for name in [
        "OTEL_EXPORTER_OTLP_PROTOCOL",
        "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
    ] {
        reader.or(name, (), |text| match text {
            "http/json" => Ok(()),
            _ => Err("is not `http/json`, which is what spans are sent as"),
        });
    }
    for name in ["OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS"] {
        reader.or(name, (), |_| {
            Err::<(), _>("cannot be sent along: put a collector between that adds the headers")
        });
    }
    exported && !disabled
}

/// `http` will do anywhere, unlike for calls to Google: spans hold nothing about anybody, and collectors usually run next door without
/// TLS.
fn collector(text: &str) -> Result<Url, &'static str> {
    let url = Url::parse(text).map_err(|_| RULE)?;
    let bare = url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    if !bare || !matches!(url.scheme(), "http" | "https") {
        return Err(RULE);
    }
    Ok(url)
}

fn beneath(mut url: Url, path: [&str; 2]) -> Result<Url, &'static str> {
    url.path_segments_mut()
        .map_err(|()| RULE)?
        .pop_if_empty()
        .extend(path);
    Ok(url)
}

/// From 0 to 1, as ids below which a trace is taken.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "between 0 and 2^56, as the range just said"
)]
fn share(text: &str) -> Result<u64, &'static str> {
    match text.parse::<f64>() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok((share * IDS) as u64),
        _ => Err("is not a number from 0 to 1"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Option<TracesConfig>, Vec<String>> {
        let table: BTreeMap<String, String> = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let mut reader = Reader::new(&table);
        let config = TracesConfig::read(&mut reader);
        reader
            .finish(Some(config))
            .map_err(|faults| faults.names().into_iter().map(str::to_owned).collect())
    }

    #[test]
    fn nothing_is_traced_without_a_collector() {
        assert_eq!(read(&[("OTEL_SERVICE_NAME", "x")]), Ok(None));
        assert_eq!(read(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "")]), Ok(None));
    }

    #[test]
    fn standard_switches_are_obeyed() {
        let at = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318");
        for switch in [("OTEL_SDK_DISABLED", "TRUE"), ("OTEL_TRACES_EXPORTER", "none")] {
            assert_eq!(read(&[at, switch]), Ok(None), "{switch:?}");
        }
        for switch in [("OTEL_SDK_DISABLED", "false"), ("OTEL_TRACES_EXPORTER", "otlp")] {
            assert!(read(&[at, switch]).unwrap().is_some(), "{switch:?}");
        }
        for sampler in ["always_off", "parentbased_always_off"] {
            let config = read(&[at, ("OTEL_TRACES_SAMPLER", sampler)]).unwrap().unwrap();
            let none = if sampler == "always_off" {
                Sampling::of_all(NONE)
            } else {
                Sampling::of_callers(NONE)
            };
            assert_eq!(config.sampling, none);
        }
        let own = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://127.0.0.1:9/spans");
        let config = read(&[at, own]).unwrap().unwrap();
        assert_eq!(config.url.as_str(), own.1);
    }

    #[test]
    fn the_signal_path_is_appended_as_the_specification_says() {
        for (endpoint, url) in [
            ("http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/traces"),
            ("https://otel.example/", "https://otel.example/v1/traces"),
            ("https://otel.example/in/", "https://otel.example/in/v1/traces"),
        ] {
            let config = read(&[("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)])
                .unwrap()
                .unwrap();
            assert_eq!(config.url.as_str(), url);
            assert_eq!(config.service, "crossfade-origin");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (name, value) in [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "127.0.0.1"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "grpc://collector"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://me:secret@collector"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://collector/?key=x"),
            ("OTEL_TRACES_SAMPLER", "sometimes"),
            ("OTEL_TRACES_SAMPLER", "jaeger_remote"),
            ("OTEL_TRACES_EXPORTER", "zipkin"),
            ("OTEL_SDK_DISABLED", "1"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/protobuf"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "api-key=secret"),
            ("OTEL_TRACES_SAMPLER_ARG", "1.1"),
            ("OTEL_TRACES_SAMPLER_ARG", "-0.1"),
            ("OTEL_TRACES_SAMPLER_ARG", "NaN"),
            ("OTEL_SERVICE_NAME", "a\nb"),
        ] {
            assert_eq!(read(&[(name, value)]), Err(vec![name.to_owned()]), "{value}");
        }
    }
}

//! Whether, where and how much is traced. The variables are OpenTelemetry's own:
//! <https://opentelemetry.io/docs/specs/otel/protocol/exporter/>,
//! <https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/>.

use reqwest::Url;
use shared::config::Reader;

use crate::telemetry::{ALL, Sampling};

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
    /// Reads `OTEL_EXPORTER_OTLP_ENDPOINT` (not set: nothing is traced), `OTEL_SERVICE_NAME` (`crossfade-origin`),
    /// `OTEL_TRACES_SAMPLER` (`parentbased_always_on`) and `OTEL_TRACES_SAMPLER_ARG` (1, for the samplers by ratio).
    pub fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let url = reader.optional("OTEL_EXPORTER_OTLP_ENDPOINT", traces_url);
        let service = reader.or("OTEL_SERVICE_NAME", "crossfade-origin".to_owned(), |text| {
            let fits = text.len() <= MAX_NAME_BYTES && !text.chars().any(char::is_control);
            fits.then(|| text.to_owned())
                .ok_or("is longer than 128 bytes or has control characters")
        });
        let share = reader.or("OTEL_TRACES_SAMPLER_ARG", ALL, share);
        let sampling = reader.or("OTEL_TRACES_SAMPLER", Sampling::of_callers(ALL), |text| match text {
            "always_on" => Ok(Sampling::of_all(ALL)),
            "traceidratio" => Ok(Sampling::of_all(share)),
            "parentbased_always_on" => Ok(Sampling::of_callers(ALL)),
            "parentbased_traceidratio" => Ok(Sampling::of_callers(share)),
            _ => {
                Err("is not `always_on`, `traceidratio`, `parentbased_always_on` or `parentbased_traceidratio`")
            }
        });
        url.map(|url| Self {
            url,
            service,
            sampling,
        })
    }
}

/// `http` will do anywhere, unlike for calls to Google: spans hold nothing about anybody, and collectors usually run next door without
/// TLS.
fn traces_url(text: &str) -> Result<Url, &'static str> {
    const RULE: &str = "is not an http or https URL without user, query and fragment";
    let mut url = Url::parse(text).map_err(|_| RULE)?;
    let bare = url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    if !bare || !matches!(url.scheme(), "http" | "https") {
        return Err(RULE);
    }
    url.path_segments_mut()
        .map_err(|()| RULE)?
        .pop_if_empty()
        .extend(["v1", "traces"]);
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
            ("OTEL_TRACES_SAMPLER_ARG", "1.1"),
            ("OTEL_TRACES_SAMPLER_ARG", "-0.1"),
            ("OTEL_TRACES_SAMPLER_ARG", "NaN"),
            ("OTEL_SERVICE_NAME", "a\nb"),
        ] {
            assert_eq!(read(&[(name, value)]), Err(vec![name.to_owned()]), "{value}");
        }
    }
}

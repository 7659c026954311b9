//! The configuration of traces. The variables are OpenTelemetry's own: <https://opentelemetry.io/docs/specs/otel/protocol/exporter/>,
//! <https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/>.

use std::fmt::Display;
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry_sdk::trace::Sampler;
use percent_encoding::percent_decode_str;
use reqwest::Url;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use shared::config::{self, Reader};

const URL_RULE: &str = "is not an http or https URL without user, query and fragment";
const PAIRS_RULE: &str = "is not `name=value`, or several of them with commas between";
/// The collector's time limit for one batch by default, as the standard sets it.
const TIMEOUT_MILLIS: i64 = 10_000;
/// The greatest allowed limit.
const MAX_TIMEOUT_MILLIS: i64 = 60_000;
/// The longest name of a service, in bytes.
const MAX_NAME_BYTES: usize = 128;

/// The collector's address, and which requests have a span.
#[derive(Debug, Clone)]
pub struct TracesConfig {
    /// The address that receives spans, with the whole path.
    pub url: Url,
    /// Headers of each request, such as the collector's key; marked as sensitive.
    pub headers: HeaderMap,
    /// Whether bodies are compressed.
    pub gzip: bool,
    /// How long the collector may take for one batch, repeated attempts included.
    pub timeout: Duration,
    /// This service's name in the traces.
    pub service: String,
    /// Further attributes of this process.
    pub resource: Vec<KeyValue>,
    /// Which requests have a span.
    pub sampler: Sampler,
}

impl TracesConfig {
    /// Reads the variables of OpenTelemetry's standard; without an endpoint there are no traces. An unsupported value is a fault: operators
    /// must not wait for traces that never come.
    pub fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let is_wanted = is_wanted(reader);
        let url = reader.optional("OTEL_EXPORTER_OTLP_ENDPOINT", |text| {
            collector(text).and_then(|url| beneath(url, ["v1", "traces"]))
        });
        let own_url = reader.optional("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", collector);
        let headers = of_traces(reader, "HEADERS", headers).unwrap_or_default();
        let gzip = of_traces(reader, "COMPRESSION", |text| match text {
            "gzip" => Ok(true),
            "none" => Ok(false),
            _ => Err("is neither `gzip` nor `none`"),
        });
        let timeout = of_traces(reader, "TIMEOUT", |text| {
            config::whole_number(text, 1..=MAX_TIMEOUT_MILLIS)
        });
        of_traces(reader, "PROTOCOL", |text| match text {
            "http/protobuf" => Ok(()),
            _ => Err("is not `http/protobuf`, which is what spans are sent as"),
        });
        let resource = reader.or("OTEL_RESOURCE_ATTRIBUTES", Vec::new(), pairs);
        let service = reader.optional("OTEL_SERVICE_NAME", |text| {
            let fits = text.len() <= MAX_NAME_BYTES && !text.chars().any(char::is_control);
            fits.then(|| text.to_owned())
                .ok_or("is longer than 128 bytes or has control characters")
        });
        let sampler = sampler(reader);
        let url = own_url.or(url).filter(|_| is_wanted)?;
        let named = resource.iter().find(|(name, _)| name == "service.name");
        let service = service.or_else(|| named.map(|(_, service)| service.clone()));
        Some(Self {
            url,
            headers,
            gzip: gzip.unwrap_or(false),
            timeout: Duration::from_millis(timeout.unwrap_or(TIMEOUT_MILLIS).unsigned_abs()),
            service: service.unwrap_or_else(|| "crossfade-origin".to_owned()),
            resource: resource
                .into_iter()
                .map(|(name, value)| KeyValue::new(name, value))
                .collect(),
            sampler,
        })
    }
}

/// Whether the standard's switches leave tracing on; an unsupported value is a fault.
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
    exported && !disabled
}

/// The exporter's variable for traces, else the one for every signal.
fn of_traces<T, E: Display>(
    reader: &mut Reader<'_>,
    variable: &str,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Option<T> {
    let all = reader.optional(&format!("OTEL_EXPORTER_OTLP_{variable}"), &parse);
    let own = reader.optional(&format!("OTEL_EXPORTER_OTLP_TRACES_{variable}"), &parse);
    own.or(all)
}

fn sampler(reader: &mut Reader<'_>) -> Sampler {
    let share = reader.or("OTEL_TRACES_SAMPLER_ARG", 1.0, |text| match text.parse() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err("is not a number from 0 to 1"),
    });
    let of_callers = |root| Sampler::ParentBased(Box::new(root));
    reader.or(
        "OTEL_TRACES_SAMPLER",
        of_callers(Sampler::AlwaysOn),
        |text| match text {
            "always_on" => Ok(Sampler::AlwaysOn),
            "always_off" => Ok(Sampler::AlwaysOff),
            "traceidratio" => Ok(Sampler::TraceIdRatioBased(share)),
            "parentbased_always_on" => Ok(of_callers(Sampler::AlwaysOn)),
            "parentbased_always_off" => Ok(of_callers(Sampler::AlwaysOff)),
            "parentbased_traceidratio" => Ok(of_callers(Sampler::TraceIdRatioBased(share))),
            _ => Err("is not `always_on`, `always_off` or `traceidratio`, alone or after `parentbased_`"),
        },
    )
}

/// Plain `http` is allowed for any host, unlike in calls to Google: spans hold nothing about a user, and collectors usually run nearby
/// without TLS.
fn collector(text: &str) -> Result<Url, &'static str> {
    let url = Url::parse(text).map_err(|_| URL_RULE)?;
    let bare = url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    if !bare || !matches!(url.scheme(), "http" | "https") {
        return Err(URL_RULE);
    }
    Ok(url)
}

fn beneath(mut url: Url, path: [&str; 2]) -> Result<Url, &'static str> {
    url.path_segments_mut()
        .map_err(|()| URL_RULE)?
        .pop_if_empty()
        .extend(path);
    Ok(url)
}

fn headers(text: &str) -> Result<HeaderMap, &'static str> {
    let headers = pairs(text)?.into_iter().map(|(name, value)| {
        let mut value = HeaderValue::try_from(value).ok()?;
        value.set_sensitive(true);
        Some((HeaderName::try_from(name).ok()?, value))
    });
    headers
        .collect::<Option<HeaderMap>>()
        .ok_or("has a name or a value that no header can have")
}

/// `name=value` pairs with commas between; values may be percent-encoded.
fn pairs(text: &str) -> Result<Vec<(String, String)>, &'static str> {
    let pairs = text
        .split(',')
        .filter(|pair| !pair.trim().is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=')?;
            let value = percent_decode_str(value.trim()).decode_utf8().ok()?;
            let name = Some(name.trim()).filter(|name| !name.is_empty())?;
            Some((name.to_owned(), value.into_owned()))
        });
    pairs.collect::<Option<_>>().ok_or(PAIRS_RULE)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const AT: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318");

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
        assert!(read(&[("OTEL_SERVICE_NAME", "x")]).unwrap().is_none());
        assert!(read(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "")]).unwrap().is_none());
    }

    #[test]
    fn standard_switches_are_obeyed() {
        for switch in [("OTEL_SDK_DISABLED", "TRUE"), ("OTEL_TRACES_EXPORTER", "none")] {
            assert!(read(&[AT, switch]).unwrap().is_none(), "{switch:?}");
        }
        for switch in [("OTEL_SDK_DISABLED", "false"), ("OTEL_TRACES_EXPORTER", "otlp")] {
            assert!(read(&[AT, switch]).unwrap().is_some(), "{switch:?}");
        }
        for (sampler, expected) in [
            ("", "ParentBased(AlwaysOn)"),
            ("always_off", "AlwaysOff"),
            ("traceidratio", "TraceIdRatioBased(0.25)"),
            ("parentbased_always_off", "ParentBased(AlwaysOff)"),
            ("parentbased_traceidratio", "ParentBased(TraceIdRatioBased(0.25))"),
        ] {
            let share = ("OTEL_TRACES_SAMPLER_ARG", "0.25");
            let config = read(&[AT, share, ("OTEL_TRACES_SAMPLER", sampler)])
                .unwrap()
                .unwrap();
            assert_eq!(format!("{:?}", config.sampler), expected);
        }
    }

    #[test]
    fn traces_variable_overrides_the_one_for_all_signals() {
        let config = read(&[
            AT,
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://127.0.0.1:9/spans"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "api-key=all"),
            ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "Api-Key = a%20b , x-scope=1"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "none"),
            ("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "gzip"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "10"),
            ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "2000"),
        ]);
        let config = config.unwrap().unwrap();
        assert_eq!(config.url.as_str(), "http://127.0.0.1:9/spans");
        assert_eq!(config.headers["api-key"], "a b");
        assert_eq!(config.headers["x-scope"], "1");
        assert!(config.gzip);
        assert_eq!(config.timeout, Duration::from_secs(2));
        assert!(!format!("{config:?}").contains("a b"));
    }

    #[test]
    fn service_name_overrides_its_resource_attribute() {
        let attributes = (
            "OTEL_RESOURCE_ATTRIBUTES",
            "service.name=of-attributes,deployment.environment.name=staging%2C1",
        );
        let config = read(&[AT, attributes]).unwrap().unwrap();
        assert_eq!(config.service, "of-attributes");
        let expected = KeyValue::new("deployment.environment.name", "staging,1");
        assert_eq!(config.resource[1], expected);
        let config = read(&[AT, attributes, ("OTEL_SERVICE_NAME", "own")])
            .unwrap()
            .unwrap();
        assert_eq!(config.service, "own");
    }

    #[test]
    fn signal_path_is_appended_to_the_endpoint() {
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
    fn unsupported_values_are_named() {
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
            ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "secret"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "api key=secret"),
            ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "api-key=a%0Ab"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "zstd"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "0"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s"),
            ("OTEL_RESOURCE_ATTRIBUTES", "=x"),
            ("OTEL_TRACES_SAMPLER_ARG", "1.1"),
            ("OTEL_TRACES_SAMPLER_ARG", "-0.1"),
            ("OTEL_TRACES_SAMPLER_ARG", "NaN"),
            ("OTEL_SERVICE_NAME", "a\nb"),
        ] {
            assert_eq!(read(&[(name, value)]).unwrap_err(), [name], "{value}");
        }
    }
}

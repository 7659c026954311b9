//! The configuration of the log.

use shared::config::Reader;
use shared::token::Environment;
use tracing_subscriber::filter::Targets;

/// The shape of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line, for machines.
    Json,
    /// For users at a terminal.
    Pretty,
}

/// The log's level and format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogConfig {
    /// Directives of `tracing_subscriber::filter::Targets`, such as `info` or `info,origin=debug`.
    pub level: String,
    /// The shape of a line.
    pub format: LogFormat,
}

impl LogConfig {
    /// Reads `LOG_LEVEL` (`info`) and `LOG_FORMAT` (`json` or `pretty`; pretty in development).
    pub fn read(reader: &mut Reader<'_>, environment: Environment) -> Self {
        let level = reader.or("LOG_LEVEL", "info".to_owned(), |text| {
            filter(text).ok_or("is not a log filter such as `info`, `warning` or `info,origin=debug`")
        });
        let usual = if environment == Environment::Development {
            LogFormat::Pretty
        } else {
            LogFormat::Json
        };
        let format = reader.or("LOG_FORMAT", usual, |text| match text {
            "json" => Ok(LogFormat::Json),
            "pretty" => Ok(LogFormat::Pretty),
            _ => Err("is neither `json` nor `pretty`"),
        });
        Self { level, format }
    }
}

/// `text` as a filter, with the level names of other systems. The filter would read an unknown word as a module's name and silence
/// everything else.
fn filter(text: &str) -> Option<String> {
    let directives: Option<Vec<String>> = text.split(',').map(|part| directive(part.trim())).collect();
    let filter = directives?.join(",");
    filter.parse::<Targets>().is_ok().then_some(filter)
}

fn directive(text: &str) -> Option<String> {
    match text.rsplit_once('=') {
        Some((target, known)) => Some(format!("{target}={}", level(known)?)),
        None => level(text).map(str::to_owned),
    }
}

fn level(name: &str) -> Option<&'static str> {
    Some(match name.to_ascii_lowercase().as_str() {
        "off" | "none" | "0" => "off",
        "error" | "err" | "fatal" | "critical" | "1" => "error",
        "warn" | "warning" | "2" => "warn",
        "info" | "information" | "notice" | "3" => "info",
        "debug" | "verbose" | "4" => "debug",
        "trace" | "5" => "trace",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_systems_levels_are_read_and_unknown_words_silence_nothing() {
        for (text, expected) in [
            ("info", Some("info")),
            ("warning", Some("warn")),
            ("WARNING", Some("warn")),
            ("Information", Some("info")),
            ("fatal", Some("error")),
            ("off", Some("off")),
            ("info, origin=Debug", Some("info,origin=debug")),
            ("warning,sqlx=warning", Some("warn,sqlx=warn")),
            ("warn,origin[request]=debug", Some("warn,origin[request]=debug")),
            ("", None),
            ("wanr", None),
            ("origin", None),
            ("info,", None),
            ("info,origin=loud", None),
            ("info;debug", None),
        ] {
            assert_eq!(filter(text).as_deref(), expected, "{text}");
        }
    }
}

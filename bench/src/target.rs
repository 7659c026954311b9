//! What is wanted of a figure, and the medians that figures are made of.

/// What a target asks for, and what was measured.
#[derive(serde::Serialize)]
pub struct Check {
    /// The figure's name.
    pub what: String,
    /// What was measured.
    pub value: f64,
    /// What is wanted, in words.
    pub wanted: String,
    /// Whether it is so.
    pub met: bool,
}

/// A figure that is good when large.
pub fn at_least(what: String, value: f64, least: f64) -> Check {
    Check {
        what,
        value,
        wanted: format!(">= {least}"),
        met: value >= least,
    }
}

/// A figure that is good when small.
pub fn at_most(what: String, value: f64, most: f64) -> Check {
    Check {
        what,
        value,
        wanted: format!("<= {most}"),
        met: value <= most,
    }
}

/// The middle of the values; not a number when there is none.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The ratios turn by turn: what slows the machine down slows both sides of a turn.
pub fn turn_ratios(ours: &[f64], theirs: &[f64]) -> Vec<f64> {
    ours.iter()
        .zip(theirs)
        .map(|(ours, theirs)| ours / theirs)
        .collect()
}

/// The median of the ratios turn by turn.
pub fn median_ratio(ours: &[f64], theirs: &[f64]) -> f64 {
    median(turn_ratios(ours, theirs))
}

/// Prints each figure beside what is wanted of it. A missed target is told, not an error: it depends on the machine.
pub fn print(checks: &[Check]) {
    for check in checks {
        let verdict = if check.met { "met" } else { "MISSED" };
        println!(
            "  {:<68} {:>7.2}  {:<9} {verdict}",
            check.what, check.value, check.wanted
        );
    }
}

//! Two rows compared closely: in short slices by turns, in the same isolates, so that whatever else the machine does falls on both. The
//! difference of their CPU a request comes with the interval that it lies in.

use stack::console;
use stack::fault::{Done, Fault};

use super::cases::{APP_SERVICE, Case, MOST_TRANSLATED_US, TRANSLATED, Tokens};
use super::workers::Workers;
use super::{Options, STEP, Table, cases};
use crate::target::{self, at_most};

/// Of a normal distribution, this many standard errors to each side hold 95 %.
const WITHIN_95: f64 = 1.96;

/// Compares the rows with these names.
pub fn run(upstream: &str, names: &[String], options: &Options) -> Done {
    let table = Table::of(&cases::SETTLED, options);
    let find = |name: &String| {
        let at = table.rows.iter().position(|row| row.name == *name);
        let case = at.and_then(|at| table.cases.get(at)).copied();
        case.ok_or_else(|| {
            let rows: Vec<&str> = table.rows.iter().map(|row| row.name.as_str()).collect();
            Fault::new(STEP, format!("no row {name:?}")).hint(format!("the rows: {}", rows.join(" | ")))
        })
    };
    let cases = names.iter().map(find).collect::<Done<Vec<Case>>>()?;
    let is_cold = |case: &Case| case.tokens == Tokens::Cold;
    let cold = if cases.iter().any(is_cold) {
        options.slices + 1
    } else {
        0
    };
    let mut costs: Vec<Vec<f64>> = vec![Vec::new(); cases.len()];
    console::step(
        &format!("{} slices of {} requests each", options.slices, options.requests),
        || {
            let workers = Workers::start(upstream, options, options.requests * cold)?;
            for case in &cases {
                // Few tokens are new; what only new ones need settles with the slice that does not count.
                let settled = Case {
                    tokens: if is_cold(case) { Tokens::Warm } else { case.tokens },
                    ..*case
                };
                workers.measure(&settled, 0, options.settle, options)?;
                workers.measure(case, 0, options.requests, options)?;
            }
            for slice in 1..=options.slices {
                // Each is the first one every other time.
                let both = cases.iter().zip(&mut costs);
                let measure = |(case, costs): (&Case, &mut Vec<f64>)| {
                    let measured = workers.measure(case, slice, options.requests, options)?;
                    if measured.failed > 0 {
                        return Err(Fault::new(
                            STEP,
                            format!("{} answers had another status", measured.failed),
                        ));
                    }
                    costs.push(measured.cpu_us().unwrap_or(f64::NAN));
                    Ok(())
                };
                if slice.is_multiple_of(2) {
                    both.rev().try_for_each(measure)?;
                } else {
                    both.into_iter().try_for_each(measure)?;
                }
            }
            Ok(())
        },
    )?;
    let [ours, theirs] = costs.as_slice() else {
        return Ok(());
    };
    print(names, ours, theirs);
    Ok(())
}

fn print(names: &[String], ours: &[f64], theirs: &[f64]) {
    let differences: Vec<f64> = ours
        .iter()
        .zip(theirs)
        .map(|(ours, theirs)| theirs - ours)
        .collect();
    for (name, costs) in names.iter().zip([ours, theirs]) {
        println!("{name:<50} {:>8.1} µs of CPU a request", mean(costs));
    }
    let (more, error) = (mean(&differences), standard_error(&differences));
    let told = |more: f64, from: f64, to: f64| format!("{more:+.1} µs, from {from:+.1} to {to:+.1} (95 %)");
    let (middle, from, to) = median_within(differences.clone());
    println!(
        "the second costs more, of {} pairs of slices: mean {}; median {}",
        differences.len(),
        told(more, more - WITHIN_95 * error, more + WITHIN_95 * error),
        told(middle, from, to)
    );
    if names == [APP_SERVICE, TRANSLATED] {
        target::print(&[at_most(
            "a translated token: CPU µs a request more (mean)".to_owned(),
            more,
            MOST_TRANSLATED_US,
        )]);
    }
}

/// The median, and the two values between which the true one lies with 95 %, however the values are distributed: a slice in which the
/// runtime collects garbage of many others costs far more than the rest, and decides a mean.
fn median_within(mut values: Vec<f64>) -> (f64, f64, f64) {
    values.sort_by(f64::total_cmp);
    let half = values.len() as f64 / 2.0;
    let aside = WITHIN_95 / 2.0 * (values.len() as f64).sqrt();
    let at = |rank: f64| values.get(rank.max(0.0) as usize).or(values.last());
    let at = |rank: f64| at(rank).copied().unwrap_or(f64::NAN);
    (at(half), at(half - aside), at(half + aside))
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// How far the mean of so many values lies from the true one, as a standard deviation.
fn standard_error(values: &[f64]) -> f64 {
    let mean = mean(values);
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    let count = values.len() as f64;
    (squares / (count - 1.0) / count).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_lies_within_its_interval() {
        let values: Vec<f64> = (0..100_u8).rev().map(f64::from).collect();
        assert_eq!(median_within(values), (50.0, 40.0, 59.0));
    }

    #[test]
    fn standard_error_is_that_of_the_mean() {
        assert_eq!(
            standard_error(&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]),
            (32.0_f64 / 7.0 / 8.0).sqrt()
        );
    }
}

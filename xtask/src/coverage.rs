//! `cargo xtask coverage`: which lines of `shared`, of the origin, and of the edge as far as it runs on the host, the tests execute.

mod lines;

use std::fs;
use std::path::Path;
use std::process::Command;

use lines::Lines;

use crate::fault::{Done, Fault, In as _};
use crate::stack;
use crate::test::{HOST, ORIGIN_TESTS};
use crate::tools::cargo_tools::Tool;
use crate::tools::llvm::{self, Llvm};
use crate::tools::npm;
use crate::{console, paths, run};

const STEP: &str = "coverage";
/// The share of its lines, in percent, that the tests of each crate execute at least.
const LEAST: f64 = 85.0;
/// Where the crates' own code is. `edge/src/workers` runs in the Workers runtime alone: the end-to-end suite plays it, and nothing counts
/// lines there.
const CRATES: [(&str, &str); 3] = [
    ("shared", "shared/src/"),
    ("edge", "edge/src/"),
    ("origin", "origin/"),
];
const NOT_COUNTED: &str = r"/tests/|/tests\.rs$|/examples/|/benches/|edge/src/workers|edge/src/lib\.rs|xtask/|page/|clients/|shared/src/conformance";

/// Options of `cargo xtask coverage`.
#[derive(clap::Args)]
pub struct Options {
    /// How many of the least covered files to name.
    #[arg(long, value_name = "COUNT", default_value_t = 15)]
    files: usize,
    /// Report once more about the latest run, without running the tests.
    #[arg(long)]
    again: bool,
}

/// Runs the tests with counters in the code; prints a table and where the report is.
///
/// Counters make everything slower, and some tests are about time: one that fails here is named, and judged by `cargo xtask test`.
///
/// # Errors
/// A crate below the least share.
pub fn run(options: &Options) -> Done {
    let _stop = stack::stop_signal()?;
    let coverage = Coverage {
        llvm: llvm::find()?,
        program: Tool::cargo_llvm_cov().ensure()?.join("cargo-llvm-cov"),
    };
    if !options.again {
        coverage.collect()?;
    }
    let folder = paths::working("coverage");
    let counts = console::step("report", || coverage.report(&folder))?;
    judge(&counts, options.files)?;
    println!("\n  every line: {}", folder.join("html/index.html").display());
    Ok(())
}

struct Coverage {
    llvm: Llvm,
    program: std::path::PathBuf,
}

impl Coverage {
    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .arg("llvm-cov")
            .args(words)
            .current_dir(paths::root())
            .env("LLVM_COV", &self.llvm.cov)
            .env("LLVM_PROFDATA", &self.llvm.profdata)
            // It would change the toolchain to have tools of its own.
            .env("CARGO_LLVM_COV_SETUP", "no");
        command
    }

    fn collect(&self) -> Done {
        console::step("npm tools", npm::ensure)?;
        run::logged(
            STEP,
            "coverage-clean",
            &mut self.command(&["clean", "--profraw-only"]),
        )?;
        let (url, _server) = stack::test_database()?;
        let programs = stack::postgres::programs()?;
        let mut origin = vec!["--package", "crossfade-origin"];
        origin.extend(ORIGIN_TESTS);
        for (name, words) in [("all but the origin", HOST.to_vec()), ("origin", origin)] {
            console::step(&format!("tests of {name}"), || {
                let log = format!("coverage-{}", name.replace(' ', "-"));
                let mut command = self.command(&["--no-report", "--no-fail-fast", "--quiet"]);
                command
                    .args(words)
                    .env("TEST_DATABASE_URL", &url)
                    .env("TEST_POSTGRES_PROGRAMS", &programs);
                Ok(match run::logged(STEP, &log, &mut command) {
                    Ok(()) => String::new(),
                    Err(_) => format!("some failed, see {}", paths::log(&log).display()),
                })
            })?;
        }
        Ok(())
    }

    /// Writes the page with every line, and reads the counts.
    fn report(&self, folder: &Path) -> Done<Lines> {
        let list = folder.join("lines.info");
        fs::create_dir_all(folder).in_step(STEP)?;
        let folder = folder.to_string_lossy();
        let list_path = list.to_string_lossy();
        let both: [&[&str]; 2] = [
            &["--html", "--output-dir", &folder],
            &["--lcov", "--output-path", &list_path],
        ];
        for form in both {
            let mut command = self.command(&["report", "--ignore-filename-regex", NOT_COUNTED]);
            run::logged(STEP, "coverage-report", command.args(form))?;
        }
        Lines::read(&fs::read_to_string(&list).in_step(STEP)?, &paths::root())
    }
}

impl console::StepResult for Lines {}

fn judge(counts: &Lines, files: usize) -> Done {
    println!(
        "\n  {:<10} {:>7} {:>9} {:>9}",
        "crate", "lines", "executed", "share"
    );
    let mut low = Vec::new();
    for (name, prefix) in CRATES {
        let count = counts.under(prefix);
        let share = count.share();
        println!(
            "  {name:<10} {:>7} {:>9} {share:>8.1} %",
            count.lines, count.executed
        );
        // Also where nothing was counted: that is a mistake, not a success.
        if share.is_nan() || share < LEAST {
            low.push(name);
        }
    }
    println!("\n  the files with most lines that no test executes:");
    for (path, count) in counts.least_covered().into_iter().take(files) {
        let missing = count.lines.saturating_sub(count.executed);
        println!("  {missing:>5} of {:>4}  {path}", count.lines);
    }
    if low.is_empty() {
        Ok(())
    } else {
        Err(Fault::new(
            STEP,
            format!(
                "less than {LEAST} % of the lines of {} are executed",
                low.join(", ")
            ),
        ))
    }
}

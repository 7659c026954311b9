//! The command line, one verb for each file.

pub mod assertion_keys;
mod configuration;
pub mod doctor;
mod exit;
pub mod healthcheck;
pub mod ledger;
pub mod migrate;
mod reach;
mod reason;
pub mod serve;
pub mod users;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use configuration::{assertion_keys_alone, bad_configuration, database, listen};

use crate::config::{Config, process_environment};
use crate::http::document;
use crate::server;

/// The service on PostgreSQL: users, the token ledger, federation.
#[derive(Debug, Parser)]
#[command(name = "origin", version)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve HTTP until SIGTERM
    Serve(serve::ServeArgs),
    /// The database schema
    Migrate(migrate::MigrateArgs),
    /// The token ledger
    Ledger(ledger::LedgerArgs),
    /// Users: show, find, deactivate, activate, bring to Firebase
    Users(users::UsersArgs),
    /// Print the OpenAPI document
    Openapi,
    /// Print the page about every variable of the edge and the origin
    Variables,
    /// Print the keys by which an app service opens the edge's assertions; secret
    AssertionKeys(assertion_keys::AssertionKeysArgs),
    /// Check the configuration and say what is wrong with it
    CheckConfig,
    /// Look at everything the service depends on, and exit 1 if something would stop it
    Doctor(doctor::DoctorArgs),
    /// Ask the service on this machine whether it is ready; exits 0 if so
    Healthcheck,
}

/// The program: reads the arguments of this process, runs the verb and answers the exit code.
#[must_use]
pub fn main() -> ExitCode {
    end_when_nobody_reads();
    let cli = match Cli::read() {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("the runtime cannot be started: {error}");
            return ExitCode::FAILURE;
        }
    };
    let code = runtime.block_on(cli.run());
    // No caller waits for the work that still runs on its own threads (a password check, a name look-up), and it must not delay the end of
    // the process.
    runtime.shutdown_background();
    code
}

/// Ends without a word when nobody reads the output any more (`| head`). `println!` panics then; to take the signal SIGPIPE instead would
/// also end the program at a connection that its peer has closed.
fn end_when_nobody_reads() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let nobody_reads = panic.payload().downcast_ref::<String>().is_some_and(|text| {
            text.starts_with("failed printing to stdout") && text.contains("Broken pipe")
        });
        if nobody_reads {
            // As a shell reports the signal.
            std::process::exit(141);
        }
        report(panic);
    }));
}

impl Cli {
    /// Reads the arguments of this process.
    ///
    /// # Errors
    /// The exit code, once the reason or the help is printed: 0 after help, else 64. Not clap's own 2, which some verbs use for their
    /// findings.
    pub fn read() -> Result<Self, ExitCode> {
        Self::try_parse().map_err(|error| {
            // If the output cannot be written, nothing else can be done.
            let _unseen = error.print();
            match error.exit_code() {
                0 => ExitCode::SUCCESS,
                _ => ExitCode::from(exit::USAGE),
            }
        })
    }

    /// Runs the verb and answers the exit code: 0 done, 1 failed, 64 badly configured.
    pub async fn run(self) -> ExitCode {
        let environment = match process_environment() {
            Ok(environment) => environment,
            Err(error) => {
                eprintln!("{error}");
                return ExitCode::from(exit::USAGE);
            }
        };
        if !self.command.ends_by_itself() {
            end_at_signals();
        }
        match self.command {
            Command::Serve(arguments) => match Config::read(&environment) {
                Ok(config) => serve::run(arguments, config).await,
                Err(faults) => bad_configuration(&faults),
            },
            Command::Migrate(arguments) => match database(&environment) {
                Ok(database) => migrate::run(arguments, &database.migrations).await,
                Err(faults) => bad_configuration(&faults),
            },
            Command::Ledger(arguments) => match database(&environment) {
                Ok(database) => match reach::reach(&database).await {
                    Ok(pool) => ledger::run(arguments, pool).await,
                    Err(code) => code,
                },
                Err(faults) => bad_configuration(&faults),
            },
            Command::Users(arguments) => match users::run(arguments, &environment).await {
                Ok(code) => code,
                Err(faults) => bad_configuration(&faults),
            },
            Command::Openapi => {
                print!("{}", document::pretty());
                ExitCode::SUCCESS
            }
            Command::Variables => {
                print!("{}", shared::variables::markdown());
                ExitCode::SUCCESS
            }
            Command::AssertionKeys(arguments) => match assertion_keys_alone(&environment) {
                Ok(keys) => assertion_keys::run(&arguments, &keys),
                Err(faults) => bad_configuration(&faults),
            },
            Command::CheckConfig => match Config::read(&environment) {
                Ok(_) => {
                    println!("The configuration is complete.");
                    ExitCode::SUCCESS
                }
                Err(faults) => bad_configuration(&faults),
            },
            Command::Doctor(arguments) => match Config::read(&environment) {
                Ok(config) => doctor::run(&arguments, &config, &environment).await,
                Err(faults) => bad_configuration(&faults),
            },
            Command::Healthcheck => match listen(&environment) {
                Ok(listen) => healthcheck::run(&listen),
                Err(faults) => bad_configuration(&faults),
            },
        }
    }
}

impl Command {
    /// Whether the verb itself handles SIGTERM and Ctrl-C, because it must finish or remove something first.
    const fn ends_by_itself(&self) -> bool {
        match self {
            Self::Serve(_) => true,
            Self::Migrate(arguments) => arguments.ends_by_itself(),
            _ => false,
        }
    }
}

/// Ends the process at SIGTERM or Ctrl-C, with the exit code that a shell would give. As process 1 of a container it would ignore both: the
/// kernel gives that process no default action. Interrupted work is in the state of a crash, which every verb tolerates.
fn end_at_signals() {
    let Ok(signals) = server::signals() else {
        return;
    };
    tokio::spawn(async move {
        let number = signals.await;
        // The main thread may be busy with work for which nothing waits.
        std::process::exit(128_i32.saturating_add(number));
    });
}

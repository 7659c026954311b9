//! `origin ledger`.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use database::Pool;
use ledger::Difference;
use ledger::{Cursor, PageSize, Transfer};
use ledger::{Ledger, LedgerFailure, Sweep};
use shared::ids::UserId;

use super::reason::{counted, with_causes};

/// The token ledger
#[derive(Debug, Args)]
pub struct LedgerArgs {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Check every guarantee against the rows; exits 2 and lists the differences when one is broken
    Reconcile {
        /// One JSON document instead of lines
        #[arg(long)]
        json: bool,
    },
    /// Show a user's balance and transfers, newest first
    Show {
        /// The user's id
        #[arg(value_parser = parse_user)]
        user: UserId,
        /// How many transfers, 1 to 100
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(i64).range(1..=PageSize::MAX))]
        limit: i64,
        /// Only transfers before this version
        #[arg(long)]
        before: Option<i64>,
    },
    /// Give back the tokens of expired holds
    ExpireHolds,
}

/// Reconciliation found differences. 1 means that it could not look.
const EXIT_DIFFERENCES: u8 = 2;

fn parse_user(text: &str) -> Result<UserId, String> {
    UserId::parse(text).map_err(|error| error.to_string())
}

/// Runs the verb: 0 done, 1 failed, 2 the ledger has differences.
pub async fn run(arguments: LedgerArgs, pool: Pool) -> ExitCode {
    let ledger = Ledger::new(pool);
    let outcome = match arguments.verb {
        Verb::Reconcile { json } => reconcile(&ledger, json).await,
        Verb::Show { user, limit, before } => show(&ledger, user, limit, before).await,
        Verb::ExpireHolds => expire_holds(&ledger).await,
    };
    outcome.unwrap_or_else(|fault| {
        eprintln!("{}", with_causes(&fault));
        ExitCode::FAILURE
    })
}

async fn reconcile(ledger: &Ledger, json: bool) -> Result<ExitCode, LedgerFailure> {
    let differences = ledger.reconcile().await?;
    if json {
        println!("{}", serde_json::json!({ "differences": differences }));
    } else {
        for Difference {
            kind,
            user_id,
            hold_id,
            expected,
            actual,
        } in &differences
        {
            let hold = hold_id.map(|hold| format!(" hold {hold}")).unwrap_or_default();
            println!("{kind}: user {user_id}{hold}: expected {expected}, found {actual}");
        }
        println!("{}", counted(differences.len(), "difference"));
    }
    Ok(if differences.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(EXIT_DIFFERENCES)
    })
}

async fn show(
    ledger: &Ledger,
    user: UserId,
    limit: i64,
    before: Option<i64>,
) -> Result<ExitCode, LedgerFailure> {
    let balance = ledger.balance(user).await?;
    println!(
        "{user}: {} tokens to spend, {} held",
        balance.spendable, balance.held
    );
    let size = PageSize::new(limit).unwrap_or(PageSize::DEFAULT);
    let page = ledger
        .transfers(user, before.map(|before| Cursor { before }), size)
        .await?;
    for transfer in &page.transfers {
        println!("{}", line(transfer));
    }
    if let Some(next) = page.next {
        println!("more: --before {}", next.before);
    }
    Ok(ExitCode::SUCCESS)
}

fn line(transfer: &Transfer) -> String {
    let reference = transfer
        .reference
        .as_deref()
        .map(|text| format!(" [{text}]"))
        .unwrap_or_default();
    format!(
        "{:>6}  {}  {:<8} {:+} = {}  {} -> {}  {}{reference}",
        transfer.version,
        transfer.created_at.format("%Y-%m-%dT%H:%M:%SZ"),
        transfer.kind,
        transfer.delta(),
        transfer.balance_after,
        transfer.debit_account,
        transfer.credit_account,
        transfer.reason,
    )
}

async fn expire_holds(ledger: &Ledger) -> Result<ExitCode, LedgerFailure> {
    match ledger.expire_due().await? {
        Sweep::Swept(count) => println!("{count} holds given back"),
        Sweep::Elsewhere => println!("another process is doing that"),
    }
    Ok(ExitCode::SUCCESS)
}

//! `cargo xtask drill migration`: ten thousand users with bcrypt hashes are brought to Firebase by the origin's own command, which is
//! killed again and again and resumed; then every one of them signs in with the old password. After that a hundred first sign-ins
//! of one user at once, and registrations while Google is slow.

mod figures;
mod interrupt;
mod sign_in;
mod slow;
mod users;

use figures::Figures;
use stack::accounts::AccountStack;
use stack::console;
use stack::fault::Done;

/// Options of `cargo xtask drill migration`.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// How many users there are.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(100..=100_000))]
    users: u32,
    /// How often the command is killed.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(0..=200))]
    kills: u32,
    /// How many of them sign in at once.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=64))]
    at_once: u32,
}

/// Plays it, prints the table. A missed target is a fault.
pub fn run(options: &Options) -> Done {
    let _stop = stack::stop_signal()?;
    let stack = AccountStack::up()?;
    console::step(&format!("{} users of the legacy service", options.users), || {
        users::seed(&stack, options.users)
    })?;
    let migrated = interrupt::migrate(&stack, options.users, options.kills)?;
    let counted = users::count(&stack)?;
    let signed_in = console::step("everybody signs in with the old password", || {
        sign_in::everybody(&stack, options.users, options.at_once)
    })?;
    let first = console::step("a hundred first sign-ins of one user at once", || {
        sign_in::one_user_at_once(&stack)
    })?;
    let registration = console::step("registrations while Google takes 250 ms a call", || {
        slow::register(&stack)
    })?;
    let figures = Figures {
        users: options.users,
        kills: options.kills,
        migrated,
        counted,
        signed_in,
        first,
        registration,
    };
    drop(stack);
    figures.print();
    figures.verdict()
}

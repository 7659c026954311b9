//! Compares the rows with Firebase's accounts. Reads everything, changes nothing.

use std::collections::BTreeMap;

use database::run;
use firebase::{Firebase, KnownAccount};
use serde::Serialize;
use users::directory::Directory;
use uuid::Uuid;

use super::statements::{self, LinkedUser};
use super::{ImportError, Pace};

/// The rows of one read.
const PAGE: i64 = 5000;
/// The most differences of a kind that are listed; all are counted.
const MAX_NAMED: usize = 100;

/// The kinds of difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Difference {
    /// The row is linked to an account that does not exist: the user cannot sign in at v2.
    MissingAccount,
    /// The account has no row. Its user gets a row at the next sign-in, unless the account is a leftover.
    MissingRow,
    /// A deactivated user's account is enabled at Firebase. The origin still refuses the user.
    EnabledAccount,
    /// An active user's account is disabled at Firebase.
    DisabledAccount,
    /// The addresses differ.
    Email,
    /// Several accounts have one address: Firebase does not define which one a password signs in to.
    DoubledEmail,
}

impl Difference {
    /// Its name in a report.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MissingAccount => "missing_account",
            Self::MissingRow => "missing_row",
            Self::EnabledAccount => "enabled_account",
            Self::DisabledAccount => "disabled_account",
            Self::Email => "email",
            Self::DoubledEmail => "doubled_email",
        }
    }
}

/// The result of a comparison. It names uids, never addresses.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Comparison {
    /// Linked rows.
    pub linked: u64,
    /// Accounts at Firebase.
    pub accounts: u64,
    /// The counts by difference; empty when the sides agree.
    pub differences: BTreeMap<Difference, u64>,
    /// The uids of each difference, at most a hundred.
    pub uids: BTreeMap<Difference, Vec<String>>,
}

impl Comparison {
    /// Whether the sides agree.
    #[must_use]
    pub fn agrees(&self) -> bool {
        self.differences.is_empty()
    }

    fn note(&mut self, difference: Difference, uid: &str) {
        let count = self.differences.entry(difference).or_default();
        *count = count.saturating_add(1);
        let uids = self.uids.entry(difference).or_default();
        if uids.len() < MAX_NAMED {
            uids.push(uid.to_owned());
        }
    }
}

/// Compares all accounts with all rows. Keeps some hundred bytes an account in memory. A change during the comparison may show up as a
/// difference: run it again before acting on one.
///
/// # Errors
/// [`ImportError`].
pub async fn compare(
    directory: &Directory,
    firebase: &Firebase,
    pace: &Pace,
) -> Result<Comparison, ImportError> {
    let mut found = Comparison::default();
    // Accounts first: a user who registers meanwhile then has a row without an account here, which is looked up below.
    let mut accounts = all_accounts(firebase, pace).await?;
    found.accounts = u64::try_from(accounts.len()).unwrap_or(u64::MAX);
    doubled(&accounts, &mut found);
    let mut missing = Vec::new();
    let mut after = Uuid::nil();
    let issuer = &directory.stored_issuer(&firebase.issuer()).await?;
    loop {
        let page = run(directory.pool(), |mut connection| async move {
            statements::linked_users(&mut connection, issuer, after, PAGE).await
        })
        .await?;
        let Some(last) = page.last() else { break };
        after = last.id.0;
        for user in page {
            found.linked = found.linked.saturating_add(1);
            match accounts.remove(&user.firebase_uid) {
                Some(account) => compare_one(&user, &account, &mut found),
                None => missing.push(user),
            }
        }
    }
    for some in missing.chunks(firebase::MAX_LOOKUP) {
        let uids: Vec<String> = some.iter().map(|user| user.firebase_uid.clone()).collect();
        pace.turn().await;
        let there = firebase.find_accounts(&uids, &[]).await?;
        for user in some {
            match there.iter().find(|account| account.uid == user.firebase_uid) {
                Some(account) => compare_one(user, account, &mut found),
                None => found.note(Difference::MissingAccount, &user.firebase_uid),
            }
        }
    }
    for uid in accounts.keys() {
        found.note(Difference::MissingRow, uid);
    }
    Ok(found)
}

async fn all_accounts(
    firebase: &Firebase,
    pace: &Pace,
) -> Result<BTreeMap<String, KnownAccount>, ImportError> {
    let mut accounts = BTreeMap::new();
    let mut next = None;
    loop {
        pace.turn().await;
        let page = firebase.list_accounts(next.as_deref()).await?;
        accounts.extend(
            page.accounts
                .into_iter()
                .map(|account| (account.uid.clone(), account)),
        );
        match page.next {
            // A listing that repeats its page token would never end.
            Some(token) if next.as_ref() != Some(&token) => next = Some(token),
            _ => return Ok(accounts),
        }
    }
}

fn doubled(accounts: &BTreeMap<String, KnownAccount>, found: &mut Comparison) {
    let mut owners: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for account in accounts.values() {
        if let Some(email) = &account.email {
            owners.entry(email.to_lowercase()).or_default().push(&account.uid);
        }
    }
    for uid in owners
        .values()
        .filter(|owners| owners.len() > 1)
        .flat_map(|owners| owners.iter())
    {
        found.note(Difference::DoubledEmail, uid);
    }
}

fn compare_one(user: &LinkedUser, account: &KnownAccount, found: &mut Comparison) {
    match (user.is_active, account.disabled) {
        (true, true) => found.note(Difference::DisabledAccount, &account.uid),
        (false, false) => found.note(Difference::EnabledAccount, &account.uid),
        _ => {}
    }
    let lower = |email: &Option<String>| email.as_deref().map(|email| email.trim().to_lowercase());
    // The address of a closed account was renamed to make room.
    if user.is_active && lower(&user.email) != lower(&account.email) {
        found.note(Difference::Email, &account.uid);
    }
}

//! Looks up the accounts that Firebase has already.

use firebase::{Firebase, FirebaseError, KnownAccount, MAX_LOOKUP};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::error::pause;
use super::rules::Known;
use super::{ImportError, UserImport};

/// How many look-ups run at once.
const PARALLEL: usize = 8;
/// How many attempts a look-up has before it fails.
const MAX_TRIES: u32 = 4;

/// An identifier of an account.
#[derive(Debug, Clone)]
pub(super) enum Identifier {
    Uid(String),
    Email(String),
}

impl UserImport {
    /// The accounts with one of these identifiers.
    pub(super) async fn look_up(&self, identifiers: &[Identifier]) -> Result<Known, ImportError> {
        let mut known = Known::default();
        let mut running = JoinSet::new();
        for some in identifiers.chunks(MAX_LOOKUP) {
            if running.len() >= PARALLEL {
                add(&mut known, running.join_next().await)?;
            }
            let (mut uids, mut emails) = (Vec::new(), Vec::new());
            for identifier in some {
                match identifier {
                    Identifier::Uid(uid) => uids.push(uid.clone()),
                    Identifier::Email(email) => emails.push(email.clone()),
                }
            }
            self.pace.turn().await;
            let firebase = self.firebase.clone();
            running.spawn(async move { patiently(&firebase, &uids, &emails).await });
        }
        while let Some(answer) = running.join_next().await {
            add(&mut known, Some(answer))?;
        }
        Ok(known)
    }
}

async fn patiently(
    firebase: &Firebase,
    uids: &[String],
    emails: &[String],
) -> Result<Vec<KnownAccount>, FirebaseError> {
    let mut failures = 0_u32;
    loop {
        let outcome = firebase.find_accounts(uids, emails).await;
        failures = failures.saturating_add(1);
        match outcome {
            Err(error) if failures < MAX_TRIES && error.is_transient() => {
                sleep(pause(&error, failures)).await;
            }
            outcome => return outcome,
        }
    }
}

type Answer = Result<Result<Vec<KnownAccount>, FirebaseError>, tokio::task::JoinError>;

fn add(known: &mut Known, answer: Option<Answer>) -> Result<(), FirebaseError> {
    let accounts = match answer {
        None => return Ok(()),
        Some(Ok(accounts)) => accounts?,
        Some(Err(_)) => {
            return Err(FirebaseError::Outage {
                status: 0,
                code: "LOOK_UP_BROKE_OFF".to_owned(),
            });
        }
    };
    for account in accounts {
        known.add(&account.uid, account.email.as_deref(), account.signed_in);
        if account.has_second_factor {
            known.add_factor(&account.uid);
        }
    }
    Ok(())
}

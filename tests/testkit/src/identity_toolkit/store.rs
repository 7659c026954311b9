//! Accounts, and the tokens and codes issued for them.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value, json};

use super::factor::{Factor, Pending};
use super::password::StoredPassword;
use super::rules::Attempts;

/// An account.
#[derive(Debug, Clone, Default)]
pub(super) struct Account {
    pub local_id: String,
    /// In lower case.
    pub email: Option<String>,
    pub email_verified: bool,
    pub display_name: Option<String>,
    pub photo_url: Option<String>,
    pub disabled: bool,
    pub password: Option<StoredPassword>,
    /// The ways other than a password to sign in to it.
    pub providers: Vec<&'static str>,
    /// Custom claims, as JSON text.
    pub custom_attributes: Option<String>,
    /// Sign-ins before this moment are void; seconds since 1970.
    pub valid_since: i64,
    /// Milliseconds since 1970, as Google writes them.
    pub created_at: i64,
    /// Milliseconds since 1970.
    pub last_login_at: Option<i64>,
    /// Milliseconds since 1970.
    pub password_updated_at: Option<i64>,
    /// Second factors.
    pub factors: Vec<Factor>,
}

impl Account {
    /// The account as an administrator sees it. Numbers of 64 bits are strings in Google's JSON.
    pub(super) fn shown(&self) -> Value {
        let mut shown = Map::new();
        let mut add = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                shown.insert(name.to_owned(), value);
            }
        };
        let email = self.email.as_deref();
        add("localId", Some(json!(self.local_id)));
        add("email", email.map(Value::from));
        add("emailVerified", Some(json!(self.email_verified)));
        add("displayName", self.display_name.as_deref().map(Value::from));
        add("photoUrl", self.photo_url.as_deref().map(Value::from));
        add("disabled", self.disabled.then_some(json!(true)));
        add(
            "passwordHash",
            self.password.as_ref().map(|password| json!(password.encoded())),
        );
        add("passwordUpdatedAt", self.password_updated_at.map(Value::from));
        add(
            "customAttributes",
            self.custom_attributes.as_deref().map(Value::from),
        );
        add("validSince", Some(json!(self.valid_since.to_string())));
        add("createdAt", Some(json!(self.created_at.to_string())));
        add("lastLoginAt", self.last_login_at.map(|at| json!(at.to_string())));
        let mut ways: Vec<&str> = self.providers.clone();
        ways.extend(self.password.as_ref().and(email).map(|_| "password"));
        let shown_ways: Vec<Value> = ways
            .into_iter()
            .map(|way| json!({"providerId": way, "email": email, "federatedId": email, "rawId": email}))
            .collect();
        add(
            "providerUserInfo",
            (!shown_ways.is_empty()).then(|| Value::from(shown_ways)),
        );
        let factors: Vec<Value> = self.factors.iter().map(|factor| factor.shown(false)).collect();
        add("mfaInfo", (!factors.is_empty()).then(|| Value::from(factors)));
        Value::Object(shown)
    }
}

/// The sign-in behind a refresh token.
#[derive(Debug, Clone)]
pub(super) struct Session {
    pub local_id: String,
    /// Seconds since 1970.
    pub auth_time: i64,
    /// The second factor that the user showed: its kind and its name.
    pub factor: Option<(&'static str, String)>,
}

/// An action code that was mailed.
#[derive(Debug, Clone)]
pub(super) struct Mail {
    pub code: String,
    pub email: String,
    pub request_type: String,
    /// `X-Firebase-Locale`.
    pub locale: Option<String>,
    pub continue_url: Option<String>,
    /// Seconds since 1970.
    pub sent_at: i64,
}

/// Everything in memory.
#[derive(Debug, Default)]
pub(super) struct Store {
    accounts: BTreeMap<String, Account>,
    /// Address → uids, oldest first. More than one only after an import: no other call makes a second account for an address.
    by_email: HashMap<String, Vec<String>>,
    sessions: HashMap<String, Session>,
    mails: Vec<Mail>,
    pending: HashMap<String, Pending>,
    pub attempts: Attempts,
    /// Access token → seconds since 1970 at which it ends.
    access_tokens: HashMap<String, i64>,
}

impl Store {
    /// Every account, in the order of their uids.
    pub(super) fn accounts(&self) -> impl Iterator<Item = &Account> {
        self.accounts.values()
    }

    pub(super) fn len(&self) -> usize {
        self.accounts.len()
    }

    /// How many addresses have an account: fewer than accounts when an address has two.
    pub(super) fn addresses(&self) -> usize {
        self.by_email.len()
    }

    /// Up to `most` accounts with a uid after `after`.
    pub(super) fn page(&self, after: &str, most: usize) -> Vec<&Account> {
        use std::ops::Bound::{Excluded, Unbounded};
        self.accounts
            .range::<str, _>((Excluded(after), Unbounded))
            .map(|(_, account)| account)
            .take(most)
            .collect()
    }

    pub(super) fn by_id(&self, local_id: &str) -> Option<&Account> {
        self.accounts.get(local_id)
    }

    /// The oldest account of an address.
    pub(super) fn by_email(&self, email: &str) -> Option<&Account> {
        let uid = self.by_email.get(&canonical(email))?.first()?;
        self.accounts.get(uid)
    }

    /// Stores an account, in place of one with the same uid.
    pub(super) fn put(&mut self, account: Account) {
        self.remove(&account.local_id);
        if let Some(email) = &account.email {
            self.by_email
                .entry(email.clone())
                .or_default()
                .push(account.local_id.clone());
        }
        self.accounts.insert(account.local_id.clone(), account);
    }

    /// Changes an account in place. `None` when it is gone.
    pub(super) fn change<T>(&mut self, local_id: &str, change: impl FnOnce(&mut Account) -> T) -> Option<T> {
        let mut account = self.accounts.get(local_id)?.clone();
        let email = account.email.clone();
        let outcome = change(&mut account);
        if account.email == email {
            self.accounts.insert(local_id.to_owned(), account);
        } else {
            self.put(account);
        }
        Some(outcome)
    }

    /// Removes an account. Its refresh tokens then name no account.
    pub(super) fn remove(&mut self, local_id: &str) -> Option<Account> {
        let account = self.accounts.remove(local_id)?;
        if let Some(email) = &account.email
            && let Some(uids) = self.by_email.get_mut(email)
        {
            uids.retain(|uid| uid != local_id);
            if uids.is_empty() {
                self.by_email.remove(email);
            }
        }
        Some(account)
    }

    pub(super) fn begin_session(&mut self, refresh_token: String, session: Session) {
        self.sessions.insert(refresh_token, session);
    }

    pub(super) fn session(&self, refresh_token: &str) -> Option<&Session> {
        self.sessions.get(refresh_token)
    }

    pub(super) fn wait(&mut self, credential: String, pending: Pending) {
        self.pending.insert(credential, pending);
    }

    pub(super) fn waiting(&self, credential: &str) -> Option<Pending> {
        self.pending.get(credential).cloned()
    }

    /// Gives the account of `email` these factors.
    pub(super) fn enrol(&mut self, email: &str, factors: &[Factor]) {
        let Some(local_id) = self.by_email(email).map(|account| account.local_id.clone()) else {
            return;
        };
        let named = factors.iter().cloned().enumerate().map(|(index, mut factor)| {
            if factor.id.is_empty() {
                factor.id = format!("factor-{index}");
            }
            factor
        });
        let named = named.collect();
        self.change(&local_id, |account| account.factors = named);
    }

    pub(super) fn send(&mut self, mail: Mail) {
        self.mails.push(mail);
    }

    pub(super) fn mails(&self) -> &[Mail] {
        &self.mails
    }

    /// The mail with this code.
    pub(super) fn mail(&self, code: &str) -> Option<Mail> {
        self.mails.iter().find(|mail| mail.code == code).cloned()
    }

    /// A code works once.
    pub(super) fn use_up(&mut self, code: &str) {
        self.mails.retain(|mail| mail.code != code);
    }

    pub(super) fn newest_code(&self, email: &str) -> Option<String> {
        let email = canonical(email);
        let newest = self.mails.iter().rev().find(|mail| mail.email == email);
        newest.map(|mail| mail.code.clone())
    }

    pub(super) fn admit(&mut self, access_token: String, until: i64) {
        self.access_tokens.insert(access_token, until);
    }

    pub(super) fn forget_accounts(&mut self) {
        self.accounts.clear();
        self.by_email.clear();
    }

    pub(super) fn forget_access_tokens(&mut self) {
        self.access_tokens.clear();
    }

    pub(super) fn is_admitted(&self, access_token: &str, now: i64) -> bool {
        self.access_tokens
            .get(access_token)
            .is_some_and(|until| now < *until)
    }
}

/// The form in which addresses are compared.
pub(super) fn canonical(email: &str) -> String {
    email.to_lowercase()
}

//! Accounts by the hundred: look-up, import, listing. All of it needs the service account.
//!
//! <https://cloud.google.com/identity-platform/docs/reference/rest/v1/projects.accounts/batchCreate>,
//! <https://firebase.google.com/docs/auth/admin/import-users>

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::wire::LookupAnswer;
use super::{Account, Firebase, FirebaseError};

/// The most identifiers of one look-up: uids and addresses together.
pub const MAX_LOOKUP: usize = 100;
/// The most accounts of one import.
pub const MAX_IMPORT: usize = 1000;
/// How many accounts a page of a listing has. Google allows 1000; an account may have several KiB.
const PAGE: usize = 500;

/// An account to import with its password hash.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountToImport {
    /// The uid: our user id.
    #[serde(rename = "localId")]
    pub uid: String,
    /// The address, lower-cased.
    pub email: String,
    /// Whether the user has verified the address: as the row says, never an assumption.
    pub email_verified: bool,
    /// The name to show.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// Whether the account is disabled.
    pub disabled: bool,
    /// The whole bcrypt string. There is no salt beside it: a split of the two is a common mistake, and imports an account with a password
    /// that never matches.
    #[serde(rename = "passwordHash", serialize_with = "web_safe_base64")]
    pub bcrypt_hash: String,
}

impl std::fmt::Debug for AccountToImport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AccountToImport")
            .field("uid", &self.uid)
            .finish_non_exhaustive()
    }
}

/// An account as a look-up or a listing shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct KnownAccount {
    /// Its uid.
    pub uid: String,
    /// Its address.
    pub email: Option<String>,
    /// Whether the account is disabled.
    pub disabled: bool,
    /// Whether a user has ever signed in to it or given it a second factor: a replacement would undo that.
    pub signed_in: bool,
    /// Whether it has a second factor.
    pub has_second_factor: bool,
}

impl std::fmt::Debug for KnownAccount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KnownAccount")
            .field("uid", &self.uid)
            .finish_non_exhaustive()
    }
}

/// Some accounts, and the token of the next page.
#[derive(Debug)]
pub struct AccountPage {
    /// The accounts.
    pub accounts: Vec<KnownAccount>,
    /// The token for the next call; `None` on the last page.
    pub next: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BatchCreateRequest<'a> {
    hash_algorithm: &'static str,
    /// Whether accounts with these uids are replaced.
    allow_overwrite: bool,
    /// Refuses users if another account has their address, and the whole request if an address comes twice in it.
    sanity_check: bool,
    users: &'a [AccountToImport],
}

#[derive(Deserialize)]
struct BatchCreateAnswer {
    #[serde(default)]
    error: Vec<IndexedError>,
}

#[derive(Deserialize)]
struct IndexedError {
    /// Left out for the first page.
    #[serde(default)]
    index: usize,
    #[serde(default)]
    message: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AccountsAnswer {
    #[serde(default)]
    users: Vec<AccountJson>,
    next_page_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AccountJson {
    local_id: String,
    email: Option<String>,
    #[serde(default)]
    disabled: bool,
    last_login_at: Option<Value>,
    last_refresh_at: Option<Value>,
    #[serde(default)]
    mfa_info: Vec<Value>,
}

impl Firebase {
    /// The accounts with these uids or addresses: at most [`MAX_LOOKUP`] identifiers together.
    ///
    /// # Errors
    /// [`FirebaseError::Unavailable`] among others.
    pub async fn find_accounts(
        &self,
        uids: &[String],
        emails: &[String],
    ) -> Result<Vec<KnownAccount>, FirebaseError> {
        let mut request = serde_json::Map::new();
        for (name, values) in [("localId", uids), ("email", emails)] {
            if !values.is_empty() {
                request.insert(name.to_owned(), Value::from(values.to_vec()));
            }
        }
        if request.is_empty() {
            return Ok(Vec::new());
        }
        let answer: AccountsAnswer = self.post_bulk("accounts:lookup", &request).await?;
        Ok(answer.users.into_iter().map(KnownAccount::from).collect())
    }

    /// The accounts of these uids, at most [`MAX_LOOKUP`], with all details.
    ///
    /// # Errors
    /// [`FirebaseError::Unavailable`] among others.
    pub async fn find_accounts_in_full(&self, uids: &[String]) -> Result<Vec<Account>, FirebaseError> {
        let request = serde_json::json!({ "localId": uids });
        let answer: LookupAnswer = self.post_bulk("accounts:lookup", &request).await?;
        Ok(answer.users.into_iter().map(Account::from).collect())
    }

    /// Imports at most [`MAX_IMPORT`] accounts, no address twice. With `replace`, they replace accounts of the same uid in any state;
    /// without, Firebase refuses them. Callers look for existing accounts first all the same: Google's guide to importing documents neither
    /// safeguard. Answers the refused users by their index in `accounts`, with a code.
    ///
    /// # Errors
    /// [`FirebaseError::Unavailable`] among others; it is then unknown which accounts were imported.
    pub async fn import_accounts(
        &self,
        accounts: &[AccountToImport],
        replace: bool,
    ) -> Result<Vec<(usize, String)>, FirebaseError> {
        let request = BatchCreateRequest {
            hash_algorithm: "BCRYPT",
            allow_overwrite: replace,
            sanity_check: true,
            users: accounts,
        };
        let answer: BatchCreateAnswer = self.post_bulk("accounts:batchCreate", &request).await?;
        Ok(answer
            .error
            .into_iter()
            .map(|failed| (failed.index, code_of(&failed.message)))
            .collect())
    }

    /// A page of all accounts of the project; `page` is the token of the page before.
    ///
    /// # Errors
    /// [`FirebaseError::Unavailable`] among others.
    pub async fn list_accounts(&self, page: Option<&str>) -> Result<AccountPage, FirebaseError> {
        let mut query = vec![("maxResults", PAGE.to_string())];
        if let Some(page) = page {
            query.push(("nextPageToken", page.to_owned()));
        }
        let answer: AccountsAnswer = self.get_bulk("accounts:batchGet", &query).await?;
        let accounts: Vec<KnownAccount> = answer.users.into_iter().map(KnownAccount::from).collect();
        // Some implementations name a next page on the last one; it would be empty.
        let next = answer
            .next_page_token
            .filter(|token| !token.is_empty() && !accounts.is_empty());
        Ok(AccountPage { accounts, next })
    }
}

/// Another client has made the account since the look-up.
pub const UID_EXISTS: &str = "DUPLICATE_LOCAL_ID";

/// The code of a user's refusal. Google sends a code or a sentence; the sentence is dropped, since it may name an address.
fn code_of(message: &str) -> String {
    const SENTENCES: [(&str, &str); 4] = [
        ("email exists", "EMAIL_EXISTS"),
        ("email is invalid", "INVALID_EMAIL"),
        ("can not overwrite", UID_EXISTS),
        ("passwordHash", "INVALID_PASSWORD_HASH"),
    ];
    if let Some((_, code)) = SENTENCES.iter().find(|(words, _)| message.contains(words)) {
        return (*code).to_owned();
    }
    let code = message.split([' ', ':']).next().unwrap_or_default();
    let is_code = code
        .bytes()
        .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
    if is_code && (1..=64).contains(&code.len()) {
        code.to_owned()
    } else {
        "REFUSED".to_owned()
    }
}

impl From<AccountJson> for KnownAccount {
    fn from(account: AccountJson) -> Self {
        let ever = |at: &Option<Value>| match at {
            Some(Value::String(text)) => !text.is_empty() && text != "0",
            Some(Value::Number(number)) => number.as_i64() != Some(0),
            _ => false,
        };
        Self {
            signed_in: ever(&account.last_login_at)
                || ever(&account.last_refresh_at)
                || !account.mfa_info.is_empty(),
            has_second_factor: !account.mfa_info.is_empty(),
            uid: account.local_id,
            email: account.email,
            disabled: account.disabled,
        }
    }
}

fn web_safe_base64<S: serde::Serializer>(hash: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&shared::base64url::encode(hash.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn import_body_follows_googles_documentation() {
        let hash = "$2b$04$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy";
        let users = [AccountToImport {
            uid: "3f2504e0-4f89-41d3-9a0c-0305e82c3301".to_owned(),
            email: "ada@example.org".to_owned(),
            email_verified: false,
            display_name: None,
            disabled: false,
            bcrypt_hash: hash.to_owned(),
        }];
        let request = BatchCreateRequest {
            hash_algorithm: "BCRYPT",
            allow_overwrite: false,
            sanity_check: true,
            users: &users,
        };
        assert_eq!(
            serde_json::to_value(&request).unwrap(),
            serde_json::json!({
                "hashAlgorithm": "BCRYPT",
                "allowOverwrite": false,
                "sanityCheck": true,
                "users": [{
                    "localId": "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
                    "email": "ada@example.org",
                    "emailVerified": false,
                    "disabled": false,
                    "passwordHash":
                        "JDJiJDA0JE45cW84dUxPaWNrZ3gyWk1SWm9NeWVJalpBZ2NmbDdwOTJsZEd4YWQ2OExKWmRMMTdsaFd5",
                }],
            })
        );
        assert!(!format!("{users:?}").contains("ada"));
    }

    #[test]
    fn account_counts_as_used_after_sign_in_or_refresh() {
        for (account, signed_in) in [
            (serde_json::json!({"localId": "a"}), false),
            (serde_json::json!({"localId": "a", "lastLoginAt": "0"}), false),
            (serde_json::json!({"localId": "a", "lastLoginAt": 0}), false),
            (
                serde_json::json!({"localId": "a", "mfaInfo": [{"mfaEnrollmentId": "f"}]}),
                true,
            ),
            (
                serde_json::json!({"localId": "a", "lastLoginAt": "1760000000000"}),
                true,
            ),
            (
                serde_json::json!({"localId": "a", "lastLoginAt": 1_760_000_000_000_i64}),
                true,
            ),
            (
                serde_json::json!({"localId": "a", "lastRefreshAt": "2026-01-01T00:00:00Z"}),
                true,
            ),
        ] {
            let read: AccountJson = serde_json::from_value(account.clone()).unwrap();
            assert_eq!(KnownAccount::from(read).signed_in, signed_in, "{account}");
        }
    }

    #[test]
    fn first_accounts_error_has_no_index() {
        let answer: BatchCreateAnswer = serde_json::from_str(
            r#"{"error": [{"message": "INVALID_EMAIL"}, {"index": 7, "message": "x"}]}"#,
        )
        .unwrap();
        let places: Vec<usize> = answer.error.iter().map(|error| error.index).collect();
        assert_eq!(places, [0, 7]);
        let none: BatchCreateAnswer =
            serde_json::from_str(r#"{"kind": "identitytoolkit#UploadAccountResponse"}"#).unwrap();
        assert!(none.error.is_empty());
    }

    #[test]
    fn refusal_keeps_only_its_code() {
        for (message, code) in [
            ("INVALID_EMAIL : ada@example.org", "INVALID_EMAIL"),
            ("email exists in other account in database", "EMAIL_EXISTS"),
            (
                "localId belongs to an existing account - can not overwrite.",
                UID_EXISTS,
            ),
            ("ada@example.org is odd", "REFUSED"),
            ("", "REFUSED"),
        ] {
            assert_eq!(code_of(message), code, "{message}");
        }
    }
}

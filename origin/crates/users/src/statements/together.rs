//! Statements about several users.

use chrono::{DateTime, Utc};
use shared::ids::NormalizedEmail;
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use crate::rules::user::UserRecord;
use crate::rules::welcome::ProvenPerson;
use crate::statements::users::Arrival;

/// Creates the rows of those of `arrivals` who have none and share no address with another user, and answers them, in no order:
/// `create_together.sql`. No account may be among them twice.
///
/// # Errors
/// The database's error.
pub async fn create_together(
    connection: &mut PgConnection,
    arrivals: &[&Arrival],
) -> sqlx::Result<Vec<UserRecord>> {
    let mut columns = Columns::default();
    for arrival in arrivals {
        columns.push(arrival);
    }
    sqlx::query_as(include_str!("users/create_together.sql"))
        .bind(columns.uids)
        .bind(columns.emails)
        .bind(columns.emails_verified)
        .bind(columns.display_names)
        .bind(columns.photo_urls)
        .bind(columns.signed_in_at)
        .bind(columns.ids)
        .bind(columns.tokens)
        .bind(columns.grant_keys)
        .bind(columns.grant_hashes)
        .bind(columns.source_ips)
        .bind(columns.request_ids)
        .bind(columns.providers)
        .bind(columns.issuers)
        .bind(columns.users)
        .fetch_all(connection)
        .await
}

#[derive(Default)]
struct Columns<'a> {
    uids: Vec<&'a str>,
    emails: Vec<Option<&'a str>>,
    emails_verified: Vec<bool>,
    display_names: Vec<Option<&'a str>>,
    photo_urls: Vec<Option<&'a str>>,
    signed_in_at: Vec<DateTime<Utc>>,
    ids: Vec<Uuid>,
    tokens: Vec<i32>,
    grant_keys: Vec<String>,
    grant_hashes: Vec<Vec<u8>>,
    source_ips: Vec<Option<String>>,
    request_ids: Vec<Option<&'a str>>,
    providers: Vec<Option<&'a str>>,
    issuers: Vec<&'a str>,
    users: Vec<Option<&'a [u8]>>,
}

impl<'a> Columns<'a> {
    fn push(&mut self, arrival: &'a Arrival) {
        let Arrival { sign_in, new, source } = arrival;
        let (grant_key, grant_hash) = new.welcome.idempotency();
        self.uids.push(sign_in.uid.as_str());
        self.emails
            .push(sign_in.email.as_ref().map(NormalizedEmail::as_str));
        self.emails_verified.push(sign_in.proves());
        self.display_names.push(sign_in.display_name.as_deref());
        self.photo_urls.push(sign_in.photo_url.as_deref());
        self.signed_in_at.push(sign_in.signed_in_at);
        self.ids.push(new.id.0);
        self.tokens.push(new.welcome.tokens());
        self.grant_keys.push(grant_key.as_str().to_owned());
        self.grant_hashes.push(grant_hash.0.to_vec());
        self.source_ips.push(source.source_ip_text());
        self.request_ids.push(source.request_id.as_deref());
        self.providers.push(sign_in.provider.as_deref());
        self.issuers.push(sign_in.issuer.as_str());
        self.users.push(sign_in.user.as_ref().map(ProvenPerson::as_bytes));
    }
}

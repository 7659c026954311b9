//! A user's row at the terminal.

use shared::ids::UserId;
use users::rules::user::UserRecord;

/// The user that an argument names.
pub fn user_id(text: &str) -> Result<UserId, String> {
    UserId::parse(text).map_err(|rule| rule.0.to_owned())
}

/// The row, a line a column.
pub fn describe(record: &UserRecord) -> String {
    let user = &record.user;
    let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
    let issuer = match (&user.firebase_uid, record.issuer.as_str()) {
        (None, _) => "-".to_owned(),
        (Some(_), "") => "home (auth.firebase_home)".to_owned(),
        (Some(_), issuer) => issuer.to_owned(),
    };
    let moment = |at: chrono::DateTime<chrono::Utc>| at.format("%Y-%m-%d %H:%M:%S UTC").to_string();
    let lines = [
        ("id", user.id.to_string()),
        ("firebase uid", text(&user.firebase_uid)),
        ("issuer", issuer),
        ("e-mail", text(&user.email)),
        ("verified", user.email_verified.to_string()),
        ("username", text(&user.username)),
        ("display name", text(&user.display_name)),
        ("type", user.user_type.clone()),
        ("active", user.is_active.to_string()),
        ("tokens", user.token_balance.to_string()),
        ("provider", user.auth_provider.clone()),
        (
            "last sign-in",
            user.last_login.map_or_else(|| "-".to_owned(), moment),
        ),
        (
            "valid since",
            record
                .valid_since
                .map_or_else(|| "-".to_owned(), |at| at.to_string()),
        ),
        ("created", moment(user.created_at)),
    ];
    lines
        .iter()
        .map(|(name, value)| format!("{name:14}{value}\n"))
        .collect()
}

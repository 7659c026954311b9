//! The schema after the newest migration, as far as it is compared.

/// A column.
pub(super) struct Column {
    pub table: &'static str,
    pub name: &'static str,
    /// As `format_type` spells it.
    pub kind: &'static str,
    pub not_null: bool,
}

const fn column(table: &'static str, name: &'static str, kind: &'static str, not_null: bool) -> Column {
    Column {
        table,
        name,
        kind,
        not_null,
    }
}

const NULLABLE: bool = false;
const NOT_NULL: bool = true;

/// Tables looked at.
pub(super) const TABLES: &[&str] = &[
    "auth.users",
    "auth.user_profiles",
    "public.schools",
    "auth.token_transfers",
    "auth.token_holds",
    "auth.auth_events",
];

/// Columns these tables must have; others may be there too.
#[rustfmt::skip]
pub(super) const COLUMNS: &[Column] = &[
    column("auth.users", "id", "uuid", NOT_NULL),
    column("auth.users", "username", "character varying(100)", NULLABLE),
    column("auth.users", "email", "character varying(255)", NULLABLE),
    column("auth.users", "password_hash", "character varying(255)", NULLABLE),
    column("auth.users", "user_type", "character varying(20)", NOT_NULL),
    column("auth.users", "is_active", "boolean", NOT_NULL),
    column("auth.users", "token_balance", "integer", NOT_NULL),
    column("auth.users", "last_login", "timestamp with time zone", NULLABLE),
    column("auth.users", "created_at", "timestamp with time zone", NOT_NULL),
    column("auth.users", "updated_at", "timestamp with time zone", NOT_NULL),
    column("auth.users", "firebase_uid", "text", NULLABLE),
    column("auth.users", "auth_provider", "text", NOT_NULL),
    column("auth.users", "provider_data", "jsonb", NOT_NULL),
    column("auth.users", "last_firebase_sync", "timestamp with time zone", NULLABLE),
    column("auth.users", "federation_status", "text", NOT_NULL),
    column("auth.users", "display_name", "text", NULLABLE),
    column("auth.users", "photo_url", "text", NULLABLE),
    column("auth.users", "email_verified", "boolean", NOT_NULL),
    column("auth.users", "valid_since", "timestamp with time zone", NULLABLE),
    column("auth.users", "ledger_version", "bigint", NOT_NULL),
    column("auth.user_profiles", "user_id", "uuid", NOT_NULL),
    column("auth.user_profiles", "full_name", "character varying(100)", NULLABLE),
    column("auth.user_profiles", "date_of_birth", "date", NULLABLE),
    column("auth.user_profiles", "gender", "character varying(10)", NULLABLE),
    column("auth.user_profiles", "school_id", "integer", NULLABLE),
    column("auth.user_profiles", "created_at", "timestamp with time zone", NOT_NULL),
    column("auth.user_profiles", "updated_at", "timestamp with time zone", NOT_NULL),
    column("public.schools", "id", "integer", NOT_NULL),
    column("public.schools", "name", "character varying(200)", NOT_NULL),
    column("public.schools", "address", "text", NULLABLE),
    column("public.schools", "city", "character varying(100)", NULLABLE),
    column("public.schools", "province", "character varying(100)", NULLABLE),
    column("auth.token_transfers", "id", "bigint", NOT_NULL),
    column("auth.token_transfers", "user_id", "uuid", NOT_NULL),
    column("auth.token_transfers", "version", "bigint", NOT_NULL),
    column("auth.token_transfers", "kind", "text", NOT_NULL),
    column("auth.token_transfers", "debit_account", "text", NOT_NULL),
    column("auth.token_transfers", "credit_account", "text", NOT_NULL),
    column("auth.token_transfers", "amount", "bigint", NOT_NULL),
    column("auth.token_transfers", "balance_after", "bigint", NOT_NULL),
    column("auth.token_transfers", "reason", "text", NOT_NULL),
    column("auth.token_transfers", "reference", "text", NULLABLE),
    column("auth.token_transfers", "hold_id", "uuid", NULLABLE),
    column("auth.token_transfers", "caller", "text", NOT_NULL),
    column("auth.token_transfers", "idempotency_key", "text", NULLABLE),
    column("auth.token_transfers", "request_hash", "bytea", NULLABLE),
    column("auth.token_transfers", "created_at", "timestamp with time zone", NOT_NULL),
    column("auth.token_holds", "id", "uuid", NOT_NULL),
    column("auth.token_holds", "user_id", "uuid", NOT_NULL),
    column("auth.token_holds", "amount", "bigint", NOT_NULL),
    column("auth.token_holds", "state", "text", NOT_NULL),
    column("auth.token_holds", "captured_amount", "bigint", NOT_NULL),
    column("auth.token_holds", "caller", "text", NOT_NULL),
    column("auth.token_holds", "reason", "text", NOT_NULL),
    column("auth.token_holds", "reference", "text", NULLABLE),
    column("auth.token_holds", "created_at", "timestamp with time zone", NOT_NULL),
    column("auth.token_holds", "expires_at", "timestamp with time zone", NOT_NULL),
    column("auth.token_holds", "settled_at", "timestamp with time zone", NULLABLE),
    column("auth.auth_events", "id", "bigint", NOT_NULL),
    column("auth.auth_events", "at", "timestamp with time zone", NOT_NULL),
    column("auth.auth_events", "kind", "text", NOT_NULL),
    column("auth.auth_events", "actor", "text", NOT_NULL),
    column("auth.auth_events", "user_id", "uuid", NULLABLE),
    column("auth.auth_events", "source_ip", "inet", NULLABLE),
    column("auth.auth_events", "request_id", "text", NULLABLE),
    column("auth.auth_events", "details", "jsonb", NOT_NULL),
];

/// Constraints by table and name; all must be validated. Of the legacy service's tables only those whose names are known.
pub(super) const CONSTRAINTS: &[(&str, &str)] = &[
    ("auth.users", "users_auth_provider_check"),
    ("auth.users", "users_credentials_check"),
    ("auth.users", "users_display_name_check"),
    ("auth.users", "users_email_key"),
    ("auth.users", "users_federation_status_check"),
    ("auth.users", "users_firebase_uid_check"),
    ("auth.users", "users_identified_check"),
    ("auth.users", "users_photo_url_check"),
    ("auth.users", "users_pkey"),
    ("auth.users", "users_provider_data_check"),
    ("auth.users", "users_token_balance_check"),
    ("auth.users", "users_user_type_check"),
    ("auth.users", "users_username_key"),
    ("auth.token_transfers", "token_transfers_accounts_check"),
    ("auth.token_transfers", "token_transfers_amount_check"),
    ("auth.token_transfers", "token_transfers_balance_check"),
    ("auth.token_transfers", "token_transfers_hold_id_fkey"),
    ("auth.token_transfers", "token_transfers_idempotency_check"),
    ("auth.token_transfers", "token_transfers_kind_check"),
    ("auth.token_transfers", "token_transfers_pkey"),
    ("auth.token_transfers", "token_transfers_text_check"),
    ("auth.token_transfers", "token_transfers_version_check"),
    ("auth.token_holds", "token_holds_amount_check"),
    ("auth.token_holds", "token_holds_captured_check"),
    ("auth.token_holds", "token_holds_expiry_check"),
    ("auth.token_holds", "token_holds_pkey"),
    ("auth.token_holds", "token_holds_settled_check"),
    ("auth.token_holds", "token_holds_state_check"),
    ("auth.token_holds", "token_holds_text_check"),
    ("auth.auth_events", "auth_events_details_check"),
    ("auth.auth_events", "auth_events_pkey"),
    ("auth.auth_events", "auth_events_secret_check"),
    ("auth.auth_events", "auth_events_text_check"),
];

/// Indexes by name, and whether they are unique.
pub(super) const INDEXES: &[(&str, bool)] = &[
    ("auth.idx_users_federation_pending", false),
    ("auth.users_email_key", true),
    ("auth.users_email_lower_key", true),
    ("auth.users_firebase_uid_key", true),
    ("auth.users_pkey", true),
    ("auth.users_username_key", true),
    ("auth.idx_token_transfers_hold", false),
    ("auth.token_transfers_idempotency_key", true),
    ("auth.token_transfers_pkey", true),
    ("auth.token_transfers_user_version_key", true),
    ("auth.token_transfers_welcome_key", true),
    ("auth.idx_token_holds_expiry", false),
    ("auth.idx_token_holds_reserved", false),
    ("auth.token_holds_pkey", true),
    ("auth.auth_events_pkey", true),
    ("auth.idx_auth_events_at", false),
    ("auth.idx_auth_events_user", false),
];

/// Triggers by table and name; all must be enabled.
pub(super) const TRIGGERS: &[(&str, &str)] = &[
    ("auth.users", "update_users_updated_at"),
    ("auth.users", "users_external_movement"),
    ("auth.users", "users_external_opening"),
    ("auth.users", "users_ledger_closing"),
    ("auth.token_transfers", "token_transfers_append_only"),
    ("auth.token_holds", "token_holds_keep"),
    ("auth.token_holds", "token_holds_settle_once"),
    ("auth.auth_events", "auth_events_append_only"),
];

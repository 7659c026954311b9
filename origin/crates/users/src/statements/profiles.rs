//! `auth.user_profiles` and `public.schools`.

use chrono::{DateTime, NaiveDate, Utc};
use shared::ids::UserId;
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{FromRow, Row as _};

use crate::rules::profile::{Page, Profile, ProfileChange, School, SchoolFilter, SchoolName};

/// The constraint that an unknown school violates.
pub const SCHOOL_CONSTRAINT: &str = "user_profiles_school_id_fkey";
/// The constraint that a taken username violates.
pub const USERNAME_CONSTRAINT: &str = "users_username_key";

impl FromRow<'_, PgRow> for Profile {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        let school = match row.try_get::<Option<String>, _>("school_name")? {
            None => None,
            Some(name) => Some(SchoolName {
                id: row.try_get("school_id")?,
                name,
                city: row.try_get("school_city")?,
                province: row.try_get("school_province")?,
            }),
        };
        Ok(Self {
            user_id: UserId(row.try_get("user_id")?),
            full_name: row.try_get("full_name")?,
            date_of_birth: row.try_get("date_of_birth")?,
            gender: row.try_get("gender")?,
            school_id: row.try_get("school_id")?,
            created_at: row.try_get("created_at")?,
            updated_at: row.try_get("updated_at")?,
            school,
        })
    }
}

/// A user's profile, with the user's school.
///
/// # Errors
/// The database's error.
pub async fn find(connection: &mut PgConnection, user: UserId) -> sqlx::Result<Option<Profile>> {
    sqlx::query_as(
        "SELECT profile.user_id, full_name, date_of_birth, gender, school_id, profile.created_at, profile.updated_at, \
                school.name AS school_name, school.city AS school_city, school.province AS school_province \
         FROM auth.user_profiles AS profile LEFT JOIN public.schools AS school ON school.id = profile.school_id \
         WHERE profile.user_id = $1",
    )
    .bind(user.0)
    .fetch_optional(connection)
    .await
}

/// Changes the fields in `change` and leaves the rest: username and profile together or not at all. Changes nothing of a user who was
/// removed meanwhile.
///
/// # Errors
/// The database's error; see [`SCHOOL_CONSTRAINT`] and [`USERNAME_CONSTRAINT`].
pub async fn change(connection: &mut PgConnection, user: UserId, change: &ProfileChange) -> sqlx::Result<()> {
    // Locks the user before the profile, as a removal does.
    sqlx::query(
        "WITH held AS (SELECT id FROM auth.users WHERE id = $1 AND is_active FOR NO KEY UPDATE), \
         named AS ( \
             UPDATE auth.users AS person SET username = $2 FROM held \
             WHERE person.id = held.id AND $2 IS NOT NULL AND username IS DISTINCT FROM $2 \
         ) \
         INSERT INTO auth.user_profiles AS profile (user_id, full_name, date_of_birth, gender, school_id) \
         SELECT id, $4, $5, $6, $7 FROM held WHERE $3 OR $5 IS NOT NULL OR $6 IS NOT NULL OR $7 IS NOT NULL \
         ON CONFLICT (user_id) DO UPDATE SET \
             full_name = CASE WHEN $3 THEN excluded.full_name ELSE profile.full_name END, \
             date_of_birth = coalesce(excluded.date_of_birth, profile.date_of_birth), \
             gender = coalesce(excluded.gender, profile.gender), \
             school_id = coalesce(excluded.school_id, profile.school_id)",
    )
    .bind(user.0)
    .bind(
        change
            .username
            .as_ref()
            .map(crate::rules::credentials::Username::as_str),
    )
    .bind(change.full_name.is_some())
    .bind(change.full_name.as_ref().and_then(Option::as_deref))
    .bind::<Option<NaiveDate>>(change.date_of_birth)
    .bind(change.gender)
    .bind(change.school_id)
    .execute(connection)
    .await
    .map(drop)
}

/// Deletes a user's profile; `false` when there was none.
///
/// # Errors
/// The database's error.
pub async fn delete(connection: &mut PgConnection, user: UserId) -> sqlx::Result<bool> {
    let done = sqlx::query("DELETE FROM auth.user_profiles WHERE user_id = $1")
        .bind(user.0)
        .execute(connection)
        .await?;
    Ok(done.rows_affected() > 0)
}

impl FromRow<'_, PgRow> for School {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: row.try_get("id")?,
            name: row.try_get("name")?,
            address: row.try_get("address")?,
            city: row.try_get("city")?,
            province: row.try_get("province")?,
            created_at: row.try_get::<DateTime<Utc>, _>("created_at")?,
        })
    }
}

/// All groups of three adjacent characters in a name, as in `idx_schools_name_grams`.
const NAME_GRAMS: &str = r"string_to_array(regexp_replace(lower(name::text), '(...)', E'\\1\x01', 'g'), E'\x01')
    || string_to_array(regexp_replace(substr(lower(name::text), 2), '(...)', E'\\1\x01', 'g'), E'\x01')
    || string_to_array(regexp_replace(substr(lower(name::text), 3), '(...)', E'\\1\x01', 'g'), E'\x01')";

/// The same for the searched text.
const SEARCHED_GRAMS: &str =
    "ARRAY(SELECT substr(lower($1), at, 3) FROM generate_series(1, length(lower($1)) - 2) AS at)";

/// One page of schools, and the number of all matches.
///
/// # Errors
/// The database's error.
pub async fn schools(
    connection: &mut PgConnection,
    filter: &SchoolFilter,
    page: Page,
) -> sqlx::Result<(Vec<School>, i64)> {
    let rows = sqlx::query(sqlx::AssertSqlSafe(statement(filter)))
        .bind(filter.search.as_deref())
        .bind(filter.city.as_deref())
        .bind(filter.province.as_deref())
        .bind(page.limit())
        .bind(page.offset())
        .fetch_all(connection)
        .await?;
    let mut schools = Vec::new();
    let mut total = 0;
    for row in &rows {
        match row.try_get::<Option<i64>, _>("total")? {
            Some(all) => total = all,
            None => schools.push(School::from_row(row)?),
        }
    }
    Ok((schools, total))
}

/// The statement for `filter`: one for each set of given fields, since a plan for all sets would read the whole table. It finds the matches
/// once, for the page and for the count.
fn statement(filter: &SchoolFilter) -> String {
    let name = match filter.search.as_deref().map(|search| search.chars().count()) {
        None => "$1::text IS NULL".to_owned(),
        // The index has no group for fewer characters.
        Some(..=2) => "strpos(lower(name), lower($1)) > 0".to_owned(),
        Some(_) => format!("({NAME_GRAMS}) @> {SEARCHED_GRAMS} AND strpos(lower(name), lower($1)) > 0"),
    };
    let city = given(
        filter.city.is_some(),
        "lower(city) = lower($2)",
        "$2::text IS NULL",
    );
    let province = given(
        filter.province.is_some(),
        "lower(province) = lower($3)",
        "$3::text IS NULL",
    );
    let whole = "id, name, address, city, province, created_at";
    if filter.is_empty() {
        return format!(
            "(SELECT {whole}, NULL::bigint AS total FROM public.schools \
              WHERE {name} AND {city} AND {province} ORDER BY name, id LIMIT $4 OFFSET $5) \
             UNION ALL SELECT 0, '', NULL, NULL, NULL, now(), count(*) FROM public.schools"
        );
    }
    format!(
        "WITH matching AS MATERIALIZED (SELECT id, name FROM public.schools WHERE {name} AND {city} AND {province}), \
              page AS (SELECT id FROM matching ORDER BY name, id LIMIT $4 OFFSET $5) \
         (SELECT {whole}, NULL::bigint AS total FROM page JOIN public.schools USING (id) ORDER BY name, id) \
         UNION ALL SELECT 0, '', NULL, NULL, NULL, now(), count(*) FROM matching"
    )
}

const fn given(is_given: bool, rule: &'static str, otherwise: &'static str) -> &'static str {
    if is_given { rule } else { otherwise }
}

/// Adds a school.
///
/// # Errors
/// The database's error.
pub async fn add_school(
    connection: &mut PgConnection,
    name: &str,
    address: Option<&str>,
    city: Option<&str>,
    province: Option<&str>,
) -> sqlx::Result<School> {
    sqlx::query_as(
        "INSERT INTO public.schools (name, address, city, province) VALUES ($1, $2, $3, $4) \
         RETURNING id, name, address, city, province, created_at",
    )
    .bind(name)
    .bind(address)
    .bind(city)
    .bind(province)
    .fetch_one(connection)
    .await
}

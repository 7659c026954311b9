//! `GET` and `POST /auth/schools`

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Value, json};
use sqlx::postgres::PgRow;
use sqlx::{FromRow, Row as _};

use super::Shared;
use super::answer::{Failure, ok, success, time};
use super::bearer::Caller;
use super::input::{Input, anything, at_most_100, at_most_200};

/// The wanted schools, and the page of them. `useFullText` changes how they are found, not which ones.
#[derive(Deserialize)]
pub struct Wanted {
    search: Option<String>,
    city: Option<String>,
    province: Option<String>,
    page: Option<String>,
    limit: Option<String>,
}

struct School {
    id: i32,
    name: String,
    address: Option<String>,
    city: Option<String>,
    province: Option<String>,
    created_at: Option<DateTime<Utc>>,
}

impl FromRow<'_, PgRow> for School {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: row.try_get("id")?,
            name: row.try_get("name")?,
            address: row.try_get("address")?,
            city: row.try_get("city")?,
            province: row.try_get("province")?,
            created_at: row.try_get("created_at")?,
        })
    }
}

impl School {
    fn shown(&self) -> Value {
        json!({
            "id": self.id,
            "name": self.name,
            "address": self.address,
            "city": self.city,
            "province": self.province,
            "created_at": self.created_at.map(time),
        })
    }
}

/// A page of schools by name.
pub async fn list(
    State(service): Shared,
    Caller(_): Caller,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Failure> {
    let number = |text: &Option<String>, usual: i64| {
        text.as_deref()
            .and_then(|text| text.parse().ok())
            .filter(|number| *number > 0)
            .unwrap_or(usual)
    };
    let (page, limit) = (number(&wanted.page, 1), number(&wanted.limit, 20));
    let like = |text: Option<String>| {
        text.filter(|text| !text.is_empty())
            .map(|text| format!("%{text}%"))
    };
    let (search, city, province) = (like(wanted.search), like(wanted.city), like(wanted.province));
    let total: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM public.schools WHERE ($1::text IS NULL OR name ILIKE $1) \
         AND ($2::text IS NULL OR city ILIKE $2) AND ($3::text IS NULL OR province ILIKE $3)",
    )
    .bind(&search)
    .bind(&city)
    .bind(&province)
    .fetch_one(&service.pool)
    .await?;
    let schools: Vec<School> = sqlx::query_as(
        "SELECT * FROM public.schools WHERE ($1::text IS NULL OR name ILIKE $1) \
         AND ($2::text IS NULL OR city ILIKE $2) AND ($3::text IS NULL OR province ILIKE $3) \
         ORDER BY name, id LIMIT $4 OFFSET $5",
    )
    .bind(search)
    .bind(city)
    .bind(province)
    .bind(limit)
    .bind(page.saturating_sub(1).saturating_mul(limit))
    .fetch_all(&service.pool)
    .await?;
    let schools: Vec<Value> = schools.iter().map(School::shown).collect();
    let pages = total.saturating_add(limit).saturating_sub(1).div_euclid(limit);
    let pagination = json!({"total": total, "page": page, "limit": limit, "pages": pages});
    Ok(ok(&json!({"schools": schools, "pagination": pagination})))
}

/// Adds a school.
pub async fn add(State(service): Shared, Caller(_): Caller, mut input: Input) -> Result<Response, Failure> {
    let name = input.required("name", at_most_200);
    let address = input.optional("address", anything);
    let city = input.optional("city", at_most_100);
    let province = input.optional("province", at_most_100);
    input.finish()?;
    let school: School = sqlx::query_as(
        "INSERT INTO public.schools (name, address, city, province) VALUES ($1, $2, $3, $4) RETURNING *",
    )
    .bind(name)
    .bind(address)
    .bind(city)
    .bind(province)
    .fetch_one(&service.pool)
    .await?;
    let data = json!({"school": school.shown(), "message": "School created successfully"});
    Ok(success(StatusCode::CREATED, "Success", &data))
}

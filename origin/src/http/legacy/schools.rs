//! `GET` and `POST /auth/schools`.

use std::time::Duration;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use database::{DatabaseError, run};
use serde::{Deserialize, Serialize};
use shared::api::envelope::Success;
use shared::config::whole_number;
use shared::ids::UserId;
use shared::limits::Limit;
use shared::problem::{ErrorCode, Problem};
use tokio::time::timeout;
use users::rules::profile::{Page, School, SchoolFilter};
use users::statements::profiles;

use super::caller::LegacyCaller;
use crate::app::AppState;
use crate::http::body::JsonObject;
use crate::http::error::ApiError;
use crate::http::limit;
use crate::http::success::success;

/// How long a search waits for its place.
const PATIENCE: Duration = Duration::from_secs(2);
/// When it may be tried again, in seconds.
const BUSY_SECONDS: u32 = 2;

/// Which schools, and which page of them. `useFullText` of the old contract is accepted and changes nothing.
#[derive(Debug, Deserialize)]
pub struct SchoolQuery {
    search: Option<String>,
    city: Option<String>,
    province: Option<String>,
    page: Option<String>,
    limit: Option<String>,
}

/// A page of schools.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct SchoolPage {
    schools: Vec<SchoolJson>,
    pagination: Pagination,
}

/// Where the page stands.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Pagination {
    total: i64,
    page: i64,
    limit: i64,
    pages: i64,
}

/// A school.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct SchoolJson {
    id: i32,
    name: String,
    address: Option<String>,
    city: Option<String>,
    province: Option<String>,
    created_at: DateTime<Utc>,
}

/// An added school.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct AddedSchool {
    school: SchoolJson,
    message: &'static str,
}

/// Lists schools by name. Each user so often, and not more at once than a part of the pool: the count alone may read the whole table.
pub async fn list(
    State(app): State<AppState>,
    LegacyCaller(user): LegacyCaller,
    query: Result<Query<SchoolQuery>, QueryRejection>,
) -> Result<Json<Success<SchoolPage>>, Response> {
    let caller = app.limits.user(UserId(user.user().id));
    if let Err(slow) = app.limits.call(Limit::Schools, &caller).await {
        return Err(limit::refused(
            Limit::Schools,
            app.limits.quota(Limit::Schools),
            slow,
        ));
    }
    search(&app, query).await.map_err(IntoResponse::into_response)
}

async fn search(
    app: &AppState,
    query: Result<Query<SchoolQuery>, QueryRejection>,
) -> Result<Json<Success<SchoolPage>>, ApiError> {
    let Query(query) = query.map_err(|_| ApiError::invalid(vec!["the query cannot be read".to_owned()]))?;
    let page = read_page(&query)?;
    let filter = &SchoolFilter {
        search: text("search", query.search)?,
        city: text("city", query.city)?,
        province: text("province", query.province)?,
    };
    let place = timeout(PATIENCE, app.costly_reads.acquire()).await;
    let Ok(Ok(_place)) = place else {
        let problem = Problem::new(ErrorCode::RateLimited).retry_after(BUSY_SECONDS);
        return Err(ApiError::from(problem).reason("costly_reads_full"));
    };
    let (schools, total) = run(&app.pool, |mut connection| async move {
        profiles::schools(&mut connection, filter, page).await
    })
    .await?;
    let pagination = Pagination {
        total,
        page: page.number(),
        limit: page.limit(),
        pages: page.pages(total),
    };
    let schools = schools.into_iter().map(SchoolJson::from).collect();
    Ok(success(SchoolPage { schools, pagination }, "Success"))
}

/// Adds a school.
pub async fn add(
    State(app): State<AppState>,
    LegacyCaller(_): LegacyCaller,
    mut body: JsonObject,
) -> Result<(StatusCode, Json<Success<AddedSchool>>), ApiError> {
    let name = &body.required_text("name", 1..=200);
    let address = body.optional_text("address", 1..=1000);
    let city = body.optional_text("city", 1..=100);
    let province = body.optional_text("province", 1..=100);
    body.finish()?;
    let (address, city, province) = (address.as_deref(), city.as_deref(), province.as_deref());
    // Not repeated on a dead connection: a school has no key by which a repeat could be recognised.
    let added = app.pool.once(|mut connection| async move {
        profiles::add_school(&mut connection, name, address, city, province).await
    });
    let school = added.await?.map_err(DatabaseError::from)?;
    let data = AddedSchool {
        school: school.into(),
        message: "School created successfully",
    };
    Ok((StatusCode::CREATED, success(data, "Success")))
}

fn read_page(query: &SchoolQuery) -> Result<Page, ApiError> {
    let number = |name: &str, text: Option<&str>, usual: i64, most: i64| match text {
        None | Some("") => Ok(usual),
        Some(text) => {
            whole_number(text, 1..=most).map_err(|rule| ApiError::invalid(vec![format!("{name} {rule}")]))
        }
    };
    let page = number("page", query.page.as_deref(), 1, Page::MAX_NUMBER)?;
    let limit = number("limit", query.limit.as_deref(), 20, Page::MAX_LIMIT)?;
    Page::new(page, limit).ok_or_else(|| ApiError::invalid(vec!["page or limit is out of range".to_owned()]))
}

fn text(name: &str, text: Option<String>) -> Result<Option<String>, ApiError> {
    match text {
        Some(text) if text.is_empty() => Ok(None),
        Some(text) if text.chars().count() > 200 || text.contains('\0') => {
            Err(ApiError::invalid(vec![format!(
                "{name} must be at most 200 characters"
            )]))
        }
        text => Ok(text),
    }
}

impl From<School> for SchoolJson {
    fn from(school: School) -> Self {
        Self {
            id: school.id,
            name: school.name,
            address: school.address,
            city: school.city,
            province: school.province,
            created_at: school.created_at,
        }
    }
}

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
use utoipa::openapi::Object;

use super::caller::{LegacyCaller, of_callers};
use crate::app::AppState;
use crate::http::body::Body;
use crate::http::error::ApiError;
use crate::http::fields::{field, paging, text, texts};
use crate::http::limit;
use crate::http::openapi::LEGACY;
use crate::http::success::success;

/// How long a search waits for a free place.
const PATIENCE: Duration = Duration::from_secs(2);
/// Seconds until the next attempt.
const BUSY_SECONDS: u32 = 2;

/// The filter, and the page. `useFullText` of the old contract is accepted and changes nothing.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SchoolQuery {
    /// Part of the name, in any case.
    #[param(required = false, schema_with = searched)]
    search: Option<String>,
    /// The city, in any case.
    #[param(required = false, schema_with = searched)]
    city: Option<String>,
    /// The province, in any case.
    #[param(required = false, schema_with = searched)]
    province: Option<String>,
    /// From 1.
    #[param(required = false, schema_with = page_number)]
    page: Option<String>,
    /// How many.
    #[param(required = false, schema_with = page_size)]
    limit: Option<String>,
}

/// How many schools a page holds by default.
const USUAL_LIMIT: i64 = 20;
/// The longest searched text, in characters.
const MAX_SEARCHED: usize = 200;

fn searched() -> Object {
    texts(..=MAX_SEARCHED).build()
}

fn page_number() -> Object {
    paging(Page::MAX_NUMBER, 1)
}

fn page_size() -> Object {
    paging(Page::MAX_LIMIT, USUAL_LIMIT)
}

/// A page of schools.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct SchoolPage {
    schools: Vec<SchoolJson>,
    pagination: Pagination,
}

/// The position of the page.
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

/// List schools by name
#[utoipa::path(get, path = "/auth/schools", operation_id = "legacyListSchools", tag = LEGACY, security(("bearer" = [])),
    params(SchoolQuery),
    responses((status = 200, description = "A page of schools", body = SchoolPage)),
    extensions(("x-fails" = json!(of_callers()))))]
// Each user has a quota, and all together use a part of the pool: the count alone may read the whole table.
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
        search: searched_text("search", query.search)?,
        city: searched_text("city", query.city)?,
        province: searched_text("province", query.province)?,
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

field! {
    /// The name of a school.
    SchoolName(String): |value| text(value, 1..=200), texts(1..=200);
    /// The address of a school.
    Address(String): |value| text(value, 1..=1000), texts(1..=1000);
    /// A city or province.
    Place(String): |value| text(value, 1..=100), texts(1..=100);
}

/// A new school.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct SchoolBody {
    name: SchoolName,
    address: Option<Address>,
    city: Option<Place>,
    province: Option<Place>,
}

/// Add a school
#[utoipa::path(post, path = "/auth/schools", operation_id = "legacyAddSchool", tag = LEGACY, security(("bearer" = [])),
    request_body = SchoolBody,
    responses((status = 201, description = "School added", body = AddedSchool)),
    extensions(("x-fails" = json!(of_callers()))))]
pub async fn add(
    State(app): State<AppState>,
    LegacyCaller(_): LegacyCaller,
    Body(body): Body<SchoolBody>,
) -> Result<(StatusCode, Json<Success<AddedSchool>>), ApiError> {
    let name = &body.name.0;
    let address = body.address.as_ref().map(|text| text.0.as_str());
    let city = body.city.as_ref().map(|text| text.0.as_str());
    let province = body.province.as_ref().map(|text| text.0.as_str());
    // Not repeated on a dead connection: a school has no key that would recognise the repeat.
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
    let limit = number("limit", query.limit.as_deref(), USUAL_LIMIT, Page::MAX_LIMIT)?;
    Page::new(page, limit).ok_or_else(|| ApiError::invalid(vec!["page or limit is out of range".to_owned()]))
}

fn searched_text(name: &str, text: Option<String>) -> Result<Option<String>, ApiError> {
    match text {
        Some(text) if text.is_empty() => Ok(None),
        Some(text) if text.chars().count() > MAX_SEARCHED || text.contains('\0') => Err(ApiError::invalid(
            vec![format!("{name} must be at most {MAX_SEARCHED} characters")],
        )),
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

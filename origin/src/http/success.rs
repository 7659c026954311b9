//! Success answers.

use axum::Json;
use shared::api::envelope::Success;

use crate::clock;

/// The success envelope around `data`, with the current time.
pub fn success<T>(data: T, message: &'static str) -> Json<Success<T>> {
    Json(Success::new(data, message, clock::now()))
}

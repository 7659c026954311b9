//! For monitors and load balancers, and this document.

use utoipa::openapi::path::HttpMethod;

use super::{OPERATORS, Operation};
use crate::http::health::{Alive, Health, Readiness};

pub fn operations() -> Vec<Operation> {
    let get = |path, id, summary| Operation::new(HttpMethod::Get, path, id, OPERATORS, summary);
    vec![
        get("/livez", "getLiveness", "The process answers")
            .more("Depends on nothing: an outage of the database must not restart healthy processes.")
            .answers_bare::<Alive>(200, "It does."),
        get("/readyz", "getReadiness", "Requests should be sent here")
            .answers_bare::<Readiness>(200, "They should.")
            .answers_bare::<Readiness>(503, "They should not: the checks say why."),
        get(
            "/health",
            "getHealth",
            "How it is, in the shape that old monitors read",
        )
        .answers_bare::<Health>(200, "It is well.")
        .answers_bare::<Health>(503, "The database is away."),
        get("/metrics", "getMetrics", "Everything countable, for Prometheus").answers_text(
            200,
            "text/plain",
            "The text format 0.0.4.",
        ),
        get("/openapi.json", "getDocument", "This document").answers_object(200, "OpenAPI 3.1."),
        get("/docs", "getDocumentPage", "This document, for people").answers_text(
            200,
            "text/html",
            "A page that needs nothing else from the network.",
        ),
    ]
}

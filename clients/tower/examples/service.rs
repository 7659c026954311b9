//! A service behind the edge on axum. `PORT`, `CROSSFADE_AUDIENCE` and `CROSSFADE_ASSERTION_KEYS` (what `origin assertion-keys
//! <audience>` prints) come from the environment.
//!
//! ```sh
//! cargo run -p crossfade-tower --example service
//! ```

use std::env;
use std::error::Error;

use axum::routing::{any, get};
use axum::{Extension, Json, Router};
use crossfade_tower::{AssertionKeys, AssertionLayer, Caller};
use serde_json::{Value, json};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let keys = AssertionKeys::parse(&env::var("CROSSFADE_ASSERTION_KEYS")?)?;
    let layer = AssertionLayer::new(env::var("CROSSFADE_AUDIENCE")?, keys)?;
    let app = Router::new()
        .fallback(any(who))
        .layer(layer)
        // Outside of the layer: a health probe has no assertion.
        .route("/livez", get(|| async {}));
    let port = env::var("PORT").unwrap_or_else(|_| "0".to_owned());
    let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    println!("listening on {}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}

async fn who(Extension(caller): Extension<Caller>) -> Json<Value> {
    Json(json!({ "service": "tower", "user": caller.user() }))
}

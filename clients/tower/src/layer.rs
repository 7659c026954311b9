//! The layer and its service.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{SystemTime, UNIX_EPOCH};

use http::{Request, Response};
use shared::assertion::AssertionKeys;
use shared::time::{ClockSkew, UnixTime};
use tower_layer::Layer;
use tower_service::Service;

use crate::future::AssertionFuture;
use crate::opener::{InvalidAudience, Opener};
use crate::refusal;

/// Lets in only requests from the edge; see the crate's documentation.
#[derive(Debug, Clone)]
pub struct AssertionLayer(Arc<Opener>);

impl AssertionLayer {
    /// For the service with the name `audience` in the edge's `UPSTREAMS`, and the keys that were derived for it.
    ///
    /// # Errors
    /// [`InvalidAudience`]
    pub fn new(audience: impl Into<String>, keys: AssertionKeys) -> Result<Self, InvalidAudience> {
        let audience = audience.into();
        Opener::check_audience(&audience)?;
        Ok(Self(Arc::new(Opener {
            audience,
            keys,
            skew: ClockSkew::DEFAULT,
            optional: false,
            clock: Arc::new(system_time),
        })))
    }

    /// Lets in requests that name no user. They still need an assertion, and a bad one is refused.
    #[must_use]
    pub fn optional(self) -> Self {
        self.with(|opener| opener.optional = true)
    }

    /// How far the edge's clock may differ from this machine's; 30 seconds by default.
    #[must_use]
    pub fn skew(self, skew: ClockSkew) -> Self {
        self.with(|opener| opener.skew = skew)
    }

    /// Takes the time from `clock` instead of the system.
    #[must_use]
    pub fn clock(self, clock: impl Fn() -> UnixTime + Send + Sync + 'static) -> Self {
        self.with(|opener| opener.clock = Arc::new(clock))
    }

    fn with(self, change: impl FnOnce(&mut Opener)) -> Self {
        let mut opener = Opener {
            audience: self.0.audience.clone(),
            keys: self.0.keys.clone(),
            skew: self.0.skew,
            optional: self.0.optional,
            clock: Arc::clone(&self.0.clock),
        };
        change(&mut opener);
        Self(Arc::new(opener))
    }
}

/// With a clock before 1970 no assertion opens.
fn system_time() -> UnixTime {
    let seconds = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |elapsed| i64::try_from(elapsed.as_secs()).unwrap_or(i64::MAX));
    UnixTime::from_secs(seconds)
}

impl<S> Layer<S> for AssertionLayer {
    type Service = AssertionService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        AssertionService {
            opener: Arc::clone(&self.0),
            inner,
        }
    }
}

/// Opens the assertion of each request before `inner` sees it.
#[derive(Debug, Clone)]
pub struct AssertionService<S> {
    opener: Arc<Opener>,
    inner: S,
}

impl<S, RequestBody, ResponseBody> Service<Request<RequestBody>> for AssertionService<S>
where
    S: Service<Request<RequestBody>, Response = Response<ResponseBody>>,
    ResponseBody: From<Vec<u8>>,
{
    type Response = Response<ResponseBody>;
    type Error = S::Error;
    type Future = AssertionFuture<S::Future, ResponseBody>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<RequestBody>) -> Self::Future {
        let now = (self.opener.clock)();
        let (mut parts, body) = request.into_parts();
        match self.opener.open(&parts, now) {
            Ok(caller) => {
                parts.extensions.insert(caller);
                AssertionFuture::let_in(self.inner.call(Request::from_parts(parts, body)))
            }
            Err(problem) => AssertionFuture::refused(refusal::response(&problem, &parts, now)),
        }
    }
}

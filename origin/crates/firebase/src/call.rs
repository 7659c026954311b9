//! One call: it has a time limit, is repeated where that is harmless, and its failure is classified.

use std::pin::Pin;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use tokio::time::{Instant, sleep};
use tracing::field::Empty;
use tracing::{Instrument as _, Span, info_span};

use super::credential::Credential;
use super::transport::{send, with_json};
use super::wire::Ignored;
use super::{Firebase, FirebaseError, repeat};

/// How long one attempt may take: less than the 3 s that the edge allows the origin. If Google is silent, the edge learns of the outage in
/// time to ask the legacy service.
const ATTEMPT_TIMEOUT: Duration = Duration::from_millis(2_500);

/// A call without the type of its future. The compiler proves a dozen times for each handler that threads may share its future, and looks
/// through all futures within, an HTTP client's among them: here it stops.
type Boxed<'a, T> = Pin<Box<dyn Future<Output = Result<T, FirebaseError>> + Send + 'a>>;

impl Firebase {
    /// `POST {identity toolkit}/v1/{method}`, authorised by the API key, as any client may call it.
    pub(super) async fn call_public<T: DeserializeOwned + Send + 'static>(
        &self,
        method: &str,
        body: &impl Serialize,
    ) -> Result<T, FirebaseError> {
        let url = format!("{}/v1/{method}?key={}", self.0.identity_toolkit, self.api_key()?);
        let request = with_json(self.0.client.post(url), &self.of_tenant(body));
        self.call(method, method, request).await
    }

    /// `POST {identity toolkit}/v2/{method}`, authorised by the API key: the second step of a sign-in.
    pub(super) async fn call_second_factor<T: DeserializeOwned + Send + 'static>(
        &self,
        method: &str,
        body: serde_json::Value,
    ) -> Result<T, FirebaseError> {
        let url = format!("{}/v2/{method}?key={}", self.0.identity_toolkit, self.api_key()?);
        let request = with_json(self.0.client.post(url), &self.of_tenant(&body));
        self.call(method, method, request).await
    }

    /// Has Firebase send a mail, in the configured language and with the configured link.
    /// <https://firebase.google.com/docs/reference/rest/auth#section-send-password-reset-email>
    pub(super) async fn call_mail(&self, mut body: serde_json::Value) -> Result<(), FirebaseError> {
        let method = "accounts:sendOobCode";
        let url = format!("{}/v1/{method}?key={}", self.0.identity_toolkit, self.api_key()?);
        let mails = &self.0.mails;
        if let (Some(continue_url), Some(body)) = (&mails.continue_url, body.as_object_mut()) {
            body.insert("continueUrl".to_owned(), continue_url.as_str().into());
        }
        let mut request = with_json(self.0.client.post(url), &self.of_tenant(&body));
        if let Some(locale) = &mails.locale {
            request = request.header("x-firebase-locale", locale);
        }
        self.call::<Ignored>(method, method, request).await.map(drop)
    }

    /// The body of a client's call, with the tenant where there is one.
    fn of_tenant(&self, body: &impl Serialize) -> serde_json::Value {
        // Our own wire types always serialise.
        let mut body = serde_json::to_value(body).unwrap_or_default();
        if let (Some(tenant), Some(body)) = (self.tenant(), body.as_object_mut()) {
            body.insert("tenantId".to_owned(), tenant.into());
        }
        body
    }

    /// `POST` to [`Firebase::admin_url`], authorised by the service account.
    pub(super) async fn call_admin<T: DeserializeOwned + Send + 'static>(
        &self,
        method: &str,
        body: &impl Serialize,
    ) -> Result<T, FirebaseError> {
        let url = self.admin_url(method);
        let quota = format!("projects/{method}");
        let request =
            |bearer: String| with_json(self.counted(self.0.client.post(&url)).bearer_auth(bearer), body);
        let bearer = self.bearer().await?;
        match self.call(method, &quota, request(bearer)).await {
            // Google revoked the access token early and did not carry out the call: it may be repeated.
            Err(FirebaseError::OurCredentials { status: 401, .. }) if self.0.credential.forget() => {
                let bearer = self.bearer().await?;
                self.call(method, &quota, request(bearer)).await
            }
            outcome => outcome,
        }
    }

    /// `POST {secure token}/v1/token`.
    pub(super) async fn call_secure_token<T: DeserializeOwned + Send + 'static>(
        &self,
        body: &impl Serialize,
    ) -> Result<T, FirebaseError> {
        let url = format!("{}/v1/token?key={}", self.0.secure_token, self.api_key()?);
        let request = with_json(self.0.client.post(url), body);
        self.call("token", "token", request).await
    }

    /// Makes a call. [`repeat`] decides whether to repeat it, and there is no call while Google asks for a pause of `quota`.
    fn call<'a, T: DeserializeOwned + Send + 'static>(
        &'a self,
        method: &'a str,
        quota: &'a str,
        request: reqwest::RequestBuilder,
    ) -> Boxed<'a, T> {
        Box::pin(self.call_repeatedly(method, quota, request))
    }

    async fn call_repeatedly<T: DeserializeOwned>(
        &self,
        method: &str,
        quota: &str,
        request: reqwest::RequestBuilder,
    ) -> Result<T, FirebaseError> {
        let started = Instant::now();
        self.0.pauses.check(quota, started)?;
        let mut attempt = 1;
        loop {
            let Some(this) = request.try_clone() else {
                return self.attempt_once(method, request).await;
            };
            let error = match self.attempt_once(method, this).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            if let FirebaseError::Exhausted { retry_after } = error {
                self.0.pauses.note(quota, retry_after, Instant::now());
            }
            match repeat::pause_before_next(method, &error, attempt, started.elapsed()) {
                Some(pause) => sleep(pause).await,
                None => return Err(error),
            }
            attempt = attempt.saturating_add(1);
        }
    }

    /// One attempt, with a span of its own if the request is traced. The span omits `url.full`, against OpenTelemetry's conventions: it
    /// holds the API key.
    async fn attempt_once<T: DeserializeOwned>(
        &self,
        method: &str,
        request: reqwest::RequestBuilder,
    ) -> Result<T, FirebaseError> {
        let span = if Span::current().is_none() {
            Span::none()
        } else {
            info_span!(
                "call",
                otel.name = format!("POST {method}"),
                otel.kind = "client",
                otel.status_code = Empty,
                http.request.method = "POST",
                http.response.status_code = Empty,
                url.template = method,
                "error.type" = Empty,
            )
        };
        let outcome = send(request.timeout(ATTEMPT_TIMEOUT))
            .instrument(span.clone())
            .await;
        let error = outcome.as_ref().err();
        // A 400 of Google has become an error with a meaning.
        if let Some(status) = error.map_or(Some(200), FirebaseError::status) {
            span.record("http.response.status_code", i64::from(status));
        }
        if let Some(error) = error {
            span.record("error.type", error.code().as_str());
            span.record("otel.status_code", "error");
        }
        outcome
    }

    /// The bearer token of an administrator's call.
    pub(super) fn bearer(&self) -> Boxed<'_, String> {
        Box::pin(self.0.credential.bearer(&self.0.client, self.now()))
    }

    pub(super) fn is_authorised(&self) -> bool {
        !matches!(self.0.credential, Credential::None)
    }

    fn api_key(&self) -> Result<&str, FirebaseError> {
        self.0
            .api_key
            .as_deref()
            .ok_or(FirebaseError::NotConfigured("FIREBASE_API_KEY"))
    }
}

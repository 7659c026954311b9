//! Behaviour as in production, and faults on demand.

use axum::body::Body;
use axum::http::{Request, header};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use serde_json::{Value, json};

use super::state::Shared;
use super::{API_KEY, Change, routes};
use crate::keys::Key;
use crate::serve::ConnectionEnds;
use crate::tokens::{Draft, Signature, now};

const BASE: &str = "http://stand-in";
const PASSWORD: &str = "correct-horse_1";

/// The password's bcrypt hash, cost 4, as the legacy service writes it and an import carries it.
fn hash_of(password: &str) -> String {
    URL_SAFE_NO_PAD.encode(bcrypt::hash(password, 4).unwrap())
}

#[derive(Clone)]
struct Google {
    shared: Shared,
    access_token: String,
}

struct Answer {
    status: u16,
    retry_after: Option<String>,
    lost: bool,
    body: Value,
}

impl Answer {
    fn message(&self) -> &str {
        self.body["error"]["message"].as_str().unwrap_or_default()
    }
}

impl Google {
    async fn new() -> Self {
        let mut google = Self {
            shared: Shared::new("demo", BASE),
            access_token: String::new(),
        };
        let granted = google.grant(&assertion()).await;
        google.access_token = granted.body["access_token"].as_str().unwrap().to_owned();
        google
    }

    fn change(&self, change: Value) {
        self.shared
            .change(serde_json::from_value::<Change>(change).unwrap());
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        let service = TowerToHyperService::new(routes(self.shared.clone()));
        let response = service.call(request).await.unwrap();
        let lost = response.extensions().get::<ConnectionEnds>().is_some();
        let status = response.status().as_u16();
        let retry_after = response.headers().get(header::RETRY_AFTER);
        let retry_after = retry_after.map(|value| value.to_str().unwrap().to_owned());
        let bytes = axum::body::to_bytes(response.into_body(), usize::MAX)
            .await
            .unwrap();
        Answer {
            status,
            retry_after,
            lost,
            body: serde_json::from_slice(&bytes).unwrap_or(Value::Null),
        }
    }

    async fn client(&self, method: &str, body: Value) -> Answer {
        let uri = format!("/identitytoolkit.googleapis.com/v1/accounts:{method}?key={API_KEY}");
        self.send(request(&uri, "application/json", body.to_string()))
            .await
    }

    async fn admin(&self, method: &str, body: Value) -> Answer {
        self.admin_as(&self.access_token, method, body).await
    }

    async fn admin_as(&self, bearer: &str, method: &str, body: Value) -> Answer {
        let uri = format!("/identitytoolkit.googleapis.com/v1/projects/demo/accounts{method}");
        let mut request = request(&uri, "application/json", body.to_string());
        let bearer = format!("Bearer {bearer}").parse().unwrap();
        request.headers_mut().insert(header::AUTHORIZATION, bearer);
        self.send(request).await
    }

    async fn grant(&self, assertion: &str) -> Answer {
        let form =
            format!("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion={assertion}");
        self.send(request("/token", "application/x-www-form-urlencoded", form))
            .await
    }

    async fn refresh(&self, refresh_token: &str) -> Answer {
        let uri = format!("/securetoken.googleapis.com/v1/token?key={API_KEY}");
        let form = format!("grant_type=refresh_token&refresh_token={refresh_token}");
        self.send(request(&uri, "application/x-www-form-urlencoded", form))
            .await
    }

    async fn sign_in(&self, email: &str, password: &str) -> Answer {
        self.client(
            "signInWithPassword",
            json!({"email": email, "password": password}),
        )
        .await
    }

    async fn import(&self, users: Value) -> Answer {
        self.admin(":batchCreate", json!({"hashAlgorithm": "BCRYPT", "users": users}))
            .await
    }
}

fn request(uri: &str, media: &str, body: String) -> Request<Body> {
    Request::post(uri)
        .header(header::CONTENT_TYPE, media)
        .body(Body::from(body))
        .unwrap()
}

fn assertion() -> String {
    draft_of_assertion().mint()
}

fn draft_of_assertion() -> Draft {
    Draft::new(Signature::Empty)
        .header("alg", "RS256")
        .by(Key::named("service-account").unwrap())
        .claim("iss", "crossfade@demo.iam.gserviceaccount.com")
        .claim("aud", format!("{BASE}/token"))
        .claim("scope", "https://www.googleapis.com/auth/identitytoolkit")
        .claim("iat", now())
        .claim("exp", now() + 3_600)
}

#[tokio::test]
async fn imported_bcrypt_hash_is_checked() {
    let google = Google::new().await;
    let split = URL_SAFE_NO_PAD.encode("abcdefghijklmnopqrstuvwxyz01234");
    let done = google
        .import(json!([
            {"localId": "u-1", "email": "Ann@Example.org", "passwordHash": hash_of(PASSWORD)},
            {"localId": "u-2", "email": "ben@example.org", "passwordHash": split},
        ]))
        .await;
    assert_eq!((done.status, &done.body["error"]), (200, &Value::Null));
    let signed_in = google.sign_in("ann@example.ORG", PASSWORD).await;
    assert_eq!(
        (signed_in.status, &signed_in.body["localId"]),
        (200, &json!("u-1"))
    );
    for (email, password) in [
        ("ann@example.org", "wrong"),
        ("ben@example.org", PASSWORD),
        ("nobody@example.org", PASSWORD),
    ] {
        let refused = google.sign_in(email, password).await;
        assert_eq!(
            (refused.status, refused.message()),
            (400, "INVALID_LOGIN_CREDENTIALS"),
            "{email}"
        );
    }
    google.change(json!({"email_privacy": false}));
    assert_eq!(
        google.sign_in("ann@example.org", "wrong").await.message(),
        "INVALID_PASSWORD"
    );
    assert_eq!(
        google.sign_in("nobody@example.org", "x").await.message(),
        "EMAIL_NOT_FOUND"
    );
}

#[tokio::test]
async fn an_import_replaces_and_doubles_and_reports_by_index() {
    let google = Google::new().await;
    let first = json!([{"localId": "u-1", "email": "ann@example.org", "passwordHash": hash_of(PASSWORD)}]);
    google.import(first).await;
    let second = google
        .import(json!([
            {"email": "no-uid@example.org"},
            {"localId": "u-1", "email": "ann@example.org", "passwordHash": hash_of("other-horse_1")},
            {"localId": "u-2", "email": "no address"},
            {"localId": "u-3", "email": "ann@example.org"},
        ]))
        .await;
    assert_eq!(
        second.body["error"],
        json!([{"index": 0, "message": "localId is missing"}, {"index": 2, "message": "email is invalid"}])
    );
    assert_eq!(google.shared.store().len(), 2);
    assert_eq!(google.sign_in("ann@example.org", PASSWORD).await.status, 400);
    assert_eq!(
        google.sign_in("ann@example.org", "other-horse_1").await.body["localId"],
        "u-1"
    );

    let kept = google
        .admin(
            ":batchCreate",
            json!({"allowOverwrite": false, "users": [{"localId": "u-1", "email": "new@example.org"}]}),
        )
        .await;
    assert_eq!(kept.body["error"][0]["index"], 0);
    let checked = google
        .admin(
            ":batchCreate",
            json!({"sanityCheck": true, "users": [{"localId": "u-4", "email": "ANN@example.org"}]}),
        )
        .await;
    assert_eq!(
        checked.body["error"][0]["message"],
        "email exists in other account in database"
    );
}

#[tokio::test]
async fn batches_have_their_limits() {
    let google = Google::new().await;
    let many: Vec<Value> = (0..1_001)
        .map(|n| json!({"localId": format!("u-{n:04}")}))
        .collect();
    let ids: Vec<&Value> = many.iter().map(|user| &user["localId"]).collect();
    assert_eq!(google.import(json!(many)).await.status, 400);
    assert_eq!(google.import(json!([])).await.message(), "MISSING_USER_ACCOUNT");
    let unhashed = json!({"users": [{"localId": "u", "passwordHash": "eA"}]});
    assert_eq!(
        google.admin(":batchCreate", unhashed).await.message(),
        "INVALID_HASH_ALGORITHM"
    );
    assert_eq!(google.import(json!(many[..1_000])).await.status, 200);
    assert_eq!(
        google
            .admin(":lookup", json!({"localId": ids[..101]}))
            .await
            .status,
        400
    );
    let found = google.admin(":lookup", json!({"localId": ids[..100]})).await;
    assert_eq!(found.body["users"].as_array().unwrap().len(), 100);

    let mut pages = Vec::new();
    let mut after = String::new();
    loop {
        let uri = format!(
            "/identitytoolkit.googleapis.com/v1/projects/demo/accounts:batchGet?maxResults=300&nextPageToken={after}"
        );
        let mut request = Request::get(&uri).body(Body::empty()).unwrap();
        let bearer = format!("Bearer {}", google.access_token).parse().unwrap();
        request.headers_mut().insert(header::AUTHORIZATION, bearer);
        let page = google.send(request).await.body;
        pages.push(page["users"].as_array().unwrap().len());
        match page["nextPageToken"].as_str() {
            Some(token) => after = token.to_owned(),
            None => break,
        }
    }
    assert_eq!(pages, [300, 300, 300, 100]);

    let kept = google.admin(":batchDelete", json!({"localIds": ids[..2]})).await;
    assert_eq!(kept.body["errors"].as_array().unwrap().len(), 2);
    google
        .admin(":batchDelete", json!({"localIds": ids[..1_000], "force": true}))
        .await;
    assert_eq!(google.shared.store().len(), 0);
}

#[tokio::test]
async fn one_of_many_concurrent_creations_wins() {
    let google = Google::new().await;
    let calls: Vec<_> = (0..20)
        .map(|_| {
            let google = google.clone();
            tokio::spawn(async move {
                let user = json!({"localId": "u-1", "email": "ann@example.org", "password": PASSWORD});
                google.admin("", user).await
            })
        })
        .collect();
    let mut messages = Vec::new();
    for call in calls {
        messages.push(call.await.unwrap().message().to_owned());
    }
    messages.sort();
    assert_eq!(messages.iter().filter(|message| message.is_empty()).count(), 1);
    assert!(
        messages[1..]
            .iter()
            .all(|message| message == "DUPLICATE_LOCAL_ID")
    );
    let other = json!({"localId": "u-2", "email": "ANN@example.org", "password": PASSWORD});
    assert_eq!(google.admin("", other).await.message(), "EMAIL_EXISTS");
    google.change(json!({"email_conflict_first": true}));
    let same = json!({"localId": "u-1", "email": "ann@example.org", "password": PASSWORD});
    assert_eq!(google.admin("", same).await.message(), "EMAIL_EXISTS");
}

#[tokio::test]
async fn a_refresh_token_ends_with_its_account_or_its_revocation() {
    let google = Google::new().await;
    let user = json!({"email": "ann@example.org", "password": PASSWORD});
    let signed_up = google.client("signUp", user).await.body;
    let (uid, refresh) = (
        signed_up["localId"].clone(),
        signed_up["refreshToken"].as_str().unwrap(),
    );
    let renewed = google.refresh(refresh).await;
    assert_eq!((renewed.status, &renewed.body["user_id"]), (200, &uid));
    assert_eq!(
        google.refresh("nonsense").await.message(),
        "INVALID_REFRESH_TOKEN"
    );

    let revoke = json!({"localId": uid, "validSince": (now() + 1).to_string()});
    assert_eq!(google.admin(":update", revoke).await.status, 200);
    assert_eq!(google.refresh(refresh).await.message(), "TOKEN_EXPIRED");
    let admit = json!({"localId": uid, "validSince": "0", "disableUser": true});
    google.admin(":update", admit).await;
    assert_eq!(google.refresh(refresh).await.message(), "USER_DISABLED");
    assert_eq!(
        google.sign_in("ann@example.org", PASSWORD).await.message(),
        "USER_DISABLED"
    );
    google.admin(":delete", json!({"localId": uid})).await;
    assert_eq!(google.refresh(refresh).await.message(), "USER_NOT_FOUND");
    assert_eq!(
        google.admin(":delete", json!({"localId": uid})).await.message(),
        "USER_NOT_FOUND"
    );
}

#[tokio::test]
async fn id_token_is_signed_and_names_its_user() {
    let google = Google::new().await;
    let user = json!({"email": "ann@example.org", "password": PASSWORD, "displayName": "Ann"});
    let signed_up = google.client("signUp", user).await.body;
    let token = signed_up["idToken"].as_str().unwrap();
    let claims = super::session::verified_claims(token, Key::issuer()).unwrap();
    assert_eq!(claims["iss"], "https://securetoken.google.com/demo");
    assert_eq!(
        (&claims["sub"], &claims["name"]),
        (&signed_up["localId"], &json!("Ann"))
    );
    assert_eq!(claims["email_verified"], false);

    let found = google.client("lookup", json!({"idToken": token})).await.body;
    assert_eq!(found["users"][0]["email"], "ann@example.org");
    assert_eq!(found["users"][0]["passwordHash"], Value::Null);
    let (signed, _) = token.rsplit_once('.').unwrap();
    let forged = Key::named("stranger").unwrap().sign(signed.as_bytes());
    let spoiled = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(forged));
    assert_eq!(
        google
            .client("lookup", json!({"idToken": spoiled}))
            .await
            .message(),
        "INVALID_ID_TOKEN"
    );
    let changed = json!({"idToken": token, "password": "other-horse_1", "returnSecureToken": true});
    let changed = google.client("update", changed).await;
    let token = &changed.body["idToken"];
    assert_eq!(google.sign_in("ann@example.org", PASSWORD).await.status, 400);
    assert_eq!(
        google.client("delete", json!({"idToken": token})).await.status,
        200
    );
    assert_eq!(google.shared.store().len(), 0);
}

#[tokio::test]
async fn only_the_service_account_administers() {
    let google = Google::new().await;
    let spoiled = [
        draft_of_assertion().by(Key::named("stranger").unwrap()),
        draft_of_assertion().claim("iss", "somebody@demo.iam.gserviceaccount.com"),
        draft_of_assertion().claim("aud", "https://elsewhere.example/token"),
        draft_of_assertion().claim("scope", "https://www.googleapis.com/auth/drive"),
        draft_of_assertion().claim("exp", now() - 1),
        draft_of_assertion().claim("exp", now() + 4_000),
        draft_of_assertion().claim("iat", now() + 600),
    ];
    for draft in spoiled {
        let refused = google.grant(&draft.mint()).await;
        assert_eq!(refused.status, 400, "{:?}", draft.claims());
        assert!(refused.body["error"].is_string());
    }
    for bearer in ["", "nonsense", "owner"] {
        assert_eq!(
            google.admin_as(bearer, ":lookup", json!({})).await.status,
            401,
            "{bearer}"
        );
    }
    google.change(json!({"owner": true}));
    assert_eq!(google.admin_as("owner", ":lookup", json!({})).await.status, 200);
    assert_eq!(google.admin(":lookup", json!({})).await.status, 200);
    google.change(json!({"forget_access_tokens": true}));
    assert_eq!(google.admin(":lookup", json!({})).await.status, 401);
    google.change(json!({"access_token_seconds": 0}));
    let over = google.grant(&assertion()).await.body;
    let over = over["access_token"].as_str().unwrap();
    assert_eq!(google.admin_as(over, ":lookup", json!({})).await.status, 401);
    let keyless = request(
        "/identitytoolkit.googleapis.com/v1/accounts:signUp",
        "application/json",
        "{}".to_owned(),
    );
    assert_eq!(google.send(keyless).await.status, 403);
}

#[tokio::test]
async fn a_custom_token_signs_in_and_makes_an_account() {
    let google = Google::new().await;
    let draft = |key: &str| {
        crate::tokens::custom_token("crossfade@demo.iam.gserviceaccount.com", "u-1", now())
            .by(Key::named(key).unwrap())
            .mint()
    };
    let stranger = json!({"token": draft("stranger")});
    assert_eq!(
        google.client("signInWithCustomToken", stranger).await.message(),
        "INVALID_CUSTOM_TOKEN"
    );
    for is_new in [true, false] {
        let own = json!({"token": draft("service-account")});
        let signed_in = google.client("signInWithCustomToken", own).await;
        assert_eq!(
            (signed_in.status, &signed_in.body["isNewUser"]),
            (200, &json!(is_new))
        );
    }
}

#[tokio::test]
async fn a_mailed_code_works_once_and_for_its_time() {
    let google = Google::new().await;
    let users = json!([{"localId": "u-1", "email": "ann@example.org", "passwordHash": hash_of(PASSWORD)}]);
    google.import(users).await;
    let ask = |email: &str| json!({"requestType": "PASSWORD_RESET", "email": email});
    assert_eq!(
        google
            .client("sendOobCode", ask("nobody@example.org"))
            .await
            .status,
        200
    );
    assert_eq!(
        google.client("sendOobCode", ask("ann@example.org")).await.status,
        200
    );
    assert_eq!(google.shared.store().mails().len(), 1);
    let code = google.shared.store().newest_code("ann@example.org").unwrap();
    let use_it = || json!({"oobCode": code, "newPassword": "other-horse_1"});
    google.change(json!({"oob_code_seconds": 0}));
    assert_eq!(
        google.client("resetPassword", use_it()).await.message(),
        "EXPIRED_OOB_CODE"
    );
    google.change(json!({"oob_code_seconds": 3_600}));
    assert_eq!(
        google
            .client("resetPassword", json!({"oobCode": code, "newPassword": "x"}))
            .await
            .status,
        400
    );
    assert_eq!(google.client("resetPassword", use_it()).await.status, 200);
    assert_eq!(
        google.client("resetPassword", use_it()).await.message(),
        "INVALID_OOB_CODE"
    );
    assert_eq!(
        google.sign_in("ann@example.org", "other-horse_1").await.status,
        200
    );
    assert_eq!(google.sign_in("ann@example.org", PASSWORD).await.status, 400);
    google.change(json!({"email_privacy": false}));
    assert_eq!(
        google
            .client("sendOobCode", ask("nobody@example.org"))
            .await
            .message(),
        "EMAIL_NOT_FOUND"
    );
}

#[tokio::test]
async fn faults_come_on_demand() {
    let google = Google::new().await;
    google.change(json!({
        "fail": {"accounts.signUp": {"status": 429, "message": "RESOURCE_EXHAUSTED", "times": 2, "retry_after": 7, "shape": "v2"}},
        "quota": {"projects.accounts.lookup": {"calls": 1, "per_ms": 3_600_000}},
        "lose": {"projects.accounts": 1},
    }));
    let user = || json!({"email": "ann@example.org", "password": PASSWORD});
    for _ in 0..2 {
        let refused = google.client("signUp", user()).await;
        assert_eq!((refused.status, refused.retry_after.as_deref()), (429, Some("7")));
        assert_eq!(refused.body["error"]["status"], "RESOURCE_EXHAUSTED");
    }
    assert_eq!(google.client("signUp", user()).await.status, 200);
    assert_eq!(google.admin(":lookup", json!({})).await.status, 200);
    let full = google.admin(":lookup", json!({})).await;
    assert_eq!(full.status, 429);
    assert!(full.message().starts_with("QUOTA_EXCEEDED"));
    google.change(json!({"quota": {"projects.accounts.lookup": null}}));
    assert_eq!(google.admin(":lookup", json!({})).await.status, 200);

    assert!(google.admin("", json!({"localId": "u-1"})).await.lost);
    assert!(
        google.shared.store().by_id("u-1").is_some(),
        "carried out all the same"
    );
    assert!(!google.admin("", json!({"localId": "u-2"})).await.lost);
    google.change(json!({"down": true}));
    assert!(google.client("signUp", user()).await.lost);
    assert_eq!(google.shared.faults().calls("accounts.signUp"), 4);
    google.change(json!({"down": false, "forget_calls": true}));
    assert_eq!(google.shared.faults().calls("accounts.signUp"), 0);
    for refused in [
        r#"{"colour":1}"#,
        r#"{"latency_ms":-1}"#,
        r#"{"fail":{"x":{"message":"x"}}}"#,
        r#"{"fail":{"x":{"status":1,"shape":"v3"}}}"#,
    ] {
        assert!(serde_json::from_str::<Change>(refused).is_err(), "{refused}");
    }
}

#[tokio::test]
async fn ten_thousand_accounts_fit() {
    let google = Google::new().await;
    let hash = hash_of(PASSWORD);
    for batch in 0..10 {
        let users: Vec<Value> = (0..1_000)
            .map(|n| {
                let n = batch * 1_000 + n;
                json!({"localId": format!("u-{n:05}"), "email": format!("p{n}@example.org"), "passwordHash": hash})
            })
            .collect();
        assert_eq!(google.import(json!(users)).await.status, 200);
    }
    assert_eq!(google.shared.store().len(), 10_000);
    assert_eq!(
        google.sign_in("p9999@example.org", PASSWORD).await.body["localId"],
        "u-09999"
    );
}

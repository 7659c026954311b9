//! The legacy contract's profile and schools.

use serde_json::{Value, json};

use crate::support::{TestApp, legacy_token, now, send, token};

#[tokio::test]
async fn profile_is_shown_changed_and_deleted_in_the_old_shape() {
    let app = TestApp::start().await;
    let id = app.legacy_user("ada@example.org").await;
    let token = legacy_token(&id, now() - 10);
    let shown = app.get("/auth/profile", &token).await.expect(200);
    assert_eq!(shown.body["message"], "Success");
    let user = shown.body["data"]["user"].as_object().unwrap();
    let mut names: Vec<&str> = user.keys().map(String::as_str).collect();
    names.sort_unstable();
    let expected = [
        "created_at",
        "email",
        "id",
        "is_active",
        "last_login",
        "profile",
        "token_balance",
        "user_type",
        "username",
    ];
    assert_eq!(names, expected);
    assert_eq!(user["profile"], Value::Null);

    let school = json!({"name": "Lycée", "city": "Paris", "province": "IdF"});
    let added = app
        .call_as("POST", "/auth/schools", &token, &school)
        .await
        .expect(201);
    let school_id = added.body["data"]["school"]["id"].as_i64().unwrap();
    let change = json!({
        "username": "ada1", "email": "ignored@example.org", "full_name": "Ada Lovelace", "school_id": school_id,
        "date_of_birth": "1990-12-10T00:00:00.000Z", "gender": "female",
    });
    let changed = app
        .call_as("PUT", "/auth/profile", &token, &change)
        .await
        .expect(200);
    assert_eq!(changed.body["data"]["message"], "Profile updated successfully");
    let user = &changed.body["data"]["user"];
    assert_eq!(
        (&user["username"], &user["email"]),
        (&json!("ada1"), &json!("ada@example.org"))
    );
    let mut profile = user["profile"].clone();
    for volatile in ["created_at", "updated_at"] {
        assert!(
            profile
                .as_object_mut()
                .unwrap()
                .remove(volatile)
                .unwrap()
                .is_string()
        );
    }
    let school = json!({"id": school_id, "name": "Lycée", "city": "Paris", "province": "IdF"});
    assert_eq!(
        profile,
        json!({
            "user_id": id, "full_name": "Ada Lovelace", "date_of_birth": "1990-12-10", "gender": "female", "school_id": school_id,
            "school": school, "school_info": {"type": "structured", "school_id": school_id, "school": school},
        })
    );
    // Fields that are not named stay; `null` removes a name.
    let changed = app
        .call_as("PUT", "/auth/profile", &token, &json!({"full_name": null}))
        .await
        .expect(200);
    let profile = &changed.body["data"]["user"]["profile"];
    assert_eq!(
        (&profile["full_name"], &profile["gender"]),
        (&Value::Null, &json!("female"))
    );

    let deleted = app
        .call_as("DELETE", "/auth/profile", &token, &json!({}))
        .await
        .expect(200);
    assert_eq!(
        deleted.body["data"],
        json!({"message": "Profile deleted successfully"})
    );
    let gone = app.call_as("DELETE", "/auth/profile", &token, &json!({})).await;
    assert_eq!((gone.status, gone.code()), (404, "PROFILE_NOT_FOUND"));
}

#[tokio::test]
async fn change_that_breaks_a_rule_changes_nothing() {
    let app = TestApp::start().await;
    app.legacy_user("bob@example.org").await;
    let id = app.legacy_user("ada@example.org").await;
    let token = legacy_token(&id, now() - 10);
    for (change, code) in [
        (json!({"username": "bobexample.org"}), "VALIDATION_ERROR"),
        (json!({"username": "a"}), "VALIDATION_ERROR"),
        (json!({"email": "nobody"}), "VALIDATION_ERROR"),
        (json!({"full_name": ""}), "VALIDATION_ERROR"),
        (json!({"full_name": "x".repeat(101)}), "VALIDATION_ERROR"),
        (json!({"school_id": 0}), "VALIDATION_ERROR"),
        (json!({"school_id": "1"}), "VALIDATION_ERROR"),
        (json!({"school_id": 4711}), "INVALID_SCHOOL_ID"),
        (json!({"date_of_birth": "2999-01-01"}), "VALIDATION_ERROR"),
        (json!({"date_of_birth": "yesterday"}), "VALIDATION_ERROR"),
        // Dates outside of PostgreSQL's range: the sender's fault.
        (json!({"date_of_birth": "-9999-01-01"}), "VALIDATION_ERROR"),
        (json!({"date_of_birth": "-262143-01-01"}), "VALIDATION_ERROR"),
        (json!({"gender": "x"}), "VALIDATION_ERROR"),
        (
            json!({"username": "ada2", "school_id": 4711}),
            "INVALID_SCHOOL_ID",
        ),
    ] {
        let refused = app.call_as("PUT", "/auth/profile", &token, &change).await;
        assert_eq!((refused.status, refused.code()), (400, code), "{change}");
    }
    app.database
        .execute("UPDATE auth.users SET username = 'bob1' WHERE email LIKE 'bob%'")
        .await
        .unwrap();
    let taken = app
        .call_as("PUT", "/auth/profile", &token, &json!({"username": "bob1"}))
        .await;
    assert_eq!((taken.status, taken.code()), (400, "USERNAME_EXISTS"));
    let untouched: String = app
        .database
        .value("SELECT username FROM auth.users WHERE email LIKE 'ada%'")
        .await;
    assert_eq!(untouched, "adaexample.org");
}

/// A search that reads the whole table takes a second with 300,000 schools, and thirty of them every connection of the pool.
#[tokio::test]
async fn school_search_reads_an_index_and_not_the_table() {
    let app = TestApp::start().await;
    let token = token("uid-1", &json!({}));
    app.database
        .execute(
            "INSERT INTO public.schools (name) SELECT 'School ' || md5(n::text) FROM generate_series(1, 5000) AS n; \
             ANALYZE public.schools",
        )
        .await
        .unwrap();
    let part: String = app
        .database
        .value("SELECT substr(name, 12, 12) FROM public.schools WHERE id % 777 = 0 LIMIT 1")
        .await;
    let found = app
        .get(&format!("/auth/schools?search={part}"), &token)
        .await
        .expect(200);
    assert_eq!(found.body["data"]["pagination"]["total"], 1);
    // PostgreSQL writes statistics a second after a session has become idle.
    let began = std::time::Instant::now();
    loop {
        let scans: i64 = app
            .database
            .value(
                "SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = 'idx_schools_name_grams' \
                 AND schemaname = 'public'",
            )
            .await;
        if scans > 0 {
            break;
        }
        assert!(
            began.elapsed() < std::time::Duration::from_secs(30),
            "the index was not read"
        );
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn constant_school_searches_of_a_user_are_limited() {
    let app = TestApp::start_with(&[("RATE_LIMITS", "schools=2/600")]).await;
    let (ann, ben) = (token("uid-1", &json!({})), token("uid-2", &json!({})));
    for _ in 0..2 {
        app.get("/auth/schools", &ann).await.expect(200);
    }
    let refused = app.get("/auth/schools", &ann).await.expect(429);
    assert_eq!(refused.code(), "RATE_LIMITED");
    assert_eq!(refused.header("ratelimit-policy"), Some("\"schools\";q=2;w=600"));
    app.get("/auth/schools", &ben).await.expect(200);
}

#[tokio::test]
async fn schools_are_found_page_by_page() {
    let app = TestApp::start().await;
    let token = token("uid-1", &json!({}));
    app.database
        .execute(
            "INSERT INTO public.schools (name, city) SELECT 'School ' || to_char(n, 'FM00'), CASE WHEN n % 2 = 0 THEN 'Bonn' \
             ELSE 'Köln' END FROM generate_series(1, 25) AS n",
        )
        .await
        .unwrap();
    for (query, total, page, limit, pages, first) in [
        ("", 25, 1, 20, 2, Some("School 01")),
        ("?page=2&limit=10", 25, 2, 10, 3, Some("School 11")),
        ("?city=bonn&limit=5", 12, 1, 5, 3, Some("School 02")),
        ("?search=oL%2007&useFullText=true", 1, 1, 20, 1, Some("School 07")),
        ("?search=%25", 0, 1, 20, 0, None),
        ("?search=7", 2, 1, 20, 1, Some("School 07")),
        ("?search=%2017", 1, 1, 20, 1, Some("School 17")),
        ("?search=CHOOL", 25, 1, 20, 2, Some("School 01")),
        ("?search=chool&page=2&limit=24", 25, 2, 24, 2, Some("School 25")),
        ("?search=school&city=BONN", 12, 1, 20, 1, Some("School 02")),
        ("?search=school%20077", 0, 1, 20, 0, None),
        ("?page=9", 25, 9, 20, 2, None),
    ] {
        let answer = app
            .get(&format!("/auth/schools{query}"), &token)
            .await
            .expect(200);
        let pagination = json!({"total": total, "page": page, "limit": limit, "pages": pages});
        assert_eq!(answer.body["data"]["pagination"], pagination, "{query}");
        assert_eq!(
            answer.body["data"]["schools"][0]["name"].as_str(),
            first,
            "{query}"
        );
    }
    for query in ["?page=0", "?limit=101", "?page=x"] {
        assert_eq!(
            app.get(&format!("/auth/schools{query}"), &token).await.code(),
            "VALIDATION_ERROR",
            "{query}"
        );
    }
    assert_eq!(
        send(app.request("GET", "/auth/schools")).await.code(),
        "UNAUTHORIZED"
    );
    let nameless = app
        .call_as("POST", "/auth/schools", &token, &json!({"city": "Bonn"}))
        .await;
    assert_eq!((nameless.status, nameless.code()), (400, "VALIDATION_ERROR"));
}

//! `/auth/schools`

use serde_json::{Value, json};

use crate::support::{Stand, members, refused};

#[test]
fn schools_are_added_and_found_by_page() {
    let stand = Stand::start();
    let (token, _) = stand.register("ann");
    for number in 1..=5 {
        let school = json!({"name": format!("School {number}"), "city": "Bergen"});
        let added = stand.post("/auth/schools", Some(&token), &school);
        assert_eq!(added.status, 201, "{}", added.body);
        assert_eq!(members(&added.body["data"]), "message school");
        assert_eq!(added.body["data"]["message"], "School created successfully");
        assert_eq!(
            members(&added.body["data"]["school"]),
            "address city created_at id name province"
        );
    }
    let page = stand.get(
        "/auth/schools?search=school&city=bergen&page=2&limit=2&useFullText=true",
        Some(&token),
    );
    assert_eq!(page.status, 200, "{}", page.body);
    assert_eq!(
        page.body["data"]["pagination"],
        json!({"total": 5, "page": 2, "limit": 2, "pages": 3})
    );
    let names: Vec<&Value> = page.body["data"]["schools"]
        .as_array()
        .unwrap()
        .iter()
        .map(|school| &school["name"])
        .collect();
    assert_eq!(names, ["School 3", "School 4"]);
    let usual = stand.get("/auth/schools?province=nowhere", Some(&token));
    assert_eq!(
        usual.body["data"],
        json!({"schools": [], "pagination": {"total": 0, "page": 1, "limit": 20, "pages": 0}})
    );
}

#[test]
fn schools_are_for_users_who_are_signed_in() {
    let stand = Stand::start();
    let (token, _) = stand.register("ann");
    refused(&stand.get("/auth/schools", None), 401, "UNAUTHORIZED");
    for bad in [json!({}), json!({"name": "x".repeat(201)})] {
        refused(
            &stand.post("/auth/schools", Some(&token), &bad),
            400,
            "VALIDATION_ERROR",
        );
    }
}

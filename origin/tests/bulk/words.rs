//! The output of `origin users migrate`, `verify` and `unlink` for operators.

use serde_json::json;
use shared::ids::NormalizedEmail;

use crate::ended::{Ended, end};
use crate::migrate::firebase;
use crate::support::Drill;

/// The number on the line that begins with `name`.
#[track_caller]
fn figure(ended: &Ended, name: &str) -> u64 {
    let line = ended
        .stdout
        .lines()
        .find(|line| line.trim_start().starts_with(name));
    let line = line.unwrap_or_else(|| panic!("no line {name:?} in {}", ended.stdout));
    line.split_whitespace().last().unwrap().parse().unwrap()
}

/// Scripts check the exit code first.
#[track_caller]
fn exits(ended: &Ended, code: i32) {
    assert_eq!(ended.code, code, "{}\n{}", ended.stdout, ended.stderr);
}

#[tokio::test]
async fn interrupted_rehearsal_changes_nothing_and_interrupted_run_resumes() {
    let drill = Drill::start().await;
    drill.fill(40).await;
    let refusal = json!({"status": 403, "message": "PERMISSION_DENIED"});
    drill.change(json!({"fail": {"projects.accounts.lookup": refusal}}));
    let rehearsal = drill.users(&["migrate", "--dry-run"]).await;
    exits(&rehearsal, 1);
    assert_eq!(
        rehearsal.stderr,
        "stopped: Firebase does not accept our credentials: 403 PERMISSION_DENIED\nNothing was changed.\n"
    );

    drill.change(
        json!({"fail": {"projects.accounts.lookup": null, "projects.accounts.batchCreate": refusal}}),
    );
    let stopped = drill.users(&["migrate", "--cohort", "50"]).await;
    exits(&stopped, 1);
    let half = figure(&stopped, "importable, first 50 %");
    assert!((5..36).contains(&half), "{half}");
    assert_eq!(figure(&stopped, "importable, later"), 40 - half);
    assert_eq!(figure(&stopped, "imported and linked"), 0);
    assert!(
        stopped.stderr.ends_with(
            "stopped: Firebase does not accept our credentials: 403 PERMISSION_DENIED\nWhat is done is kept. Go on with: origin users migrate --resume\n"
        ),
        "{}",
        stopped.stderr
    );

    // As the output says, with the share of the first run.
    drill.change(json!({"fail": {"projects.accounts.batchCreate": null}}));
    let rest = drill.users(&["migrate", "--resume"]).await;
    exits(&rest, 0);
    assert!(
        !rest.stdout.contains("Preflight"),
        "looked again: {}",
        rest.stdout
    );
    assert_eq!(figure(&rest, "imported and linked"), half);
    assert_eq!(figure(&rest, "left in the queue"), 0);
    assert_eq!(
        rest.stderr,
        format!(
            "{half} of {half} (100 %), {}",
            rest.stderr.split_once(", ").unwrap().1
        )
    );
    assert_eq!(drill.linked().await, i64::try_from(half).unwrap());
}

#[tokio::test]
async fn users_not_imported_are_counted_by_reason_and_exit_is_2() {
    let drill = Drill::start().await;
    drill.fill(5).await;
    let taken = NormalizedEmail::parse("person2@example.org").unwrap();
    firebase(&drill)
        .sign_up(&taken, "somebody-else-1", None)
        .await
        .unwrap();
    let rehearsal = drill.users(&["migrate", "--dry-run"]).await;
    exits(&rehearsal, 0);
    assert_eq!(figure(&rehearsal, "users, local"), 5);
    assert_eq!(figure(&rehearsal, "of them with a taken address"), 1);
    assert!(!rehearsal.stdout.contains("Result"), "{}", rehearsal.stdout);

    let some = drill.users(&["migrate", "--limit", "2"]).await;
    assert!(some.stdout.contains("left in the queue"), "{}", some.stdout);
    let done = drill.users(&["migrate", "--resume"]).await;
    let first = figure(&some, "imported and linked");
    assert_eq!(first + figure(&done, "imported and linked"), 4);
    let ended = if some.code == 2 { &some } else { &done };
    exits(ended, 2);
    assert_eq!(figure(ended, "failed, EMAIL_EXISTS"), 1);

    let differing = drill.users(&["verify"]).await;
    exits(&differing, 2);
    assert!(
        differing
            .stdout
            .starts_with("4 linked rows, 5 accounts\nmissing_row: 1\n"),
        "{}",
        differing.stdout
    );
    assert!(differing.stdout.ends_with("The sides differ.\n"));
    for text in [&differing.stdout, &ended.stdout, &rehearsal.stdout] {
        assert!(!text.contains('@'), "an address is shown: {text}");
    }
}

#[tokio::test]
async fn unlink_counts_users_before_making_them_local() {
    let drill = Drill::start().await;
    drill.fill(3).await;
    exits(&drill.users(&["migrate"]).await, 0);
    let agreed = drill.users(&["verify"]).await;
    exits(&agreed, 0);
    assert_eq!(agreed.stdout, "3 linked rows, 3 accounts\nBoth sides agree.\n");

    let rehearsal = drill.users(&["unlink", "--all-migrated", "--dry-run"]).await;
    exits(&rehearsal, 0);
    assert_eq!(rehearsal.stdout, "3 users would be unlinked.\n");
    assert_eq!(drill.linked().await, 3);

    let refusal = json!({"status": 403, "message": "PERMISSION_DENIED"});
    drill.change(
        json!({"fail": {"projects.accounts.delete": refusal, "projects.accounts.batchDelete": refusal}}),
    );
    let stopped = drill.users(&["unlink", "--all-migrated"]).await;
    exits(&stopped, 1);
    assert!(
        stopped.stderr.ends_with(
            "stopped: Firebase does not accept our credentials: 403 PERMISSION_DENIED\nWhat is done is kept. Run the same command again to go on.\n"
        ),
        "{}",
        stopped.stderr
    );
    drill.change(json!({"fail": {"projects.accounts.delete": null, "projects.accounts.batchDelete": null}}));
    // The interrupted run still holds them: the next one waits; it does not report success and leave their accounts.
    let waiting = drill.spawn(&["unlink", "--all-migrated"]);
    drill
        .until(
            "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() \
             AND query LIKE '%count(*) FROM auth.user_migrations WHERE state = ''unlinking''%' AND pid <> pg_backend_pid())",
        )
        .await;
    drill.leases_run_out().await;
    let done = end(waiting).await;
    exits(&done, 0);
    assert!(
        done.stderr
            .starts_with("waiting: 3 accounts to be deleted by another run, or one that broke off\n"),
        "{}",
        done.stderr
    );
    assert_eq!(done.stdout, "0 users unlinked, 3 accounts deleted.\n");
    assert_eq!((drill.linked().await, drill.toolkit.accounts().len()), (0, 0));
}

//! SIGTERM and Ctrl-C end every verb with the exit code that a shell would give. As process 1 of a container, a program with the system's
//! default action would ignore both.

use sqlx::Connection as _;

use crate::database::TestDatabase;
use crate::ended::{begin, end};
use crate::program;
use crate::support::url;
use crate::wait::{signal, until};

#[tokio::test]
async fn signal_ends_a_verb_that_waits() {
    for (name, code) in [("TERM", 143), ("INT", 130)] {
        let database = TestDatabase::current().await;
        let mut holder = database.connect().await;
        let key = i64::from_be_bytes(*b"xfadeDDL");
        sqlx::query("SELECT pg_advisory_lock($1)")
            .bind(key)
            .execute(&mut holder)
            .await
            .unwrap();
        let mut command = program::origin();
        command
            .args(["migrate", "up"])
            .env("DATABASE_URL", url(&database))
            .current_dir(std::env::temp_dir());
        let child = begin(command);
        until("it asks for the lock", async || {
            database
                .value::<bool>("SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'crossfade-migrate')")
                .await
        })
        .await;
        signal(child.id(), name);
        // A process that the signal kills would have no code at all.
        end(child).await.expect(code);
        holder.close().await.unwrap();
    }
}

//! The users of the measurement.

use stack::fault::Done;

use super::database::{Server, user_id_sql};
use super::pgbench::Pgbench;
use super::services;

/// Makes the database `name` with `users` users, unless there is one, and answers its URL.
pub fn fill(server: &Server, pgbench: &Pgbench, name: &str, users: u32) -> Done<String> {
    let is_filled = || pgbench.execute(server.port, name, "SELECT FROM public.bench_filled");
    if server.keeps && is_filled().is_ok() {
        return Ok(server.url(name));
    }
    pgbench.execute(
        server.port,
        "postgres",
        &format!("DROP DATABASE IF EXISTS {name}"),
    )?;
    pgbench.execute(server.port, "postgres", &format!("CREATE DATABASE {name}"))?;
    let url = server.url(name);
    services::migrate(&url)?;
    pgbench.execute(
        server.port,
        name,
        &format!(
            "INSERT INTO auth.users \
                 (id, firebase_uid, email, email_verified, display_name, auth_provider, last_login) \
             SELECT {}, (1000000000000000000 + n)::text, n || '@bench.example', true, 'Person ' || n, 'firebase', now() \
             FROM generate_series(1, {users}) AS n",
            user_id_sql("n")
        ),
    )?;
    pgbench.execute(server.port, name, "VACUUM ANALYZE auth.users")?;
    pgbench.execute(server.port, name, "CREATE TABLE public.bench_filled ()")?;
    pgbench.execute(server.port, name, "CHECKPOINT")?;
    Ok(url)
}

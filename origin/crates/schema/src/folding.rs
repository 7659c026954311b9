//! Checks that the database folds the case of addresses as the services do: one address must mean one user.
//!
//! Uniqueness and look-ups use `lower(email)`, which depends on the database: a Turkish one turns `INFO@…` into `ınfo@…`, and one with
//! collation `C` leaves an `É` as it is. Then two rows have one address, and a user does not find their own. The character set and the
//! folding are fixed when a database is created; the check runs before any change.

use shared::ids::NormalizedEmail;
use sqlx::PgConnection;

use super::error::{SchemaError, in_migration};

const STEP: &str = "character set";
/// The compared letters: Latin, Greek and Cyrillic. Libraries of different age differ about rarer ones.
const LETTERS: [std::ops::RangeInclusive<char>; 5] = [
    'A'..='Z',
    '\u{c0}'..='\u{de}',
    '\u{100}'..='\u{17f}',
    '\u{391}'..='\u{3a9}',
    '\u{400}'..='\u{42f}',
];
/// The most letters that a finding names.
const MAX_NAMED: usize = 5;

/// The faults of the database's character set and folding; empty if both are good.
pub(super) async fn faults(connection: &mut PgConnection) -> Result<Vec<String>, SchemaError> {
    let (encoding, collation): (String, String) = sqlx::query_as(
        "SELECT pg_encoding_to_char(encoding)::text, datctype::text FROM pg_database WHERE datname = current_database()",
    )
    .fetch_one(&mut *connection)
    .await
    .map_err(in_migration(STEP))?;
    if encoding != "UTF8" {
        return Ok(vec![format!(
            "the database's encoding is {encoding}, which cannot hold every name: move it to one with encoding UTF8"
        )]);
    }
    let (letters, folded): (Vec<String>, Vec<String>) = letters().unzip();
    let differing: Vec<String> = sqlx::query_scalar(
        "SELECT letter FROM unnest($1::text[], $2::text[]) AS known (letter, folded) WHERE lower(letter) <> folded",
    )
    .bind(letters)
    .bind(folded)
    .fetch_all(connection)
    .await
    .map_err(in_migration(STEP))?;
    if differing.is_empty() {
        return Ok(Vec::new());
    }
    let named: Vec<&str> = differing.iter().take(MAX_NAMED).map(String::as_str).collect();
    Ok(vec![format!(
        "the database (LC_CTYPE {collation}) lower-cases {} letters otherwise than the services do, {} among them, so that one address \
         could be two users: move it to one that folds as Unicode does, such as LC_CTYPE C.UTF-8 or en_US.UTF-8",
        differing.len(),
        named.join(" "),
    )])
}

/// Each upper-case letter with its lower case, by the rule for addresses.
fn letters() -> impl Iterator<Item = (String, String)> {
    LETTERS.into_iter().flatten().filter_map(|letter| {
        let folded = NormalizedEmail::parse(&format!("{letter}@a.de")).ok()?;
        let folded = folded.as_str().strip_suffix("@a.de")?.to_owned();
        (folded != letter.to_string()).then(|| (letter.to_string(), folded))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_of_each_script_are_compared() {
        let all: Vec<(String, String)> = letters().collect();
        for (letter, folded) in [("I", "i"), ("É", "é"), ("Ł", "ł"), ("Ω", "ω"), ("Я", "я")] {
            assert!(all.contains(&(letter.to_owned(), folded.to_owned())), "{letter}");
        }
        assert!(all.len() > 150, "{}", all.len());
        // No address contains this letter.
        assert!(!all.iter().any(|(letter, _)| letter == "\u{130}"));
    }
}

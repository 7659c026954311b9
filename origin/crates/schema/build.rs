//! Lists the migrations: each file in `migrations/` is one, or belongs to one.

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../migrations");
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder)? {
        let file = entry?.file_name().into_string().unwrap_or_default();
        names.extend(file.strip_suffix(".up.sql").map(str::to_owned));
    }
    names.sort();
    let mut list = String::from("vec![");
    for name in names {
        let version: u32 = name.get(..4).unwrap_or_default().parse()?;
        write!(list, "Migration {{ version: {version}, name: {name:?}")?;
        for direction in ["up", "down"] {
            let text = |suffix| {
                format!(
                    "include_str!({:?})",
                    folder.join(format!("{name}.{direction}{suffix}"))
                )
            };
            let check = folder.join(format!("{name}.{direction}.check.sql")).exists();
            let check = check.then(|| format!("Some({})", text(".check.sql")));
            let check = check.unwrap_or_else(|| "None".to_owned());
            write!(
                list,
                ", {direction}: Script {{ sql: with_lf({}), check: {check} }}",
                text(".sql")
            )?;
        }
        list.push_str(" },\n");
    }
    list.push(']');
    fs::write(PathBuf::from(env::var("OUT_DIR")?).join("migrations.rs"), list)?;
    Ok(())
}

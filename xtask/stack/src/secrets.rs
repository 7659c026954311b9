//! Throw-away secrets of a development stack: made on this machine, kept beside its data, never committed.

use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::fault::{Done, In as _};
use crate::paths;

const STEP: &str = "development secrets";

/// The first line of a file of variables that we may write over.
const OURS: &str =
    "# Written by `cargo xtask dev`. Without this line the file is yours and stays as it is.\n";

/// The secrets that the services of one stack share.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Secrets {
    /// Password of the database's owner.
    pub database_password: String,
    /// HS256 secret of the legacy service.
    pub legacy_jwt: String,
    /// Base64url key of the edge's assertions; hexadecimal digits are base64url too.
    pub assertion: String,
    /// Key of an internal service.
    pub service: String,
}

impl Secrets {
    /// New ones.
    pub fn make() -> Done<Self> {
        Ok(Self {
            database_password: random()?,
            legacy_jwt: random()?,
            assertion: random()?,
            service: random()?,
        })
    }

    /// Those of the last run, so that tokens and data of yesterday still work; new ones the first time.
    pub fn kept() -> Done<Self> {
        let path = paths::working("secrets.json");
        if let Some(kept) = fs::read(&path)
            .ok()
            .and_then(|text| serde_json::from_slice(&text).ok())
        {
            return Ok(kept);
        }
        let secrets = Self::make()?;
        fs::create_dir_all(paths::working("")).in_step(STEP)?;
        write_private(&path, &serde_json::to_vec_pretty(&secrets).in_step(STEP)?)?;
        Ok(secrets)
    }

    /// Leaves them where `wrangler dev --env development`, called by hand, looks for secrets; not over somebody's own file.
    pub fn leave_for_wrangler(&self) -> Done {
        let path = paths::root().join(".dev.vars.development");
        if fs::read(&path).is_ok_and(|text| !text.starts_with(OURS.as_bytes())) {
            return Ok(());
        }
        let variables = [
            ("ORIGIN_ASSERTION_KEYS", self.assertion_keys()),
            ("LEGACY_JWT_SECRETS", self.legacy_jwt.clone()),
            ("INTERNAL_SERVICE_KEYS", self.service_keys()),
        ];
        let lines = variables.map(|(name, value)| format!("{name}=\"{value}\"\n"));
        write_private(&path, format!("{OURS}{}", lines.concat()).as_bytes())
    }

    /// `ORIGIN_ASSERTION_KEYS`
    pub fn assertion_keys(&self) -> String {
        format!("dev:{}", self.assertion)
    }

    /// `INTERNAL_SERVICE_KEYS`
    pub fn service_keys(&self) -> String {
        format!("dev:{}:admin", self.service)
    }
}

/// Writes what only its owner is to read.
fn write_private(path: &Path, content: &[u8]) -> Done {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .in_step(STEP)?;
    file.write_all(content).in_step(STEP)
}

/// 32 random bytes in hexadecimal: 64 characters.
fn random() -> Done<String> {
    let mut bytes = [0; 32];
    File::open("/dev/urandom")
        .and_then(|mut source| source.read_exact(&mut bytes))
        .in_step(STEP)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

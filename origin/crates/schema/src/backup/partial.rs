//! The file of an unfinished backup.

use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::error::BackupError;

/// Dropping the value removes the file, unless the backup was finished: an operator cannot mistake half a dump for a backup.
#[derive(Debug)]
pub(super) struct Partial(PathBuf);

impl Partial {
    /// An empty file beside `output`; other users cannot read it at any moment.
    pub fn create(output: &Path) -> Result<Self, BackupError> {
        let mut name = output.as_os_str().to_owned();
        name.push(".partial");
        let path = PathBuf::from(name);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        match options.open(&path) {
            Ok(_file) => Ok(Self(path)),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(BackupError::PartialExists(path)),
            Err(source) => Err(BackupError::File { path, source }),
        }
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Gives the file its name; answers its size in bytes.
    pub fn finish(self, output: &Path) -> Result<u64, BackupError> {
        let failed = |source| BackupError::File {
            path: output.to_owned(),
            source,
        };
        let bytes = std::fs::metadata(&self.0).map_err(failed)?.len();
        std::fs::rename(&self.0, output).map_err(failed)?;
        Ok(bytes)
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        // After a finish the file is gone. The cause of the failed backup matters more than a failed removal, and the caller reports that
        // cause.
        let _gone = std::fs::remove_file(&self.0);
    }
}

//! The file of a backup that is not done yet.

use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::BackupError;

/// Removed with the value, unless it was finished: nobody takes half a dump for a backup.
#[derive(Debug)]
pub(super) struct Partial(PathBuf);

impl Partial {
    /// An empty file beside `output`, readable by nobody else from its first byte on.
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
        // Finished: there is none any more. That it cannot be removed is less than why there is no backup, which is told.
        let _gone = std::fs::remove_file(&self.0);
    }
}

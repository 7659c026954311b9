//! One shell for all blocks, as a reader has one terminal: what a block defines, later ones use.

use std::fs;
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use stack::fault::{Done, In as _};
use stack::{paths, run, running};

const STEP: &str = "documents";
const PATIENCE: Duration = Duration::from_secs(90);
const POLL: Duration = Duration::from_millis(20);

/// A shell in the workspace's root.
pub struct Session {
    shell: Child,
    folder: PathBuf,
    count: usize,
}

/// What became of a block.
pub struct Ran {
    /// Of its last command.
    pub status: i32,
    /// What it printed, either way.
    pub output: String,
    /// Where that is.
    pub output_file: PathBuf,
}

impl Session {
    /// Starts one that keeps its files in `folder`, emptied.
    pub fn start(folder: &Path) -> Done<Self> {
        let _ = fs::remove_dir_all(folder);
        fs::create_dir_all(folder).in_step(STEP)?;
        let log = fs::File::create(folder.join("shell.log")).in_step(STEP)?;
        let mut command = Command::new("bash");
        run::forget_cargo(&mut command);
        let shell = command
            .args(["--noprofile", "--norc"])
            .current_dir(paths::root())
            .env(running::VARIABLE, folder.join("running.json"))
            // What a reader's own shell may have set.
            .env_remove("DATABASE_URL")
            .stdin(Stdio::piped())
            .stdout(log.try_clone().in_step(STEP)?)
            .stderr(log)
            .process_group(0)
            .spawn()
            .in_step(STEP)?;
        Ok(Self {
            shell,
            folder: folder.to_owned(),
            count: 0,
        })
    }

    /// Where its commands find the stack.
    pub fn running(&self) -> PathBuf {
        self.folder.join("running.json")
    }

    /// Runs `commands` and waits for the last one.
    ///
    /// # Errors
    /// When that takes longer than anybody would look at it, or the shell has ended.
    pub fn run(&mut self, commands: &str) -> Result<Ran, String> {
        self.count = self.count.saturating_add(1);
        let file = |kind: &str| self.folder.join(format!("{:02}.{kind}", self.count));
        let (script, output_file, status) = (file("sh"), file("out"), file("status"));
        let in_words = |error: std::io::Error| error.to_string();
        fs::write(&script, commands).map_err(in_words)?;
        let line = format!(
            "source '{}' </dev/null >'{}' 2>&1; echo $? >'{status}.new'; mv '{status}.new' '{status}'\n",
            script.display(),
            output_file.display(),
            status = status.display(),
        );
        let shell = self.shell.stdin.as_mut().ok_or("the shell has no input")?;
        shell.write_all(line.as_bytes()).map_err(in_words)?;
        let began = Instant::now();
        let status = loop {
            if let Ok(text) = fs::read_to_string(&status) {
                break text.trim().parse().unwrap_or(-1);
            }
            if let Ok(Some(ended)) = self.shell.try_wait() {
                return Err(format!("the shell ended with {ended}"));
            }
            if began.elapsed() > PATIENCE {
                return Err(format!("it is not done after {} s", PATIENCE.as_secs()));
            }
            thread::sleep(POLL);
        };
        let output = fs::read(&output_file).map_err(in_words)?;
        Ok(Ran {
            status,
            output: String::from_utf8_lossy(&output).into_owned(),
            output_file,
        })
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        // With what blocks left in the background.
        if let Some(group) = i32::try_from(self.shell.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process_group(group, Signal::TERM);
        }
        let _ = self.shell.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_share_one_shell_and_its_last_status() {
        let folder = std::env::temp_dir().join(format!("crossfade-session-{}", std::process::id()));
        let mut session = Session::start(&folder).ok().unwrap();
        assert_eq!(
            session
                .run("greet() { echo \"hello $1\"; }\nX=7\n")
                .ok()
                .unwrap()
                .status,
            0
        );
        let ran = session.run("greet $X; echo wrong >&2; false\n").ok().unwrap();
        assert_eq!((ran.status, ran.output.as_str()), (1, "hello 7\nwrong\n"));
        assert_eq!(session.run("sleep 60 & kill %1\n").ok().unwrap().status, 0);
        drop(session);
        let _ = fs::remove_dir_all(folder);
    }
}

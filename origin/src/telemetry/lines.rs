//! Gathers log lines for a few milliseconds; a thread of its own writes them together.
//!
//! A system call for each line took a fifth of a request's time, and waking a thread for each line half of that. Here only the first line
//! after a pause wakes the thread; the lines of the next milliseconds join it.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tracing_subscriber::fmt::MakeWriter;

/// The most bytes that wait to be written. While the reader of our output has stopped, further lines are dropped: users must be able to
/// sign in while a log collector is stuck.
const MOST_WAITING: usize = 4 * 1024 * 1024;
/// How long lines are gathered before they are written.
const GATHER: Duration = Duration::from_millis(10);

/// The end that accepts lines. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Lines(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    text: Vec<u8>,
    ending: bool,
    writer_sleeps: bool,
}

/// Writes the waiting lines when it is dropped; keep it until the process ends.
#[derive(Debug)]
pub struct Writing {
    lines: Lines,
    thread: Option<JoinHandle<()>>,
}

impl Lines {
    /// Starts writing to `output`.
    ///
    /// # Errors
    /// When the thread cannot start.
    pub fn write_to(output: impl Write + Send + 'static) -> io::Result<(Self, Writing)> {
        let lines = Self::default();
        let writer = lines.clone();
        let thread = thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || writer.write_until_the_end(output))?;
        let writing = Writing {
            lines: lines.clone(),
            thread: Some(thread),
        };
        Ok((lines, writing))
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_until_the_end(self, mut output: impl Write) {
        let mut text = Vec::new();
        loop {
            let mut waiting = self.lock();
            while waiting.text.is_empty() && !waiting.ending {
                waiting.writer_sleeps = true;
                waiting = self
                    .0
                    .changed
                    .wait(waiting)
                    .unwrap_or_else(PoisonError::into_inner);
            }
            waiting.writer_sleeps = false;
            std::mem::swap(&mut text, &mut waiting.text);
            let ending = waiting.ending;
            drop(waiting);
            // There is no other place to report that the log cannot be written.
            let _lost = output.write_all(&text).and_then(|()| output.flush());
            text.clear();
            if ending {
                return;
            }
            let gathering = self.lock();
            drop(
                self.0
                    .changed
                    .wait_timeout_while(gathering, GATHER, |waiting| !waiting.ending),
            );
        }
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        self.lines.lock().ending = true;
        self.lines.0.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join();
        }
    }
}

impl Write for &Lines {
    /// Takes the whole `line`, or nothing when too much waits: half a line would spoil its neighbours too.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut waiting = self.lock();
        if waiting.text.len().saturating_add(line.len()) <= MOST_WAITING {
            waiting.text.extend_from_slice(line);
        }
        if std::mem::take(&mut waiting.writer_sleeps) {
            self.0.changed.notify_all();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = &'a Self;

    fn make_writer(&'a self) -> &'a Self {
        self
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// Forwards the written bytes, one message for each call.
    struct Output(mpsc::Sender<Vec<u8>>);

    impl Write for Output {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            self.0.send(text.to_owned()).map_err(io::Error::other)?;
            Ok(text.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn line_is_written_without_another_one_after_it() {
        let (sender, written) = mpsc::channel();
        let (lines, _writing) = Lines::write_to(Output(sender)).unwrap();
        for line in ["one\n", "two\n"] {
            (&lines).write_all(line.as_bytes()).unwrap();
            let text = written.recv_timeout(Duration::from_secs(10)).unwrap();
            assert_eq!(text, line.as_bytes());
        }
    }

    #[test]
    fn lines_keep_their_order_and_all_are_written_at_the_end() {
        let (sender, written) = mpsc::channel();
        let (lines, writing) = Lines::write_to(Output(sender)).unwrap();
        let expected: String = (0..1000).map(|number| format!("{number}\n")).collect();
        for line in expected.split_inclusive('\n') {
            (&lines).write_all(line.as_bytes()).unwrap();
        }
        drop(writing);
        let text: Vec<u8> = written.iter().flatten().collect();
        assert_eq!(String::from_utf8(text).unwrap(), expected);
    }

    #[test]
    fn lines_are_dropped_whole_without_a_reader() {
        let lines = Lines::default();
        let line = vec![b'x'; MOST_WAITING / 2 + 1];
        for _ in 0..3 {
            (&lines).write_all(&line).unwrap();
        }
        assert_eq!(lines.lock().text.len(), line.len());
    }
}

//! Who reads the output may stop reading: `origin variables | head`.

use std::io::pipe;
use std::process::Stdio;

use crate::program;

#[test]
fn reader_that_stops_reading_ends_the_command_without_a_word() {
    for verb in ["variables", "openapi"] {
        let (reader, writer) = pipe().unwrap();
        drop(reader);
        let mut command = program::origin();
        command.arg(verb).stdout(writer).stderr(Stdio::piped());
        let ended = command.output().unwrap();
        assert_eq!(String::from_utf8_lossy(&ended.stderr), "", "{verb}");
        assert_eq!(
            ended.status.code(),
            Some(141),
            "{verb}: as a shell reports SIGPIPE"
        );
    }
}

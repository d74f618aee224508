//! A file with a hole, read and checked: every way in which it can be unusable has a message of its own.

use std::{
    fs::File,
    io::{ErrorKind, Read},
    path::Path,
};

use super::{Exit, Failure, caret::Caret};

/// As for documents in an editor.
const MAX_FILE_BYTES: u64 = 8 * 1024 * 1024;
const MAX_LINE_BYTES: usize = 64 * 1024;

/// A file's text and the byte at which the hole stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Source {
    pub(super) text: String,
    pub(super) hole: usize,
}

impl Source {
    /// Reads the file of `caret`.
    ///
    /// # Errors
    /// [`Exit::Input`], with what to do.
    pub(super) fn read(caret: &Caret) -> Result<Self, Failure> {
        let name = caret.file.display();
        let bytes = bytes(&caret.file).map_err(|reason| fail(format!("{name}: {reason}")))?;
        if let Some(at) = bytes.iter().position(|byte| *byte == 0) {
            return Err(fail(format!("{name}: a binary file (NUL at byte {at}); give a text file")));
        }
        let text = String::from_utf8(bytes).map_err(|error| {
            let at = error.utf8_error().valid_up_to();
            let line =
                error.as_bytes().get(..at).unwrap_or_default().iter().filter(|byte| **byte == b'\n').count()
                    + 1;
            fail(format!("{name}: not UTF-8 in line {line} (byte {at}); convert it, for example with iconv"))
        })?;
        let hole =
            offset(&text, caret.line, caret.column).map_err(|reason| fail(format!("{name}: {reason}")))?;
        Ok(Self { text, hole })
    }

    /// Text before the hole.
    pub(super) fn before(&self) -> &str {
        self.text.get(..self.hole).unwrap_or_default()
    }

    /// Text after the hole.
    pub(super) fn after(&self) -> &str {
        self.text.get(self.hole..).unwrap_or_default()
    }
}

fn fail(message: String) -> Failure {
    Failure::new(Exit::Input, message)
}

fn bytes(path: &Path) -> Result<Vec<u8>, String> {
    let words = |error: std::io::Error| match error.kind() {
        ErrorKind::NotFound => {
            "no such file; check the path, it is relative to the current folder".to_owned()
        }
        ErrorKind::PermissionDenied => "this user may not read it".to_owned(),
        _ => error.to_string(),
    };
    let file = File::open(path).map_err(words)?;
    let about = file.metadata().map_err(words)?;
    if about.is_dir() {
        return Err("a folder; give a file".to_owned());
    }
    if !about.is_file() {
        return Err("not a regular file; give a text file".to_owned());
    }
    let mut bytes = Vec::new();
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(words)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(format!("larger than {} MiB; cut it down", MAX_FILE_BYTES / 1024 / 1024));
    }
    Ok(bytes)
}

/// The byte offset of a line and column, both from 1; a column counts characters and may stand behind the last.
fn offset(text: &str, line: usize, column: usize) -> Result<usize, String> {
    let mut start = 0;
    for _ in 1..line {
        start =
            text.get(start..).and_then(|rest| rest.find('\n')).map(|at| start + at + 1).ok_or_else(|| {
                let lines = text.split('\n').count();
                format!("has {lines} lines, so there is no line {line}")
            })?;
    }
    let rest = text.get(start..).unwrap_or_default();
    let content = rest.split('\n').next().unwrap_or_default();
    let content = content.strip_suffix('\r').unwrap_or(content);
    if content.len() > MAX_LINE_BYTES {
        return Err(format!("line {line} is longer than {} KiB; break it", MAX_LINE_BYTES / 1024));
    }
    let mut columns = content.char_indices().map(|(at, _)| at).chain([content.len()]);
    match columns.nth(column - 1) {
        Some(at) => Ok(start + at),
        None => {
            let last = content.chars().count() + 1;
            Err(format!("line {line} ends at column {last}, so there is no column {column}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "ab\r\ncä🦀d\n\nend";

    #[test]
    fn columns_count_characters_and_may_stand_behind_the_last() {
        assert_eq!(offset(TEXT, 1, 1), Ok(0));
        assert_eq!(offset(TEXT, 1, 3), Ok(2));
        assert_eq!(offset(TEXT, 2, 4), Ok(4 + 1 + 2 + 4));
        assert_eq!(offset(TEXT, 2, 5), Ok(4 + 1 + 2 + 4 + 1));
        assert_eq!(offset(TEXT, 3, 1), Ok(13));
        assert_eq!(offset(TEXT, 4, 4), Ok(TEXT.len()));
    }

    #[test]
    fn a_place_outside_says_what_there_is() {
        assert_eq!(offset(TEXT, 5, 1), Err("has 4 lines, so there is no line 5".to_owned()));
        assert_eq!(offset(TEXT, 1, 4), Err("line 1 ends at column 3, so there is no column 4".to_owned()));
        assert_eq!(offset("", 1, 1), Ok(0));
        assert_eq!(offset("a\n", 2, 1), Ok(2));
    }

    fn read(name: &str, bytes: &[u8]) -> Result<Source, String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let file = folder.path().join(name);
        std::fs::write(&file, bytes).map_err(|error| error.to_string())?;
        Source::read(&Caret { file, line: 1, column: 1 }).map_err(|failure| {
            assert_eq!(failure.exit(), Exit::Input);
            failure.to_string()
        })
    }

    #[test]
    fn unusable_files_say_why() {
        let why = |bytes: &[u8]| read("x", bytes).err().unwrap_or_default();
        assert!(why(b"a\0b").contains("binary file (NUL at byte 1)"));
        assert!(why(b"a\nb\xff").contains("not UTF-8 in line 2 (byte 3)"));
        assert!(why(&vec![b'a'; 8 * 1024 * 1024 + 1]).contains("larger than 8 MiB"));
        assert!(why(&vec![b'a'; 64 * 1024 + 1]).contains("line 1 is longer than 64 KiB"));
        assert!(read("x", &vec![b'a'; 64 * 1024]).is_ok());
    }

    #[test]
    fn a_missing_file_and_a_folder_say_so() {
        let at = |file: &Path| {
            let caret = Caret { file: file.to_owned(), line: 1, column: 1 };
            Source::read(&caret).err().map(|failure| failure.to_string()).unwrap_or_default()
        };
        assert!(at(Path::new("/no/such/file")).contains("no such file"));
        assert!(at(&std::env::temp_dir()).contains("a folder"));
    }
}

//! `FILE:LINE:COL`, as compilers print it.

use std::{path::PathBuf, str::FromStr};

/// A place in a file; lines and columns count from 1, columns in characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Caret {
    pub(super) file: PathBuf,
    pub(super) line: usize,
    pub(super) column: usize,
}

impl FromStr for Caret {
    type Err = String;

    /// From the right, because a path may hold colons (`C:\x.rs:3:1`).
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.rsplitn(3, ':');
        let number = |part: Option<&str>| part.and_then(|part| part.parse::<usize>().ok()).filter(|n| *n > 0);
        let (column, line, file) = (number(parts.next()), number(parts.next()), parts.next());
        match (file, line, column) {
            (Some(file), Some(line), Some(column)) if !file.is_empty() => {
                Ok(Self { file: file.into(), line, column })
            }
            _ => Err("give FILE:LINE:COL with line and column from 1, such as src/main.rs:12:5".to_owned()),
        }
    }
}

/// A further place in a file that is known; as [`Caret`] counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spot {
    pub(super) line: usize,
    pub(super) column: usize,
}

impl FromStr for Spot {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = |part: &str| part.parse::<usize>().ok().filter(|n| *n > 0);
        let parts = text.split_once(':').and_then(|(line, column)| Some((number(line)?, number(column)?)));
        let (line, column) = parts.ok_or("give LINE:COL, both from 1, such as 12:5")?;
        Ok(Self { line, column })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_path_may_hold_colons() {
        let caret = r"C:\a b\x.rs:12:5".parse();
        assert_eq!(caret, Ok(Caret { file: r"C:\a b\x.rs".into(), line: 12, column: 5 }));
    }

    #[test]
    fn what_is_no_place_is_refused() {
        for bad in
            ["", "x.rs", "x.rs:3", "x.rs:0:1", "x.rs:1:0", ":1:1", "x.rs:-1:1", "x.rs:1:1:", "x.rs:a:b"]
        {
            assert!(bad.parse::<Caret>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_spot_is_a_line_and_a_column() {
        assert_eq!("12:5".parse(), Ok(Spot { line: 12, column: 5 }));
        for bad in ["", "12", "12:", "0:1", "1:0", "x.rs:1:2", "-1:2"] {
            assert!(bad.parse::<Spot>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in ".*") {
            let _ = text.parse::<Caret>();
        }
    }
}

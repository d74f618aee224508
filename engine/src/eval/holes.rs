//! Which lines are cut out of the files, and where the cursor stands.
//!
//! A hole's line has 3 to 160 characters and a word, is no comment, no part of a docstring and not the file's last line.

use super::{Random, corpus::Language};

/// Characters of the line, blanks at both ends left out.
const LINE_CHARS: std::ops::RangeInclusive<usize> = 3..=160;
/// The fewest holes a file gives, if it has so many lines.
const MIN_PER_FILE: usize = 3;
/// The fewest files taken of a package, if it has so many.
const MIN_FILES: usize = 30;

/// What is cut out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A whole line but its indentation.
    Line,
    /// From a word's border within a line to the line's end.
    Rest,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 2] = [Self::Line, Self::Rest];

    /// `line`, `rest`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Line => "line",
            Self::Rest => "rest",
        }
    }
}

/// A place in a corpus from which text was cut out: bytes `start..end` of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CutOut {
    /// Index of the package.
    pub package: usize,
    /// Index of the file in it.
    pub file: usize,
    /// What was cut out.
    pub kind: Kind,
    /// The cursor.
    pub start: usize,
    /// The line's end.
    pub end: usize,
}

/// The holes of one kind, at most `wanted`, the same ones every time.
#[must_use]
pub fn draw(language: &Language, kind: Kind, wanted: usize, seed: u64) -> Vec<CutOut> {
    let mut random = Random::new(seed ^ kind as u64);
    let mut files: Vec<(usize, usize)> = Vec::new();
    for (at, package) in language.packages.iter().enumerate() {
        let mut own: Vec<(usize, usize)> = (0..package.files.len()).map(|file| (at, file)).collect();
        random.shuffle(&mut own);
        own.truncate(MIN_FILES.max((2.0 * (own.len() as f64).powf(0.75)) as usize));
        files.extend(own);
    }
    random.shuffle(&mut files);
    let per_file = MIN_PER_FILE.max(wanted.div_ceil(files.len().max(1)));
    let mut holes = Vec::new();
    for (package, file) in files {
        let text = &language.packages[package].files[file].text;
        let mut lines = code_lines(text, &language.name);
        random.shuffle(&mut lines);
        for (start, end) in lines.into_iter().take(per_file) {
            let start = match kind {
                Kind::Line => start,
                Kind::Rest => match word_borders(&text[start..end]) {
                    borders if borders.is_empty() => continue,
                    borders => start + borders[random.below(borders.len())],
                },
            };
            holes.push(CutOut { package, file, kind, start, end });
        }
    }
    holes.truncate(wanted);
    holes
}

/// The lines that may be cut out, as byte ranges without indentation and without blanks at the end.
fn code_lines(text: &str, language: &str) -> Vec<(usize, usize)> {
    let mut lines = Vec::new();
    let mut fence: Option<&str> = None;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let start = at + (line.len() - line.trim_start().len());
        at += line.len();
        let code = line.trim();
        let inside = fence.is_some();
        fence = fence_after(code, fence, language);
        let comment = match language {
            "python" => code.starts_with('#') || inside || fence.is_some() || is_docstring(code),
            _ => code.starts_with("//") || code.starts_with("/*") || inside || fence.is_some(),
        };
        let last = at == text.len();
        let word = code.contains(|character: char| character.is_alphanumeric());
        if !comment && !last && word && LINE_CHARS.contains(&code.chars().count()) {
            lines.push((start, start + code.len()));
        }
    }
    lines
}

fn is_docstring(code: &str) -> bool {
    ["\"\"\"", "'''"].iter().any(|quotes| code.trim_start_matches(['r', 'b', 'u', 'f']).starts_with(quotes))
}

/// Whether a block comment or a triple-quoted string is open after a line, and by what it will be closed.
fn fence_after<'a>(mut code: &str, mut open: Option<&'a str>, language: &str) -> Option<&'a str> {
    let fences: &[(&str, &'a str)] = match language {
        "python" => &[("\"\"\"", "\"\"\""), ("'''", "'''")],
        _ => &[("/*", "*/")],
    };
    loop {
        match open {
            Some(close) => match code.split_once(close) {
                Some((_, rest)) => (code, open) = (rest, None),
                None => return open,
            },
            None => {
                if language != "python" {
                    code = code.split("//").next().unwrap_or(code);
                }
                let first = fences
                    .iter()
                    .filter_map(|(start, close)| code.find(start).map(|at| (at + start.len(), *close)))
                    .min();
                let (at, close) = first?;
                code = &code[at..];
                open = Some(close);
            }
        }
    }
}

/// Offsets where a word begins or ends, after the first character and before the end.
fn word_borders(line: &str) -> Vec<usize> {
    let word = |character: char| character.is_alphanumeric() || character == '_';
    let mut before = None;
    let mut borders = Vec::new();
    for (at, character) in line.char_indices() {
        if before.is_some_and(|before| before != word(character)) {
            borders.push(at);
        }
        before = Some(word(character));
    }
    borders
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines<'a>(text: &'a str, language: &str) -> Vec<&'a str> {
        code_lines(text, language).into_iter().map(|(start, end)| &text[start..end]).collect()
    }

    #[test]
    fn comments_docstrings_short_lines_and_the_last_are_no_holes() {
        let rust = "// note\nfn f() {\n    /* a\n    b c d\n    */\n    g(1);  \n}\nlast line\n";
        assert_eq!(lines(rust, "rust"), ["fn f() {", "g(1);"]);
        let python =
            "def f():\n    \"\"\"Says.\n\n    more text\n    \"\"\"\n    # why\n    return 1\n\nend()\n";
        assert_eq!(lines(python, "python"), ["def f():", "return 1"]);
    }

    #[test]
    fn the_cursor_stands_at_a_border_of_a_word_with_something_typed() {
        assert_eq!(word_borders("let a_b = f(x);"), [3, 4, 7, 10, 11, 12, 13]);
    }
}

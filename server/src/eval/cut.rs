//! Which text is cut out of the files, and where the cursor stands. Pure: the same files and seed give the same holes.
//!
//! A hole's line has 3 to 160 characters and a word, is no comment, no part of a docstring and not the file's last line.

use quicksilver_protocol::completion::Span;

use super::{corpus::Language, random::Random};

/// Characters of the line, blanks at both ends left out.
const LINE_CHARS: std::ops::RangeInclusive<usize> = 3..=160;
/// The fewest holes a file gives, if it has so many lines.
const MIN_PER_FILE: usize = 3;
/// The fewest files taken of a package, if it has so many.
const MIN_FILES: usize = 30;

/// Lines that are cut out together.
const LINES: std::ops::RangeInclusive<usize> = 2..=5;

/// What is cut out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A whole line but its indentation.
    Line,
    /// From a word's border within a line to the line's end.
    Rest,
    /// What stands between two brackets of a line.
    Brackets,
    /// Two to five lines, the first one's indentation left.
    Lines,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::Line, Self::Rest, Self::Brackets, Self::Lines];

    /// `line`, `rest`, `brackets`, `lines`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Line => "line",
            Self::Rest => "rest",
            Self::Brackets => "brackets",
            Self::Lines => "lines",
        }
    }

    /// What an editor would ask for there.
    #[must_use]
    pub fn span(self) -> Span {
        match self {
            Self::Line => Span::Line,
            Self::Rest | Self::Brackets => Span::Rest,
            Self::Lines => Span::Block,
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
    /// Where what is left goes on.
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
        let lines = code_lines(text, &language.name);
        let mut order: Vec<usize> = (0..lines.len()).collect();
        random.shuffle(&mut order);
        // Most lines have no brackets, or a neighbour that is no code: others take their place.
        let tries = if matches!(kind, Kind::Line | Kind::Rest) { per_file } else { order.len() };
        let cuts = order.into_iter().take(tries).filter_map(|at| cut(text, &lines, at, kind, &mut random));
        holes.extend(cuts.take(per_file).map(|(start, end)| CutOut { package, file, kind, start, end }));
    }
    holes.truncate(wanted);
    holes
}

/// A hole of a kind at the line `lines[at]`, if there is one.
fn cut(
    text: &str,
    lines: &[(usize, usize)],
    at: usize,
    kind: Kind,
    random: &mut Random,
) -> Option<(usize, usize)> {
    let &(start, end) = lines.get(at)?;
    let line = text.get(start..end)?;
    match kind {
        Kind::Line => Some((start, end)),
        Kind::Rest => {
            let borders = word_borders(line);
            one_of(&borders, random).map(|border| (start + border, end))
        }
        Kind::Brackets => {
            let pairs = bracket_pairs(line);
            one_of(&pairs, random).map(|(open, close)| (start + open, start + close))
        }
        Kind::Lines => {
            let more = random.below(LINES.end() - LINES.start() + 1) + LINES.start() - 1;
            let block = lines.get(at..=at + more)?;
            let adjacent = |pair: &[(usize, usize)]| {
                text.get(pair[0].1..pair[1].0).is_some_and(|gap| gap.matches('\n').count() == 1)
            };
            block.windows(2).all(adjacent).then(|| (start, block[more].1))
        }
    }
}

fn one_of<'a, T>(items: &'a [T], random: &mut Random) -> Option<&'a T> {
    if items.is_empty() { None } else { items.get(random.below(items.len())) }
}

/// What stands between brackets that open and close in a line and hold a word, as byte ranges of the line. Those in strings do
/// not count.
fn bracket_pairs(line: &str) -> Vec<(usize, usize)> {
    let mut open: Vec<(char, usize)> = Vec::new();
    let mut pairs = Vec::new();
    let mut quote = None;
    let mut escaped = false;
    for (at, character) in line.char_indices() {
        match (quote, character) {
            _ if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(mark), _) if mark == character => quote = None,
            (Some(_), _) => {}
            (None, '"' | '`') => quote = Some(character),
            (None, '(') => open.push((')', at + 1)),
            (None, '[') => open.push((']', at + 1)),
            (None, '{') => open.push(('}', at + 1)),
            (None, ')' | ']' | '}') => match open.pop() {
                Some((close, start)) if close == character => {
                    if line.get(start..at).is_some_and(|inside| inside.contains(char::is_alphanumeric)) {
                        pairs.push((start, at));
                    }
                }
                // Not balanced: what came before closes elsewhere.
                _ => open.clear(),
            },
            _ => {}
        }
    }
    pairs
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
    use proptest::prelude::*;

    use super::*;
    use crate::eval::corpus::{Package, SourceFile};

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

    #[test]
    fn brackets_are_those_that_close_in_their_line_and_hold_a_word() {
        let inside = |line: &'static str| -> Vec<&str> {
            bracket_pairs(line).into_iter().map(|(start, end)| &line[start..end]).collect()
        };
        assert_eq!(inside("f(a[1], ()) {"), ["1", "a[1], ()"]);
        assert_eq!(inside(r#"say("(\"", x)"#), [r#""(\"", x"#]);
        assert_eq!(inside("} else if (b) {"), ["b"]);
        assert_eq!(inside("a] (b} c)"), [""; 0]);
    }

    fn language(name: &str, texts: &[String]) -> Language {
        let files = texts.iter().enumerate();
        let files =
            files.map(|(n, text)| SourceFile { path: format!("{n}").into(), text: text.clone() }).collect();
        Language { name: name.to_owned(), packages: vec![Package { name: "p".to_owned(), files }] }
    }

    #[test]
    fn several_lines_are_two_to_five_with_nothing_between_them() {
        let text = "fn f() {\n    one(1);\n    two(2);\n\n    three(3);\n    four(4);\n}\n";
        let language = language("rust", &[text.to_owned()]);
        let mut found: Vec<&str> = (0..99)
            .flat_map(|seed| draw(&language, Kind::Lines, 9, seed))
            .map(|hole| &text[hole.start..hole.end])
            .collect();
        found.sort_unstable();
        found.dedup();
        let all = [
            "fn f() {\n    one(1);",
            "fn f() {\n    one(1);\n    two(2);",
            "one(1);\n    two(2);",
            "three(3);\n    four(4);",
        ];
        assert_eq!(found, all);
    }

    proptest! {
        #[test]
        fn a_hole_is_text_of_its_file_and_the_same_every_time(
            texts in proptest::collection::vec("([ \t]{0,4}[a-z(){}\"'/*#é🦀. ]{0,20}\n){0,12}", 1..4),
            name in proptest::sample::select(vec!["rust", "python", "c"]),
            seed in any::<u64>(),
            wanted in 0_usize..20,
        ) {
            let language = language(name, &texts);
            for kind in Kind::ALL {
                let holes = draw(&language, kind, wanted, seed);
                prop_assert!(holes.len() <= wanted);
                prop_assert_eq!(&holes, &draw(&language, kind, wanted, seed));
                for hole in &holes {
                    let text = &texts[hole.file];
                    // Indexing panics within a character.
                    let (before, cut, after) = (&text[..hole.start], &text[hole.start..hole.end], &text[hole.end..]);
                    prop_assert_eq!(&[before, cut, after].concat(), text);
                    prop_assert!(cut.chars().any(|c| !c.is_whitespace()) && !after.is_empty());
                    let breaks = cut.matches('\n').count();
                    let several = kind == Kind::Lines;
                    prop_assert_eq!(several, (1..5).contains(&breaks));
                    prop_assert!(several || breaks == 0);
                }
            }
        }
    }
}

//! D5: hostile texts are boring. Each is opened, edited 200 times and parsed in slices; nothing panics, and
//! no keystroke takes long.

use std::time::{Duration, Instant};

use super::{
    Change, Document, Encoding, Language, LineEnds, Parsed, Position, Version, dice::report,
    limits::MAX_PARSED_BYTES,
};

/// Far above what it takes (tens of microseconds), for a machine that is busy with other tests.
const KEYSTROKE: Duration = Duration::from_millis(100);
const OPEN: Duration = Duration::from_secs(5);
/// The slice that the session gives a parse.
const SLICE: Duration = Duration::from_millis(5);

fn survives(name: &str, language: &str, text: &str) {
    survives_counted(name, language, text, LineEnds::Lsp);
}

fn survives_counted(name: &str, language: &str, text: &str, ends: LineEnds) {
    let begun = Instant::now();
    let mut document = Document::open(Language::from_id(language), Version(0), text).counting(ends);
    let opened = begun.elapsed();
    assert!(opened < OPEN, "{name}: opened in {opened:?}");
    let lines = document.snapshot().text().len_lines() as u32;
    let mut times = Vec::new();
    for edit in 0..200 {
        let at = Position::new(lines * (edit % 10) / 10, 40_000 * (edit % 7));
        let end = Position::new(at.line, at.column + edit % 3);
        let begun = Instant::now();
        let change = Change { range: Some((at, end)), text: "({x\"".into() };
        document.apply(&[change], Version(edit as i32 + 1), Encoding::Utf16);
        let deadline = Instant::now() + SLICE;
        document.parse(&mut || Instant::now() > deadline);
        times.push(begun.elapsed());
    }
    times.sort();
    assert!(
        times[190] < KEYSTROKE,
        "{name}: the 95th percentile of keystrokes is {:?}, slowest {:?}",
        times[190],
        times[199]
    );
    let did = format!("{name}: {} KiB opened in {opened:?}, 200 edits", text.len() >> 10);
    report("D5", &did, &format!("keystroke median {:?}, p99 {:?}", times[100], times[198]));
}

#[test]
fn a_line_of_10_mib() {
    survives("one line", "javascript", &"x".repeat(10 << 20));
    survives("one line of emoji", "javascript", &"😀".repeat(3 << 20));
}

#[test]
fn a_million_lines() {
    survives("a million lines", "rust", &"let x = 1;\n".repeat(1_000_000));
    survives("a million empty lines", "python", &"\n".repeat(1_000_000));
    survives("a million lone CRs", "c", &"\r".repeat(1_000_000));
    // These are counted through at each edit.
    survives_counted("lone CRs, in Neovim", "c", &"\r".repeat(200_000), LineEnds::Lf);
    survives_counted("lines with CRs, in Neovim", "c", &"a\rb\n".repeat(50_000), LineEnds::Lf);
}

#[test]
fn a_file_of_100_mib() {
    survives("100 MiB", "rust", &"let x = \"a line of code\"; // 変\n".repeat((100 << 20) / 36));
}

#[test]
fn nul_bytes_and_a_bom() {
    survives("NUL", "rust", &"fn f() {\0}\n".repeat(10_000));
    survives("BOM", "rust", "\u{feff}fn f() {}\n");
    let mut document = Document::open(Language::from_id("rust"), Version(0), "a\0b");
    assert!(document.snapshot().is_binary());
    assert_eq!(document.parse(&mut || false), Parsed::Never);
}

#[test]
fn brackets_100_000_deep() {
    for language in
        ["rust", "python", "typescript", "typescriptreact", "javascript", "go", "c", "cpp", "java"]
    {
        survives(language, language, &"(".repeat(100_000));
        survives(language, language, &"[{(".repeat(10_000));
    }
}

#[test]
fn the_largest_text_that_is_parsed() {
    for (bytes, parsed) in [
        (MAX_PARSED_BYTES - 1, Parsed::Done),
        (MAX_PARSED_BYTES, Parsed::Done),
        (MAX_PARSED_BYTES + 1, Parsed::Never),
    ] {
        let text = "\n".repeat(bytes);
        let mut document = Document::open(Language::from_id("c"), Version(0), &text);
        assert_eq!(document.parse(&mut || false), parsed, "{bytes} bytes");
    }
}

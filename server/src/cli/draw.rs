//! What the terminal shows of a span: rows of looks, no terminal codes. Pure, so that tests read as text.

use quicksilver_protocol::completion::{Frame, Run, RunKind};

/// Lines of the file shown on each side of the hole.
const SURROUNDINGS: usize = 3;
/// Stands for a masked position; as wide as a letter, and in no programming language.
const MASK: &str = "░";

/// How a piece of text looks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Look {
    /// Line numbers and rules.
    Margin,
    /// The file's own text.
    File,
    /// Undecided.
    Masked,
    /// Decided in this step, with this confidence.
    Changed(f32),
    /// Decided before, with this confidence.
    Committed(f32),
}

/// One row on the screen.
pub(super) type Row = Vec<(String, Look)>;

/// The surroundings of a hole.
pub(super) struct Picture {
    above: Vec<(usize, String)>,
    line: usize,
    left: String,
    right: String,
    below: Vec<String>,
    width: usize,
}

impl Picture {
    /// The lines around the hole between `before` and `after`; `width` in terminal cells.
    pub(super) fn new(before: &str, after: &str, width: usize) -> Self {
        let (upper, left) = before.rsplit_once('\n').map_or(("", before), |(upper, left)| (upper, left));
        let line = before.matches('\n').count() + 1;
        let first = line.saturating_sub(SURROUNDINGS).max(1);
        let above = upper.split('\n').enumerate().map(|(i, text)| (i + 1, clean(text)));
        let above =
            if line == 1 { Vec::new() } else { above.filter(|(number, _)| *number >= first).collect() };
        let mut after = after.split('\n').map(clean);
        let right = after.next().unwrap_or_default();
        Self { above, line, left: clean(left), right, below: after.take(SURROUNDINGS).collect(), width }
    }

    /// The rows above the hole, which never change.
    pub(super) fn head(&self) -> Vec<Row> {
        self.above
            .iter()
            .map(|(number, text)| self.row(Some(*number), vec![(text.clone(), Look::File)]))
            .collect()
    }

    /// The rows with the span and those below it.
    pub(super) fn body(&self, frame: &Frame) -> Vec<Row> {
        let mut lines = vec![vec![(self.left.clone(), Look::File)]];
        for run in &frame.runs {
            for (i, piece) in shown(run).split('\n').enumerate() {
                if i > 0 {
                    lines.push(Vec::new());
                }
                if let Some(line) = lines.last_mut() {
                    line.push((clean(piece), look(run)));
                }
            }
        }
        let span_lines = lines.len();
        if let Some(last) = lines.last_mut() {
            last.push((self.right.clone(), Look::File));
        }
        let first = lines.into_iter().enumerate();
        let mut rows: Vec<Row> =
            first.map(|(i, line)| self.row((i == 0).then_some(self.line), line)).collect();
        // Lines below keep the numbers they will have once the span is in the file.
        for (i, text) in self.below.iter().enumerate() {
            rows.push(self.row(Some(self.line + span_lines + i), vec![(text.clone(), Look::File)]));
        }
        rows
    }

    /// The span alone, as one row: what is printed where nothing can be drawn over.
    pub(super) fn log_line(frame: &Frame) -> String {
        frame.runs.iter().map(|run| clean(&shown(run).replace('\n', "⏎"))).collect()
    }

    fn row(&self, number: Option<usize>, text: Row) -> Row {
        let number = number.map_or_else(|| " ".repeat(5), |number| format!("{number:>5}"));
        let mut row = vec![(format!("{number} │ "), Look::Margin)];
        let mut left = self.width.saturating_sub(9);
        for (text, look) in text {
            let fit: String = text
                .chars()
                .take_while(|c| {
                    // Without a table of widths: what is not ASCII may take two cells, but for our own mask.
                    let cells = if c.is_ascii() || *c == '░' { 1 } else { 2 };
                    let fits = left >= cells;
                    left = left.saturating_sub(cells);
                    fits
                })
                .collect();
            let cut = fit.len() < text.len();
            row.push((fit, look));
            if cut {
                row.push(("…".to_owned(), Look::Margin));
                break;
            }
        }
        row.retain(|(text, _)| !text.is_empty());
        row
    }
}

/// Every span decided, each with its confidence: the last picture.
pub(super) fn decided(spans: &[(&str, f32)], step: u32) -> Frame {
    let run = |((text, confidence), hole): (&(&str, f32), u32)| Run {
        text: (*text).to_owned(),
        kind: RunKind::Committed,
        confidence: *confidence,
        hole,
    };
    Frame { step, runs: spans.iter().zip(0..).map(run).collect() }
}

/// Spans of which nothing is known yet.
pub(super) fn masked(holes: u32) -> Frame {
    let run = |hole| Run { text: String::new(), kind: RunKind::Masked, confidence: 0.0, hole };
    Frame { step: 0, runs: (0..holes).map(run).collect() }
}

fn look(run: &Run) -> Look {
    match run.kind {
        RunKind::Masked => Look::Masked,
        RunKind::Changed => Look::Changed(run.confidence),
        RunKind::Committed => Look::Committed(run.confidence),
    }
}

/// A masked run shows as many masks as its guess has characters, so that the span has about its final shape.
fn shown(run: &Run) -> String {
    match run.kind {
        RunKind::Masked if run.text.is_empty() => MASK.repeat(3),
        RunKind::Masked => run.text.chars().map(|c| if c == '\n' { "\n" } else { MASK }).collect(),
        _ => run.text.clone(),
    }
}

/// Text as it can be shown: tabs as four blanks, no control characters, which could steer the terminal.
pub(super) fn clean(text: &str) -> String {
    let text = text.replace('\t', "    ");
    text.chars().filter(|c| !c.is_control() && !is_bidi(*c)).collect()
}

/// Marks that turn the direction of what follows, and so can show code as what it is not.
fn is_bidi(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    /// Rows as text, each behind a bar that shows where it begins.
    fn text(rows: &[Row]) -> String {
        let pieces = |row: &Row| row.iter().map(|(text, _)| text.as_str()).collect::<String>();
        rows.iter().map(|row| format!("|{}\n", pieces(row))).collect()
    }

    fn run(text: &str, kind: RunKind) -> Run {
        Run { text: text.to_owned(), kind, confidence: 0.9, hole: 0 }
    }

    #[test]
    fn a_span_is_drawn_in_its_place() {
        let picture = Picture::new("a\nb\nc\nd\n    let x = ", ";\ne\nf\ng\nh", 40);
        let frame = Frame {
            step: 1,
            runs: vec![
                run("foo(", RunKind::Committed),
                run("bar", RunKind::Masked),
                run(")", RunKind::Changed),
            ],
        };
        expect![[r"
            |    2 │ b
            |    3 │ c
            |    4 │ d
            |    5 │     let x = foo(░░░);
            |    6 │ e
            |    7 │ f
            |    8 │ g
        "]]
        .assert_eq(&text(&[picture.head(), picture.body(&frame)].concat()));
    }

    #[test]
    fn a_span_of_several_lines_moves_what_is_below() {
        let picture = Picture::new("x {", "}\ny", 40);
        let frame = Frame { step: 1, runs: vec![run("\n\tone\n\ttwo\n", RunKind::Committed)] };
        expect![[r"
            |    1 │ x {
            |      │     one
            |      │     two
            |      │ }
            |    5 │ y
        "]]
        .assert_eq(&text(&picture.body(&frame)));
    }

    #[test]
    fn a_row_is_never_wider_than_the_terminal() {
        let picture = Picture::new("let name = ", "", 24);
        let frame = Frame { step: 1, runs: vec![run("abcdefghijklmnop", RunKind::Changed)] };
        assert_eq!(text(&picture.body(&frame)), "|    1 │ let name = abcd…\n");
    }

    #[test]
    fn what_could_steer_the_terminal_is_not_shown() {
        let frame = Frame { step: 1, runs: vec![run("a\u{1b}[2Jb\u{202e}c\r\u{7}", RunKind::Changed)] };
        assert_eq!(Picture::log_line(&frame), "a[2Jbc");
    }
}

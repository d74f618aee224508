//! Rows onto a terminal: colours, and drawing the span over its last state. Elsewhere: plain lines.

use std::{
    io::{self, IsTerminal, Write},
    time::Duration,
};

use crossterm::{
    QueueableCommand, cursor,
    style::{Attribute, Color, ContentStyle, PrintStyledContent},
    terminal::{self, Clear, ClearType},
};
use quicksilver_protocol::completion::{Frame, Run};

use super::draw::{Look, Picture, Row};

const WIDTH_ELSEWHERE: usize = 100;
/// An engine is faster than the eye: each of the first steps stays for so long.
const SLOW_STEPS: u32 = 12;
const SLOW: Duration = Duration::from_millis(70);
const FAST: Duration = Duration::from_millis(20);

/// Draws onto standard output.
pub(super) struct Painter {
    /// One for each hole.
    pictures: Vec<Picture>,
    is_terminal: bool,
    colours: bool,
    drawn_rows: u16,
    frames: u32,
}

impl Painter {
    /// For holes, each with the text before and after it.
    pub(super) fn new(holes: &[(&str, &str)]) -> Self {
        let is_terminal = io::stdout().is_terminal();
        let width = match terminal::size() {
            Ok((columns, _)) if is_terminal && columns > 20 => usize::from(columns) - 1,
            _ => WIDTH_ELSEWHERE,
        };
        // https://no-color.org: any value but an empty one.
        let colours = is_terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let pictures = holes.iter().map(|(before, after)| Picture::new(before, after, width)).collect();
        Self { pictures, is_terminal, colours, drawn_rows: 0, frames: 0 }
    }

    /// Draws the surroundings and a first state of the spans.
    pub(super) fn begin(&mut self, frame: &Frame) -> io::Result<()> {
        if self.is_terminal { self.redraw(frame) } else { self.rows(&self.all(frame)) }
    }

    /// Draws the span after a step; returns how long it should stay.
    pub(super) fn step(&mut self, frame: &Frame) -> io::Result<Duration> {
        self.frames += 1;
        if self.is_terminal {
            self.redraw(frame)?;
            return Ok(if self.frames <= SLOW_STEPS { SLOW } else { FAST });
        }
        let mut out = io::stdout().lock();
        let spans: Vec<String> =
            (0..self.pictures.len()).map(|hole| Picture::log_line(&part(frame, hole))).collect();
        writeln!(out, "step {:>3}  {}", frame.step, spans.join("  ·  "))?;
        Ok(Duration::ZERO)
    }

    /// Draws the end.
    pub(super) fn end(&mut self, frame: &Frame) -> io::Result<()> {
        if self.is_terminal {
            return self.redraw(frame);
        }
        self.rows(&self.all(frame))
    }

    /// Every hole in its surroundings.
    fn all(&self, frame: &Frame) -> Vec<Row> {
        let mut rows = Vec::new();
        for (hole, picture) in self.pictures.iter().enumerate() {
            if hole > 0 {
                rows.push(vec![("      ⋮".to_owned(), Look::Margin)]);
            }
            rows.extend(picture.head());
            rows.extend(picture.body(&part(frame, hole)));
        }
        rows
    }

    fn redraw(&mut self, frame: &Frame) -> io::Result<()> {
        let rows = self.all(frame);
        let mut out = io::stdout().lock();
        if self.drawn_rows > 0 {
            out.queue(cursor::MoveToPreviousLine(self.drawn_rows))?
                .queue(Clear(ClearType::FromCursorDown))?;
        }
        drop(out);
        self.drawn_rows = u16::try_from(rows.len()).unwrap_or(u16::MAX);
        self.rows(&rows)
    }

    fn rows(&self, rows: &[Row]) -> io::Result<()> {
        let mut out = io::stdout().lock();
        for row in rows {
            for (text, look) in row {
                if self.colours {
                    out.queue(PrintStyledContent(style(*look).apply(text)))?;
                } else {
                    out.write_all(text.as_bytes())?;
                }
            }
            out.write_all(b"\n")?;
        }
        out.flush()
    }
}

/// What a frame says of one hole.
fn part(frame: &Frame, hole: usize) -> Frame {
    let of_hole = |run: &&Run| run.hole as usize == hole;
    Frame { step: frame.step, runs: frame.runs.iter().filter(of_hole).cloned().collect() }
}

/// Masks are grey, this step's decisions bold, and colour runs from red over yellow to green with confidence.
fn style(look: Look) -> ContentStyle {
    let mut style = ContentStyle::new();
    match look {
        Look::File => {}
        Look::Margin | Look::Masked => style.foreground_color = Some(Color::AnsiValue(243)),
        Look::Committed(confidence) => style.foreground_color = Some(colour(confidence)),
        Look::Changed(confidence) => {
            style.foreground_color = Some(colour(confidence));
            style.attributes.set(Attribute::Bold);
            style.attributes.set(Attribute::Underlined);
        }
    }
    style
}

fn colour(confidence: f32) -> Color {
    Color::AnsiValue(match confidence {
        c if c >= 0.9 => 77,
        c if c >= 0.7 => 149,
        c if c >= 0.5 => 220,
        c if c >= 0.3 => 208,
        _ => 203,
    })
}

//! The engine's text made fit for its place, or refused. Each rule is a step; the order matters.
//!
//! The union of what good completion servers do: clean characters, one line where one is wanted, nothing twice that stands
//! there already (line head, rest of line, next lines), brackets in balance with what the editor closed by itself,
//! the document's own indentation and line ends, no chanting.

use super::{
    Silence, Site,
    brackets::{balance, is_closing, is_subsequence},
    site::{Indent, columns, leading},
};

/// A text fit for its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Polished {
    /// What to insert at the cursor.
    pub text: String,
    /// Bytes after the cursor that it replaces: closers that the editor had put there by itself. Never past the line.
    pub swallows: usize,
}

impl Polished {
    /// The text without the closers that it replaces, where it ends with them and closes nothing before: then they may as well
    /// stay. `after` stands right of the cursor.
    #[must_use]
    pub fn before_closers(&self, after: &str) -> Option<&str> {
        let closers = after.get(..self.swallows).filter(|closers| !closers.is_empty())?;
        let text = self.text.strip_suffix(closers).filter(|text| !text.is_empty())?;
        balance(text).stray.is_empty().then_some(text)
    }
}

/// What the request wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// No line break in the answer.
    pub one_line: bool,
    /// The user asked by hand: short answers are welcome too.
    pub invoked: bool,
}

/// Visible characters that a suggestion needs to be worth a look when nobody asked for it.
const MIN_VISIBLE: usize = 2;
/// Equal lines in a row after which a text is chanting.
const MAX_EQUAL_LINES: usize = 2;
/// Lines of a block that may be chanted.
const LONGEST_CHANT: usize = 4;
/// Characters, and how often they are said in a row at a line's end, that make a stammer.
const STAMMER_CHARS: usize = 4;
const STAMMERS: usize = 5;
/// Characters before the cursor that are an echo when the text says them right again.
const ECHO_CHARS: usize = 16;
/// What other models end a text with, or begin another file with.
const SENTINELS: [&str; 10] = [
    "<|endoftext|>",
    "<|fim_",
    "<|file_sep|>",
    "<|repo_name|>",
    "<|im_end|>",
    "<|mask|>",
    "<|eot_id|>",
    "<｜fim",
    "<fim_",
    "<file_sep>",
];
/// Letters of a half-typed word that must be repeated before we take it for a repetition.
const MIN_REPEATED_WORD: usize = 3;

/// Makes a text fit for its place.
///
/// # Errors
/// The reason when nothing worth showing is left.
pub fn polish(raw: &str, site: &Site, wanted: Wanted) -> Result<Polished, Silence> {
    let mut text = without_sentinels(clean(raw), site);
    if wanted.one_line {
        text.truncate(text.find('\n').unwrap_or(text.len()));
    }
    text = without_repeated_head(text, site);
    text = without_chant(text);
    text = without_lines_below(text, site);
    text = without_dedent(text, site);
    text = without_rest_of_line(text, site);
    let (mut text, swallows) = balanced(text, site);
    if swallows > 0 || site.after.is_empty() || site.after.starts_with(char::is_whitespace) {
        text.truncate(text.trim_end().len());
    }
    let visible = text.chars().filter(|c| !c.is_whitespace()).count();
    if visible == 0 {
        return Err(Silence::NothingToAdd);
    }
    if visible < MIN_VISIBLE && !wanted.invoked {
        return Err(Silence::TooShort);
    }
    if repeats_a_neighbour(&text, site) || echoes(&text, site) || text.split('\n').any(stammers) {
        return Err(Silence::Repetition);
    }
    text = indented(&text, site);
    if site.line_break != "\n" {
        text = text.replace('\n', site.line_break);
    }
    Ok(Polished { text, swallows })
}

/// Only what a user would type: line feeds, tabs and visible characters. No control characters; none that turn directions, break
/// lines in some editors only, or are there without being seen (tags, word joiners). Joiners within emoji and letters stay.
pub(super) fn clean(raw: &str) -> String {
    let raw = raw.replace("\r\n", "\n");
    raw.chars()
        .map(|c| if c == '\r' { '\n' } else { c })
        .filter(|&c| c == '\n' || c == '\t' || !c.is_control())
        .filter(|&c| !is_unseen(c))
        .collect()
}

fn is_unseen(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
    )
}

/// Takes off what the text says again of the line before the cursor: the whole head, a half-typed word, or blanks.
fn without_repeated_head(text: String, site: &Site) -> String {
    let head = site.before.trim_start();
    if head.is_empty() {
        // On a blank line the indentation stands there already.
        let lead = leading(&text);
        let kept = lead.strip_prefix(site.before.as_str()).filter(|_| may_be_deeper(site)).unwrap_or("");
        return format!("{kept}{}", &text[lead.len()..]);
    }
    if head.len() >= MIN_REPEATED_WORD
        && let Some(rest) = text.trim_start().strip_prefix(head)
    {
        return rest.to_owned();
    }
    let word_start = site.before.rfind(|c: char| !c.is_alphanumeric() && c != '_');
    let word = word_start.map_or(site.before.as_str(), |at| {
        let width = site.before[at..].chars().next().map_or(0, char::len_utf8);
        &site.before[at + width..]
    });
    if word.chars().count() >= MIN_REPEATED_WORD
        && let Some(rest) = text.strip_prefix(word)
    {
        return rest.to_owned();
    }
    if site.before.ends_with([' ', '\t']) { text.trim_start_matches(' ').to_owned() } else { text }
}

/// Whether the cursor's line may begin deeper than the cursor stands: not where its indentation is plain from the line above.
fn may_be_deeper(site: &Site) -> bool {
    let (here, above) = (columns(site.indentation()), columns(leading(&site.above)));
    match site.above.trim_end().chars().next_back() {
        Some(':' | '{') => here <= above,
        Some(';' | '}') => here < above,
        _ => true,
    }
}

/// Ends a text where a model of another make says that it ends, or that another file begins, in words of its own; where
/// such words stand around the hole they are code.
fn without_sentinels(mut text: String, site: &Site) -> String {
    let around = [&site.before, &site.after, &site.above].into_iter().chain(&site.below);
    if !around.into_iter().any(|line| line.contains("<|")) {
        let first = SENTINELS.iter().filter_map(|sentinel| text.find(sentinel)).min();
        text.truncate(first.unwrap_or(text.len()));
    }
    text
}

/// Ends a text where it begins to say the same lines over and over.
fn without_chant(text: String) -> String {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    for end in 1..=lines.len() {
        let said = |period: usize, times: usize| {
            let start = end.checked_sub(period * times)?;
            let block = &lines[end - period..end];
            let same = lines[start..end]
                .chunks(period)
                .all(|other| other.iter().zip(block).all(|(a, b)| a.trim() == b.trim()));
            (same && block.iter().any(|line| line.contains(char::is_alphanumeric))).then_some(end - period)
        };
        let chant = (1..=LONGEST_CHANT).find_map(|period| said(period, MAX_EQUAL_LINES + 1));
        if let Some(start) = chant {
            return lines[..start].concat().trim_end_matches('\n').to_owned();
        }
    }
    text
}

/// Whether a line says the same words again and again without end.
fn stammers(text: &str) -> bool {
    let characters: Vec<char> = text.chars().collect();
    (STAMMER_CHARS..=characters.len() / STAMMERS).any(|period| {
        let end = characters.len() - period * STAMMERS;
        (0..=end).rev().take(period).any(|start| {
            let said = &characters[start..start + period];
            said.iter().any(|c| c.is_alphabetic())
                && characters[start..start + period * STAMMERS].chunks(period).all(|other| other == said)
        })
    })
}

/// Ends a text where it goes on with the lines that follow the hole anyway.
fn without_lines_below(text: String, site: &Site) -> String {
    let Some(next) = site.next_text() else { return text };
    let mut start = text.find('\n').map_or(text.len(), |at| at + 1);
    while start < text.len() {
        let end = text[start..].find('\n').map_or(text.len(), |at| start + at);
        if text[start..end].trim() == next {
            return text[..start].trim_end().to_owned();
        }
        start = end + 1;
    }
    text
}

/// Ends a text of several lines where it leaves the block that the cursor stands in.
fn without_dedent(text: String, site: &Site) -> String {
    let level = columns(site.indentation());
    let mut start = text.find('\n').map_or(text.len(), |at| at + 1);
    while start < text.len() {
        let end = text[start..].find('\n').map_or(text.len(), |at| start + at);
        let line = &text[start..end];
        if !line.trim().is_empty() && columns(leading(line)) < level {
            return text[..start].trim_end().to_owned();
        }
        start = end + 1;
    }
    text
}

/// Takes off the end of a text what stands right of the cursor.
fn without_rest_of_line(text: String, site: &Site) -> String {
    let after = site.after.trim_end();
    if after.is_empty() || text.contains('\n') {
        return text;
    }
    let overlap = after
        .char_indices()
        .map(|(at, c)| at + c.len_utf8())
        .rev()
        .find(|&end| text.ends_with(&after[..end]) && weighs(&after[..end], after));
    // A single closer may be wanted twice, as in `f(g(x|)`: the brackets decide that, not the overlap.
    match overlap {
        Some(end) if after[..end].chars().all(is_closing) && !closes_too_much(&text, site) => text,
        Some(end) => text[..text.len() - end].to_owned(),
        None => text,
    }
}

/// Whether an overlap is long enough to be no accident: all of the rest of the line, some letters, or closers.
fn weighs(overlap: &str, after: &str) -> bool {
    overlap.len() == after.len() || overlap.len() >= MIN_REPEATED_WORD || overlap.chars().all(is_closing)
}

/// Whether line head, text and rest of line together close more than they open.
fn closes_too_much(text: &str, site: &Site) -> bool {
    let line = |text: &str| balance(&format!("{}{text}{}", site.before, site.after));
    let quotes = |text: &str| text.matches('"').count() % 2;
    let whole = format!("{}{text}{}", site.before, site.after);
    line(text).stray.len() > line("").stray.len()
        || quotes(&whole) == 1
        || site.after.trim().starts_with([';', ','])
}

/// Reconciles closers with those that the editor has put after the cursor: either the text replaces them, or the text ends
/// before a closer that nobody opened.
fn balanced(text: String, site: &Site) -> (String, usize) {
    let after = site.after.trim_end();
    if after.is_empty() {
        return (text, 0);
    }
    let wanted = balance(&site.before).open;
    let given = balance(&site.after).stray.len();
    // Innermost openers of the line's head are closed by what stands after the cursor; the others are the text's to close.
    let free = wanted.len().saturating_sub(given);
    let first_line = &text[..text.find('\n').unwrap_or(text.len())];
    let Some(&(at, _)) = balance(first_line).stray.get(free) else { return (text, 0) };
    if after.chars().all(is_closing) && is_subsequence(after, &text[at..]) {
        return (text, site.after.len());
    }
    (text[..at].to_owned(), 0)
}

/// Whether the cursor's line would say what the line above or the next line says.
fn repeats_a_neighbour(text: &str, site: &Site) -> bool {
    let line = format!("{}{}{}", site.before, text.split('\n').next().unwrap_or_default(), site.after);
    let line = line.trim();
    let whole_line = site.before.trim().is_empty();
    let says = line.chars().any(char::is_alphanumeric);
    says && whole_line && (site.next_text() == Some(line) || site.above.trim() == line)
}

/// Whether the text only says again what stands right before the cursor.
fn echoes(text: &str, site: &Site) -> bool {
    let said = text.trim();
    said.chars().count() >= ECHO_CHARS
        && said.contains(char::is_alphabetic)
        && site.before.trim_end().ends_with(said)
}

/// The lines that begin in the text, indented as the document is: those after the first, and that too where nothing stands before it.
fn indented(text: &str, site: &Site) -> String {
    let begins = site.before.trim().is_empty();
    let mut out = String::with_capacity(text.len());
    for (at, line) in text.split('\n').enumerate() {
        if at == 0 && !begins {
            out.push_str(line);
            continue;
        }
        let lead = leading(line);
        if at > 0 {
            out.push('\n');
        }
        match site.indent {
            Indent::Tab if lead.contains(' ') => {
                let width = columns(lead);
                out.extend(std::iter::repeat_n('\t', width / 4));
                out.extend(std::iter::repeat_n(' ', width % 4));
            }
            Indent::Spaces(unit) if lead.contains('\t') => {
                let width: usize = lead.chars().map(|c| if c == '\t' { unit } else { 1 }).sum();
                out.extend(std::iter::repeat_n(' ', width));
            }
            _ => out.push_str(lead),
        }
        let rest = &line[lead.len()..];
        out.push_str(if at > 0 { rest.trim_end() } else { rest });
    }
    out
}

#[cfg(test)]
#[path = "polish_tests.rs"]
pub(super) mod tests;

#[cfg(test)]
#[path = "pains_tests.rs"]
mod pains;

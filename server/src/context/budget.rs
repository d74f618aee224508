//! The other files' share of the budget: which of their lines go along, and why the next ones do not. Pure; it must
//! not know where a file comes from beyond what is told of it.

use std::{fmt, ops::Range, sync::Arc};

use quicksilver_protocol::{completion::ContextFile, limits::MAX_CONTEXT_FILES};

use super::{copies::Said, neighbours::LEAST_SIMILAR};

/// Files left out that are worth a word, the nearest first.
pub(super) const MOST_LEFT_OUT: usize = 5;
/// Bytes below which the rest of the budget is not worth a piece of a file.
const LEAST_PIECE: usize = 512;
/// Bytes that the numbers of a piece's lines may take beside its path.
const LINE_NUMBERS: usize = 16;

/// A file that may go along.
#[derive(Clone, Debug)]
pub(super) struct File {
    pub(super) path: String,
    pub(super) text: Arc<str>,
    pub(super) similarity: f32,
}

/// Lines of a file that may go along.
#[derive(Clone, Debug)]
pub(super) struct Offer {
    /// Its place among the files.
    pub(super) file: usize,
    /// Whole lines.
    pub(super) bytes: Range<usize>,
    pub(super) source: Source,
}

/// What brings lines of another file into a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// They were edited lately.
    Edited,
    /// They define this name, which stands near the cursor.
    Defines(String),
    /// The editor says that they define this name, which stands near the cursor.
    Pointed(String),
    /// Their file lies open in the editor, and open documents come before others, like the hole or not.
    Open,
    /// They are like those near the cursor, by their identifiers.
    Similar,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Edited => f.write_str("edited lately"),
            Self::Defines(name) => write!(f, "defines `{name}`"),
            Self::Pointed(name) => write!(f, "the editor says that it defines `{name}`"),
            Self::Open => f.write_str("open"),
            Self::Similar => f.write_str("similar by identifiers"),
        }
    }
}

/// Why lines of a file go along.
#[derive(Clone, Debug, PartialEq)]
pub struct Along {
    /// Jaccard similarity of the identifiers in the file's likest lines to those near the hole, in [0, 1].
    pub similarity: f32,
    /// What brought them in first.
    pub source: Source,
    /// Which lines, counted from 1; `None` is all of them.
    pub lines: Option<Range<usize>>,
}

/// A file that does not go along though nothing forbids it.
#[derive(Clone, Debug, PartialEq)]
pub struct LeftOut {
    /// Path relative to its root.
    pub path: String,
    /// Its bytes.
    pub bytes: usize,
    /// As for files that go along.
    pub similarity: f32,
    /// Why not.
    pub why: Lack,
}

/// What a file that is left out lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lack {
    /// What is left of the budget is not worth a piece of it.
    Budget,
    /// So many files go along already.
    Room,
    /// It is less similar than [`LEAST_SIMILAR`].
    Likeness,
    /// There is nothing in it.
    Text,
    /// All of it is told already: by the document, or by another file.
    News,
}

impl fmt::Display for Lack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Budget => f.write_str("the budget is full"),
            Self::Room => write!(f, "{MAX_CONTEXT_FILES} files go along already"),
            Self::Likeness => write!(f, "under the similarity limit {LEAST_SIMILAR}"),
            Self::Text => f.write_str("there is nothing in it"),
            Self::News => f.write_str("it says what is told already"),
        }
    }
}

impl File {
    pub(super) fn left_out(&self, why: Lack) -> LeftOut {
        LeftOut { bytes: self.text.len(), path: self.path.clone(), similarity: self.similarity, why }
    }
}

/// The budget, shared out.
#[derive(Clone, Debug, Default)]
pub(super) struct Filled {
    pub(super) context: Vec<ContextFile>,
    /// In the order of `context`.
    pub(super) along: Vec<Along>,
    /// At most [`MOST_LEFT_OUT`].
    pub(super) left_out: Vec<LeftOut>,
}

/// Takes what is offered until the budget is spent; the last may be cut, in whole lines. Lines that are offered
/// twice go along once. Files stand in the order in which they are offered for more than a definition, the likeliest to
/// help first: that a name is defined there makes a file worth a place, not the best one.
pub(super) fn fill(
    files: &[File],
    offers: impl IntoIterator<Item = Offer>,
    mut budget: usize,
    mut told: Said,
) -> Filled {
    let mut shares: Vec<Share> = vec![Share::default(); files.len()];
    let mut order = Vec::new();
    let mut pieces = 0;
    let mut left_out: Vec<(usize, Lack)> = Vec::new();
    for Offer { file: number, bytes, source } in offers {
        let (Some(file), Some(share)) = (files.get(number), shares.get_mut(number)) else { continue };
        let overhead = file.path.len() + LINE_NUMBERS;
        let text = file.text.get(bytes.clone()).unwrap_or_default();
        let bytes = bytes.start..bytes.start + head(text, budget.saturating_sub(overhead)).len();
        let lack = if text.trim().is_empty() {
            Some(Lack::Text)
        } else if pieces == MAX_CONTEXT_FILES && !share.touches(&bytes) {
            Some(Lack::Room)
        } else if budget < LEAST_PIECE + overhead {
            Some(Lack::Budget)
        } else if told.has(files, number, text) {
            Some(Lack::News)
        } else {
            None
        };
        if let Some(lack) = lack {
            let named = left_out.iter().any(|(other, _)| *other == number);
            if share.taken.is_empty() && !named {
                left_out.push((number, lack));
            }
            if lack == Lack::Budget && left_out.len() >= MOST_LEFT_OUT {
                break;
            }
            continue;
        }
        if !matches!(source, Source::Defines(_) | Source::Pointed(_)) && !order.contains(&number) {
            order.push(number);
        }
        told.add(number, file.text.get(bytes.clone()).unwrap_or_default());
        let before = (share.bytes(), share.taken.len());
        share.take(bytes, source);
        // Pieces that met have become one.
        pieces = pieces + share.taken.len() - before.1;
        let more =
            (share.bytes() + share.taken.len() * overhead).saturating_sub(before.0 + before.1 * overhead);
        budget = budget.saturating_sub(more);
    }
    let defining = (0..shares.len()).filter(|number| !order.contains(number)).collect::<Vec<_>>();
    let mut filled = Filled::default();
    for number in order.into_iter().chain(defining) {
        for (bytes, source) in &shares[number].taken {
            let File { path, text, similarity } = &files[number];
            let lines = (*bytes != (0..text.len())).then(|| lines(text, bytes));
            let path = match &lines {
                Some(lines) => format!("{path}:{}-{}", lines.start, lines.end - 1),
                None => path.clone(),
            };
            filled.along.push(Along { similarity: *similarity, source: source.clone(), lines });
            filled.context.push(ContextFile { text: text[bytes.clone()].to_owned(), path });
        }
    }
    let lacking = left_out.into_iter().filter(|(number, _)| shares[*number].taken.is_empty());
    filled.left_out = lacking.take(MOST_LEFT_OUT).map(|(number, why)| files[number].left_out(why)).collect();
    filled
}

/// What goes along of one file: pieces that do not touch, in the order of the text.
#[derive(Clone, Debug, Default)]
struct Share {
    taken: Vec<(Range<usize>, Source)>,
}

impl Share {
    fn bytes(&self) -> usize {
        self.taken.iter().map(|(bytes, _)| bytes.len()).sum()
    }

    fn touches(&self, bytes: &Range<usize>) -> bool {
        self.taken.iter().any(|(taken, _)| taken.start <= bytes.end && bytes.start <= taken.end)
    }

    fn take(&mut self, bytes: Range<usize>, source: Source) {
        let mut whole = (bytes, source);
        while let Some(at) =
            self.taken.iter().position(|(taken, _)| taken.start <= whole.0.end && whole.0.start <= taken.end)
        {
            // What was there first says why.
            let (taken, source) = self.taken.remove(at);
            whole = (taken.start.min(whole.0.start)..taken.end.max(whole.0.end), source);
        }
        let at = self.taken.partition_point(|(taken, _)| taken.start < whole.0.start);
        self.taken.insert(at, whole);
    }
}

/// The numbers of the lines in `bytes`, from 1.
fn lines(text: &str, bytes: &Range<usize>) -> Range<usize> {
    let breaks = |text: &str| text.bytes().filter(|byte| *byte == b'\n').count();
    let first = 1 + breaks(&text[..bytes.start]);
    first..first + breaks(text[bytes.clone()].trim_end_matches('\n')) + 1
}

/// The first lines of `text`, at most `bytes`.
fn head(text: &str, bytes: usize) -> &str {
    if text.len() <= bytes {
        return text;
    }
    let end = text.floor_char_boundary(bytes);
    let piece = text.get(..end).unwrap_or_default();
    piece.rfind('\n').and_then(|at| piece.get(..=at)).unwrap_or(piece)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn file(path: &str, text: &str) -> File {
        File { path: path.into(), text: text.into(), similarity: 0.5 }
    }

    fn files(sizes: &[usize]) -> Vec<File> {
        let sizes = sizes.iter().enumerate();
        let text = |number: usize| char::from_u32(0x3b1 + number as u32).unwrap_or('x').to_string();
        sizes.map(|(number, bytes)| file(&number.to_string(), &text(number).repeat(*bytes / 2))).collect()
    }

    /// Every file as a whole.
    fn whole(files: &[File]) -> Vec<Offer> {
        let files = files.iter().enumerate();
        files.map(|(file, of)| Offer { file, bytes: 0..of.text.len(), source: Source::Similar }).collect()
    }

    fn lacks(filled: &Filled) -> Vec<Lack> {
        filled.left_out.iter().map(|file| file.why).collect()
    }

    #[test]
    fn what_no_longer_fits_is_left_out_for_the_budget_and_at_most_a_handful_is_named() {
        let files = files(&[1000; 20]);
        let filled = fill(&files, whole(&files), 1000 + 600 + 2 * (1 + LINE_NUMBERS), Said::default());
        let cut: Vec<_> = filled.along.iter().map(|along| along.lines.is_some()).collect();
        assert_eq!(cut, [false, true]);
        assert_eq!((filled.context[1].text.len(), filled.context[1].path.as_str()), (600, "1:1-1"));
        assert_eq!(lacks(&filled), [Lack::Budget; MOST_LEFT_OUT]);
        assert_eq!((filled.left_out[0].path.as_str(), filled.left_out[0].bytes), ("2", 1000));
    }

    #[test]
    fn more_files_than_a_request_may_have_are_left_out_for_room() {
        let files = files(&[10; MAX_CONTEXT_FILES + 1]);
        let filled = fill(&files, whole(&files), 1 << 20, Said::default());
        assert_eq!((filled.context.len(), lacks(&filled)), (MAX_CONTEXT_FILES, vec![Lack::Room]));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        /// An engine refuses a request with more.
        #[test]
        fn neither_the_number_of_pieces_nor_the_budget_is_ever_exceeded(
            offers in prop::collection::vec((0..4_usize, 0..600_usize, 1..60_usize), 0..120),
            budget in 0..80_000_usize,
        ) {
            let line = "fn name(of: Type) -> Other;\n";
            let files: Vec<_> = (0..4).map(|at| file(&at.to_string(), &line.repeat(600))).collect();
            let offers = offers.into_iter().map(|(file, first, lines)| {
                let last = (first + lines).min(600);
                Offer { file, bytes: first * line.len()..last * line.len(), source: Source::Similar }
            });
            let filled = fill(&files, offers, budget, Said::default());
            prop_assert!(filled.context.len() <= MAX_CONTEXT_FILES, "{} pieces", filled.context.len());
            prop_assert!(filled.context.iter().map(|file| file.text.len()).sum::<usize>() <= budget);
        }
    }

    #[test]
    fn a_file_without_text_takes_no_place() {
        let files = files(&[0, 10]);
        let filled = fill(&files, whole(&files), 1 << 20, Said::default());
        assert_eq!((filled.context.len(), lacks(&filled)), (1, vec![Lack::Text]));
    }

    #[test]
    fn pieces_that_meet_become_one_and_nothing_goes_along_twice() {
        let files = [file("a", "one\ntwo\nthree\nfour\n"), file("b", "five\n")];
        let offer = |file, bytes, source| Offer { file, bytes, source };
        let offers = [
            offer(1, 0..5, Source::Defines("five".into())),
            offer(0, 8..14, Source::Edited),
            offer(0, 0..4, Source::Defines("one".into())),
            offer(0, 8..19, Source::Similar),
        ];
        let filled = fill(&files, offers.clone(), 1 << 10, Said::default());
        let told: Vec<_> =
            filled.context.iter().map(|file| (file.path.as_str(), file.text.as_str())).collect();
        assert_eq!(told, [("a:1-1", "one\n"), ("a:3-4", "three\nfour\n"), ("b", "five\n")]);
        assert_eq!(filled.along[1].source, Source::Edited, "what brought it in first");
        assert_eq!(filled.along[1].lines, Some(3..5));
        let all =
            fill(&files, offers.into_iter().chain([offer(0, 0..19, Source::Open)]), 1 << 10, Said::default());
        assert_eq!(all.context[0].path, "a");
    }
}

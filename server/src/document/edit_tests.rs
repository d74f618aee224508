//! D1: the text equals an independent model after every batch of random edits. The model is a flat vector of
//! code units, split into lines by hand; it shares no code with `position` and no data structure with the rope.

use super::{
    Change, Digest, Document, Encoding, Language, LineEnds, Order, Position, Version,
    dice::{Dice, count, report},
};

/// A text as code units of one encoding.
struct Model {
    encoding: Encoding,
    ends: LineEnds,
    units: Vec<u32>,
}

impl Model {
    fn new(encoding: Encoding, ends: LineEnds, text: &str) -> Self {
        Self { encoding, ends, units: encode(encoding, text) }
    }

    /// Begin and end (before the break) of each line.
    fn lines(&self) -> Vec<(usize, usize)> {
        let (cr, lf) = (u32::from(b'\r'), u32::from(b'\n'));
        let mut lines = Vec::new();
        let (mut start, mut at) = (0, 0);
        while at < self.units.len() {
            let unit = self.units[at];
            if unit == lf || (unit == cr && self.ends == LineEnds::Lsp) {
                lines.push((start, at));
                at += usize::from(unit == cr && self.units.get(at + 1) == Some(&lf));
                start = at + 1;
            }
            at += 1;
        }
        lines.push((start, self.units.len()));
        lines
    }

    fn index(&self, at: Position) -> usize {
        let Some(&(start, end)) = self.lines().get(at.line as usize) else { return self.units.len() };
        let mut index = start.saturating_add(at.column as usize).min(end);
        // Inside a character: back to where it begins.
        while index < self.units.len()
            && match self.encoding {
                Encoding::Utf8 => self.units[index] & 0xc0 == 0x80,
                Encoding::Utf16 => (0xdc00..0xe000).contains(&self.units[index]),
                Encoding::Utf32 => false,
            }
        {
            index -= 1;
        }
        index
    }

    fn apply(&mut self, change: &Change) {
        let new = encode(self.encoding, &change.text);
        match change.range {
            None => self.units = new,
            Some((a, b)) => {
                let (a, b) = (self.index(a), self.index(b));
                self.units.splice(a.min(b)..a.max(b), new);
            }
        }
    }
}

fn encode(encoding: Encoding, text: &str) -> Vec<u32> {
    match encoding {
        Encoding::Utf8 => text.bytes().map(u32::from).collect(),
        Encoding::Utf16 => text.encode_utf16().map(u32::from).collect(),
        Encoding::Utf32 => text.chars().map(u32::from).collect(),
    }
}

const BREAKS: [&[&str]; 4] = [&["\n"], &["\r\n"], &["\r"], &["\n", "\r\n", "\r", "\n\r"]];
const WORDS: [&[&str]; 6] = [
    &["let ", "x", "(", ")", " = 1;", "fn", "\t"],
    &["変数", "、", "関数", "一", "x"],
    &["😀", "🎉🎉", "a😀b", "𝒳"],
    &["👩‍👩‍👧‍👦", "🏳️‍🌈", "👍🏽", "z"],
    &["e\u{301}", "a\u{308}\u{304}", "\u{301}", "ñ"],
    &["\u{2028}", "\u{2029}", "\u{85}", "\u{0b}", "\u{0c}", "\u{feff}", "q"],
];

fn text(dice: &mut Dice, words: &[&str], breaks: &[&str], most: usize) -> String {
    (0..dice.below(most + 1))
        .map(|_| if dice.chance(20) { dice.pick(breaks) } else { dice.pick(words) })
        .collect()
}

/// A place in the text; one in ten far outside of it.
fn position(dice: &mut Dice, model: &Model) -> Position {
    if dice.chance(10) {
        let far = [0, 3, 1000, u32::MAX];
        return Position::new(far[dice.below(4)], far[dice.below(4)]);
    }
    let lines = model.lines();
    let line = dice.below(lines.len());
    let (start, end) = lines[line];
    Position::new(line as u32, dice.below(end - start + 2) as u32)
}

fn change(dice: &mut Dice, model: &Model, words: &[&str], breaks: &[&str]) -> Change {
    if dice.chance(1) {
        return Change { range: None, text: text(dice, words, breaks, 60) };
    }
    let start = position(dice, model);
    // A long text is cut down, a short one grows.
    let near = model.units.len() < 2000;
    let end = if near && dice.chance(70) { start } else { position(dice, model) };
    let most = if dice.chance(2) { 900 } else { 6 };
    Change { range: Some((start, end)), text: text(dice, words, breaks, most) }
}

#[test]
fn text_equals_an_independent_model_after_random_edits() {
    let mut dice = Dice::new("random edits");
    let (mut edits, mut documents) = (0, 0);
    while edits < count(20_000, 1_000_000) {
        for (encoding, ends) in [Encoding::Utf8, Encoding::Utf16, Encoding::Utf32]
            .into_iter()
            .flat_map(|encoding| [LineEnds::Lsp, LineEnds::Lf].map(|ends| (encoding, ends)))
        {
            for (breaks, words) in
                BREAKS.iter().flat_map(|breaks| WORDS.iter().map(move |words| (*breaks, *words)))
            {
                let opened = text(&mut dice, words, breaks, 40);
                let mut document =
                    Document::open(Language::from_id("plaintext"), Version(0), &opened).counting(ends);
                let mut model = Model::new(encoding, ends, &opened);
                let mut version = 0;
                documents += 1;
                for _ in 0..12 {
                    let mut batch = Vec::new();
                    for _ in 0..=dice.below(20) {
                        let change = change(&mut dice, &model, words, breaks);
                        model.apply(&change);
                        batch.push(change);
                    }
                    version += 1;
                    edits += batch.len();
                    assert_eq!(document.apply(&batch, Version(version), encoding), Order::Rose);
                    let ours = document.snapshot().text().to_string();
                    assert_eq!(
                        encode(encoding, &ours),
                        model.units,
                        "{encoding:?} {ends:?} {breaks:?} after {batch:?}"
                    );
                    let snapshot = document.snapshot();
                    for (line, (start, end)) in model.lines().into_iter().enumerate() {
                        let at = Position::new(line as u32, (end - start) as u32);
                        let there = snapshot.byte_at(at, encoding);
                        assert_eq!(snapshot.position_at(there, encoding), at, "{ends:?} {ours:?}");
                    }
                }
            }
        }
    }
    let did = format!(
        "{edits} edits in {documents} documents; 3 encodings, 2 counts of lines, 4 kinds of line end, 6 of script"
    );
    report("D1", &did, "0 divergences");
}

/// Neovim's buffer is a list of lines, sent with the line ends of its file format; what it tells of an edit is made from
/// rows and bytes of those lines, whatever stands in them.
#[test]
fn text_equals_a_buffer_of_lines_with_carriage_returns_in_them() {
    let mut dice = Dice::new("buffers of lines");
    let words = ["a", "é", "\r", "\r\r", "x\r", "😀", ";"];
    for _ in 0..count(200, 20_000) {
        let line_end = dice.pick(&["\n", "\r\n"]).to_owned();
        let mut buffer: Vec<String> =
            (0..=dice.below(6)).map(|_| text(&mut dice, &words, &[""], 5)).collect();
        let whole =
            |buffer: &[String]| buffer.iter().map(|line| format!("{line}{line_end}")).collect::<String>();
        let mut document =
            Document::open(Language::from_id("rust"), Version(0), &whole(&buffer)).counting(LineEnds::Lf);
        for version in 1..40 {
            let rows = [dice.below(buffer.len()), dice.below(buffer.len())];
            let (first, last) = (rows[0].min(rows[1]), rows[0].max(rows[1]));
            let place = |dice: &mut Dice, line: &str| line.floor_char_boundary(dice.below(line.len() + 1));
            let (mut from, mut to) = (place(&mut dice, &buffer[first]), place(&mut dice, &buffer[last]));
            if first == last {
                (from, to) = (from.min(to), from.max(to));
            }
            let new: Vec<String> = (0..=dice.below(3)).map(|_| text(&mut dice, &words, &[""], 4)).collect();
            let at = |row: usize, byte: usize| Position::new(row as u32, byte as u32);
            let change = Change { range: Some((at(first, from), at(last, to))), text: new.join(&line_end) };
            let joined = format!("{}{}{}", &buffer[first][..from], new.join("\n"), &buffer[last][to..]);
            buffer.splice(first..=last, joined.split('\n').map(str::to_owned));
            document.apply(&[change], Version(version), Encoding::Utf8);
            assert_eq!(document.snapshot().text().to_string(), whole(&buffer));
        }
    }
}

#[test]
fn reversed_ranges_are_turned_round() {
    let mut document = Document::open(Language::from_id("rust"), Version(1), "one two");
    let range = Some((Position::new(0, 7), Position::new(0, 4)));
    document.apply(&[Change { range, text: "2".into() }], Version(2), Encoding::Utf16);
    assert_eq!(document.snapshot().text().to_string(), "one 2");
}

#[test]
fn a_version_that_does_not_rise_is_told() {
    let mut document = Document::open(Language::from_id("rust"), Version(4), "");
    assert_eq!(document.apply(&[], Version(4), Encoding::Utf16), Order::Fell { from: Version(4) });
    assert_eq!(document.apply(&[], Version(9), Encoding::Utf16), Order::Rose);
}

#[test]
fn a_snapshot_does_not_see_later_changes() {
    let mut document = Document::open(Language::from_id("rust"), Version(1), "old");
    let snapshot = document.snapshot();
    document.apply(&[Change { range: None, text: "new".into() }], Version(2), Encoding::Utf16);
    assert_eq!((snapshot.text().to_string().as_str(), snapshot.version()), ("old", Version(1)));
    assert_eq!(document.snapshot().text().to_string(), "new");
}

#[test]
fn a_digest_is_of_version_length_and_text() {
    let digest: Digest = Document::open(Language::from_id("c"), Version(7), "abc").digest();
    assert_eq!((digest.version, digest.bytes), (Version(7), 3));
    assert_eq!(digest.hex(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

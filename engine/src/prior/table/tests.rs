//! Tables counted from toy packages, and read again.

use super::{Counts, Sources, Table, build};
use crate::prior::{Extent, Hole, Lexicon, propose, symbols::Local, toy::Toy};
use proptest::prelude::*;
use std::sync::Arc;

const PACKAGES: [&[&str]; 3] = [
    &["for x in y :\n    go ( x )\n", "for x in y :\n    go ( x )\n    go ( x )\n"],
    &["for x in z :\n    stop ( )\n"],
    &["for a in z :\n    stop ( )\nmine only\n"],
];

fn toy() -> Toy {
    Toy::of(&PACKAGES.concat())
}

fn table(toy: &Toy, wanted: usize) -> (Vec<u8>, Arc<Lexicon>) {
    let lexicon = Arc::new(Lexicon::new(toy).unwrap());
    let mut sources = Sources::default();
    for files in PACKAGES {
        sources.add(files.iter().map(|text| toy.encode(text)), &lexicon, toy);
    }
    (build(&[("rust", sources, wanted)], 2, &lexicon), lexicon)
}

/// In how many packages a text's symbols stand in a row, as the table has it (quarter octaves).
fn packages(table: &Table, lexicon: &Lexicon, toy: &Toy, words: &[&str]) -> f32 {
    let symbol = |word: &&str| match lexicon.known_word(word.as_bytes()) {
        Some(symbol) => symbol,
        None => lexicon.within(toy.encode(word)[0]).unwrap(),
    };
    let symbols: Vec<Local> = words.iter().map(symbol).collect();
    let section = table.section("rust").unwrap();
    let (last, context) = symbols.split_last().unwrap();
    let node = context.iter().try_fold(section.root(), |node, &symbol| section.after(&node, symbol));
    node.map_or(0.0, |node| section.count(&node, *last))
}

#[test]
fn an_n_gram_counts_once_for_each_package_and_alone_it_does_not_count() {
    let toy = toy();
    let (bytes, lexicon) = table(&toy, usize::MAX);
    let table = Table::new(bytes, &lexicon).unwrap();
    let packages = |words: &[&str]| packages(&table, &lexicon, &toy, words);
    // Three packages are 2.83 to the nearest quarter octave.
    assert_eq!(packages(&["in"]).round(), 3.0);
    assert_eq!(packages(&["x", "in"]), 2.0);
    assert_eq!(packages(&["in", "z"]), 2.0);
    assert_eq!(packages(&["in", "y"]), 0.0);
    assert_eq!(packages(&["only"]), 0.0);
}

#[test]
fn what_is_kept_depends_on_what_is_wanted_and_the_bytes_on_nothing_else() {
    let toy = toy();
    let (all, _) = table(&toy, usize::MAX);
    assert_eq!(all, table(&toy, usize::MAX).0);
    assert!(table(&toy, 20).0.len() < all.len());
}

#[test]
fn a_table_for_another_vocabulary_is_refused() {
    let toy = toy();
    let other = Toy::of(&["other words"]);
    let error = Counts::new(table(&toy, 100).0, &other).unwrap_err();
    assert!(error.contains("another tokenizer"), "{error}");
    assert!(Counts::new(&b"QSCOUNT1"[..], &toy).is_err());
}

/// The best line for a hole in text that the packages never saw.
fn filled(toy: &Toy, counts: Option<&Counts>, prefix: &str, suffix: &str) -> Option<String> {
    let hole = Hole {
        prefix: &toy.encode(prefix),
        suffix: &toy.encode(suffix),
        files: &[],
        heal: &[],
        extent: Extent::Rest,
        max_tokens: 32,
        allow_empty: false,
        common: counts.and_then(|counts| counts.of("rust")),
        previous: None,
    };
    let pool = propose(&hole, toy, &|| false);
    pool.hypotheses.first().map(|line| toy.decode(&line.tokens))
}

#[test]
fn code_that_the_request_does_not_hold_is_known_from_elsewhere() {
    let toy = toy();
    let counts = Counts::new(table(&toy, usize::MAX).0, &toy).unwrap();
    assert_eq!(filled(&toy, Some(&counts), "for a in", "\n    stop ( )\n").as_deref(), Some(" z :"));
    assert_eq!(filled(&toy, None, "for a in", "\n    stop ( )\n"), None);
}

proptest! {
    #[test]
    fn no_bytes_panic(cut in 0usize..4000, at in 0usize..4000, byte: u8) {
        let toy = toy();
        let (mut bytes, _) = table(&toy, usize::MAX);
        bytes.truncate(bytes.len().saturating_sub(cut % 8 * 40));
        let length = bytes.len();
        if let Some(target) = bytes.get_mut(at % length.max(1)) {
            *target = byte;
        }
        if let Ok(counts) = Counts::new(bytes, &toy) {
            filled(&toy, Some(&counts), "for a in", "\n    stop ( )\n");
        }
    }
}

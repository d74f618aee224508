//! A position names the byte that the rule says, and that byte names it again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use quicksilver::document::{Document, Language, Version};
use quicksilver_fuzz::{Counts, Place, Text, byte_of};

fuzz_target!(|input: (Text, Counts, Vec<Place>)| {
    let (text, counts, places) = input;
    let text = text.written();
    let document = Document::open(Language::from_id("plaintext"), Version(1), &text).counting(counts.line_ends());
    let snapshot = document.snapshot();
    for place in places {
        let byte = snapshot.byte_at(place.position(), counts.encoding());
        assert_eq!(byte.0, byte_of(&text, place.position(), counts), "{text:?} {place:?} {counts:?}");
        let position = snapshot.position_at(byte, counts.encoding());
        assert_eq!(snapshot.byte_at(position, counts.encoding()), byte, "{text:?} {position:?} {counts:?}");
    }
});

//! Requests of several holes; `«…»` is what is to be replaced.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::document::{Language, Version};

/// A document and the ranges of what its marks enclose.
fn marked(text: &str) -> (Open, Vec<Range<usize>>) {
    let (mut plain, mut holes) = (String::new(), Vec::new());
    for piece in text.split('«') {
        match piece.split_once('»') {
            Some((hole, rest)) => {
                holes.push(plain.len()..plain.len() + hole.len());
                plain += hole;
                plain += rest;
            }
            None => plain += piece,
        }
    }
    let document = Document::open(Language::from_id("rust"), Version(1), &plain);
    (Open { path: None, snapshot: document.snapshot(), edited: Vec::new() }, holes)
}

fn emptied(text: &str) -> Emptied {
    let (document, holes) = marked(text);
    Emptied::of(&document, &holes, Instant::now() + Duration::from_secs(9))
}

/// The request as text, `$` a hole.
fn told(request: &FimRequest) -> String {
    let further: String = request.holes.iter().map(|hole| format!("{}$", hole.before)).collect();
    format!("{}${further}{}", request.prompt, request.suffix.as_deref().unwrap_or_default())
}

fn asked(text: &str) -> Asked {
    Workspace::default().assemble_holes(&emptied(text), None, &[]).unwrap()
}

#[test]
fn a_document_is_told_once_with_all_its_holes() {
    let asked = asked(
        "fn a() {\r\n    «todo!()»\r\n}\r\nfn é() { g(«») }\r\nfn c() {\r\n    let x = «todo!();»\r\n}\r\n",
    );
    assert_eq!(told(&asked.request), "fn a() {\n    $\n}\nfn é() { g($) }\nfn c() {\n    let x = $\n}\n");
    assert_eq!(asked.holes, [0, 1, 2]);
    let spans: Vec<_> = asked.request.holes.iter().map(|hole| hole.span).collect();
    assert_eq!((asked.request.span, spans), (Some(Span::Block), vec![Some(Span::Rest), Some(Span::Rest)]));
}

#[test]
fn keys_are_blanked_wherever_the_holes_are() {
    let key = "AKIAIOSFODNN7EXAMPLE";
    let asked = asked(&format!("let a = «»;\nlet key = \"{key}\";\nlet b = «»;\nlet c = «»;\n"));
    let told = told(&asked.request);
    assert!(
        !told.contains(key)
            && told.starts_with("let a = $;\nlet key = \"")
            && told.ends_with("let b = $;\nlet c = $;\n"),
        "{told}"
    );
}

#[test]
fn holes_beyond_the_window_are_left_out() {
    let far = "x();\n".repeat(20_000);
    let asked = asked(&format!("let a = «»;\n{far}let b = «»;\nlet c = «»;\nlet d = «»;\n"));
    assert_eq!(asked.holes, [1, 2, 3]);
    assert!(told(&asked.request).ends_with("x();\nlet b = $;\nlet c = $;\nlet d = $;\n"));
}

#[test]
fn what_is_written_anew_goes_along_unless_a_key_is_in_it() {
    let ask = |text: &str| {
        let (document, holes) = marked(text);
        let emptied = Emptied::of(&document, &holes, Instant::now() + Duration::from_secs(9));
        Workspace::default().assemble_rewrite(&document.snapshot, holes[0].clone(), &emptied, &[])
    };
    let request = ask("a();\n«b();\r\nc();»\nd();\n").unwrap();
    assert_eq!(
        (told(&request), request.rewrite.unwrap().text),
        ("a();\n$\nd();\n".into(), "b();\nc();".into())
    );
    assert_eq!(ask("let key = \"AKIAIO«SFODNN7EXAMPLE»\";\n"), Err(Refused::Secret));
    assert_eq!(ask(&format!("«{}»\n", "x();\n".repeat(2000))), Err(Refused::Long));
}

proptest! {
    #[test]
    fn whatever_is_cut_out_the_rest_is_told_in_order(
        pieces in prop::collection::vec("[a-c\r\n é]{1,6}", 2..9),
        gone in "[xyz]{0,3}",
    ) {
        let text = pieces.join(&format!("«{gone}»"));
        let asked = asked(&text);
        // A line break may be torn apart, but nothing is lost.
        let same = |text: &str| text.replace(['\r', '\n'], "");
        prop_assert_eq!(same(&told(&asked.request)), same(&pieces.join("$")));
    }
}

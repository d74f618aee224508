//! A text of several lines that ends within a block, made whole: the block is closed, or its head is left for later.
//! Pure text; whether the document is the sounder for it is the caller's to see.

use super::{
    Site,
    brackets::balance,
    site::{columns, leading},
};

/// The text without a bracket that it opens and nothing closes; `None` where it has none, or more of the block stands below.
pub(super) fn closed(text: &str, site: &Site) -> Option<String> {
    if !site.after.trim().is_empty() {
        return None;
    }
    let open = balance(text).open;
    // A list that goes on is no block.
    open.last().filter(|closer| **closer == '}')?;
    let lines: Vec<&str> = text.split('\n').collect();
    let opened = opened_on(&lines, open.len());
    let indents: Vec<&str> = lines.iter().enumerate().map(|(n, line)| indent(n, line, site)).collect();
    let outermost = indents.get(*opened.first()?)?;
    let below = site.below.iter().find(|line| !line.trim().is_empty()).map_or("", String::as_str);
    let deeper = columns(leading(below)).cmp(&columns(outermost));
    let goes_on = deeper.is_gt() || (deeper.is_eq() && below.trim_start().starts_with(*open.first()?));
    if !below.is_empty() && goes_on {
        return None;
    }
    let last = lines.iter().rposition(|line| !line.trim().is_empty())?;
    // A head that comes last, where something whole stands before it.
    if opened.iter().all(|line| *line == last) {
        let before = lines.get(..last)?.join("\n").trim_end().to_owned();
        if !before.trim().is_empty() && balance(&before).open.is_empty() {
            return Some(before);
        }
    }
    let mut whole = text.trim_end().to_owned();
    let mut closers = open.iter().zip(&opened).rev().peekable();
    while let Some((closer, line)) = closers.next() {
        if whole.ends_with('{') || *line != last {
            whole.push('\n');
            whole.push_str(indents.get(*line)?);
        }
        whole.push(*closer);
        while let Some((closer, _)) = closers.next_if(|(_, other)| *other == line) {
            whole.push(*closer);
        }
    }
    Some(whole)
}

/// The lines on which the `count` brackets stand that nothing closes, outermost first.
fn opened_on(lines: &[&str], count: usize) -> Vec<usize> {
    let depths: Vec<usize> =
        (1..=lines.len()).map(|end| balance(&lines[..end].join("\n")).open.len()).collect();
    let line = |nth: usize| depths.iter().rposition(|depth| *depth <= nth).map_or(0, |before| before + 1);
    (0..count).map(line).collect()
}

/// What a line of the text is indented by in the document.
fn indent<'a>(number: usize, line: &'a str, site: &'a Site) -> &'a str {
    if number == 0 { site.indentation() } else { leading(line) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::completion::polish::tests::site;

    #[test]
    fn what_is_opened_and_not_closed_is_closed_or_left_for_later() {
        let empty = "fn f() {\n    |\n}";
        for (fixture, text, expected) in [
            (empty, "match x {", Some("match x {\n    }")),
            (empty, "match x {\n        A => 1,", Some("match x {\n        A => 1,\n    }")),
            (empty, "match x {\n        A => {", Some("match x {\n        A => {\n        }\n    }")),
            (empty, "let a = 1;\n    match x {", Some("let a = 1;")),
            (empty, "xs.iter().map(|x| {\n        x", Some("xs.iter().map(|x| {\n        x\n    })")),
            ("fn f() {|\n}", "\n    match x {", Some("\n    match x {\n    }")),
            // It is whole, or what stands below closes it, or stands in it.
            (empty, "a();\n    b();", None),
            ("    |\n    }\n", "match x {", None),
            ("    |\n        A => 1,\n    }\n", "match x {", None),
            (empty, "let a = f(\n        b,", None),
            ("    f(|)", "a({", None),
        ] {
            assert_eq!(closed(text, &site(fixture)).as_deref(), expected, "{fixture:?} {text:?}");
        }
    }
}

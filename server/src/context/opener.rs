//! Whether a line ends by opening a block, from its text alone. It knows no tree: a line that is being typed has a poor one.

use crate::document::{Language, language::Blocks};

/// Words that begin a line whose colon opens a block.
const COLON_WORDS: [&str; 14] = [
    "async", "case", "class", "def", "elif", "else", "except", "finally", "for", "if", "match", "try",
    "while", "with",
];
/// Words that open a block at a line's end where nothing is known of the language.
const OPENING_WORDS: [&str; 5] = ["do", "then", "else", "begin", "function"];

/// Whether `line` ends by opening a block.
pub(super) fn opens(language: &Language, line: &str) -> bool {
    // What is still a string at the line's end opens nothing.
    let Some(code) = bare(language, line) else { return false };
    let code = code.trim();
    match language.blocks() {
        Blocks::Braces => code.ends_with('{'),
        Blocks::Colon => code.ends_with(':') && heads_a_block(code),
        Blocks::Unknown => {
            code.ends_with(['{', ':']) || OPENING_WORDS.iter().any(|word| code.ends_with(word))
        }
    }
}

/// Whether the colon that ends `code` is a statement's and not that of a pair, a slice or a lambda.
fn heads_a_block(code: &str) -> bool {
    let count = |signs: [char; 3]| code.matches(signs).count();
    let (opened, closed) = (count(['(', '[', '{']), count([')', ']', '}']));
    let word = code.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
    // The last line of a head over several lines closes what an earlier one opened.
    closed > opened || (closed == opened && COLON_WORDS.contains(&word))
}

/// A line without its comment and without what its strings hold; `None` where a string goes on past its end.
fn bare(language: &Language, line: &str) -> Option<String> {
    let mut code = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(sign) = rest.chars().next() {
        if language.line_comments().iter().any(|token| rest.starts_with(token)) {
            break;
        }
        rest = &rest[sign.len_utf8()..];
        code.push(sign);
        if language.quotes().contains(&sign) {
            rest = after_string(rest, sign)?;
            code.push(sign);
        } else if sign == '\'' {
            rest = after_character(rest);
        }
    }
    Some(code)
}

/// What follows the string whose opening quote stands before `text`.
fn after_string(text: &str, quote: char) -> Option<&str> {
    let mut signs = text.char_indices();
    while let Some((at, sign)) = signs.next() {
        if sign == quote {
            return Some(&text[at + sign.len_utf8()..]);
        }
        if sign == '\\' {
            signs.next();
        }
    }
    None
}

/// What follows a character literal whose quote stands before `text`: all of it where the quote is a lifetime's.
fn after_character(text: &str) -> &str {
    let mut signs = text.char_indices();
    if signs.next().is_some_and(|(_, sign)| sign == '\\') {
        signs.next();
    }
    match signs.next() {
        Some((at, '\'')) => &text[at + 1..],
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(language: &str, line: &str, expected: bool) {
        assert_eq!(opens(&Language::from_id(language), line), expected, "{language}: {line}");
    }

    #[test]
    fn a_comment_token_within_a_string_hides_nothing() {
        check("rust", "if url == \"http://x\" {", true);
        check("go", "if url == `http://x` {", true);
        check("typescript", "if (url === 'http://x') {", true);
        check("python", "if tag == \"#a\":", true);
        check("python", "if tag == '#a':  # why", true);
        check("rust", "if a { // \"b", true);
        check("rust", "if a == \"\\\"//\" {", true);
    }

    #[test]
    fn quotes_of_characters_and_lifetimes_are_no_strings() {
        check("rust", "if c == '\"' {", true);
        check("rust", "if c == '\\'' {", true);
        check("rust", "fn f<'a>(a: &'a str) { // don't", true);
        check("c", "if (c == '{') // {", false);
    }

    #[test]
    fn what_a_string_or_comment_ends_with_opens_nothing() {
        check("rust", "let s = \"if a {", false);
        check("rust", "let a = 1; // {", false);
        check("python", "s = 'if a:", false);
        check("python", "s = \"\"\"if a:", false);
        check("typescript", "const s = `if {", false);
    }

    #[test]
    fn a_colon_opens_a_block_where_a_statement_ends() {
        check("python", "async def f():", true);
        check("python", ") -> dict[str, int]:", true);
        check("python", "        and b):", true);
        check("python", "else:", true);
        check("python", "d = {\"a\":", false);
        check("python", "    \"a\":", false);
        check("python", "x = xs[1:", false);
        check("python", "if f({\"a\":", false);
        check("python", "g = lambda:", false);
        check("python", "field:", false);
    }

    proptest! {
        #[test]
        fn any_line_has_an_answer(line in "[\\PC\\t'\"`\\\\/#:{é😀]{0,40}") {
            for language in ["rust", "python", "typescript", "go", "lua", "plaintext"] {
                opens(&Language::from_id(language), &line);
            }
        }
    }
}

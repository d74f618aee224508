//! `quicksilver explain`: what an engine would be told for a hole. It asks no engine and starts none.

use std::fmt::Write;

use quicksilver_protocol::completion::Span;

use super::{
    Exit, Failure,
    account::{Account, LeftOut, Piece, Scan, Side},
    args::ExplainArgs,
    draw::clean,
    model, print,
    source::Source,
    told::{SCAN_TIMEOUT, Told},
};
use crate::context::neighbours::{MAX_FILES, MAX_INDEX_BYTES};

pub(super) fn run(args: &ExplainArgs) -> Result<(), Failure> {
    let source = Source::read(&args.caret)?;
    let told = Told::of(&args.caret.file, args.span, &source)?;
    let counter = model::counter()?;
    let count = counter.as_ref().map(|count| count as &dyn Fn(&str) -> usize);
    let account = Account::of(&told, args.full, count);
    let text = if args.json {
        let line = serde_json::to_string(&account)
            .map_err(|error| Failure::new(Exit::Failed, format!("cannot print: {error}")))?;
        format!("{line}\n")
    } else {
        report(&account)
    };
    print(text.as_bytes())
}

/// The account for people: what is asked, a row for each source, what stays behind.
pub(super) fn report(account: &Account<'_>) -> String {
    let Account { path, language, span, max_tokens, temperature, .. } = account;
    let mut text = String::new();
    let mut line = |what: &str, is: &str| push(&mut text, format_args!("{what:<9} {}", clean(is)));
    line("path", path.unwrap_or("none"));
    line("language", language.unwrap_or("none"));
    line("span", &format!("{}: {}", kind(span.kind), span.why));
    let (most, temperature) = (max_tokens.unwrap_or_default(), temperature.unwrap_or_default());
    line("asks for", &format!("at most {most} tokens, at temperature {temperature}"));
    sources(&mut text, account);
    left_out(&mut text, account);
    workspace(&mut text, account);
    texts(&mut text, account);
    text
}

fn sources(text: &mut String, account: &Account<'_>) {
    let counted = account.prefix.piece.tokens.is_some();
    let tokens = if counted { "  tokens" } else { "" };
    push(text, format_args!("\n  bytes   lines    share{tokens}"));
    let mut row = |piece: &Piece<'_>, what: &str| {
        let Piece { bytes, lines, share, tokens, .. } = piece;
        let lines = lines.map_or(String::new(), |lines| lines.to_string());
        let tokens = tokens.map_or(String::new(), |tokens| format!("  {tokens:>6}"));
        push(text, format_args!("{bytes:>7} {lines:>7} {:>6.1} %{tokens}  {}", share * 100.0, clean(what)));
    };
    row(&account.prefix.piece, &side("prefix", "from the start of the file", &account.prefix));
    row(&account.suffix.piece, &side("suffix", "to the end of the file", &account.suffix));
    for file in &account.files {
        row(&file.piece, &format!("{}: {}, {:.4}", file.path, file.why, file.similarity));
    }
    row(&account.paths, "paths of these files");
    row(&account.together, &format!("together, of {} bytes at most", account.budget_bytes));
    if counted {
        push(text, format_args!("tokens are those of the embedded tokenizer"));
    }
}

fn side(name: &str, whole: &str, side: &Side<'_>) -> String {
    let reach = if side.cut { "cut at the window" } else { whole };
    format!("{name}: {reach}{}", if side.blanked { ", keys blanked" } else { "" })
}

fn left_out(text: &mut String, account: &Account<'_>) {
    if account.left_out.is_empty() {
        return;
    }
    push(text, format_args!("\nnot along, the nearest first:"));
    for LeftOut { path, bytes, similarity, why } in &account.left_out {
        push(text, format_args!("{bytes:>7} bytes  {}: {why}; similarity {similarity:.4}", clean(path)));
    }
}

fn workspace(text: &mut String, account: &Account<'_>) {
    let Scan { root, read, complete, passed_over } = &account.workspace;
    let reach = if *complete { String::new() } else { format!("; then {}", limits()) };
    push(text, format_args!("\nworkspace {}\n{read:>7} files read{reach}", clean(root)));
    for (why, files) in passed_over {
        push(text, format_args!("{files:>7} passed over: {}", clean(why)));
    }
    push(text, format_args!("not looked at: what ignore files name, what is hidden, and links"));
    push(text, format_args!("definitions by the editor: {}", account.editor));
}

/// What ends the reading of a workspace.
fn limits() -> String {
    let (mib, ms) = (MAX_INDEX_BYTES / 1024 / 1024, SCAN_TIMEOUT.as_millis());
    format!("{MAX_FILES} files, {mib} MiB or {ms} ms were reached")
}

/// The texts, where they are wanted. Lines are shown so that they cannot steer the terminal; JSON has them whole.
fn texts(text: &mut String, account: &Account<'_>) {
    let sides = [("prefix", &account.prefix.piece), ("suffix", &account.suffix.piece)];
    let files = account.files.iter().map(|file| (file.path, &file.piece));
    for (name, piece) in sides.into_iter().chain(files) {
        if let Some(told) = piece.text {
            push(text, format_args!("\n── {} ──", clean(name)));
            told.lines().for_each(|line| push(text, format_args!("{}", clean(line))));
        }
    }
}

fn kind(span: Span) -> String {
    match span {
        Span::Rest => "rest".to_owned(),
        Span::Line => "line".to_owned(),
        Span::Block => "block".to_owned(),
        Span::Tokens(tokens) => format!("{tokens} tokens"),
    }
}

fn push(text: &mut String, line: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{line}");
}

//! One request from a document in a workspace of 300 indexed files with 8 open: target 2 ms; from one of 1 MiB with 200
//! others open: target 20 ms, the first time too.
//! `cargo bench -p quicksilver --bench assemble`

#![allow(missing_docs, clippy::expect_used, reason = "a benchmark")]

use std::{
    fs,
    hint::black_box,
    path::Path,
    time::{Duration, Instant},
};

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use quicksilver::{
    context::{Edited, Hole, Open, Workspace},
    document::{ByteOffset, Change, Document, Encoding, Language, Position, Version},
};

const LINE: &str = "    let total = self.radius.scale(factor).sum(); // and so on\n";

fn open(path: &Path, text: &str) -> Open {
    let mut document = Document::open(Language::from_id("rust"), Version(1), text);
    document.parse(&mut || false);
    Open { path: Some(path.to_owned()), snapshot: document.snapshot(), edited: Vec::new() }
}

fn assemble(c: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    for n in 0..300 {
        let text = format!("fn unique_{n}() {{}}\n{}", LINE.repeat(120));
        fs::write(path(&format!("f{n}.rs")), text).expect("a file");
    }
    let roots = [folder.path().to_owned()];
    let workspace = Workspace::new(&roots, &[]).scanned(&mut || false);
    let text: String = (0..1500).map(|n| format!("fn name_{n}() {{ {} }}\n", LINE.trim())).collect();
    let others: Vec<Open> = (0..8).map(|n| open(&path(&format!("f{n}.rs")), &text)).collect();
    let hole = Hole { document: open(&path("main.rs"), &text), at: ByteOffset(text.len() / 2), span: None };
    c.bench_function("assemble, index warm", |b| {
        b.iter(|| black_box(workspace.assemble(&hole, &others)).expect("allowed"));
    });
    let large = text.repeat(1 + (1 << 20) / text.len());
    let hole =
        Hole { document: open(&path("large.rs"), &large), at: ByteOffset(large.len() / 2), span: None };
    let others: Vec<Open> = (0..200)
        .map(|n| Open {
            edited: vec![Edited { lines: n..n + 3, ago: Duration::from_secs(n as u64) }],
            ..open(&path(&format!("f{n}.rs")), &format!("fn unique_{n}() {{}}\n{text}"))
        })
        .collect();
    c.bench_function("assemble, 1 MiB, 200 open", |b| {
        b.iter(|| black_box(workspace.assemble(&hole, &others)).expect("allowed"));
    });
    c.bench_function("assemble, 1 MiB, 200 open, none made ready, within 20 ms", |b| {
        b.iter_batched(
            || Workspace::new(&roots, &[]),
            |cold| {
                let until = Instant::now() + Duration::from_millis(20);
                black_box(cold.explain(&hole, &others, &mut || Instant::now() > until)).expect("allowed");
                cold
            },
            BatchSize::LargeInput,
        );
    });
    c.bench_function("index 300 files", |b| {
        b.iter(|| black_box(workspace.scanned(&mut || false).index().len()));
    });
}

fn keystroke(c: &mut Criterion) {
    let text: String = (0..1500).map(|n| format!("fn name_{n}() {{ {} }}\n", LINE.trim())).collect();
    let mut document = Document::open(Language::from_id("rust"), Version(0), &text);
    document.parse(&mut || false);
    let mut version = 0;
    c.bench_function("type a character and parse, 100 KiB", |b| {
        b.iter(|| {
            version += 1;
            let at = Position::new(700, 20);
            let (range, text) = match version % 2 {
                1 => ((at, at), "x"),
                _ => ((at, Position::new(700, 21)), ""),
            };
            document.apply(
                &[Change { range: Some(range), text: text.into() }],
                Version(version),
                Encoding::Utf16,
            );
            document.parse(&mut || false)
        });
    });
}

criterion_group!(benches, assemble, keystroke);
criterion_main!(benches);

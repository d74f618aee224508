//! S3: nothing outside the workspace is read, whatever the address, path or link.

use std::{fs, path::PathBuf};

use super::{
    assemble_tests::{folder, hole, workspace},
    place::path_of,
    reader::{MAX_FILE_BYTES, Reader, Refused},
};
use crate::document::dice::{count, report};

const OUTSIDE: &str = "fn outside_of_the_roots() { area(circle) }";

#[test]
fn hostile_addresses_name_no_file_outside() {
    let outside = folder(&[("secret.rs", OUTSIDE)]);
    let inside = folder(&[("a.rs", "fn a() {}"), ("sub/b.rs", "fn b() {}")]);
    let (root, other) = (inside.path().display().to_string(), outside.path().display().to_string());
    let reader = Reader::new(&[inside.path().to_owned()]);
    let climbs = [
        "..",
        "%2e%2e",
        "%2E%2E",
        ".%2e",
        "%2e.",
        "..%2f..",
        "%252e%252e",
        "..;",
        "..%00",
        "..%5c",
        "..\\",
        "．．",
    ];
    let schemes = [
        "file://",
        "file:",
        "FILE://",
        "file:///",
        "file://localhost",
        "file://host",
        "file:////host/share",
        "http://",
        "untitled:",
        "vscode-remote://x",
        "jar:file://",
        "data:,",
    ];
    let mut addresses = Vec::new();
    for scheme in schemes {
        for climb in climbs {
            addresses.push(format!("{scheme}{root}/{climb}/{climb}{other}/secret.rs"));
            addresses.push(format!("{scheme}{root}/sub/{climb}/{climb}/{climb}/{climb}/{climb}/etc/passwd"));
        }
        addresses.push(format!("{scheme}{other}/secret.rs"));
        addresses.push(format!("{scheme}{root}{}", "/x".repeat(5_000)));
        addresses.push(format!("{scheme}{root}/a.rs%00/secret.rs"));
        addresses.push(format!("{scheme}{root}x/secret.rs"));
        addresses.push(format!("{scheme}/dev/zero"));
        addresses.push(format!("{scheme}/proc/self/environ"));
    }
    addresses.extend(
        ["", "file", "file://", "\\\\host\\share", "C:\\x", "file:///C:/x", "\0", "é"].map(String::from),
    );
    let read: Vec<_> = addresses
        .iter()
        .filter_map(|address| path_of(address))
        .filter_map(|path| reader.read(&path).ok())
        .filter(|file| !file.path.starts_with(fs::canonicalize(inside.path()).expect("there")))
        .collect();
    assert!(read.is_empty(), "{read:?}");
    // The control: an honest address is read.
    let honest = path_of(&format!("file://{root}/sub/%62.rs")).expect("a path");
    assert_eq!(reader.read(&honest).expect("read").text, "fn b() {}");
    report("S3", &format!("{} hostile addresses", addresses.len()), "0 reads outside; an honest one is read");
}

#[test]
fn a_folder_that_only_begins_like_the_root_is_outside() {
    let both = folder(&[("work/a.rs", "in"), ("workshop/b.rs", "out")]);
    let reader = Reader::new(&[both.path().join("work")]);
    assert_eq!(reader.read(&both.path().join("workshop/b.rs")).err(), Some(Refused::Outside));
    assert!(reader.read(&both.path().join("workshop/../work/a.rs")).is_ok());
    assert_eq!(Reader::new(&[]).read(&both.path().join("work/a.rs")).err(), Some(Refused::Outside));
}

#[cfg(unix)]
#[test]
fn links_that_leave_and_what_is_no_file_are_refused() {
    use std::os::unix::fs::symlink;
    let outside = folder(&[("secret.rs", OUTSIDE)]);
    let inside = folder(&[("a.rs", "fn area(circle: Circle) {}"), ("binary.rs", "a\0b")]);
    let at = |name: &str| inside.path().join(name);
    symlink(outside.path().join("secret.rs"), at("link.rs")).expect("a link");
    symlink(outside.path(), at("folder")).expect("a link");
    symlink(at("link.rs"), at("twice.rs")).expect("a link");
    symlink(at("self.rs"), at("self.rs")).expect("a link");
    symlink("/dev/zero", at("zero.rs")).expect("a link");
    symlink(at("a.rs"), at("honest.rs")).expect("a link");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        at("fifo.rs"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o600),
        0,
    )
    .expect("a FIFO");
    for (name, bytes) in [("most.rs", MAX_FILE_BYTES), ("more.rs", MAX_FILE_BYTES + 1)] {
        fs::write(at(name), "\n".repeat(bytes as usize)).expect("a file");
    }
    let reader = Reader::new(&[inside.path().to_owned()]);
    for (name, refused) in [
        ("link.rs", Some(Refused::Outside)),
        ("folder/secret.rs", Some(Refused::Outside)),
        ("twice.rs", Some(Refused::Outside)),
        ("self.rs", Some(Refused::Missing)),
        ("zero.rs", Some(Refused::Outside)),
        ("fifo.rs", Some(Refused::NoFile)),
        ("binary.rs", Some(Refused::Binary)),
        ("most.rs", None),
        ("more.rs", Some(Refused::TooLarge)),
        ("honest.rs", None),
    ] {
        assert_eq!(reader.read(&at(name)).err(), refused, "{name}");
    }
    let request = workspace(&inside).assemble(&hole(&at("new.rs"), "area(circle)"), &[]).expect("allowed");
    let told: Vec<_> = request.context.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(told, ["a.rs"]);
}

#[cfg(unix)]
#[test]
fn swapping_a_folder_for_a_link_while_reading_gains_nothing() {
    use std::{
        os::unix::fs::symlink,
        sync::atomic::{AtomicBool, Ordering},
        time::{Duration, Instant},
    };
    let outside = folder(&[("file.rs", OUTSIDE)]);
    let inside = folder(&[("real/file.rs", "inside")]);
    let (real, swap): (PathBuf, PathBuf) = (inside.path().join("real"), inside.path().join("swap"));
    let stop = AtomicBool::new(false);
    let (mut reads, mut refusals) = (0, 0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                // A folder, then a link out of the workspace, at the same name.
                let _ = fs::rename(&real, &swap);
                let _ = symlink(outside.path(), &real);
                let _ = fs::remove_file(&real);
                let _ = fs::rename(&swap, &real);
            }
        });
        let reader = Reader::new(&[inside.path().to_owned()]);
        let until = Instant::now() + Duration::from_secs(2 * count(1, 30) as u64);
        while Instant::now() < until && reads + refusals < count(20_000, 200_000) {
            match reader.read(&real.join("file.rs")) {
                Ok(file) => {
                    assert_eq!(file.text, "inside");
                    reads += 1;
                }
                Err(_) => refusals += 1,
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert!(reads > 0 && refusals > 0, "{reads} reads, {refusals} refusals");
    let did = format!("{} reads while a folder and a link out change places", reads + refusals);
    report("S3", &did, &format!("{reads} inside, {refusals} refused, 0 outside"));
}

//! The sandbox from outside: code that an engine may write by mistake or by malice, and what becomes of it.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::{
    net::TcpListener,
    time::{Duration, Instant},
};

use quicksilver::eval::python::{Ending, Python};

async fn python() -> Python {
    Python::find(env!("CARGO_BIN_EXE_quicksilver").into(), "python3", Duration::from_secs(2)).await.unwrap()
}

async fn ends(program: &str) -> Ending {
    python().await.run(program).await.unwrap()
}

/// Fails, and the last line it says holds `word`.
async fn fails(program: &str, word: &str) {
    let ending = ends(program).await;
    assert!(matches!(&ending, Ending::Failed(why) if why.contains(word)), "{program}: {ending:?}");
}

#[tokio::test]
async fn a_program_passes_only_by_coming_to_its_end() {
    assert_eq!(
        ends("import math, re, random, typing, collections, hashlib, threading\nassert math.sqrt(4) == 2")
            .await,
        Ending::Passed
    );
    fails("assert 1 == 2, 'they differ'", "they differ").await;
    fails("def f(:", "SyntaxError").await;
    assert_eq!(ends("import sys\nsys.exit(0)").await, Ending::Failed(String::new()));
    assert_eq!(ends("import os\nos._exit(0)").await, Ending::Failed(String::new()));
}

#[tokio::test]
async fn an_infinite_loop_ends_in_time() {
    let began = Instant::now();
    assert_eq!(ends("while True: pass").await, Ending::Late);
    assert_eq!(ends("import time\ntime.sleep(600)").await, Ending::Late);
    assert!(began.elapsed() < Duration::from_secs(60));
}

#[tokio::test]
async fn a_memory_bomb_meets_its_limit() {
    fails("x = bytearray(2 << 30)", "MemoryError").await;
    fails("x = []\nwhile True: x.append(bytearray(1 << 24))", "MemoryError").await;
}

#[tokio::test]
async fn a_fork_bomb_cannot_fork() {
    fails("import os\nos.fork()", "not permitted").await;
    fails("import subprocess\nsubprocess.run(['true'])", "Error").await;
    fails("import os\nassert os.system('true') == 0", "AssertionError").await;
    fails("import multiprocessing as m\np = m.Process(target=print)\np.start()", "Error").await;
    let ending =
        ends("import threading, time\nwhile True: threading.Thread(target=time.sleep, args=(60,)).start()")
            .await;
    assert!(ending != Ending::Passed, "{ending:?}");
}

#[tokio::test]
async fn there_is_no_network() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    fails(&format!("import socket\nsocket.create_connection(('127.0.0.1', {port}), 1)"), "not permitted")
        .await;
    fails("import socket\nsocket.socketpair()", "not permitted").await;
    fails("import socket\nsocket.socket(socket.AF_UNIX)", "not permitted").await;
}

#[tokio::test]
async fn nothing_outside_is_written_read_or_ended() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("private");
    std::fs::write(&file, "secret").unwrap();
    let path = file.display();
    fails(&format!("open('{path}', 'w')"), "Permission denied").await;
    fails(&format!("open('{path}')"), "Permission denied").await;
    fails(&format!("import os\nos.remove('{path}')"), "Permission denied").await;
    fails(&format!("import os\nos.rename('{path}', 'x')"), "Error").await;
    fails(&format!("import os\nos.truncate('{path}', 0)"), "Error").await;
    fails(&format!("import os\nos.chmod('{path}', 0)"), "not permitted").await;
    fails(&format!("import os\nos.mkdir('{}/new')", folder.path().display()), "Permission denied").await;
    fails("open('/etc/passwd')", "Permission denied").await;
    fails(&format!("import os\nos.kill({}, 9)", std::process::id()), "not permitted").await;
    fails("import resource\nresource.setrlimit(resource.RLIMIT_AS, (-1, -1))", "Error").await;
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "secret");
    assert_eq!(
        ends("open('mine', 'w').write('x' * 1000)\nassert open('mine').read() == 'x' * 1000").await,
        Ending::Passed
    );
}

#[tokio::test]
async fn output_and_files_are_cut() {
    assert_eq!(ends("while True: print('x' * 10000)").await, Ending::Loud);
    fails("f = open('large', 'wb')\nwhile True: f.write(bytes(1 << 16))", "File too large").await;
    fails("files = [open(f'{n}', 'w') for n in range(1000)]", "Too many open files").await;
}

#[tokio::test]
async fn the_environment_is_empty_and_a_python_that_is_none_is_named() {
    assert_eq!(
        ends(
            "import os\nassert not any(name in os.environ for name in ('HOME', 'PATH', 'USER')), os.environ"
        )
        .await,
        Ending::Passed
    );
    let missing =
        Python::find("x".into(), "no-such-python", Duration::from_secs(1)).await.unwrap_err().to_string();
    assert!(missing.contains("`no-such-python` cannot be run"), "{missing}");
    let none = Python::find("/no/such/sandbox".into(), "python3", Duration::from_secs(1))
        .await
        .unwrap_err()
        .to_string();
    assert!(none.contains("the sandbox does not hold"), "{none}");
}

//! S1 at the wire: a workspace full of secrets, each with a string of its own. All bytes that reach the engine, the log, the
//! client and the disk are searched for them; what is allowed is found there, so the search is not blind.

// A test that cannot go on has nothing better to do than to say why.
#![allow(clippy::expect_used)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use quicksilver_tests::Home;
use quicksilver_tests::engine::{FakeEngine, Script};
use quicksilver_tests::server::TestServer;
use quicksilver_tests::tier;
use serde_json::{Value, json};

/// Files that are secret by their name or their folder.
const FILES: [&str; 52] = [
    ".env",
    ".env.local",
    ".env.production",
    "deploy/prod.env",
    ".envrc",
    ".dev.vars",
    "tls/server.key",
    "tls/server.pem",
    "tls/server.crt",
    "tls/ca.cert",
    "tls/bundle.p12",
    "tls/bundle.pfx",
    "tls/apple.p8",
    "tls/store.jks",
    "tls/putty.ppk",
    "mail/me.gpg",
    "mail/me.asc",
    "vault.kdbx",
    "office.ovpn",
    "app.mobileprovision",
    "data/users.db",
    "data/users.sqlite3",
    "db.secret",
    "secrets.yml",
    "secrets.toml",
    "credentials",
    "credentials.json",
    "auth.json",
    "github.token",
    "config.json",
    "appsettings.json",
    "appsettings.Production.json",
    "docker-compose.override.yml",
    "id_rsa",
    "keys/id_ed25519",
    "keys/id_ecdsa.old",
    ".netrc",
    ".npmrc",
    ".pypirc",
    ".pgpass",
    ".htpasswd",
    ".git-credentials",
    "infra/terraform.tfvars",
    "infra/prod.auto.tfvars",
    "infra/terraform.tfstate",
    "src/old_login.rs.bak",
    ".ssh/config.rs",
    ".aws/session.rs",
    ".kube/context.rs",
    "secrets/loader.rs",
    "src/ignored_by_git.rs",
    "src/ignored_by_us.rs",
];

/// Keys in code that is open beside, `§` for the canary.
const KEYS: [&str; 28] = [
    "let aws = \"AKIA§\";",
    "const t: &str = \"ghp_§\";",
    "// github_pat_§",
    "let gitlab = \"glpat-§\";",
    "// xoxb-§",
    "let k = \"sk-§\";",
    "let k = \"sk-ant-api03-§\";",
    "let k = \"sk_live_§\";",
    "let k = \"AIza§\";",
    "let k = \"ya29.§\";",
    "let k = \"SG.§\";",
    "let k = \"npm_§\";",
    "let k = \"pypi-§\";",
    "let k = \"hf_§\";",
    "let k = \"dop_v1_§\";",
    "let k = \"hvs.§\";",
    "// Authorization: Bearer §",
    "let url = \"postgres://admin:§@db.example.com/x\";",
    "let url = \"https://user:§@example.com\";",
    "// -----BEGIN RSA PRIVATE KEY-----\n// §\n// -----END RSA PRIVATE KEY-----",
    "let password = \"§\";",
    "let db_password: &str = \"hunter-§\";",
    "let client_secret = \"§\";",
    "const API_KEY: &str = \"§\";",
    "let auth_token = \"§\";",
    "// AccountKey=§;EndpointSuffix=x",
    "let private_key = \"§\";",
    "let x = \"§\";",
];

/// 40 characters that look random and occur once.
fn canary(number: usize) -> String {
    let mut state = (number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ tier::seed();
    let letters = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789";
    let mut canary = format!("{number:02}");
    while canary.len() < 40 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        canary.push(char::from(letters[(state >> 33) as usize % letters.len()]));
    }
    canary
}

/// What every file has in common with the code at the cursor, so that each would be a good neighbour.
const CODE: &str = "fn connect(config: Config) -> Connection { Connection::new(config) }\n";
/// May be told.
const CONTROL: &str = "this_one_may_be_told";
/// Characters of a canary that count as the whole of it.
const PART: usize = 16;

/// Everything in a folder, as text.
fn read_all(folder: &Path, into: &mut String) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.path().is_dir() {
            read_all(&entry.path(), into);
        } else if let Ok(bytes) = fs::read(entry.path()) {
            into.push_str(&String::from_utf8_lossy(&bytes));
        }
    }
}

#[test]
fn no_canary_reaches_the_engine_the_log_the_client_or_the_disk() {
    let completions = tier::count(2, 100);
    let project = tempfile::tempdir().expect("a folder");
    let root = project.path();
    let secrets: Vec<(String, String, String)> = FILES
        .iter()
        .map(|name| ((*name).to_owned(), "// §".to_owned()))
        .chain(KEYS.iter().enumerate().map(|(n, key)| (format!("src/key{n}.rs"), (*key).to_owned())))
        .enumerate()
        .map(|(n, (name, text))| {
            let canary = canary(n);
            (name, format!("{CODE}{}\n{CODE}", text.replace('§', &canary)), canary)
        })
        .collect();
    assert_eq!(secrets.len(), 80);
    let allowed = format!("{CODE}// {CONTROL}\n");
    let plain = [
        ("src/allowed.rs", allowed.as_str()),
        (".gitignore", "ignored_by_git.rs\n"),
        (".quicksilverignore", "ignored_by_us.rs\n"),
        (".git/HEAD", ""),
    ];
    for (name, text) in secrets.iter().map(|(name, text, _)| (name.as_str(), text.as_str())).chain(plain) {
        let path = root.join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }

    let engine = FakeEngine::start(|_| Script::says("Connection::new(config)"));
    let home = Arc::new(Home::new());
    let logs = tempfile::NamedTempFile::new().expect("a file");
    let mut server = TestServer::spawn_logging(home.clone(), logs.reopen().expect("a file").into());
    let mut settings = engine.settings();
    settings["debounceMs"] = json!(0);
    let capabilities = json!({"textDocument": {"inlineCompletion": {}}, "experimental": {"quicksilver": {"frames": true, "fill": true}}});
    server.initialize("Neovim", capabilities, settings, Some(root));
    let uri = |name: &str| format!("file://{}", root.join(name).display());
    let mut said = String::new();
    let open = |server: &mut TestServer, name: &str, text: &str| {
        let document = json!({"uri": uri(name), "languageId": "rust", "version": 1, "text": text});
        server.notify("textDocument/didOpen", json!({"textDocument": document}));
    };
    let ask = |server: &mut TestServer, name: &str, line: usize, character: usize| -> Value {
        let position = json!({"line": line, "character": character});
        server.request(
            "textDocument/inlineCompletion",
            json!({"textDocument": {"uri": uri(name)}, "position": position, "context": {"triggerKind": 1}}),
        )
    };
    open(&mut server, "src/allowed.rs", &allowed);
    open(&mut server, "src/main.rs", "");
    let (mut asked, mut version) = (0, 1);
    for (name, text, _) in &secrets {
        open(&mut server, name, text);
        // It was looked at and edited just now, which makes it the best of neighbours.
        server.notify("quicksilver/didFocus", json!({"textDocument": {"uri": uri(name)}}));
        let here = json!({"line": 0, "character": 0});
        let change = json!([{"range": {"start": here, "end": here}, "text": "// edited\n"}]);
        server.notify(
            "textDocument/didChange",
            json!({"textDocument": {"uri": uri(name), "version": 2}, "contentChanges": change}),
        );
        for _ in 0..completions {
            version += 1;
            let code = format!(
                "use config::Connection;\n\nfn main_{version}() {{\n    let c = connect(config);\n    \n}}\n"
            );
            server.notify("textDocument/didChange", json!({"textDocument": {"uri": uri("src/main.rs"), "version": version}, "contentChanges": [{"text": code}]}));
            said.push_str(&ask(&mut server, "src/main.rs", 4, 4).to_string());
            asked += 1;
        }
        // At the cursor itself: files are silent. A key that only its name gives away is the user's own text there, and may go along.
        if !name.contains("/key") {
            let answer = ask(&mut server, name, 3, 0);
            assert_eq!(answer["result"]["items"], json!([]), "{name}");
            let digest = server.request("quicksilver/digest", json!({"textDocument": {"uri": uri(name)}}));
            assert_eq!(digest["result"]["inStep"], true);
        }
        server.notify("textDocument/didClose", json!({"textDocument": {"uri": uri(name)}}));
    }
    for message in server.drain(std::time::Duration::from_millis(100)) {
        said.push_str(&message.to_string());
    }
    assert_eq!(server.shut_down(), Some(0));
    let told: Vec<String> =
        engine.asked().iter().map(|asked| serde_json::to_string(asked).expect("JSON")).collect();
    let log = fs::read_to_string(logs.path()).expect("a log");
    let mut disk = String::new();
    read_all(home.path(), &mut disk);
    let told_bytes: usize = told.iter().map(String::len).sum();
    let places = [("the engine", told.concat()), ("the log", log), ("the client", said), ("the disk", disk)];
    let leaks: BTreeSet<(&str, &str)> = places
        .iter()
        .flat_map(|(place, text)| {
            let leaked = secrets.iter().filter(move |(_, _, canary)| text.contains(&canary[..PART]));
            leaked.map(move |(name, _, _)| (*place, name.as_str()))
        })
        .collect();
    assert!(leaks.is_empty(), "{leaks:#?}");
    let controls = told.iter().filter(|told| told.contains(CONTROL)).count();
    assert!(told.len() * 10 >= asked * 9, "{asked} completions reached the engine as {}", told.len());
    assert!(controls * 10 >= told.len() * 9, "the control is in {controls} of {}", told.len());
    assert!(places[1].1.len() > 1_000, "the log is full");
    assert!(!places[1].1.contains(CONTROL), "no text is in the log, allowed or not");
    let did = format!(
        "80 kinds of secret, {completions} completions beside each: {told_bytes} bytes to the engine, {} of log",
        places[1].1.len()
    );
    let result = format!(
        "0 canaries at the engine, in the log, at the client, on the disk; the control in {controls} of {} requests",
        told.len()
    );
    tier::report("S1", &did, &result);
}

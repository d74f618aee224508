//! S1: a workspace full of secrets, each with a string of its own, lies open beside and around the code. None of
//! the strings is in any request. What is allowed is, so the net has no holes because it is empty.

use std::{fmt::Write as _, fs, time::Duration};

use super::{
    Edited,
    assemble_tests::{document, folder, hole, workspace},
    exclude::{SECRET_FILES, SECRET_FOLDERS},
    recall,
    secrets::{Degree, blank},
};
use crate::document::dice::report;

/// Keys as they look, `§` for 40 letters and digits of the canary's own.
const KEYS: [&str; 46] = [
    "let aws = \"AKIA§\";",
    "aws_access_key_id = ASIA§",
    "const t = 'ghp_§';",
    "gho_§",
    "ghs_§",
    "github_pat_§",
    "glpat-§",
    "xoxb-§",
    "xoxp-§",
    "xapp-§",
    "OPENAI=sk-§",
    "sk-proj-§",
    "sk-ant-api03-§",
    "stripe('sk_live_§')",
    "rk_live_§",
    "whsec_§",
    "AIza§",
    "ya29.§",
    "GOCSPX-§",
    "SG.§",
    "npm_§",
    "pypi-§",
    "hf_§",
    "dop_v1_§",
    "shpat_§",
    "sq0atp-§",
    "dckr_pat_§",
    "hvs.§",
    "glsa_§",
    "lin_api_§",
    "xkeysib-§",
    "figd_§",
    "rubygems_§",
    "Authorization: Bearer §",
    "curl -H 'Authorization: Basic §'",
    "postgres://admin:§@db.example.com/x",
    "https://user:§@example.com",
    "eyJhbGciOiJIUzI1NiIs.§.§",
    "-----BEGIN RSA PRIVATE KEY-----\n§\n-----END RSA PRIVATE KEY-----",
    "-----BEGIN OPENSSH PRIVATE KEY-----\n§",
    "§§\n§==",
    "AGE-SECRET-KEY-1§",
    "AWS_SECRET=AROA§",
    "ghr_§",
    "shpss_§",
    "gldt-§",
];

/// Keys that only their place, or their randomness, gives away: blanked in all files but the one at the cursor.
const LIKELY: [&str; 10] = [
    "password = \"§\"",
    "let db_password: &str = \"hunter-§\";",
    "\"client_secret\": \"§\",",
    "API_KEY=§",
    "api-key: '§'",
    "spring.datasource.passwd=§",
    "const authToken = `§`;",
    "AccountKey=§;EndpointSuffix=x",
    "let x = \"§\";",
    "private_key => '§'",
];

/// 40 characters that look random and occur once.
fn canary(number: usize) -> String {
    let mut state = number as u64 * 0x9e37_79b9 + 12_345;
    let letters = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789";
    let mut canary = format!("{number:02}");
    while canary.len() < 40 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        canary.push(char::from(letters[(state >> 33) as usize % letters.len()]));
    }
    canary
}

const CODE: &str = "fn connect(config: Config) -> Connection { Connection::new(config) }\n";

#[test]
fn no_canary_of_any_kind_is_in_any_request() {
    let mut files: Vec<(String, String, String)> = Vec::new();
    let mut plant = |name: String, text: &str| {
        let canary = canary(files.len());
        let text = format!("{CODE}{}\n{CODE}", text.replace('§', &canary));
        files.push((name, text, canary));
    };
    for (at, glob) in SECRET_FILES.iter().enumerate() {
        let name = glob.replace('*', "x");
        plant(format!("d{at}/{name}"), "// §");
        plant(format!("e{at}/{}", name.to_uppercase()), "// §");
    }
    for folder in SECRET_FOLDERS {
        plant(format!("{folder}/deep/code.rs"), "// §");
    }
    for (at, key) in KEYS.iter().chain(&LIKELY).enumerate() {
        plant(format!("src/key{at}.rs"), key);
    }
    let secrets = files.len();
    assert!(secrets >= 80);
    let control = canary_of_control();
    let listed: Vec<(&str, &str)> =
        files.iter().map(|(name, text, _)| (name.as_str(), text.as_str())).collect();
    let folder = folder(&listed);
    let allowed = format!("{CODE}// {control}\n");
    fs::write(folder.path().join("src/allowed.rs"), &allowed).expect("a file");
    let workspace = workspace(&folder);

    let mut requests = 0;
    let mut seen_control = 0;
    let mut told = String::new();
    // Each secret open beside the code in turn, with its neighbours, and everything else on disk.
    for turn in files.chunks(6) {
        let mut open: Vec<_> =
            turn.iter().map(|(name, text, _)| document(&folder.path().join(name), text)).collect();
        open.push(document(&folder.path().join("src/allowed.rs"), &allowed));
        // Whatever is in them was edited just now.
        open.iter_mut().for_each(|open| open.edited = vec![Edited { lines: 0..9, ago: Duration::ZERO }]);
        for fixture in ["fn connect(config: Config) {\n    $0\n}\n", "use config::Connection;\n$0"] {
            let hole = hole(&folder.path().join("src/main.rs"), fixture);
            let request = workspace.assemble(&hole, &open).expect("allowed");
            let json = serde_json::to_string(&request).expect("JSON");
            seen_control += usize::from(json.contains(&control));
            write!(told, "{json}").expect("memory");
            requests += 1;
        }
    }
    // Each secret at the cursor: silence for files, blanks for keys.
    for (name, text, _) in &files {
        if LIKELY.iter().enumerate().any(|(at, _)| name.ends_with(&format!("key{}.rs", KEYS.len() + at))) {
            continue;
        }
        let hole = hole(&folder.path().join(name), &format!("{text}$0"));
        match workspace.assemble(&hole, &[]) {
            Ok(request) => {
                assert!(name.starts_with("src/"), "{name} is told");
                write!(told, "{}", serde_json::to_string(&request).expect("JSON")).expect("memory");
                requests += 1;
            }
            Err(_) => assert!(!name.starts_with("src/"), "{name} is refused"),
        }
    }
    let leaked: Vec<_> = files
        .iter()
        .filter(|(_, _, canary)| told.contains(&canary[..20]))
        .map(|(name, text, _)| (name, text))
        .collect();
    assert!(leaked.is_empty(), "{leaked:#?}");
    assert!(seen_control > 20 && told.contains("Connection::new"), "the allowed file is told");
    let did = format!("{secrets} secrets at the gate, {requests} requests of {} bytes", told.len());
    report("S1", &did, &format!("0 canaries; the control was seen {seen_control} times"));
}

#[test]
fn no_canary_comes_by_a_definition_a_window_or_an_edit() {
    let keys: Vec<&str> = KEYS.iter().chain(&LIKELY).copied().collect();
    let door = |n: usize, key: &str| format!("fn door_{n}() {{\n{}\n}}\n", key.replace('§', &canary(n)));
    let doors: String = keys.iter().enumerate().map(|(n, key)| door(n, key)).collect();
    let filler: String = (0..900).map(|n| format!("fn filler_{n}() {{ let wall = {n}; }}\n")).collect();
    let folder = folder(&[
        ("src/doors.rs", &format!("{filler}{doors}")),
        ("src/secrets.rs", &door(100, "// §")),
        (".gitignore", "src/ignored.rs\n"),
        ("src/ignored.rs", &door(101, "// §")),
    ]);
    let workspace = workspace(&folder);
    let edited = format!("{filler}{}", door(102, "let password = \"§\";"));
    let mut open = [
        document(&folder.path().join("src/edited.rs"), &edited),
        document(&folder.path().join("src/secrets.rs"), &door(100, "// §")),
    ];
    open.iter_mut().for_each(|open| open.edited = vec![Edited { lines: 0..9_000, ago: Duration::ZERO }]);
    let (mut told, mut defined) = (String::new(), 0);
    for n in (0..keys.len()).chain([100, 101, 102]) {
        let hole = hole(&folder.path().join("src/main.rs"), &format!("fn main() {{\n    door_{n}($0\n}}\n"));
        let assembly = workspace.explain(&hole, &open, &mut || false).expect("allowed");
        let definition = format!("fn door_{n}()");
        defined += usize::from(assembly.request.context.iter().any(|file| file.text.contains(&definition)));
        write!(told, "{}", serde_json::to_string(&assembly.request).expect("JSON")).expect("memory");
    }
    let leaked: Vec<usize> = (0..103).filter(|n| told.contains(&canary(*n)[..20])).collect();
    assert!(leaked.is_empty(), "{leaked:?}");
    // The control: what defines a door goes along, keys blanked. A key block that nobody ends blanks the rest of its file,
    // and with it the last doors.
    assert!(defined >= 40, "{defined} of {}", keys.len());
    assert!(told.contains("fn door_0()") && told.contains("src/edited.rs"), "edits and definitions are told");
    assert!(!told.contains("src/secrets.rs") && !told.contains("fn door_101"), "the gate holds");
}

#[test]
fn no_canary_comes_by_what_was_suggested_before() {
    let (mut told, mut controls) = (String::new(), 0);
    for (n, key) in KEYS.iter().enumerate() {
        let line = key.replace('§', &canary(n));
        // Suggested whole, and with its first half typed since; the rest may stand behind the cursor.
        let half = line.floor_char_boundary(line.find(&canary(n)).unwrap_or_default() + 10);
        for (typed, text, rest) in [("", line.as_str(), ""), (&line[..half], &line[half..], "")] {
            let folder = folder(&[]);
            let hole = hole(&folder.path().join("a.rs"), &format!("fn f() {{\n{typed}$0{rest}\n}}\n"));
            let request = workspace(&folder).assemble(&hole, &[]).expect("allowed");
            write!(told, "{}", serde_json::to_string(&recall(request.clone(), text, false)).expect("JSON"))
                .expect("memory");
            let control = recall(request, &canary_of_control(), true);
            controls +=
                usize::from(serde_json::to_string(&control).expect("JSON").contains(&canary_of_control()));
        }
    }
    let leaked: Vec<&str> =
        (0..).zip(KEYS).filter(|(n, _)| told.contains(&canary(*n)[10..30])).map(|(_, key)| key).collect();
    assert!(leaked.is_empty(), "{leaked:?}");
    assert!(controls > KEYS.len(), "{controls} controls were told");
}

fn canary_of_control() -> String {
    "this_one_may_be_told".to_owned()
}

#[test]
fn a_key_is_blanked_wherever_the_cursor_or_the_window_cuts_it() {
    let body = (0..20).map(|n| canary(n) + &canary(n + 50)[..24] + "\n").collect::<String>();
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{body}short3Xy=\n-----END PRIVATE KEY-----\n");
    for from in [0, 28, 28 + 65, 28 + 130] {
        let blanked = blank(&pem[from..], Degree::Certain);
        assert!((0..20).all(|n| from > 28 || !blanked.contains(&canary(n)[..12])), "{blanked}");
        assert!(!blanked.contains("short3"), "{blanked}");
        assert_eq!(blanked.lines().count(), pem[from..].lines().count());
    }
    let folder = folder(&[]);
    let key = format!("ghp_{}", canary(1));
    let split = format!("let t = \"{}$0{}\";", &key[..20], &key[20..]);
    let request =
        workspace(&folder).assemble(&hole(&folder.path().join("a.rs"), &split), &[]).expect("allowed");
    let suffix = request.suffix.as_deref().unwrap_or_default();
    assert_eq!(request.prompt, format!("let t = \"{}", "*".repeat(20)));
    assert_eq!(suffix, format!("{}\";", "*".repeat(key.len() - 20)));
}

#[test]
fn code_is_left_alone() {
    for code in [
        "let password = read_password_from_terminal(prompt)?;\n",
        "fn token_after(&self, position: usize) -> Option<Token> {\n",
        "pub const MAX_CONTEXT_BYTES: usize = 64 * 1024;\n",
        "const a = await fetchUserAuthenticationTokenFromServer2(request);\n",
        "    .sk-circle-fade-dot-animation-delay { color: red }\n",
        "use crate::document::position::to_byte_offset_in_utf16_units;\n",
        "// see https://example.com/some/path/to/documentation.html#section-3\n",
        "let 変数 = \"日本語テキスト\"; // 👩‍👩‍👧‍👦\n",
        "import { aVeryLongComponentNameIndeed42 } from './components/aVeryLongComponentNameIndeed';\n",
    ] {
        assert_eq!(blank(code, Degree::Likely), code);
    }
}

proptest::proptest! {
    #[test]
    fn blanking_keeps_characters_and_lines(text in "(\\PC|[\r\n]|-----BEGIN |-----|PRIVATE KEY|ghp_|eyJ|://|[@:='\"]){0,80}") {
        for degree in [Degree::Certain, Degree::Likely] {
            let blanked = blank(&text, degree);
            proptest::prop_assert_eq!(blanked.chars().count(), text.chars().count());
            let same = |(a, b): (char, char)| a == b || (b == '*' && a != '\n' && a != '\r');
            proptest::prop_assert!(text.chars().zip(blanked.chars()).all(same));
        }
    }
}

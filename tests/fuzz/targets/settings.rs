//! Settings of any shape are taken or complained of; twice is as once; a workspace never makes the user's.
#![no_main]

use libfuzzer_sys::fuzz_target;
use quicksilver::session::{
    config::Settings,
    trust::{Origin, USER_ONLY},
};
use serde_json::Value;

fuzz_target!(|bytes: &[u8]| {
    let Ok(given) = serde_json::from_slice::<Value>(bytes) else { return };
    let (mut once, default) = (Settings::default(), Settings::default());
    let problems = once.apply(&given, Origin::User);
    let mut twice = once.clone();
    assert_eq!(twice.apply(&given, Origin::User), problems);
    assert_eq!(once, twice);

    let mut workspace = Settings::default();
    let _ = workspace.apply(&given, Origin::Workspace);
    let users = |settings: &Settings| {
        let Settings { endpoint, key_file, model, device, weights, .. } = settings.clone();
        (endpoint, key_file, model, device, weights)
    };
    assert_eq!(users(&workspace), users(&default), "{USER_ONLY:?}");
});

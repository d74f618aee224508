//! Says whether the embedded model has a network yet: without one the local prior answers.

use std::path::Path;

fn main() {
    let folder = Path::new("models/embedded");
    println!("cargo::rustc-check-cfg=cfg(embedded_network)");
    println!("cargo::rerun-if-changed=models/embedded");
    let files = ["config.json", "model.safetensors"].map(|name| folder.join(name));
    // A file that is not there makes this run again: nothing else would notice that one has gone.
    files.iter().for_each(|file| println!("cargo::rerun-if-changed={}", file.display()));
    if files.iter().all(|file| file.exists()) {
        println!("cargo::rustc-cfg=embedded_network");
    }
}

//! Language servers side by side, in one run, over the same documents and the same endpoint: README.md beside this file.
//!
//! | file | owns |
//! |---|---|
//! | `server` | how each is started, configured and asked |
//! | `measure` | what is measured of one |

#![allow(clippy::print_stdout, reason = "the table is the purpose")]
#![allow(clippy::expect_used, reason = "a benchmark")]

mod measure;
mod server;

use anyhow::Result;

fn main() -> Result<()> {
    let rounds = 2;
    println!(
        "| server | answer, median | 99 % | asked without the last edit | resident memory | storm: answered once | never | \
         more than once | last answer after | answers afterwards |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    // In turns, so that a busy minute is not one server's alone.
    for _ in 0..rounds {
        for peer in server::all() {
            println!("{}", measure::of(&peer)?);
        }
    }
    Ok(())
}

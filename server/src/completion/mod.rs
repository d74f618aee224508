//! The decision to ask, and the polish of the answer.
//!
//! | file | owns |
//! |---|---|
//! | `gate` | whether to ask at all, and every reason for silence |
//! | `site` | the lines around the cursor, as the rules want them |
//! | `polish` | the engine's text made fit for its place, or refused |
//! | `sound` | which of several texts leaves the syntax soundest |
//! | `closing` | a text that ends within a block made whole |
//! | `twice` | items that stand in their block already |
//! | `brackets` | which brackets a text opens and closes |
//! | `reuse` | a keystroke answered from a suggestion that was made before |
//! | `history` | the suggestions that may still be of use |
//! | `ahead` | the hole that there will be once a suggestion is taken |
//! | `warm` | what an edit left standing of a suggestion, for the engine to begin from |
//! | `debounce` | how long to wait for the next keystroke |
//! | `suggestion` | what is offered: text, place, version |
//! | `doubt` | names in doubt |
//! | `fill` | several holes filled together, and text written anew |
//! | `settled` | what may block, in threads of its own and for a time |
//! | `task` | one completion from its snapshot to its outcome: the order of all of these |

pub mod ahead;
mod brackets;
mod closing;
pub mod debounce;
pub mod doubt;
pub mod fill;
pub mod gate;
pub mod history;
pub mod polish;
pub mod reuse;
mod settled;
pub mod site;
pub mod sound;
pub mod suggestion;
pub mod task;
mod twice;
pub mod warm;

pub use debounce::{Debounce, Pace};
pub use gate::{Circumstances, Silence};
pub use history::History;
pub use polish::Polished;
pub use site::Site;
pub use suggestion::Suggestion;

//! The decision to ask, and the polish of the answer.
//!
//! | file | owns |
//! |---|---|
//! | `gate` | whether to ask at all, and every reason for silence |
//! | `site` | the lines around the cursor, as the rules want them |
//! | `polish` | the engine's text made fit for its place, or refused |
//! | `brackets` | which brackets a text opens and closes |
//! | `reuse` | a keystroke answered from the suggestion that is shown |
//! | `suggestion` | what is offered: text, place, version |
//! | `doubt` | names in doubt |
//! | `fill` | several holes filled together, and text written anew |
//! | `task` | one completion from its snapshot to its outcome: the order of all of these |

mod brackets;
pub mod doubt;
pub mod fill;
pub mod gate;
pub mod polish;
pub mod reuse;
pub mod site;
pub mod suggestion;
pub mod task;

pub use gate::Silence;
pub use polish::Polished;
pub use site::Site;
pub use suggestion::Suggestion;

//! The only place that names LSP types.
//!
//! | file | owns |
//! |---|---|
//! | [`capabilities`] | what the client can do, and what is offered to it |
//! | [`from_proto`], [`to_proto`] | LSP shapes ↔ ours; the shape rules of ghost text |
//! | [`handlers`] | one file per method: borrow the session, call, convert |
//! | [`notify`] | frames and status, latest wins |
//! | [`suggest`], [`refine`] | a question's way to a placed infill, and its frames |
//! | [`fill`], [`fill_frames`], [`apply`] | several holes filled together and text written anew: answers, frames, edits |
//! | [`doubt`] | names in doubt as diagnostics |
//! | [`ahead`] | what follows a suggestion, asked for while it is shown |
//! | [`server`] | the service: which method goes to which handler |
//! | [`workspace`] | the client's folders, and when to look at them again |

pub mod ahead;
pub mod apply;
pub mod capabilities;
pub mod doubt;
pub mod fill;
pub mod fill_frames;
pub mod from_proto;
pub mod handlers;
pub mod notify;
pub mod refine;
pub mod server;
pub mod suggest;
pub mod to_proto;
pub mod workspace;

use tokio::io::{AsyncRead, AsyncWrite};

use crate::session::Settings;
use crate::transport::{parent, serve::serve};

/// Serves one client to its end; returns the exit code. `settings` are those of the command line; the
/// client's are laid over them.
pub async fn run<I, O>(input: I, output: O, settings: Settings) -> u8
where
    I: AsyncRead + Unpin,
    O: AsyncWrite + Unpin + Send + 'static,
{
    let (service, socket, mut parent_id) = server::service(settings);
    let stop = async move {
        // The sender lives as long as the service; an error means that it is gone.
        let known = parent_id.wait_for(Option::is_some).await.ok().and_then(|id| *id);
        match known {
            Some(id) => parent::gone(id).await,
            None => std::future::pending().await,
        }
        tracing::warn!("the process that started this server is gone");
    };
    serve(input, output, service, socket, stop).await
}

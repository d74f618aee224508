//! Every limit of the wire, with its unit. Each has a test at limit − 1, limit and limit + 1 where it is kept.

use std::time::Duration;

/// Bytes of one HTTP request body.
pub const MAX_BODY_BYTES: usize = 1024 * 1024;
/// Bytes of all HTTP headers of one request.
pub const MAX_HEADER_BYTES: usize = 16 * 1024;
/// How long headers, and then the body, may take to arrive.
pub const ARRIVAL_TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes of prefix, suffix and other files together, before the engine fits them to its tokens.
pub const MAX_CONTEXT_BYTES: usize = 64 * 1024;
/// Other files in one request.
pub const MAX_CONTEXT_FILES: usize = 32;
/// Masks in one span.
pub const MAX_SPAN_TOKENS: usize = 256;
/// Answers to one request.
pub const MAX_CHOICES: u32 = 8;
/// Holes of one document in one request.
pub const MAX_HOLES: usize = 32;
/// Bytes of the text that is to be written anew.
pub const MAX_REWRITE_BYTES: usize = 4 * 1024;
/// Bytes of what was suggested before.
pub const MAX_PREVIOUS_BYTES: usize = 4 * 1024;
/// Stop strings in one request, and the bytes of each.
pub const MAX_STOP_STRINGS: usize = 4;
/// Bytes of one stop string.
pub const MAX_STOP_BYTES: usize = 256;
/// Jobs waiting for the device, all clients together.
pub const MAX_QUEUED_JOBS: usize = 64;
/// Jobs of one key that run or wait at once, beyond which the key is told to come back later.
pub const MAX_JOBS_PER_KEY: usize = 16;
/// What a request without a deadline gets.
pub const DEFAULT_DEADLINE: Duration = Duration::from_secs(2);
/// The longest deadline a request may ask for.
pub const MAX_DEADLINE: Duration = Duration::from_secs(10);
/// Bytes of a path, a model's name or a language id.
pub const MAX_NAME_BYTES: usize = 4096;
/// The highest temperature that still means something.
pub const MAX_TEMPERATURE: f64 = 2.0;
/// Connections open at once; more wait to be accepted.
pub const MAX_CONNECTIONS: usize = 512;
/// How long a stopping engine waits for running requests.
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(2);
/// How long an engine that lives by leases stays after the last one closed.
pub const LEASE_GRACE: Duration = Duration::from_secs(2);
/// How long an engine that lives by leases waits for the first one, once it has said where it listens. Whoever started it takes it at once.
pub const FIRST_LEASE_WAIT: Duration = Duration::from_secs(4);

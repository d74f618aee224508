//! How well an engine fills holes: sets of holes, what is asked, how answers are judged, and what is made of the verdicts.
//!
//! | file | owns |
//! |---|---|
//! | [`dataset`] | what a set of holes is; [`humaneval`], [`safim`], [`packages`] and [`repository`] are such sets |
//! | [`jsonl`] | reading lines of JSON, packed or not |
//! | [`corpus`] | packages of source files on disk |
//! | [`cut`] | which text is cut out of a file |
//! | [`pose`] | from a hole to the request, as the language server makes it |
//! | [`ask`] | asking the engine, patiently |
//! | [`judge`] | what an answer is worth as text and as syntax |
//! | [`python`], [`sandbox`] | whether a program passes its tests: outside and inside of the sandbox |
//! | [`trial`] | whether a project passes its tests |
//! | [`journal`] | the verdicts on disk, so that a run that was broken off goes on |
//! | [`run`] | all of it together |
//! | [`typing`] | holes typed out key by key, with and without what was suggested before |
//! | [`metrics`], [`figures`] | from verdicts to figures |
//! | [`statistics`], [`compare`] | what a figure, and the difference of two runs, is worth |
//! | [`report`], [`machine`] | figures as text, Markdown or JSON, and where they were measured |
//!
//! Everything is asked over HTTP, so the figures are those of the path that users have, and of any engine. It knows no
//! tensor and no command line.

pub mod ask;
pub mod compare;
pub mod corpus;
pub mod cut;
pub mod dataset;
mod error;
pub mod figures;
pub mod humaneval;
pub mod journal;
pub mod jsonl;
pub mod judge;
pub mod machine;
pub mod metrics;
pub mod packages;
pub mod pose;
pub mod python;
mod random;
pub mod report;
pub mod repository;
pub mod run;
pub mod safim;
pub mod sandbox;
pub mod statistics;
pub mod trial;
pub mod typing;

pub use dataset::{Dataset, Hole, Posed};
pub use error::EvalError;

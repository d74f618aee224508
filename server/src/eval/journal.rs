//! The verdicts on disk, one line of JSON each, written as they come: a run that was broken off goes on from there.
//!
//! A file may hold runs of several configurations; each line names its own. The last line may have been cut short by
//! whatever ended the run before: it is dropped, and its hole asked again.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use super::{EvalError, jsonl::digest, judge::Verdict, machine::Machine};

/// Everything that decides what the answers are. Its hash names the run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Configuration {
    /// `humaneval`, `safim`, `packages`, `repository`.
    pub set: String,
    /// Of the set's files.
    pub set_digest: String,
    /// How holes were drawn: kinds, languages, numbers, seed.
    pub drawing: String,
    /// Where the engine is: `this machine`, or its address.
    pub engine: String,
    /// What it understands: `quicksilver`, `mercury`, `openai`.
    pub api: String,
    /// The model's name.
    pub model: String,
    /// The digests of the model's files, where they are known.
    pub model_digest: String,
    /// The device that the engine was asked to use.
    pub device: String,
    /// Milliseconds a hole.
    pub deadline_ms: u64,
    /// What ran the code, and within which limits; empty if none was run.
    pub judged_by: String,
    /// Our version and build.
    pub version: String,
}

impl Configuration {
    /// Names it: 16 hexadecimal digits.
    #[must_use]
    pub fn hash(&self) -> String {
        digest(serde_json::to_string(self).unwrap_or_default().as_bytes())
    }
}

/// The head of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// The configuration's hash.
    pub hash: String,
    /// The configuration.
    pub configuration: Configuration,
    /// Where and when.
    pub machine: Machine,
    /// Holes asked at once; times are only good where it is one.
    pub parallel: usize,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Line {
    Run(Box<Run>),
    Hole { run: String, verdict: Box<Verdict> },
}

/// What a file holds.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    /// The heads, in order; those of one configuration may stand several times.
    pub runs: Vec<Run>,
    verdicts: FxHashMap<String, FxHashMap<String, Verdict>>,
    /// Bytes up to the end of the last whole line.
    whole: u64,
}

impl Kept {
    /// Reads a file.
    ///
    /// # Errors
    /// [`EvalError::File`], and [`EvalError::Format`] for a line that is none of ours and not the last.
    pub fn read(path: &Path) -> Result<Self, EvalError> {
        let bytes = std::fs::read(path).map_err(EvalError::file(path))?;
        Self::parse(&bytes).map_err(|why| EvalError::Format { path: path.to_owned(), why })
    }

    fn parse(bytes: &[u8]) -> Result<Self, String> {
        let mut kept = Self::default();
        for (number, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
            if !line.ends_with(b"\n") {
                break;
            }
            match serde_json::from_slice(line) {
                Ok(Line::Run(run)) => kept.runs.push(*run),
                Ok(Line::Hole { run, verdict }) => {
                    kept.verdicts.entry(run).or_default().insert(verdict.id.clone(), *verdict);
                }
                Err(error) => {
                    return Err(format!("line {} is no line of an evaluation: {error}", number + 1));
                }
            }
            kept.whole += line.len() as u64;
        }
        Ok(kept)
    }

    /// The verdicts of a configuration, by hole.
    #[must_use]
    pub fn of(&self, hash: &str) -> Option<&FxHashMap<String, Verdict>> {
        self.verdicts.get(hash)
    }
}

/// A file that verdicts are written to.
#[derive(Debug)]
pub struct Journal {
    file: File,
    path: PathBuf,
    hash: String,
    done: FxHashMap<String, Verdict>,
}

impl Journal {
    /// Opens a journal, or begins it, and writes down that `run` begins or goes on.
    ///
    /// # Errors
    /// [`EvalError::File`], also when another evaluation is writing to it, and [`EvalError::Format`].
    pub fn open(path: &Path, run: &Run) -> Result<Self, EvalError> {
        let failed = || EvalError::file(path);
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(path).map_err(failed())?;
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => {
                let why = std::io::Error::other(
                    "another evaluation is writing to it; give this one another --journal",
                );
                return Err(failed()(why));
            }
            // Not every file system has locks.
            Err(TryLockError::Error(_)) | Ok(()) => {}
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(failed())?;
        let mut kept = Kept::parse(&bytes).map_err(|why| EvalError::Format { path: path.to_owned(), why })?;
        file.set_len(kept.whole).and_then(|()| file.seek(SeekFrom::End(0))).map_err(failed())?;
        let done = kept.verdicts.remove(&run.hash).unwrap_or_default();
        let mut journal = Self { file, path: path.to_owned(), hash: run.hash.clone(), done };
        journal.write(&Line::Run(Box::new(run.clone())))?;
        Ok(journal)
    }

    /// The verdict on a hole, if there is one.
    #[must_use]
    pub fn verdict(&self, id: &str) -> Option<&Verdict> {
        self.done.get(id)
    }

    /// Whether a hole needs not be asked: one that got no answer is asked again by the next run.
    #[must_use]
    pub fn has_answer(&self, id: &str) -> bool {
        self.verdict(id).is_some_and(|verdict| verdict.error.is_none())
    }

    /// Writes a verdict down.
    ///
    /// # Errors
    /// [`EvalError::File`].
    pub fn add(&mut self, verdict: Verdict) -> Result<(), EvalError> {
        self.write(&Line::Hole { run: self.hash.clone(), verdict: Box::new(verdict.clone()) })?;
        self.done.insert(verdict.id.clone(), verdict);
        Ok(())
    }

    fn write(&mut self, line: &Line) -> Result<(), EvalError> {
        let failed = EvalError::file(&self.path);
        let mut bytes =
            serde_json::to_vec(line).map_err(std::io::Error::from).map_err(EvalError::file(&self.path))?;
        bytes.push(b'\n');
        // One write, so that what ends the process leaves a whole line or a torn last one.
        self.file.write_all(&bytes).map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(model: &str) -> Run {
        let configuration = Configuration { model: model.to_owned(), ..Configuration::default() };
        Run { hash: configuration.hash(), configuration, machine: Machine::default(), parallel: 1 }
    }

    fn verdict(id: &str) -> Verdict {
        Verdict { id: id.to_owned(), exact: true, ..Verdict::default() }
    }

    #[test]
    fn a_torn_last_line_is_dropped_and_its_hole_asked_again() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("j.jsonl");
        let mut journal = Journal::open(&path, &run("a"))?;
        journal.add(verdict("one"))?;
        journal.add(verdict("two"))?;
        drop(journal);
        let whole = std::fs::read(&path)?;
        for cut in 1..20 {
            std::fs::write(&path, &whole[..whole.len() - cut])?;
            let mut journal = Journal::open(&path, &run("a"))?;
            assert!(journal.verdict("one").is_some() && journal.verdict("two").is_none(), "{cut}");
            journal.add(verdict("two"))?;
            drop(journal);
            assert_eq!(Kept::read(&path)?.of(&run("a").hash).map(FxHashMap::len), Some(2));
        }
        Ok(())
    }

    #[test]
    fn another_configuration_begins_anew_in_the_same_file() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("j.jsonl");
        Journal::open(&path, &run("a"))?.add(verdict("one"))?;
        let journal = Journal::open(&path, &run("b"))?;
        assert!(journal.verdict("one").is_none());
        assert!(Kept::read(&path)?.of(&run("a").hash).is_some_and(|kept| kept.contains_key("one")));
        Ok(())
    }

    #[test]
    fn a_file_of_something_else_and_one_in_use_are_refused() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("j.jsonl");
        std::fs::write(&path, "{\"name\": 1}\n")?;
        let refused = Journal::open(&path, &run("a")).map_err(|error| error.to_string());
        assert!(refused.is_err_and(|why| why.contains("line 1 is no line of an evaluation")));
        assert_eq!(std::fs::read_to_string(&path)?, "{\"name\": 1}\n", "it is left as it was");
        let path = folder.path().join("k.jsonl");
        let _first = Journal::open(&path, &run("a"))?;
        assert!(
            Journal::open(&path, &run("a"))
                .is_err_and(|error| error.to_string().contains("another evaluation"))
        );
        Ok(())
    }
}

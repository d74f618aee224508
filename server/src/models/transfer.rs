//! One file of a model onto the disk: resumed where it stopped, no longer than announced, its digest compared, and only
//! then given its name. What is not whole ends in `.part`.

use std::{
    fs::{self, File},
    io::{Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use reqwest::{Response, StatusCode, header::CONTENT_RANGE};
use sha2::{Digest, Sha256};

use super::{
    Hub, ModelId, PullError, PulledFile, Watch,
    hub::{Got, response_host},
    listing::Entry,
};

/// Bytes read at a time.
const BLOCK: usize = 1 << 20;

/// Where a file comes from.
pub(super) struct Source<'a> {
    pub(super) hub: &'a Hub,
    pub(super) id: &'a ModelId,
    pub(super) commit: &'a str,
}

/// Fetches `entry` into `folder`. A whole file that is there already is only read; one that is not goes on.
pub(super) async fn fetch(
    source: &Source<'_>,
    entry: &Entry,
    folder: &Path,
    watch: &dyn Watch,
) -> Result<PulledFile, PullError> {
    let path = folder.join(&entry.path);
    if length(&path) == Some(entry.bytes) {
        let found = digest(&path)?;
        // Without an announced digest, the size has to do: small files only.
        if entry.sha256.as_ref().is_none_or(|wanted| *wanted == found) {
            watch.have(&entry.path, entry.bytes, entry.bytes);
            return Ok(pulled(entry, found));
        }
        fs::remove_file(&path).map_err(PullError::disk(&path))?;
    }
    let part = part(&path);
    let mut resumed = length(&part).is_some_and(|bytes| bytes > 0);
    loop {
        let linked = complete(source, entry, &part, watch).await?;
        let found = digest(&part)?;
        let wanted = entry.sha256.clone().or(linked);
        match wanted.filter(|wanted| *wanted != found) {
            None => {
                fs::rename(&part, &path).map_err(PullError::disk(&path))?;
                return Ok(pulled(entry, found));
            }
            Some(wanted) => {
                fs::remove_file(&part).map_err(PullError::disk(&part))?;
                if !std::mem::take(&mut resumed) {
                    return Err(PullError::Checksum { file: entry.path.clone(), wanted, found });
                }
                // What lay there may have been of another file: once more from the beginning.
                tracing::warn!(file = entry.path, "what lay there does not fit; fetching it anew");
            }
        }
    }
}

/// Appends to `part` until it has all its bytes. Returns the digest that the hub links to.
async fn complete(
    source: &Source<'_>,
    entry: &Entry,
    part: &Path,
    watch: &dyn Watch,
) -> Result<Option<String>, PullError> {
    let open = File::options().read(true).write(true).create(true).truncate(false).open(part);
    let mut file = open.map_err(PullError::disk(part))?;
    let mut linked = None;
    let mut tries = source.hub.tries();
    loop {
        let mut have = file.seek(SeekFrom::End(0)).map_err(PullError::disk(part))?;
        if have > entry.bytes {
            have = 0;
            restart(&mut file, part)?;
        }
        watch.have(&entry.path, have, entry.bytes);
        if have == entry.bytes {
            file.sync_all().map_err(PullError::disk(part))?;
            return Ok(linked);
        }
        let before = have;
        let attempt = async {
            let got = source.hub.file(source.id, source.commit, &entry.path, have).await?;
            let Got { mut response, sha256 } = got;
            linked = sha256.or(linked.take());
            if !goes_on_at(&response, have) {
                have = 0;
                restart(&mut file, part)?;
                watch.have(&entry.path, 0, entry.bytes);
                if response.status() == StatusCode::RANGE_NOT_SATISFIABLE {
                    return Err(broken(&response, "it cannot go on where we stopped"));
                }
            }
            let host = response_host(response.url());
            loop {
                let chunk =
                    response.chunk().await.map_err(|error| source.hub.unreachable(host.clone(), &error))?;
                let Some(chunk) = chunk else { break };
                if have + chunk.len() as u64 > entry.bytes {
                    restart(&mut file, part)?;
                    return Err(PullError::BadAnswer {
                        host,
                        reason: format!("{} is longer than the {} bytes announced", entry.path, entry.bytes),
                    });
                }
                file.write_all(&chunk).map_err(PullError::disk(part))?;
                have += chunk.len() as u64;
                watch.have(&entry.path, have, entry.bytes);
            }
            match have == entry.bytes {
                true => Ok(()),
                false => Err(broken(&response, &format!("{} broke off at byte {have}", entry.path))),
            }
        };
        if let Err(error) = attempt.await {
            tries.pause(error, length(part).is_some_and(|now| now > before)).await?;
        }
    }
}

/// Whether the answer's first byte is the one after what we have; what is there must be dropped if not.
fn goes_on_at(response: &Response, have: u64) -> bool {
    match response.status() {
        StatusCode::PARTIAL_CONTENT => {
            let range = response.headers().get(CONTENT_RANGE).and_then(|range| range.to_str().ok());
            let start =
                range.and_then(|range| range.strip_prefix("bytes ")?.split('-').next()?.parse::<u64>().ok());
            start == Some(have)
        }
        _ => have == 0 && response.status() != StatusCode::RANGE_NOT_SATISFIABLE,
    }
}

fn broken(response: &Response, reason: &str) -> PullError {
    PullError::Unreachable { host: response_host(response.url()), reason: reason.to_owned() }
}

fn restart(file: &mut File, part: &Path) -> Result<(), PullError> {
    file.set_len(0).and_then(|()| file.rewind()).map_err(PullError::disk(part))
}

/// The name of a file that is not whole.
pub(super) fn part(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    name.into()
}

/// Copies a file of a folder, and counts as it goes.
pub(super) fn copy(
    from: &Path,
    entry: &Entry,
    folder: &Path,
    watch: &dyn Watch,
) -> Result<PulledFile, PullError> {
    let (path, draft) = (folder.join(&entry.path), part(&folder.join(&entry.path)));
    let mut source = File::open(from).map_err(PullError::disk(from))?;
    let mut file = File::create(&draft).map_err(PullError::disk(&draft))?;
    let (mut hash, mut block, mut have) = (Sha256::new(), vec![0; BLOCK], 0);
    loop {
        let count = source.read(&mut block).map_err(PullError::disk(from))?;
        let Some(read) = block.get(..count).filter(|read| !read.is_empty()) else { break };
        hash.update(read);
        file.write_all(read).map_err(PullError::disk(&draft))?;
        have += read.len() as u64;
        watch.have(&entry.path, have, entry.bytes);
    }
    file.sync_all().and_then(|()| fs::rename(&draft, &path)).map_err(PullError::disk(&path))?;
    Ok(PulledFile { name: entry.path.clone(), bytes: have, sha256: hex(&hash.finalize()) })
}

fn pulled(entry: &Entry, sha256: String) -> PulledFile {
    PulledFile { name: entry.path.clone(), bytes: entry.bytes, sha256 }
}

fn length(path: &Path) -> Option<u64> {
    fs::metadata(path).ok().filter(fs::Metadata::is_file).map(|about| about.len())
}

fn digest(path: &Path) -> Result<String, PullError> {
    let mut file = File::open(path).map_err(PullError::disk(path))?;
    let (mut hash, mut block) = (Sha256::new(), vec![0; BLOCK]);
    loop {
        let count = file.read(&mut block).map_err(PullError::disk(path))?;
        match block.get(..count).filter(|read| !read.is_empty()) {
            Some(read) => hash.update(read),
            None => return Ok(hex(&hash.finalize())),
        }
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

//! Names in doubt: those that stand once in all the text that came along, are spelled almost like one that stands there
//! often, and fit worse than that one between their neighbours, both sides of the line included.
//!
//! Leave-one-out: the line that a name stands in counts neither for it nor against it.

use quicksilver_protocol::{
    completion::{FimRequest, FinishReason},
    holes::Doubt,
};

use super::{
    engine::Kit,
    near::{Names, Why},
};
use crate::{
    EngineError,
    diffusion::Interrupt,
    queue::{Infilled, Terms},
};

/// Nats from which a name is in doubt. Of lines that are right at most 0.5 % have one then, of those with a misspelt name
/// 83 % (Python) and 88 % (Rust) (`--example rewrites`).
const LEAST: f32 = 12.0;
/// The most doubts of one text.
const MOST: usize = 32;

impl Kit {
    /// The names in doubt of the text before and after the hole, read as one.
    ///
    /// # Errors
    /// [`EngineError::Cancelled`].
    pub(super) fn doubts(&self, request: &FimRequest, terms: &Terms<'_>) -> Result<Infilled, EngineError> {
        let whole = format!("{}{}", request.prompt, request.suffix.as_deref().unwrap_or_default());
        let mut names = Names::default();
        names.read(&whole);
        request.context.iter().for_each(|file| names.read(&file.text));
        let (mut found, mut late, mut start) = (Vec::new(), false, 0);
        for (number, full) in (0..).zip(whole.split_inclusive('\n')) {
            match terms.interrupt() {
                Some(Interrupt::Cancel) => return Err(EngineError::Cancelled),
                Some(Interrupt::Deadline) => late = true,
                None => {}
            }
            let line = full.trim();
            let from = start + full.len() - full.trim_start().len();
            start += full.len();
            let mut near = names.near(line, 1);
            near.retain(|near| near.why == Why::Misspelt);
            if late || near.is_empty() {
                continue;
            }
            let sides = [&whole[..from], &whole[from + line.len()..]];
            let weighed = self.weighed(request, sides, line, near, terms);
            let best = weighed.into_iter().max_by(|(_, a), (_, b)| a.total_cmp(b));
            if let Some((near, margin)) = best.filter(|(_, margin)| *margin >= LEAST) {
                let column =
                    |byte: usize| full[..full.len() - full.trim_start().len() + byte].chars().count() as u32;
                let (start, end) = (column(near.at.start), column(near.at.end));
                found.push(Doubt { line: number, start, end, instead: near.name, margin });
            }
        }
        found.sort_by(|a, b| b.margin.total_cmp(&a.margin));
        found.truncate(MOST);
        Ok(Infilled {
            text: String::new(),
            others: Vec::new(),
            finish: if late { FinishReason::Deadline } else { FinishReason::Stop },
            steps: 0,
            prompt_tokens: 0,
            cached_tokens: 0,
            span_tokens: 0,
            confidence: 0.0,
            show: false,
            source: "prior",
            holes: Vec::new(),
            margin: None,
            doubts: found,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::{
        infill::tests::by_prior,
        queue::{Cancel, Infill},
    };

    /// The names in doubt and what is meant.
    fn doubts(before: &str, after: &str) -> Vec<(u32, u32, u32, String)> {
        let request = FimRequest {
            prompt: before.to_owned(),
            suffix: Some(after.to_owned()),
            doubt: true,
            ..FimRequest::default()
        };
        let (cancel, deadline) = (Cancel::default(), Instant::now() + Duration::from_secs(60));
        let mut terms = Terms { deadline, cancel: &cancel, frames: None };
        let found = by_prior().infill(&request, &mut terms).unwrap().doubts;
        found.into_iter().map(|doubt| (doubt.line, doubt.start, doubt.end, doubt.instead)).collect()
    }

    const FILE: &str = "\
fn a(&mut self) {
    let guard = self.counter.lock();
    guard.push(1);
}
fn b(&mut self) {
    let guard = self.counter.lock();
    guard.push(2);
}
fn é(&mut self) { let guard = self.conuter.lock();
    guard.push(3);
}
";

    #[test]
    fn a_name_that_stands_once_and_is_spelled_almost_like_another_is_in_doubt() {
        let (before, after) = FILE.split_at(FILE.find("fn b").unwrap());
        let expected = vec![(8, 35, 42, "counter".to_owned())];
        assert_eq!((doubts(before, after), doubts(FILE, "")), (expected.clone(), expected));
    }

    #[test]
    fn new_names_and_those_that_stand_twice_are_not() {
        assert!(doubts(&FILE.replace("conuter", "elsewhere"), "").is_empty());
        let twice = FILE.replace("guard.push(3)", "self.conuter.push(3)");
        assert!(doubts(&twice, "").is_empty());
    }
}

//! Which tokens are no text, and who says so.
//!
//! Each of a checkpoint's files claims some ids. They are asked in order; for the signs that denoising stands on
//! (mask, expand, delete) two that disagree are an error that names both, for each is somebody's mistake and no
//! guess would be better than the message. Knows ids and names, no files.

use std::{collections::BTreeMap, fmt};

use serde::Deserialize;

use super::generation::Generation;
use crate::tokens::TokenId;

/// Names of mask tokens, as the families have them.
const MASKS: [&str; 6] = ["<|mask|>", "<M>", "<|mdm_mask|>", "<[MASK]>", "<MASK>", "|<MASK>|"];
const EXPANDS: [&str; 1] = ["<|expand|>"];
const DELETES: [&str; 1] = ["<|delete|>"];
const BEGINS: [&str; 3] = ["<|beginoftext|>", "<|startoftext|>", "<|bos|>"];
const ENDS: [&str; 2] = ["<|endoftext|>", "<|eos|>"];
/// Markers of a fill-in-the-middle prompt, in the order in which they stand: before what, and then at the end.
const FILL_IN: [(FillOrder, [&str; 3]); 2] = [
    (FillOrder::SuffixFirst, ["<[fim-suffix]>", "<[fim-prefix]>", "<[fim-middle]>"]),
    (FillOrder::PrefixFirst, ["<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"]),
];

/// The ids that one source claims. A list's first id stands for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Ids {
    /// Stands for an undecided position.
    #[serde(rename = "mask_token_id", deserialize_with = "first")]
    pub mask: Option<u32>,
    /// Stands for two or more tokens.
    #[serde(rename = "expand_token_id", deserialize_with = "first")]
    pub expand: Option<u32>,
    /// No token here or further right.
    #[serde(rename = "delete_token_id", deserialize_with = "first")]
    pub delete: Option<u32>,
    /// Begins a row.
    #[serde(rename = "bos_token_id", deserialize_with = "first")]
    pub bos: Option<u32>,
    /// Ends a file.
    #[serde(rename = "eos_token_id", deserialize_with = "first")]
    pub eos: Option<u32>,
    /// Fills what is not there.
    #[serde(rename = "pad_token_id", deserialize_with = "first")]
    pub pad: Option<u32>,
}

/// `5`, `[5, 7]` or `null`: some configs list every end of a turn.
fn first<'de, D: serde::Deserializer<'de>>(value: D) -> Result<Option<u32>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum OneOrMany {
        One(u32),
        Many(Vec<u32>),
    }
    Ok(match Option::<OneOrMany>::deserialize(value)? {
        Some(OneOrMany::One(id)) => Some(id),
        Some(OneOrMany::Many(ids)) => ids.first().copied(),
        None => None,
    })
}

/// What a checkpoint's files beside `config.json` say of its signs.
#[derive(Clone, Debug, Default)]
pub struct Claims {
    /// `generation_config.json`'s ids.
    pub generation: Ids,
    /// What it says beside them.
    pub sampling: Generation,
    /// `tokenizer_config.json`'s tokens, as ids.
    pub tokenizer: Ids,
    /// The tokenizer's special tokens by their names.
    pub names: BTreeMap<String, TokenId>,
}

/// Who named a sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A field of a file.
    Field(&'static str, &'static str),
    /// A token's known name.
    Name(&'static str),
    /// DreamOn deletes with eos.
    Eos,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(file, field) => write!(f, "{file}'s {field}"),
            Self::Name(name) => write!(f, "the tokenizer's {name}"),
            Self::Eos => f.write_str("eos, which deletes where there is an expand"),
        }
    }
}

/// A sign's id, and who named it.
pub type Sign = (TokenId, Origin);

/// The signs of a model, as [`Ids`] has them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Signs {
    /// Stands for an undecided position.
    pub mask: Option<Sign>,
    /// Stands for two or more tokens.
    pub expand: Option<Sign>,
    /// No token here or further right.
    pub delete: Option<Sign>,
    /// Begins a row.
    pub bos: Option<Sign>,
    /// Ends a file.
    pub eos: Option<Sign>,
    /// Fills what is not there.
    pub pad: Option<Sign>,
    /// Markers of a fill-in-the-middle prompt.
    pub fill_in: Option<FillIn>,
}

/// What comes first in a fill-in-the-middle prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FillOrder {
    /// Seed-Coder's.
    SuffixFirst,
    /// Qwen's.
    PrefixFirst,
}

/// The markers of a fill-in-the-middle prompt: before its first part, before its second, at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FillIn {
    /// What comes first.
    pub order: FillOrder,
    /// The markers.
    pub markers: [TokenId; 3],
}

/// One kind of sign: its field, its field in `tokenizer_config.json`, its known names.
struct Kind {
    field: &'static str,
    token: &'static str,
    names: &'static [&'static str],
    of: fn(&Ids) -> Option<u32>,
}

const MASK: Kind = Kind { field: "mask_token_id", token: "mask_token", names: &MASKS, of: |ids| ids.mask };
const EXPAND: Kind =
    Kind { field: "expand_token_id", token: "expand_token", names: &EXPANDS, of: |ids| ids.expand };
const DELETE: Kind =
    Kind { field: "delete_token_id", token: "delete_token", names: &DELETES, of: |ids| ids.delete };
const BOS: Kind = Kind { field: "bos_token_id", token: "bos_token", names: &BEGINS, of: |ids| ids.bos };
const EOS: Kind = Kind { field: "eos_token_id", token: "eos_token", names: &ENDS, of: |ids| ids.eos };
const PAD: Kind = Kind { field: "pad_token_id", token: "pad_token", names: &[], of: |ids| ids.pad };

impl Signs {
    /// Asks `config`, then the others. `eos_deletes`: a family whose eos deletes wherever it has an expand.
    ///
    /// # Errors
    /// Two sources that disagree about mask, expand or delete, both named.
    pub(super) fn resolve(config: &Ids, claims: &Claims, eos_deletes: bool) -> Result<Self, String> {
        let expand = agreed(&EXPAND, config, claims)?;
        if let Some((id, origin)) = &expand
            && let Some((name, _)) = claims.names.iter().find(|(_, named)| *named == id)
            && !EXPANDS.contains(&name.as_str())
        {
            // DiffuCoder has its padding where DreamOn has its expand.
            return Err(format!(
                "{}: {origin} says {}, which the tokenizer calls {name}, not {}",
                EXPAND.field, id.0, EXPANDS[0]
            ));
        }
        let eos = spoken(&EOS, config, claims);
        let delete = match agreed(&DELETE, config, claims)? {
            None if eos_deletes && expand.is_some() => {
                // By its name first: a chat tokenizer's eos ends a turn.
                let end = claims.names.get(ENDS[0]).copied().or(eos.as_ref().map(|(id, _)| *id));
                end.map(|id| (id, Origin::Eos))
            }
            delete => delete,
        };
        Ok(Self {
            mask: agreed(&MASK, config, claims)?,
            expand,
            delete,
            bos: spoken(&BOS, config, claims),
            eos,
            pad: spoken(&PAD, config, claims),
            fill_in: fill_in(claims),
        })
    }
}

/// What the files say, in the order in which they are asked.
fn said(kind: &Kind, config: &Ids, claims: &Claims) -> [Option<Sign>; 3] {
    let sign = |ids: &Ids, file, field| (kind.of)(ids).map(|id| (TokenId(id), Origin::Field(file, field)));
    [
        sign(config, "config.json", kind.field),
        sign(&claims.tokenizer, "tokenizer_config.json", kind.token),
        sign(&claims.generation, "generation_config.json", kind.field),
    ]
}

/// The known names that the tokenizer has.
fn named(kind: &Kind, claims: &Claims) -> Vec<Sign> {
    let id = |name: &&'static str| claims.names.get(*name).map(|id| (*id, Origin::Name(name)));
    kind.names.iter().filter_map(id).collect()
}

/// The one id that every source agrees on which says anything.
fn agreed(kind: &Kind, config: &Ids, claims: &Claims) -> Result<Option<Sign>, String> {
    let files: Vec<Sign> = said(kind, config, claims).into_iter().flatten().collect();
    let names = named(kind, claims);
    let Some(first) = files.first().or(names.first()).cloned() else { return Ok(None) };
    let other = files.iter().find(|(id, _)| *id != first.0).or_else(|| {
        // A tokenizer may have the name of another family's mask as well, but then not only.
        let known = !files.is_empty() && names.iter().any(|(id, _)| *id == first.0);
        names.iter().find(|(id, _)| !known && *id != first.0)
    });
    match other {
        None => Ok(Some(first)),
        Some((id, origin)) => Err(format!(
            "{}: {} says {}, but {origin} is {}; correct the one that is wrong",
            kind.field, first.1, first.0.0, id.0
        )),
    }
}

/// The id of a sign that only frames: the tokenizer is asked first, as reference code does; many configs still have
/// what they inherited from another model.
fn spoken(kind: &Kind, config: &Ids, claims: &Claims) -> Option<Sign> {
    let [config, tokenizer, generation] = said(kind, config, claims);
    tokenizer.or(config).or(generation).or_else(|| named(kind, claims).into_iter().next())
}

fn fill_in(claims: &Claims) -> Option<FillIn> {
    let id = |name: &str| claims.names.get(name).copied();
    FILL_IN.into_iter().find_map(|(order, [first, second, end])| {
        Some(FillIn { order, markers: [id(first)?, id(second)?, id(end)?] })
    })
}

#[cfg(test)]
#[path = "signs_tests.rs"]
mod tests;

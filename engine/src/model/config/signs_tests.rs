//! Published checkpoints' ids, as their files give them.

use super::*;

/// Files as `(config, tokenizer_config, names)`.
fn resolve(config: Ids, tokenizer: Ids, names: &[(&str, u32)], eos_deletes: bool) -> Result<Signs, String> {
    let names = names.iter().map(|(name, id)| ((*name).to_owned(), TokenId(*id))).collect();
    let claims = Claims { tokenizer, names, ..Claims::default() };
    Signs::resolve(&config, &claims, eos_deletes)
}

const QWEN: [(&str, u32); 4] = [
    ("<|endoftext|>", 151_643),
    ("<|fim_prefix|>", 151_659),
    ("<|fim_middle|>", 151_660),
    ("<|fim_suffix|>", 151_661),
];

fn qwen(more: &[(&'static str, u32)]) -> Vec<(&'static str, u32)> {
    [&QWEN[..], more].concat()
}

fn id(sign: &Option<Sign>) -> Option<u32> {
    sign.as_ref().map(|(id, _)| id.0)
}

#[test]
fn the_config_is_asked_first_then_the_tokenizer_then_known_names() {
    let names = qwen(&[("<M>", 151_665)]);
    let config = Ids { mask: Some(151_665), ..Ids::default() };
    for (config, tokenizer, from) in [
        (config, config, "config.json's mask_token_id"),
        (Ids::default(), config, "tokenizer_config.json's mask_token"),
        (Ids::default(), Ids::default(), "the tokenizer's <M>"),
    ] {
        let (mask, origin) = resolve(config, tokenizer, &names, false).unwrap().mask.unwrap();
        assert_eq!((mask.0, origin.to_string().as_str()), (151_665, from));
    }
    assert_eq!(resolve(Ids::default(), Ids::default(), &QWEN, false).unwrap().mask, None);
}

#[test]
fn a_mask_that_no_file_registers_is_found_by_its_name() {
    for (name, at) in [
        ("<|mdm_mask|>", 126_336),
        ("<[MASK]>", 5),
        ("<|mask|>", 156_895),
        ("<MASK>", 151_669),
        ("|<MASK>|", 151_665),
    ] {
        let signs = resolve(Ids::default(), Ids::default(), &[(name, at)], false).unwrap();
        assert_eq!(id(&signs.mask), Some(at), "{name}");
    }
}

#[test]
fn two_sources_that_disagree_about_the_mask_are_refused_both_named() {
    let five = Ids { mask: Some(5), ..Ids::default() };
    let seven = Ids { mask: Some(7), ..Ids::default() };
    for (config, tokenizer, names, wanted) in [
        (
            five,
            seven,
            vec![],
            ["config.json's mask_token_id says 5", "tokenizer_config.json's mask_token is 7"],
        ),
        (
            five,
            Ids::default(),
            vec![("<|mask|>", 9)],
            ["config.json's mask_token_id says 5", "<|mask|> is 9"],
        ),
        (Ids::default(), seven, vec![("<M>", 9)], ["tokenizer_config.json's mask_token says 7", "<M> is 9"]),
        (Ids::default(), Ids::default(), vec![("<|mask|>", 9), ("<M>", 8)], ["<|mask|> says 9", "<M> is 8"]),
    ] {
        let error = resolve(config, tokenizer, &names, false).unwrap_err();
        assert!(error.starts_with("mask_token_id: "), "{error}");
        assert!(wanted.iter().all(|part| error.contains(part)), "{wanted:?}: {error}");
    }
    // Another family's name beside the right one is no quarrel.
    let signs = resolve(five, Ids::default(), &[("<[MASK]>", 5), ("<M>", 8)], false).unwrap();
    assert_eq!(id(&signs.mask), Some(5));
}

#[test]
fn dreamon_deletes_with_eos_and_dream_not_at_all() {
    let config = Ids { mask: Some(151_666), eos: Some(151_643), ..Ids::default() };
    let dream = qwen(&[("<|beginoftext|>", 151_665), ("<|mask|>", 151_666)]);
    let on = [&dream[..], &[("<|expand|>", 151_667)]].concat();
    let signs = resolve(config, Ids::default(), &on, true).unwrap();
    assert_eq!(
        (id(&signs.expand), id(&signs.delete), id(&signs.bos)),
        (Some(151_667), Some(151_643), Some(151_665))
    );
    assert_eq!(signs.delete.unwrap().1, Origin::Eos);
    let chat = Ids { eos: Some(151_645), ..Ids::default() };
    let signs = resolve(config, chat, &on, true).unwrap();
    assert_eq!(id(&signs.delete), Some(151_643), "not what ends a turn");
    let signs = resolve(config, Ids::default(), &dream, true).unwrap();
    assert_eq!((signs.expand, signs.delete), (None, None));
}

#[test]
fn the_id_of_dreamons_expand_is_diffucoders_padding() {
    let config = Ids { mask: Some(151_666), eos: Some(151_643), pad: Some(151_643), ..Ids::default() };
    let names = qwen(&[("<|mask|>", 151_666), ("<|dlm_pad|>", 151_667)]);
    let signs = resolve(config, Ids::default(), &names, true).unwrap();
    assert_eq!((signs.expand, signs.delete), (None, None));
    let claimed = Ids { expand: Some(151_667), ..config };
    let error = resolve(claimed, Ids::default(), &names, true).unwrap_err();
    assert!(
        error.contains("151667") && error.contains("<|dlm_pad|>") && error.contains("<|expand|>"),
        "{error}"
    );
}

#[test]
fn the_tokenizer_has_the_last_word_on_bos_and_eos() {
    let config = Ids { mask: Some(1), bos: Some(151_643), eos: Some(151_643), ..Ids::default() };
    let tokenizer = Ids { bos: Some(151_665), ..Ids::default() };
    let signs = resolve(config, tokenizer, &[], true).unwrap();
    assert_eq!((id(&signs.bos), id(&signs.eos)), (Some(151_665), Some(151_643)));
}

#[test]
fn fill_in_the_middle_prompts_stand_in_their_familys_order() {
    let seed = [("<[fim-suffix]>", 10), ("<[fim-prefix]>", 11), ("<[fim-middle]>", 12)];
    let signs = resolve(Ids::default(), Ids::default(), &seed, false).unwrap();
    let markers = [TokenId(10), TokenId(11), TokenId(12)];
    assert_eq!(signs.fill_in, Some(FillIn { order: FillOrder::SuffixFirst, markers }));
    let signs = resolve(Ids::default(), Ids::default(), &QWEN, false).unwrap();
    let markers = [TokenId(151_659), TokenId(151_661), TokenId(151_660)];
    assert_eq!(signs.fill_in, Some(FillIn { order: FillOrder::PrefixFirst, markers }));
}

#[test]
fn an_id_may_come_in_a_list() {
    let ids: Ids =
        serde_json::from_str(r#"{"eos_token_id": [7, 9], "pad_token_id": null, "mask_token_id": 3}"#)
            .unwrap();
    assert_eq!(ids, Ids { eos: Some(7), mask: Some(3), ..Ids::default() });
}

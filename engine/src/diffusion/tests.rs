//! Each rule, step by step, as text: `▒` a mask, `[x]` decided in this step, `<>` expand, `><` delete, `↵` a newline.

use expect_test::expect;
use proptest::prelude::*;

use super::{
    constraint::Banned,
    scripted::{Diary, Doubtful, LeftToRight, MASK, NEWLINE, Noise, Scripted, frames, plan, run},
    *,
};

#[test]
fn threshold_commits_all_that_is_trusted_and_always_the_best() {
    let script = "let:0.99 x:0.95 =:0.97 1:0.30 ;:0.60
                  1:0.80 ;:0.85
                  1:0.70";
    expect![[r#"
        0: ▒ ▒ ▒ ▒ ▒
        1: [let] [x] [=] ▒ ▒
        2: let x = ▒ [;]
        3: let x = [1] ;
    "#]]
    .assert_eq(&frames(5, script, &plan(Rule::Threshold(0.9))));
}

#[test]
fn quota_commits_one_at_a_time_the_surest_first_and_the_lower_on_ties() {
    let script = "let:0.5 x:0.9 =:0.9
                  let:0.5 =:0.9
                  let:0.5";
    expect![[r#"
        0: ▒ ▒ ▒
        1: ▒ [x] ▒
        2: ▒ x [=]
        3: [let] x =
    "#]]
    .assert_eq(&frames(3, script, &plan(Rule::Quota)));
}

#[test]
fn an_even_schedule_fills_four_masks_in_two_steps() {
    let script = "let:0.5 x:0.9 =:0.9 1:0.4
                  let:0.5 1:0.4";
    expect![[r#"
        0: ▒ ▒ ▒ ▒
        1: ▒ [x] [=] ▒
        2: [let] x = [1]
    "#]]
    .assert_eq(&frames(4, script, &Plan { schedule: Schedule::Even(2), ..plan(Rule::Quota) }));
}

#[test]
fn factor_trusts_more_the_surer_all_are() {
    let script = "let:0.98 x:0.97 =:0.80
                  =:0.80";
    expect![[r#"
        0: ▒ ▒ ▒
        1: [let] [x] ▒
        2: let x [=]
    "#]]
    .assert_eq(&frames(3, script, &plan(Rule::Factor(0.5))));
}

#[test]
fn entropy_spends_a_budget() {
    let script = "let:0.99 x:0.99 =:0.50
                  =:0.50";
    expect![[r#"
        0: ▒ ▒ ▒
        1: [let] [x] ▒
        2: let x [=]
    "#]]
    .assert_eq(&frames(3, script, &plan(Rule::Entropy(0.3))));
}

#[test]
fn the_margin_prefers_a_clear_choice_to_a_likely_one() {
    let script = "let:0.5|x:0.45 y:0.45
                  let:0.5|x:0.45";
    let sampling = Sampling { measure: Measure::Margin, ..Sampling::default() };
    expect![[r#"
        0: ▒ ▒
        1: ▒ [y]
        2: [let] y
    "#]]
    .assert_eq(&frames(2, script, &Plan { sampling, ..plan(Rule::Quota) }));
}

fn deleting(deletion: Deletion) -> Plan<'static> {
    let plan = plan(Rule::Quota);
    Plan { lengths: Lengths { deletion, ..plan.lengths }, ..plan }
}

#[test]
fn a_broadcast_delete_takes_the_masks_right_of_it_and_leaves_what_is_committed() {
    let script = "let:0.5 x:0.5 =:0.5 1:0.5 ;:0.9
                  let:0.5 x:0.5 ><:0.9 1:0.5
                  let:0.9 x:0.5
                  x:0.5";
    expect![[r#"
        0: ▒ ▒ ▒ ▒ ▒
        1: ▒ ▒ ▒ ▒ [;]
        2: ▒ ▒ ;
        3: [let] ▒ ;
        4: let [x] ;
    "#]]
    .assert_eq(&frames(5, script, &deleting(Deletion::Broadcast)));
}

#[test]
fn a_delete_of_the_rest_takes_everything_right_of_it() {
    let script = "let:0.5 x:0.5 =:0.5 1:0.5 ;:0.9
                  let:0.5 x:0.5 ><:0.9 1:0.5
                  let:0.9 x:0.5
                  x:0.5";
    expect![[r#"
        0: ▒ ▒ ▒ ▒ ▒
        1: ▒ ▒ ▒ ▒ [;]
        2: ▒ ▒
        3: [let] ▒
        4: let [x]
    "#]]
    .assert_eq(&frames(5, script, &deleting(Deletion::Rest)));
}

#[test]
fn a_single_delete_takes_itself() {
    let script = "let:0.5 ><:0.9 =:0.5
                  let:0.9 =:0.5
                  =:0.5";
    expect![[r#"
        0: ▒ ▒ ▒
        1: ▒ ▒
        2: [let] ▒
        3: let [=]
    "#]]
    .assert_eq(&frames(3, script, &deleting(Deletion::Single)));
}

#[test]
fn what_a_step_puts_right_of_its_own_delete_goes_too() {
    let script = "let:0.99 ><:0.95 =:0.95 1:0.2";
    expect![[r#"
        0: ▒ ▒ ▒ ▒
        1: [let]
    "#]]
    .assert_eq(&frames(4, script, &plan(Rule::Threshold(0.9))));
}

#[test]
fn an_expand_becomes_two_masks() {
    let script = "let:0.5 <>:0.9
                  let:0.9 =:0.5 1:0.6
                  =:0.5 1:0.6
                  =:0.5";
    expect![[r#"
        0: ▒ ▒
        1: ▒ ▒ ▒
        2: [let] ▒ ▒
        3: let ▒ [1]
        4: let [=] 1
    "#]]
    .assert_eq(&frames(2, script, &plan(Rule::Quota)));
}

#[test]
fn expands_wait_for_room_and_are_not_chosen_without_it() {
    let script = "<>:0.99 <>:0.98 <>:0.97
                  <>:0.9|let:0.09 <>:0.9|x:0.09 <>:0.9|=:0.09 <>:0.9|1:0.09";
    let mut plan = plan(Rule::Threshold(0.85));
    plan.lengths.capacity = 4;
    expect![[r#"
        0: ▒ ▒ ▒
        1: ▒ ▒ ▒ ▒
        2: [let] [x] [=] [1]
    "#]]
    .assert_eq(&frames(3, script, &plan));
    plan.lengths = Lengths { capacity: 99, expands: 1, ..plan.lengths };
    expect![[r#"
        0: ▒ ▒ ▒
        1: ▒ ▒ ▒ ▒
        2: [let] [x] [=] [1]
    "#]]
    .assert_eq(&frames(3, script, &plan));
}

#[test]
fn nothing_is_an_answer_only_where_it_is_allowed() {
    let script = "><:0.9|let:0.09 x:0.5
                  x:0.5";
    let mut plan = plan(Rule::Quota);
    expect![[r#"
        0: ▒ ▒
        1: [let] ▒
        2: let [x]
    "#]]
    .assert_eq(&frames(2, script, &plan));
    plan.lengths.allow_empty = true;
    expect![[r#"
        0: ▒ ▒
        1: 
    "#]]
    .assert_eq(&frames(2, script, &plan));
}

#[test]
fn a_line_has_no_newline_and_a_mask_is_no_answer() {
    let plan = Plan { constraint: &Banned(&[NEWLINE]), ..plan(Rule::Quota) };
    let script = "↵:0.9|let:0.09 x:0.3
                  ▒:0.9|x:0.09";
    expect![[r#"
        0: ▒ ▒
        1: [let] ▒
        2: let [x]
    "#]]
    .assert_eq(&frames(2, script, &plan));
}

#[test]
fn a_position_that_waits_is_not_committed_however_sure() {
    let script = "let:0.3 x:0.99
                  x:0.99";
    expect![[r#"
        0: ▒ ▒
        1: [let] ▒
        2: let [x]
    "#]]
    .assert_eq(&frames(2, script, &Plan { constraint: &LeftToRight, ..plan(Rule::Threshold(0.9)) }));
}

#[test]
fn a_doubtful_position_is_masked_again_once_its_neighbours_are_known() {
    let script = "y:0.40 =:0.30 1:0.35
                  =:0.95 1:0.97
                  x:0.96";
    let plan = Plan { remasks: 1, ..plan(Rule::Threshold(0.9)) };
    let (text, outcome) = run(3, script, &plan, &mut Doubtful { below: 0.5 }, None);
    expect![[r#"
        0: ▒ ▒ ▒
        1: [y] ▒ ▒
        2: ▒ [=] [1]
        3: [x] = 1
    "#]]
    .assert_eq(&text);
    expect![[r#"
        1: 3 masks, 1 committed ≥ 0.45
        2: 2 masks, 2 committed ≥ 0.95, 1 remasked
        3: 1 masks, 1 committed ≥ 0.97
    "#]]
    .assert_eq(&outcome.unwrap().trace.to_string());
}

#[test]
fn at_the_deadline_the_masks_answer_with_their_guesses() {
    let script = "let:0.99 x:0.5 =:0.5 ><:0.6";
    let plan = plan(Rule::Threshold(0.9));
    let (text, outcome) = run(4, script, &plan, &mut Never, Some((1, Interrupt::Deadline)));
    expect![[r#"
        0: ▒ ▒ ▒ ▒
        1: [let] ▒ ▒ ▒
    "#]]
    .assert_eq(&text);
    let outcome = outcome.unwrap();
    assert_eq!(outcome.end, End::Deadline);
    assert_eq!(outcome.canvas.decoded(), ["let", "x", "="].map(scripted::id));
}

#[test]
fn a_cancel_is_seen_before_the_next_step() {
    let mut denoiser = Scripted::new("let:0.5 x:0.5 =:0.5");
    let mut diary = Diary { interrupt_after: Some((1, Interrupt::Cancel)), ..Diary::default() };
    let result = denoise(Canvas::masked(3), &mut denoiser, &plan(Rule::Quota), &mut Never, &mut diary);
    assert!(matches!(result, Err(EngineError::Cancelled)));
    assert_eq!(denoiser.calls, 1);
}

#[test]
fn a_draft_is_shown_first_and_checked_like_any_mask() {
    let draft = Canvas::draft(&[(scripted::id("let"), 0.7), (scripted::id("y"), 0.2)]);
    assert_eq!(draft.decoded(), ["let", "y"].map(scripted::id));
    assert_eq!(draft.tokens(MASK), [MASK, MASK]);
    let mut diary = Diary::default();
    let mut denoiser = Scripted::new("let:0.99 x:0.95");
    denoise(draft, &mut denoiser, &plan(Rule::Threshold(0.9)), &mut Never, &mut diary).unwrap();
    expect![[r#"
        0: ▒ ▒
        1: [let] [x]
    "#]]
    .assert_eq(&diary.text);
}

/// Answers with too few values.
struct Short;

impl Denoiser for Short {
    fn vocab(&self) -> usize {
        4
    }

    fn logits(
        &mut self,
        _: &[&[TokenId]],
        _: &[&[CanvasIdx]],
        logits: &mut Vec<f32>,
    ) -> Result<(), EngineError> {
        *logits = vec![f32::NAN; 4];
        Ok(())
    }
}

#[test]
fn a_broken_denoiser_is_an_error_not_a_panic() {
    for masks in [1, 2] {
        let result =
            denoise(Canvas::masked(masks), &mut Short, &plan(Rule::Quota), &mut Never, &mut Diary::default());
        assert!(matches!(result, Err(EngineError::Internal(_))), "{masks} masks");
    }
}

fn any_plan() -> impl Strategy<Value = Plan<'static>> {
    let rule = prop_oneof![
        Just(Rule::Quota),
        (0.0_f32..1.0).prop_map(Rule::Threshold),
        (0.0_f32..2.0).prop_map(Rule::Factor),
        (0.0_f32..4.0).prop_map(Rule::Entropy),
    ];
    let schedule = prop_oneof![
        Just(Schedule::OneByOne),
        (0_u32..9).prop_map(Schedule::Within),
        (0_u32..9).prop_map(Schedule::Even),
        (0_u32..9).prop_map(|steps| Schedule::Dream { steps, epsilon: 1e-3 }),
    ];
    let deletion = prop_oneof![Just(Deletion::Single), Just(Deletion::Broadcast), Just(Deletion::Rest)];
    let lengths = (deletion, 1_usize..12, 0_usize..12, any::<bool>()).prop_map(
        |(deletion, capacity, expands, allow_empty)| Lengths { deletion, capacity, expands, allow_empty },
    );
    let measure =
        prop_oneof![Just(Measure::Probability), Just(Measure::Margin), Just(Measure::NegativeEntropy)];
    let sampling = (prop_oneof![Just(0.0_f32), 0.1_f32..2.0], proptest::option::of(0.01_f32..1.0), measure)
        .prop_map(|(temperature, top_p, measure)| Sampling {
            temperature,
            top_p,
            measure,
            seed: 7,
            ..Sampling::default()
        });
    (rule, schedule, lengths, sampling, 0_usize..6).prop_map(
        |(rule, schedule, lengths, sampling, remasks)| Plan {
            rule,
            schedule,
            lengths,
            sampling,
            remasks,
            ..plan(Rule::Quota)
        },
    )
}

/// Fails on what must hold after every step.
struct Law {
    capacity: usize,
    first: usize,
    cancel_at: Option<u32>,
    seen: u32,
}

impl Watcher for Law {
    fn interrupt(&mut self) -> Option<Interrupt> {
        self.cancel_at.filter(|&at| self.seen >= at).map(|_| Interrupt::Cancel)
    }

    fn frame(&mut self, step: u32, canvas: &Canvas) {
        self.seen = step;
        assert!(canvas.len() <= self.capacity.max(self.first));
        assert!(canvas.cells().iter().all(|cell| cell.is_masked() || cell.token.is_some()));
    }
}

proptest! {
    #[test]
    fn any_denoiser_under_any_plan_ends_in_time(
        plan in any_plan(), masks in 0_usize..12, seed: u64, below in 0.0_f32..1.0,
    ) {
        let mut law = Law { capacity: plan.lengths.capacity, first: masks, cancel_at: None, seen: 0 };
        let run = |law: &mut Law| {
            denoise(Canvas::masked(masks), &mut Noise { seed, calls: 0 }, &plan, &mut Doubtful { below }, law)
        };
        let outcome = run(&mut law).unwrap();
        prop_assert_eq!(outcome.end, End::Complete);
        prop_assert!(outcome.canvas.masks().is_empty());
        prop_assert!(outcome.trace.steps.iter().all(|step| step.committed >= 1));
        prop_assert!(outcome.trace.steps.len() <= masks + 2 * (plan.lengths.expands + plan.remasks));
        let marks = [Some(MASK), plan.marks.delete, plan.marks.expand];
        prop_assert!(outcome.canvas.decoded().iter().all(|&token| !marks.contains(&Some(token))));
        if masks > 0 && !plan.lengths.allow_empty {
            prop_assert!(!outcome.canvas.is_empty());
        }
        prop_assert_eq!(run(&mut law).unwrap(), outcome, "the same again");
    }

    #[test]
    fn a_cancel_at_any_step_ends_it_there(plan in any_plan(), masks in 1_usize..12, seed: u64, at in 0_u32..12) {
        let mut law = Law { capacity: plan.lengths.capacity, first: masks, cancel_at: Some(at), seen: 0 };
        let mut noise = Noise { seed, calls: 0 };
        let result = denoise(Canvas::masked(masks), &mut noise, &plan, &mut Never, &mut law);
        prop_assert!(noise.calls <= u64::from(at));
        prop_assert!(result.is_err() || noise.calls < u64::from(at) + 1);
    }
}

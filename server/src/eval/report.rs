//! Figures as a table for people, as Markdown, or as JSON. It must not know how they were made.

use std::fmt::Write;

use serde::Serialize;

use super::{
    compare::{Comparison, Difference},
    figures::Figures,
    journal::Run,
    metrics::Gate,
};

/// How a report is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Aligned columns.
    Text,
    /// A table with bars.
    Markdown,
    /// One line.
    Json,
}

/// A run and its figures.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The run.
    pub run: Run,
    /// Its figures.
    pub figures: Vec<Figures>,
    /// What a reader must know beside them.
    pub notes: Vec<String>,
}

impl Report {
    /// As text of a form.
    #[must_use]
    pub fn print(&self, form: Form) -> String {
        if form == Form::Json {
            return json(self);
        }
        let mut text = about(&self.run);
        for note in &self.notes {
            line(&mut text, format_args!("{note}"));
        }
        text.push('\n');
        text += &table(form, &columns(), &self.figures);
        let gates: Vec<Gated<'_>> =
            self.figures.iter().flat_map(|of| of.gates.iter().map(move |gate| (of, *gate))).collect();
        if !gates.is_empty() {
            text += "\nPrecision against share shown, for a gate at each confidence:\n\n";
            text += &table(form, &gated(), &gates);
        }
        text
    }
}

/// Two runs and how they differ, as text of a form.
#[must_use]
pub fn print(comparison: &Comparison, form: Form) -> String {
    if form == Form::Json {
        return json(comparison);
    }
    let mut text = format!("first:  {}second: {}", about(&comparison.first), about(&comparison.second));
    if comparison.unpaired > 0 {
        line(&mut text, format_args!("{} holes are in one run only and left out", comparison.unpaired));
    }
    text.push('\n');
    text += &table(form, &compared(), &comparison.differences);
    text + "\nIntervals: 95 %, bootstrap over packages or problems. p: McNemar's exact test, which takes holes for independent.\n"
}

fn about(run: &Run) -> String {
    let Run { hash, configuration: of, machine, parallel } = run;
    let gpu = machine.gpu.as_ref().map_or(String::new(), |gpu| format!(", {gpu}"));
    let mut text = String::new();
    line(&mut text, format_args!("{} · {} · quicksilver {}, run {hash}", of.set, machine.date, of.version));
    line(
        &mut text,
        format_args!("model {}{} at {} ({})", of.model, with(&of.model_digest), of.engine, of.api),
    );
    line(&mut text, format_args!("{}, {} threads{gpu}, {}", machine.cpu, machine.threads, machine.system));
    line(&mut text, format_args!("set {}, {}", of.set_digest, of.drawing));
    if *parallel > 1 {
        line(
            &mut text,
            format_args!("{parallel} holes were asked at once: times include waiting for each other"),
        );
    }
    if !of.judged_by.is_empty() {
        line(&mut text, format_args!("code was run by {}", of.judged_by));
    }
    text
}

fn with(digest: &str) -> String {
    if digest.is_empty() { String::new() } else { format!(" ({digest})") }
}

/// A column: its head, and a row's cell; a column without any cell is left out.
type Column<T> = (&'static str, fn(&T) -> Option<String>);

fn columns() -> Vec<Column<Figures>> {
    vec![
        ("language", |row| Some(row.language.clone())),
        ("kind", |row| Some(row.kind.clone())),
        ("holes", |row| Some(row.holes.to_string())),
        ("no answer", |row| (row.unanswered > 0).then(|| row.unanswered.to_string())),
        ("passed", |row| row.passed.map(percent)),
        ("95 %", |row| row.passed_interval.map(range)),
        ("exact", |row| Some(percent(row.exact))),
        ("95 %", |row| row.exact_interval.map(range)),
        ("similar", |row| Some(percent(row.similarity))),
        ("right length", |row| Some(percent(row.right_length))),
        ("parses", |row| row.parses.map(percent)),
        ("among the first 8", |row| row.in_pool.map(percent)),
        ("surest 30 %", |row| row.curve.map(|[_, thirty, _]| percent(thirty))),
        ("surest 50 %", |row| row.curve.map(|[_, _, fifty]| percent(fifty))),
        ("shown", |row| row.shown.map(percent)),
        ("exact of shown", |row| row.exact_of_shown.map(percent)),
        ("Brier", |row| row.brier.map(|brier| format!("{brier:.3}"))),
        ("package median", |row| row.median_of_packages.map(percent)),
        ("steps", |row| row.steps.map(|steps| format!("{steps:.1}"))),
        ("ms median / 95 %", |row| Some(format!("{:.1} / {:.1}", row.ms_median, row.ms_p95))),
        ("of it engine", |row| row.engine_ms_median.map(|ms| format!("{ms:.1}"))),
    ]
}

/// A gate of one language and kind.
type Gated<'a> = (&'a Figures, Gate);

fn gated<'a>() -> Vec<Column<Gated<'a>>> {
    vec![
        ("language", |(of, _)| Some(of.language.clone())),
        ("kind", |(of, _)| Some(of.kind.clone())),
        ("confidence", |(_, gate)| Some(format!("{:.3}", gate.at_least))),
        ("shown", |(_, gate)| Some(percent(gate.shown))),
        ("exact of shown", |(_, gate)| Some(percent(gate.exact))),
    ]
}

fn compared() -> Vec<Column<Difference>> {
    vec![
        ("language", |row| Some(row.language.clone())),
        ("kind", |row| Some(row.kind.clone())),
        ("of", |row| Some(row.of.to_owned())),
        ("holes", |row| Some(row.holes.to_string())),
        ("clusters", |row| Some(row.clusters.to_string())),
        ("first", |row| Some(figure(row, row.first))),
        ("second", |row| Some(figure(row, row.second))),
        ("difference", |row| Some(difference(row, row.points))),
        ("95 %", |row| {
            row.interval
                .map(|ends| ends.map(|end| difference(row, end)))
                .map(|[low, high]| format!("{low} to {high}"))
        }),
        ("only first", |row| row.only.map(|[first, _]| first.to_string())),
        ("only second", |row| row.only.map(|[_, second]| second.to_string())),
        ("p", |row| row.p.map(|p| if p < 0.0001 { "< 0.0001".to_owned() } else { format!("{p:.4}") })),
    ]
}

/// Shares in per cent, means as they are.
fn figure(row: &Difference, value: f64) -> String {
    if row.is_of_shares() { percent(value) } else { format!("{value:.2}") }
}

fn difference(row: &Difference, value: f64) -> String {
    if row.is_of_shares() { format!("{value:+.1}") } else { format!("{value:+.2}") }
}

fn table<T>(form: Form, columns: &[Column<T>], rows: &[T]) -> String {
    let cells: Vec<(&str, Vec<String>)> = columns
        .iter()
        .filter(|(_, cell)| rows.iter().any(|row| cell(row).is_some()))
        .map(|(head, cell)| (*head, rows.iter().map(|row| cell(row).unwrap_or_default()).collect()))
        .collect();
    let widths: Vec<usize> = cells
        .iter()
        .map(|(head, column)| {
            column.iter().map(|cell| cell.chars().count()).max().unwrap_or(0).max(head.len())
        })
        .collect();
    let mut text = String::new();
    let mut row = |of: &dyn Fn(usize) -> String| {
        let padded: Vec<String> =
            widths.iter().enumerate().map(|(at, width)| format!("{:<width$}", of(at))).collect();
        match form {
            Form::Markdown => line(&mut text, format_args!("| {} |", padded.join(" | "))),
            Form::Text | Form::Json => line(&mut text, format_args!("{}", padded.join("  ").trim_end())),
        }
    };
    row(&|at| cells[at].0.to_owned());
    if form == Form::Markdown {
        row(&|at| "-".repeat(widths[at]));
    }
    for number in 0..rows.len() {
        row(&|at| cells[at].1[number].clone());
    }
    text
}

fn percent(share: f64) -> String {
    format!("{:.1}", 100.0 * share)
}

fn range([low, high]: [f64; 2]) -> String {
    format!("{:.1} to {:.1}", 100.0 * low, 100.0 * high)
}

fn json<T: Serialize>(of: &T) -> String {
    serde_json::to_string(of).unwrap_or_default() + "\n"
}

fn line(text: &mut String, line: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{line}");
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::eval::{figures::figures, journal::Configuration, judge::Verdict, machine::Machine};

    fn report() -> Report {
        let configuration = Configuration {
            set: "humaneval".into(),
            set_digest: "0123".into(),
            drawing: "seed 1".into(),
            engine: "this machine".into(),
            api: "quicksilver".into(),
            model: "m".into(),
            model_digest: "weights 42".into(),
            version: "0.1.0".into(),
            ..Configuration::default()
        };
        let machine = Machine {
            date: "2026-01-02T03:04:05Z".into(),
            cpu: "A CPU".into(),
            threads: 2,
            gpu: None,
            system: "linux x86_64".into(),
        };
        let verdict = |exact, passed| Verdict {
            language: "python".into(),
            kind: "single-line".into(),
            exact,
            passed: Some(passed),
            ms: 2.0,
            ..Verdict::default()
        };
        let figures = figures(&[verdict(true, true), verdict(false, true)]);
        Report {
            run: Run { hash: "beef".into(), configuration, machine, parallel: 1 },
            figures,
            notes: Vec::new(),
        }
    }

    #[test]
    fn a_report_says_what_was_measured_where_and_leaves_empty_columns_out() {
        expect![[r#"
            humaneval · 2026-01-02T03:04:05Z · quicksilver 0.1.0, run beef
            model m (weights 42) at this machine (quicksilver)
            A CPU, 2 threads, linux x86_64
            set 0123, seed 1

            | language | kind        | holes | passed | exact | similar | right length | ms median / 95 % |
            | -------- | ----------- | ----- | ------ | ----- | ------- | ------------ | ---------------- |
            | python   | single-line | 2     | 100.0  | 50.0  | 0.0     | 0.0          | 2.0 / 2.0        |
        "#]]
        .assert_eq(&report().print(Form::Markdown));
    }

    #[test]
    fn a_report_shows_precision_against_share_shown() {
        let sure = |confidence, exact| Verdict {
            language: "python".into(),
            kind: "line".into(),
            exact,
            confidence: Some(confidence),
            ..Verdict::default()
        };
        let figures = figures(&[sure(0.9, true), sure(0.4, false)]);
        let report = Report { figures, ..report() };
        let printed = report.print(Form::Markdown);
        let (_, gates) = printed.split_once("Precision").expect("a second table");
        expect![[r#"
             against share shown, for a gate at each confidence:

            | language | kind | confidence | shown | exact of shown |
            | -------- | ---- | ---------- | ----- | -------------- |
            | python   | line | 0.900      | 50.0  | 100.0          |
            | python   | line | 0.400      | 100.0 | 50.0           |
        "#]]
        .assert_eq(gates);
        let value: serde_json::Value = serde_json::from_str(&report.print(Form::Json)).unwrap_or_default();
        assert_eq!(value["figures"][0]["gates"][0]["exact"], 1.0);
    }

    #[test]
    fn json_is_one_line_with_everything() {
        let line = report().print(Form::Json);
        assert_eq!(line.matches('\n').count(), 1);
        let value: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
        assert_eq!(value["figures"][0]["passed"], 1.0);
        assert_eq!(value["run"]["configuration"]["model_digest"], "weights 42");
    }
}

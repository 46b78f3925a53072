//! Figures as a table for people, and as CSV for other programs.

use std::io::{self, Write};

use super::figures::{COLUMNS, Figures, Value};
use super::summary::Summary;
use crate::sanitize::sanitize;
use crate::screen::{grouped, one_line};

/// How a table is written.
#[derive(Clone, Copy)]
pub(crate) struct Style {
    pub(crate) colour: bool,
    /// Whether long names are cut, as a person wants them and a program does not.
    pub(crate) cut: bool,
}

/// Writes a row for each recording, and what they come to. Columns of which nothing is known are left
/// out.
pub(crate) fn table(rows: &[Figures], style: Style, out: &mut impl Write) -> io::Result<()> {
    let shown: Vec<usize> = (0..COLUMNS.len())
        .filter(|at| !COLUMNS[*at].head.is_empty())
        .filter(|at| rows.iter().any(|row| (COLUMNS[*at].value)(row).is_known()))
        .collect();
    let of = |row: &Figures| -> Vec<String> {
        shown.iter().map(|at| cell(&(COLUMNS[*at].value)(row), style)).collect()
    };
    let mut lines = vec![shown.iter().map(|at| COLUMNS[*at].head.to_owned()).collect()];
    lines.extend(rows.iter().map(of));
    lines.extend(totals(rows, &shown));
    let widths: Vec<usize> = (0..shown.len())
        .map(|at| lines.iter().map(|line: &Vec<String>| width(&line[at])).max().unwrap_or(0))
        .collect();
    for (number, line) in lines.iter().enumerate() {
        let dim = style.colour && (number == 0 || number > rows.len());
        let (on, off) = if dim { ("\x1b[2m", "\x1b[0m") } else { ("", "") };
        let mut text = String::new();
        for (at, (cell, width)) in line.iter().zip(&widths).enumerate() {
            let gap = if at == 0 { "" } else { "  " };
            let is_text = matches!((COLUMNS[shown[at]].value)(&Figures::default()), Value::Text(_));
            let room = " ".repeat(width.saturating_sub(self::width(cell)));
            let (before, behind) = if is_text { ("", &*room) } else { (&*room, "") };
            text.extend([gap, before, cell, behind]);
        }
        writeln!(out, "{on}{}{off}", text.trim_end())?;
    }
    Ok(())
}

/// The last rows: the sums, and of times and rates what is usual and what is bad.
fn totals(rows: &[Figures], shown: &[usize]) -> Vec<Vec<String>> {
    let summary = Summary::of(rows);
    let line = |name: &str, value: &dyn Fn(usize) -> Value| -> Vec<String> {
        let cells = shown.iter().map(|at| match value(*at) {
            _ if *at == 0 => name.to_owned(),
            value if value.is_known() => number(&value),
            _ => String::new(),
        });
        cells.collect()
    };
    let all = format!("total of {}", grouped(rows.len().try_into().unwrap_or(u64::MAX)));
    let mut lines = vec![line(&all, &|at| summary.sum(at))];
    for (name, percent) in [("p50", 50), ("p95", 95)] {
        if shown.iter().any(|at| summary.percentile(*at, percent).is_known()) {
            lines.push(line(name, &|at| summary.percentile(at, percent)));
        }
    }
    lines
}

fn cell(value: &Value, style: Style) -> String {
    match value {
        Value::Text(Some(text)) => {
            let text = one_line(text).replace('\t', " ");
            if style.cut { cut(&text) } else { text }
        }
        value if value.is_known() => number(value),
        _ => "-".to_owned(),
    }
}

/// A figure for people. What is long is grouped, what is short has a digit behind the point.
pub(crate) fn number(value: &Value) -> String {
    match value {
        Value::Text(text) => text.clone().unwrap_or_default(),
        Value::Count(count) => count.map(grouped).unwrap_or_default(),
        Value::Milliseconds(number) | Value::Rate(number) => {
            number.map(measured).unwrap_or_default()
        }
        Value::Percent(number) => number.map(|number| format!("{number:.1}")).unwrap_or_default(),
    }
}

fn measured(number: f64) -> String {
    // Nothing that is measured here comes near to what an integer cannot hold.
    if number >= 99.95 { grouped(number.round() as u64) } else { format!("{number:.1}") }
}

/// The end of a long text, where the names of files differ.
fn cut(text: &str) -> String {
    let len = width(text);
    if len <= WIDEST {
        return text.to_owned();
    }
    let tail: String = text.chars().skip(len - WIDEST + 1).collect();
    format!("…{tail}")
}

fn width(text: &str) -> usize {
    text.chars().count()
}

/// Writes all figures as CSV, as RFC 4180 has it, with a header.
pub(crate) fn csv(rows: &[Figures], out: &mut impl Write) -> io::Result<()> {
    let header: Vec<_> = COLUMNS.iter().map(|column| column.name).collect();
    write!(out, "{}\r\n", header.join(","))?;
    for row in rows {
        let cells: Vec<_> = COLUMNS.iter().map(|column| field(&(column.value)(row))).collect();
        write!(out, "{}\r\n", cells.join(","))?;
    }
    Ok(())
}

fn field(value: &Value) -> String {
    let Value::Text(Some(text)) = value else {
        return value.plain();
    };
    let mut text = sanitize(text).into_owned();
    // A spreadsheet takes such a text for a formula, and runs it.
    if text.len() > 1 && text.starts_with(['=', '+', '-', '@', '\t']) {
        text.insert(0, '\'');
    }
    if text.contains(['"', ',', '\n']) {
        text = format!("\"{}\"", text.replace('"', "\"\""));
    }
    text
}

/// Characters of a cell on a terminal.
const WIDEST: usize = 44;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_csv() {
        for (text, written) in [
            ("a b", "a b"),
            ("a,b", "\"a,b\""),
            ("a\"b", "\"a\"\"b\""),
            ("a\nb", "\"a\nb\""),
            ("a\r\u{1b}b", "a␍␛b"),
            ("=1+1", "'=1+1"),
            ("@x,", "\"'@x,\""),
            ("-", "-"),
            ("", ""),
        ] {
            assert_eq!(field(&Value::Text(Some(text.to_owned()))), written);
        }
        assert_eq!(field(&Value::Count(None)), "");
        assert_eq!(field(&Value::Count(Some(1234))), "1234");
        assert_eq!(field(&Value::Milliseconds(Some(1.5))), "1.5");
    }

    #[test]
    fn numbers_for_people() {
        for (value, shown) in [
            (Value::Count(Some(1234)), "1,234"),
            (Value::Milliseconds(Some(1234.5)), "1,235"),
            (Value::Milliseconds(Some(99.94)), "99.9"),
            (Value::Milliseconds(Some(99.96)), "100"),
            (Value::Milliseconds(Some(0.0)), "0.0"),
            (Value::Percent(Some(45.0)), "45.0"),
            (Value::Rate(None), ""),
        ] {
            assert_eq!(number(&value), shown);
        }
    }

    #[test]
    fn the_end_of_a_name_is_kept() {
        assert_eq!(cut("short"), "short");
        let long = format!("{}/reply.jsonl", "é".repeat(60));
        assert_eq!(cut(&long).chars().count(), WIDEST);
        assert!(cut(&long).starts_with('…') && cut(&long).ends_with("/reply.jsonl"));
    }
}

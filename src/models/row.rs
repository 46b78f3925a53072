//! A row of the tables, read.

use alloc::vec::Vec;

use super::{Effort, ForcedTools, Maker, Model, Sampling};

/// A row as it is written.
pub(super) struct Row {
    maker: Maker,
    line: &'static str,
}

/// The rows of a table behind its head, each with the families it is for.
pub(super) fn rows(maker: Maker, table: &'static str) -> impl Iterator<Item = (&'static str, Row)> {
    table.lines().skip(2).filter_map(move |line| {
        let line = line.trim().strip_prefix('|')?.strip_suffix('|')?;
        Some((cells(line).next()?, Row { maker, line }))
    })
}

fn cells(line: &'static str) -> impl Iterator<Item = &'static str> {
    line.split('|').map(str::trim)
}

impl Row {
    /// What the row says; `None` if it says what no row can.
    pub(super) fn read(&self) -> Option<Model> {
        match self.maker {
            Maker::Anthropic => self.anthropic(),
            Maker::OpenAi => self.openai(),
        }
    }

    fn anthropic(&self) -> Option<Model> {
        let cells: Vec<_> = cells(self.line).collect();
        let [
            family,
            modes,
            unasked,
            efforts,
            effort,
            display,
            forced,
            sampling,
            prefill,
            interleaved,
            keeps,
            bound,
            foreign,
            min_budget,
            output,
            cache,
            source,
        ] = cells[..]
        else {
            return None;
        };
        let disabled = words(modes).find_map(|mode| mode.strip_prefix("disabled"));
        Some(Model {
            family: words(family).next()?.into(),
            maker: self.maker,
            adaptive: has(modes, "adaptive"),
            enabled: has(modes, "enabled"),
            between_tools: has(modes, "between_tools"),
            // What cannot think is off.
            disabled: disabled.is_some() || modes == NONE,
            disabled_up_to: disabled.and_then(|limit| limit.strip_prefix('≤')?.parse().ok()),
            thinks_unasked: choice(unasked, &[("on", true), ("off", false)])?,
            efforts: efforts_of(efforts)?,
            default_effort: some(effort).map(str::parse).transpose().ok()?,
            omits_thinking: choice(display, &[("omitted", true), ("summarized", false)])?,
            forced_tools: choice(
                forced,
                &[
                    ("yes", ForcedTools::Allowed),
                    ("?", ForcedTools::Allowed),
                    ("adaptive", ForcedTools::WithAdaptive),
                    ("no", ForcedTools::Refused),
                ],
            )?,
            sampling: choice(sampling, &[("free", Sampling::Free), ("fixed", Sampling::Fixed)])?,
            prefill: choice(prefill, &YES_NO)?,
            interleaves: has(interleaved, "auto"),
            interleaves_with_header: has(interleaved, "header"),
            keeps_thinking: choice(keeps, &YES_NO)?,
            bound_to_prefix: has(bound, "prefix"),
            bound_to_account: has(bound, "account"),
            drops_foreign_thinking: choice(foreign, &[("dropped", true), ("refused", false)])?,
            min_budget_tokens: number(min_budget)?.unwrap_or(0),
            max_output_tokens: number(output)?,
            min_cacheable_tokens: number(cache)?,
            chat_tools_need_no_reasoning: false,
            refused_params: Vec::new(),
            source: source.into(),
        })
    }

    fn openai(&self) -> Option<Model> {
        let cells: Vec<_> = cells(self.line).collect();
        let [family, efforts, off, unasked, sampling, tools, refused, source] = cells[..] else {
            return None;
        };
        let efforts = efforts_of(efforts)?;
        let thinks_unasked = choice(unasked, &[("on", true), ("off", false)])?;
        Some(Model {
            family: words(family).next()?.into(),
            maker: self.maker,
            adaptive: thinks_unasked || !efforts.is_empty(),
            disabled: choice(off, &YES_NO)?,
            thinks_unasked,
            efforts,
            sampling: choice(
                sampling,
                &[
                    ("yes", Sampling::Free),
                    ("without reasoning", Sampling::WithoutReasoning),
                    ("no", Sampling::Refused),
                ],
            )?,
            chat_tools_need_no_reasoning: choice(
                tools,
                &[("yes", false), ("without reasoning", true)],
            )?,
            refused_params: some(refused).into_iter().flat_map(words).map(Into::into).collect(),
            source: source.into(),
            ..Model::default()
        })
    }
}

/// An empty cell.
const NONE: &str = "—";

const YES_NO: [(&str, bool); 2] = [("yes", true), ("no", false)];

fn some(cell: &str) -> Option<&str> {
    Some(cell).filter(|cell| *cell != NONE)
}

fn words(cell: &str) -> impl Iterator<Item = &str> {
    cell.split(' ').map(|word| word.trim_matches('`'))
}

fn has(cell: &str, word: &str) -> bool {
    words(cell).any(|found| found == word)
}

fn choice<T: Copy>(cell: &str, choices: &[(&str, T)]) -> Option<T> {
    choices.iter().find(|(name, _)| *name == cell).map(|(_, value)| *value)
}

fn efforts_of(cell: &str) -> Option<Vec<Effort>> {
    some(cell).map_or(Some(Vec::new()), |cell| words(cell).map(|name| name.parse().ok()).collect())
}

/// A number, or none; `None` if the cell is neither.
fn number(cell: &str) -> Option<Option<u64>> {
    some(cell).map(str::parse).transpose().ok()
}

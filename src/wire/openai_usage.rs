//! The usage of `OpenAI`'s APIs, and what others make of it.
//!
//! The counts have two names each, one of either API, and more of their details; where several places
//! say the same, the first in the order below is taken that is not 0: some relays write all of them, and fill those of
//! one API.

use crate::json::JsonError;
use crate::json::reader::{Kind, Reader};
use crate::text::Text;
use crate::usage::Usage;
use crate::wire::read::{self, KEYS};

use crate::json::Json;

/// The places where details stand.
#[derive(Default)]
struct Places {
    /// By the name that chats have, and by that of the Responses API.
    input: [Option<u64>; 2],
    output: [Option<u64>; 2],
    /// In the details of the input, by either API's name; at the top as Kimi, `DeepSeek`, Mistral, or a relay has it.
    cached: [Option<u64>; 6],
    /// In the details of the input, by `OpenAI`'s name and Qwen's in either; at the top.
    written: [Option<u64>; 5],
    /// In the details of the output; at the top.
    reasoning: [Option<u64>; 3],
    total: Option<u64>,
}

/// Reads a usage: nothing for `null`.
pub(super) fn read(reader: &mut Reader<'_>, bad: &mut bool) -> Result<Option<Usage>, JsonError> {
    if reader.kind()? != Kind::Object {
        reader.skip()?;
        return Ok(None);
    }
    let mut usage = Usage { input_includes_cache: true, ..Usage::default() };
    let mut places = Places::default();
    let mut completion = None;
    read::members(reader, |key, reader| {
        let start = reader.place();
        places.read(key, reader, bad)?;
        let raw = reader.since(start);
        if key == "completion_tokens" {
            completion = Some(raw);
        }
        // What is not kept under a name of its own is kept as it is.
        let named = matches!(
            key,
            "input_tokens"
                | "prompt_tokens"
                | "output_tokens"
                | "completion_tokens"
                | "cache_read_input_tokens"
                | "cache_creation_input_tokens"
                | "service_tier"
        );
        if !named && raw != "null" && usage.other.len() < KEYS {
            usage.other.push((key.into(), Json::checked(raw)));
        }
        Ok(())
    })?;
    places.settle(&mut usage);
    if usage.thinking_added
        && let Some(completion) = completion
    {
        usage.other.push((Text::from("completion_tokens"), Json::checked(completion)));
    }
    Ok(Some(usage))
}

impl Places {
    fn read(
        &mut self,
        key: &str,
        reader: &mut Reader<'_>,
        bad: &mut bool,
    ) -> Result<(), JsonError> {
        let [prompt, input] = &mut self.input;
        let [completion, output] = &mut self.output;
        let [in_prompt, in_input, kimi, deepseek, mistral, relay] = &mut self.cached;
        let [prompt_written, prompt_qwen, input_written, input_qwen, at_top] = &mut self.written;
        let [in_completion, in_output, top_reasoning] = &mut self.reasoning;
        let count = match key {
            "prompt_tokens" => prompt,
            "input_tokens" => input,
            "completion_tokens" => completion,
            "output_tokens" => output,
            "total_tokens" => &mut self.total,
            "cached_tokens" => kimi,
            "prompt_cache_hit_tokens" => deepseek,
            "num_cached_tokens" => mistral,
            "cache_read_input_tokens" => relay,
            "cache_creation_input_tokens" => at_top,
            "reasoning_tokens" => top_reasoning,
            "prompt_tokens_details" => {
                return of_input([in_prompt, prompt_written, prompt_qwen], reader, bad);
            }
            "input_tokens_details" => {
                return of_input([in_input, input_written, input_qwen], reader, bad);
            }
            "completion_tokens_details" => return of_output(in_completion, reader, bad),
            "output_tokens_details" => return of_output(in_output, reader, bad),
            _ => return reader.skip(),
        };
        read::count(count, reader, bad)
    }

    fn settle(self, usage: &mut Usage) {
        let first = |places: &[Option<u64>]| {
            let mut stated = places.iter().copied().flatten();
            let first = stated.clone().next();
            stated.find(|count| *count > 0).or(first)
        };
        usage.input_tokens = first(&self.input);
        usage.output_tokens = first(&self.output);
        // xAI is known to report more cached tokens than there are in the prompt.
        let prompt = usage.input_tokens.unwrap_or(u64::MAX);
        usage.cache_read_input_tokens = first(&self.cached).map(|count| count.min(prompt));
        usage.cache_creation_input_tokens = first(&self.written);
        usage.thinking_tokens = first(&self.reasoning);
        // Whether reasoning is a part of the output shows in the total.
        if let (Some(input), Some(output), Some(total)) =
            (usage.input_tokens, usage.output_tokens, self.total)
            && let Some(more @ 1..) = total.checked_sub(input.saturating_add(output))
            && is_thinking(more, usage.thinking_tokens, [first(&self.cached), first(&self.written)])
        {
            usage.output_tokens = Some(output.saturating_add(more));
            usage.thinking_tokens = Some(more);
            usage.thinking_added = true;
        }
    }
}

/// Whether what a total has beside the input and the output was thought: it is as many tokens as are said to be, or,
/// of Gemini, none are said to be. Proxies of Anthropic add those of the cache, which are no part of its input.
fn is_thinking(more: u64, thought: Option<u64>, cache: [Option<u64>; 2]) -> bool {
    let [read, written] = cache.map(Option::unwrap_or_default);
    match thought {
        None | Some(0) => ![read, written, read.saturating_add(written)].contains(&more),
        Some(thought) => thought == more,
    }
}

/// The details of the input: what was read from the cache, and what was written to it by two names.
fn of_input(
    [cached, written, qwen]: [&mut Option<u64>; 3],
    reader: &mut Reader<'_>,
    bad: &mut bool,
) -> Result<(), JsonError> {
    read::members_or_skip(reader, |key, reader| match key {
        "cached_tokens" => read::count(cached, reader, bad),
        "cache_write_tokens" => read::count(written, reader, bad),
        "cache_creation_input_tokens" => read::count(qwen, reader, bad),
        _ => reader.skip(),
    })
}

fn of_output(
    reasoning: &mut Option<u64>,
    reader: &mut Reader<'_>,
    bad: &mut bool,
) -> Result<(), JsonError> {
    read::members_or_skip(reader, |key, reader| match key {
        "reasoning_tokens" => read::count(reasoning, reader, bad),
        _ => reader.skip(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use alloc::string::String;

    #[test]
    fn unknown_keys_are_kept_up_to_a_bound() {
        for (count, kept) in [(KEYS, KEYS), (KEYS + 1, KEYS)] {
            let keys: String = (0..count).map(|at| format!(r#","k{at}":{at}"#)).collect();
            let data = format!(r#"{{"prompt_tokens":1{keys}}}"#);
            let usage = read(&mut Reader::new(&data), &mut false).unwrap().unwrap();
            assert_eq!((usage.input_tokens, usage.other.len()), (Some(1), kept));
        }
    }
}

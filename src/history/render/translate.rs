//! What users and tools say, in the words of each API: texts, images and documents have a form of their own in each.
//! What has no twin goes out as it is, and [`validate`](crate::history::validate) finds it.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;

use super::document::document;
use crate::history::kind;
use crate::json::edit::{quoted, raw_member, string_member};
use crate::json::reader::Items;
use crate::message::Provider;

/// A block, as the API has it.
pub(super) fn block(block: &str, api: Provider) -> Cow<'_, str> {
    let kind = kind(block);
    let written = match kind.as_str() {
        "text" | "input_text" | "output_text" => text(block, &kind, api),
        "image" | "input_image" | "image_url" => image(block, &kind, api),
        "document" | "input_file" | "file" => document(block, &kind, api),
        _ => None,
    };
    written.map_or(Cow::Borrowed(block), Cow::Owned)
}

/// The same of each block of an array.
pub(super) fn blocks(array: &str, api: Provider) -> Cow<'_, str> {
    let mut written = String::from("[");
    let mut changed = false;
    for own in Items::new(array) {
        let block = block(own, api);
        changed |= matches!(block, Cow::Owned(_));
        written.push_str(if written.len() > 1 { "," } else { "" });
        written.push_str(&block);
    }
    written.push(']');
    if changed { Cow::Owned(written) } else { Cow::Borrowed(array) }
}

fn text(block: &str, kind: &str, api: Provider) -> Option<String> {
    let name = if api == Provider::OpenAiResponses { "input_text" } else { "text" };
    if kind == name {
        return None;
    }
    // What else it has, as a mark for the cache or annotations, is the other API's.
    let text = raw_member(block, "text")?;
    Some(format!(r#"{{"type":"{name}","text":{text}}}"#))
}

fn image(block: &str, kind: &str, api: Provider) -> Option<String> {
    let own = match api {
        Provider::Anthropic => "image",
        Provider::OpenAiResponses => "input_image",
        Provider::OpenAiChat => "image_url",
    };
    if kind == own {
        return None;
    }
    let object = raw_member(block, "image_url").unwrap_or_default();
    let url = match kind {
        "image" => source_url(raw_member(block, "source")?)?,
        "input_image" => string_member(block, "image_url")?,
        _ => string_member(object, "url")?,
    };
    let detail = string_member(block, "detail").or_else(|| string_member(object, "detail"));
    let detail = detail.map(|detail| format!(r#","detail":{}"#, quoted(&detail)));
    let detail = detail.unwrap_or_default();
    Some(match api {
        Provider::Anthropic => format!(r#"{{"type":"image","source":{}}}"#, source(&url)),
        Provider::OpenAiResponses => {
            format!(r#"{{"type":"input_image","image_url":{}{detail}}}"#, quoted(&url))
        }
        Provider::OpenAiChat => {
            format!(r#"{{"type":"image_url","image_url":{{"url":{}{detail}}}}}"#, quoted(&url))
        }
    })
}

/// The address of an image of Anthropic's: one that is sent along has all of it in its address.
fn source_url(source: &str) -> Option<String> {
    match string_member(source, "type")?.as_str() {
        "base64" => {
            let (kind, data) =
                (string_member(source, "media_type")?, string_member(source, "data")?);
            Some(format!("data:{kind};base64,{data}"))
        }
        "url" => string_member(source, "url"),
        _ => None,
    }
}

fn source(url: &str) -> String {
    let data = url.strip_prefix("data:").and_then(|data| data.split_once(";base64,"));
    match data {
        Some((kind, data)) => {
            format!(r#"{{"type":"base64","media_type":{},"data":{}}}"#, quoted(kind), quoted(data))
        }
        None => format!(r#"{{"type":"url","url":{}}}"#, quoted(url)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Provider::{Anthropic, OpenAiChat, OpenAiResponses};

    #[test]
    fn texts_and_images_have_a_form_in_each_api() {
        let forms = [
            [
                (Anthropic, r#"{"type":"text","text":"a"}"#),
                (OpenAiResponses, r#"{"type":"input_text","text":"a"}"#),
                (OpenAiChat, r#"{"type":"text","text":"a"}"#),
            ],
            [
                (
                    Anthropic,
                    r#"{"type":"image","source":{"type":"base64","media_type":"image/png","data":"iVBO"}}"#,
                ),
                (
                    OpenAiResponses,
                    r#"{"type":"input_image","image_url":"data:image/png;base64,iVBO"}"#,
                ),
                (
                    OpenAiChat,
                    r#"{"type":"image_url","image_url":{"url":"data:image/png;base64,iVBO"}}"#,
                ),
            ],
            [
                (
                    Anthropic,
                    r#"{"type":"image","source":{"type":"url","url":"https://example.org/a.png"}}"#,
                ),
                (
                    OpenAiResponses,
                    r#"{"type":"input_image","image_url":"https://example.org/a.png"}"#,
                ),
                (
                    OpenAiChat,
                    r#"{"type":"image_url","image_url":{"url":"https://example.org/a.png"}}"#,
                ),
            ],
        ];
        for forms in forms {
            for (_, from) in forms {
                for (api, to) in forms {
                    assert_eq!(block(from, api), to, "{from} for {api:?}");
                }
            }
        }
    }

    #[test]
    fn what_else_there_is() {
        for (from, api, to) in [
            (
                r#"{"type":"image_url","image_url":{"url":"u","detail":"low"}}"#,
                OpenAiResponses,
                r#"{"type":"input_image","image_url":"u","detail":"low"}"#,
            ),
            (
                r#"{"type":"input_image","image_url":"u","detail":"low"}"#,
                OpenAiChat,
                r#"{"type":"image_url","image_url":{"url":"u","detail":"low"}}"#,
            ),
            (
                r#"{"type":"text","text":"a","cache_control":{"type":"ephemeral"}}"#,
                OpenAiResponses,
                r#"{"type":"input_text","text":"a"}"#,
            ),
            (
                r#"{"type":"output_text","text":"a","annotations":[]}"#,
                Anthropic,
                r#"{"type":"text","text":"a"}"#,
            ),
        ] {
            assert_eq!(block(from, api), to);
        }
        // What is its own, and what has no twin, stays as it is.
        for same in [
            r#"{"type":"text","text":"a","cache_control":{"type":"ephemeral"}}"#,
            r#"{"type":"image","source":{"type":"file","file_id":"f"}}"#,
            r#"{"type":"document","source":{"type":"text","data":"a"}}"#,
            r#"{"type":"input_image","file_id":"f"}"#,
            "5",
        ] {
            assert_eq!(block(same, Anthropic), same);
        }
        // Some who speak as a chat does take the marks of a cache.
        let marked = r#"{"type":"text","text":"a","cache_control":{"type":"ephemeral"}}"#;
        assert_eq!(block(marked, OpenAiChat), marked);
        let file = r#"{"type":"image","source":{"type":"file","file_id":"f"}}"#;
        assert_eq!(block(file, OpenAiChat), file);
        let mixed = r#"[{"type":"text","text":"a"}, 5]"#;
        assert_eq!(blocks(mixed, OpenAiResponses), r#"[{"type":"input_text","text":"a"},5]"#);
        assert_eq!(blocks(mixed, Anthropic), mixed);
    }
}

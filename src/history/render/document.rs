//! Documents: Anthropic's are PDF or text, sent along or at an address; a chat takes only PDF that is sent along;
//! the Responses API takes other files too.

use alloc::format;
use alloc::string::String;

use crate::json::edit::{quoted, raw_member, string_member};
use crate::message::Provider;

/// A document, in nobody's words.
struct Document {
    /// Its title, or the name of its file.
    name: Option<String>,
    body: Body,
}

enum Body {
    Text(String),
    /// All of it, in a `data:` address.
    Data(String),
    Url(String),
    /// A file that was given to `OpenAI` before.
    File(String),
}

/// The document of a block of this kind in the words of an API, if they are others and have it.
pub(super) fn document(block: &str, kind: &str, api: Provider) -> Option<String> {
    let own = match api {
        Provider::Anthropic => "document",
        Provider::OpenAiResponses => "input_file",
        Provider::OpenAiChat => "file",
    };
    let document = match kind {
        kind if kind == own => return None,
        "document" => of_source(raw_member(block, "source")?, string_member(block, "title"))?,
        "input_file" => of_file(block)?,
        _ => of_file(raw_member(block, "file")?)?,
    };
    match api {
        Provider::Anthropic => document.to_anthropic(),
        Provider::OpenAiResponses => document.to_responses(),
        Provider::OpenAiChat => document.to_chat(),
    }
}

fn of_source(source: &str, name: Option<String>) -> Option<Document> {
    let body = match string_member(source, "type")?.as_str() {
        "text" => Body::Text(string_member(source, "data")?),
        "base64" => {
            let kind = string_member(source, "media_type")?;
            Body::Data(format!("data:{kind};base64,{}", string_member(source, "data")?))
        }
        "url" => Body::Url(string_member(source, "url")?),
        _ => return None,
    };
    Some(Document { name, body })
}

fn of_file(file: &str) -> Option<Document> {
    let data = string_member(file, "file_data").map(Body::Data);
    let body = data
        .or_else(|| string_member(file, "file_url").map(Body::Url))
        .or_else(|| string_member(file, "file_id").map(Body::File))?;
    Some(Document { name: string_member(file, "filename"), body })
}

/// How a PDF begins that is sent along.
const PDF: &str = "data:application/pdf;base64,";

impl Document {
    fn to_anthropic(&self) -> Option<String> {
        let source = match &self.body {
            Body::Data(url) => {
                let data = quoted(url.strip_prefix(PDF)?);
                format!(r#"{{"type":"base64","media_type":"application/pdf","data":{data}}}"#)
            }
            Body::Url(url) => format!(r#"{{"type":"url","url":{}}}"#, quoted(url)),
            Body::Text(_) | Body::File(_) => return None,
        };
        let title = self.name.as_deref().map(|name| format!(r#","title":{}"#, quoted(name)));
        let title = title.unwrap_or_default();
        Some(format!(r#"{{"type":"document","source":{source}{title}}}"#))
    }

    fn to_responses(&self) -> Option<String> {
        Some(match &self.body {
            Body::Text(text) => self.as_text("input_text", text),
            Body::Data(url) => format!(r#"{{"type":"input_file",{}}}"#, self.file_data(url)),
            Body::Url(url) => format!(r#"{{"type":"input_file","file_url":{}}}"#, quoted(url)),
            Body::File(id) => format!(r#"{{"type":"input_file","file_id":{}}}"#, quoted(id)),
        })
    }

    fn to_chat(&self) -> Option<String> {
        Some(match &self.body {
            Body::Text(text) => self.as_text("text", text),
            Body::Data(url) if url.starts_with(PDF) => {
                format!(r#"{{"type":"file","file":{{{}}}}}"#, self.file_data(url))
            }
            Body::File(id) => format!(r#"{{"type":"file","file":{{"file_id":{}}}}}"#, quoted(id)),
            Body::Data(_) | Body::Url(_) => return None,
        })
    }

    /// Text has no other form in `OpenAI`'s APIs. Its title stands above it.
    fn as_text(&self, kind: &str, text: &str) -> String {
        let text = match &self.name {
            Some(name) => quoted(&format!("{name}\n\n{text}")),
            None => quoted(text),
        };
        format!(r#"{{"type":"{kind}","text":{text}}}"#)
    }

    /// `OpenAI` wants a name, and tells by its end what the file is.
    fn file_data(&self, url: &str) -> String {
        let name = self.name.as_deref().unwrap_or("document");
        let end = if url.starts_with(PDF) && !name.ends_with(".pdf") { ".pdf" } else { "" };
        let name = quoted(&format!("{name}{end}"));
        format!(r#""filename":{name},"file_data":{}"#, quoted(url))
    }
}

#[cfg(test)]
mod tests {
    use super::super::translate::block;
    use Provider::{Anthropic, OpenAiChat, OpenAiResponses};

    use super::*;

    #[test]
    fn documents_have_a_form_in_each_api() {
        let data = [
            (
                Anthropic,
                r#"{"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"JVBE"},"title":"tides.pdf"}"#,
            ),
            (
                OpenAiResponses,
                r#"{"type":"input_file","filename":"tides.pdf","file_data":"data:application/pdf;base64,JVBE"}"#,
            ),
            (
                OpenAiChat,
                r#"{"type":"file","file":{"filename":"tides.pdf","file_data":"data:application/pdf;base64,JVBE"}}"#,
            ),
        ];
        let url = [
            (
                Anthropic,
                r#"{"type":"document","source":{"type":"url","url":"https://example.org/tides.pdf"}}"#,
            ),
            (
                OpenAiResponses,
                r#"{"type":"input_file","file_url":"https://example.org/tides.pdf"}"#,
            ),
        ];
        let file = [
            (OpenAiResponses, r#"{"type":"input_file","file_id":"file-k1"}"#),
            (OpenAiChat, r#"{"type":"file","file":{"file_id":"file-k1"}}"#),
        ];
        for forms in [&data[..], &url, &file] {
            for (_, from) in forms {
                for (api, to) in forms {
                    assert_eq!(block(from, *api), *to, "{from} for {api:?}");
                }
            }
        }
    }

    #[test]
    fn what_else_there_is() {
        let note = r#"{"type":"document","source":{"type":"text","media_type":"text/plain","data":"High at six."},"title":"Tides","citations":{"enabled":true}}"#;
        let plain = r#"{"type":"document","source":{"type":"text","data":"High at six."}}"#;
        let unnamed = r#"{"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"JVBE"},"title":"Tides"}"#;
        let table = r#"{"type":"file","file":{"file_data":"data:text/csv;base64,YQ=="}}"#;
        for (from, api, to) in [
            (note, OpenAiChat, r#"{"type":"text","text":"Tides\n\nHigh at six."}"#),
            (note, OpenAiResponses, r#"{"type":"input_text","text":"Tides\n\nHigh at six."}"#),
            (plain, OpenAiChat, r#"{"type":"text","text":"High at six."}"#),
            (
                unnamed,
                OpenAiResponses,
                r#"{"type":"input_file","filename":"Tides.pdf","file_data":"data:application/pdf;base64,JVBE"}"#,
            ),
            (
                table,
                OpenAiResponses,
                r#"{"type":"input_file","filename":"document","file_data":"data:text/csv;base64,YQ=="}"#,
            ),
        ] {
            assert_eq!(block(from, api), to);
        }
    }

    /// What has no twin stays as it is.
    #[test]
    fn what_has_no_twin() {
        let file = r#"{"type":"document","source":{"type":"file","file_id":"f"}}"#;
        let parts = r#"{"type":"document","source":{"type":"content","content":"a"}}"#;
        for (same, api) in [
            (file, OpenAiChat),
            (file, OpenAiResponses),
            (parts, OpenAiChat),
            (r#"{"type":"document"}"#, OpenAiChat),
            (r#"{"type":"document","source":{"type":"url","url":"u"}}"#, OpenAiChat),
            (r#"{"type":"input_file","file_data":"data:text/csv;base64,YQ=="}"#, OpenAiChat),
            (r#"{"type":"input_file","file_data":"data:text/csv;base64,YQ=="}"#, Anthropic),
            (r#"{"type":"input_file","file_id":"f"}"#, Anthropic),
            (r#"{"type":"file","file":{}}"#, Anthropic),
            (r#"{"type":"file"}"#, OpenAiResponses),
        ] {
            assert_eq!(block(same, api), same);
        }
    }
}

//! What Gemini signs its calls with, as several servers have it.

use alloc::string::String;

use crate::json::edit::{raw_member, string_member};
use crate::json::reader::Reader;

/// The keys beside a call that have its signature.
pub(crate) const SIGNERS: [&str; 4] =
    ["extra_content", "provider_specific_fields", "thoughtSignature", "thought_signature"];

/// The key, if it is one that has the signature of a call.
pub(crate) fn signer(key: &str) -> Option<&'static str> {
    SIGNERS.into_iter().find(|signer| *signer == key)
}

/// The signature of a call, in what stands beside it under a key.
pub(crate) fn call_signature(key: &str, raw: &str) -> Option<String> {
    let signature = match key {
        // Vertex signs under a name of its own.
        "extra_content" => {
            let signer = raw_member(raw, "google").or_else(|| raw_member(raw, "vertex"))?;
            string_member(signer, "thought_signature")
        }
        "provider_specific_fields" => string_member(raw, "thought_signature"),
        _ => Reader::new(raw).string_or_skip().ok().flatten().map(|text| text.decode().into()),
    };
    signature.filter(|signature| !signature.is_empty())
}

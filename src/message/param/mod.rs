//! How the next request must echo a message.

mod anthropic;
mod openai_chat;
mod openai_responses;

pub(crate) use self::openai_responses::takes_id;

use alloc::string::String;

use super::{Block, Message, Provider};
use crate::json::Json;
use crate::json::edit::quote;

impl Message {
    /// The message as the next request must echo it to the provider that it came from.
    ///
    /// The blocks are the same and in the same order. Signatures, encrypted data and tool inputs
    /// have the same bytes; empty thinking stays. What is left out would make the request fail, and so would an escape
    /// that is half of a surrogate pair: it is U+FFFD here.
    ///
    /// # Anthropic
    ///
    /// `{"role":"assistant","content":[…]}`, without
    ///
    /// - blocks that are not [replayable](Block::replayable): cut ones, unsigned thinking. The text of a
    ///   complete message goes back even if the server forgot to stop its block, and so do calls of your
    ///   tools whose arguments are no JSON object, so that they can be answered: what the model wrote is then
    ///   the string in `{"INVALID_JSON":"…"}`.
    /// - keys that exist only in replies: `citations` when there are none, the `file_id` of a
    ///   citation, the `caller` of a tool that the model called directly. Keys that this version does
    ///   not know go back;
    /// - text blocks without any but white space;
    /// - thinking at the end of a complete message, if what came behind it is left out: the API refuses a
    ///   message that ends with thinking, unless it is a pause that is gone on from;
    /// - what stands before the last `fallback` block and belongs to the model that declined:
    ///   thinking, connector text and calls of the client's tools.
    ///
    /// If nothing is left, `content` is empty, which the API refuses: end the turn with a new user
    /// message in its place. Nor should a reply that stopped for
    /// [`Refusal`](crate::StopReason::Refusal) go back, whatever it has: the model would refuse again. A
    /// [`History`](crate::history::History) sees to both.
    ///
    /// # `OpenAI`, Responses
    ///
    /// `[…]`: the output items, which go into the `input` of the next request in their order (with
    /// `"store": false`; else its `previous_response_id` is enough). Each is what its
    /// `response.output_item.done` had, byte for byte, the encrypted reasoning too. Left out are calls
    /// that were cut, reasoning that nothing follows, and, if the provider stores nothing, reasoning
    /// without its encrypted content; what followed that goes back without its `id`. So does an item whose `id` the
    /// API would refuse, as that of a relay: of more than 64 characters, say.
    ///
    /// # `OpenAI`, Chat Completions
    ///
    /// `{"role":"assistant","content":…,"tool_calls":[…]}`. `OpenAI` itself takes no thinking back. Others
    /// do, and some demand it: it goes back in the field it came in, `reasoning_details` as they were
    /// received, and with what Gemini adds to texts and calls. Calls that are whole go back even if their
    /// arguments are none, so that they can be answered; a reply without text has `null` for its content,
    /// which some servers refuse if it has no calls either. To leave thinking out, remove the blocks of
    /// thinking from [`content`](Self::content).
    ///
    /// # Example
    ///
    /// ```
    /// use thinkstream::{Decoder, Event, Protocol};
    ///
    /// let stream = concat!(
    ///     "data: {\"type\":\"message_start\",\"message\":{\"role\":\"assistant\"}}\n\n",
    ///     "data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":",
    ///     "{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}}\n\n",
    ///     "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":",
    ///     "{\"type\":\"signature_delta\",\"signature\":\"EqQB\"}}\n\n",
    ///     "data: {\"type\":\"content_block_stop\",\"index\":0}\n\n",
    ///     "data: {\"type\":\"message_stop\"}\n\n",
    /// );
    /// let mut input = stream.into();
    /// let mut decoder = Decoder::new(Protocol::Anthropic);
    /// while let Some(event) = decoder.decode(&mut input)? {
    ///     if let Event::Complete(done) = event {
    ///         assert_eq!(
    ///             done.message.to_param().as_str(),
    ///             r#"{"role":"assistant","content":[{"type":"thinking","thinking":"","signature":"EqQB"}]}"#,
    ///         );
    ///     }
    /// }
    /// # Ok::<(), thinkstream::Error>(())
    /// ```
    #[must_use]
    pub fn to_param(&self) -> Json {
        let param = match self.provider {
            Provider::Anthropic => self.to_anthropic(),
            Provider::OpenAiResponses => self.to_responses(),
            Provider::OpenAiChat => self.to_chat(),
        };
        param.paired()
    }
}

impl Block {
    /// The block as the next request must echo it: what [`Message::to_param`] writes for it. The
    /// messages of a chat have no blocks; there it has the form that Anthropic's would have.
    #[must_use]
    pub fn to_param(&self) -> Json {
        match self.raw.as_ref().filter(|raw| raw.starts_with('{')) {
            Some(raw) if self.says_otherwise(raw) => self.to_item().paired(),
            Some(raw) => raw.clone().paired(),
            None => self.as_anthropic(),
        }
    }

    /// Keys that this version does not know, as further members.
    fn write_other(&self, out: &mut String) {
        for (key, value) in &self.other {
            out.push(',');
            quote(out, key);
            out.push(':');
            out.push_str(value);
        }
    }

    pub(crate) fn as_anthropic(&self) -> Json {
        let mut text = String::new();
        self.write_anthropic(&mut text);
        Json::checked(text)
    }
}

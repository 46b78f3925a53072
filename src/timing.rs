//! When what of a reply came, by a clock that the caller brings.

use core::fmt;
use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::event::Event;

/// When what of a reply came, each counted from the moment the request was sent.
///
/// Adapters measure it, and put it into [`Complete`](crate::Complete); a loop of your own does with a
/// [`Stopwatch`]. All is to the microsecond. Serialised, times are in milliseconds, and their names end
/// in `_ms`.
///
/// A piece comes when it is asked for: what a caller does between two of them, such as to write to a slow client, is
/// among its time here, and may look like a pause of the server's. The timers of `Timeouts` leave that out.
///
/// What is counted as output are the pieces of thinking, of text and of tools' input, as the
/// provider sends them: so many pieces are not so many tokens, of which one piece may have several.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Timing {
    /// The first byte of the body, whatever it was.
    #[serde(rename = "first_byte_ms", with = "milliseconds::optional")]
    pub first_byte: Option<Duration>,
    /// The first sign of thinking: a piece of it, also an empty one where its text is withheld, a
    /// signature, or a redacted block.
    #[serde(rename = "first_thinking_ms", with = "milliseconds::optional")]
    pub first_thinking: Option<Duration>,
    /// The first piece of visible text.
    #[serde(rename = "first_text_ms", with = "milliseconds::optional")]
    pub first_text: Option<Duration>,
    /// The first piece of a tool's input, or the first call that came whole.
    #[serde(rename = "first_tool_ms", with = "milliseconds::optional")]
    pub first_tool: Option<Duration>,
    /// The first piece of output.
    #[serde(rename = "first_output_ms", with = "milliseconds::optional")]
    pub first_output: Option<Duration>,
    /// The last piece of output so far.
    #[serde(rename = "last_output_ms", with = "milliseconds::optional")]
    pub last_output: Option<Duration>,
    /// The end of the reply or of its stream; what came last, as long as there is none.
    #[serde(rename = "total_ms", with = "milliseconds::optional")]
    pub total: Option<Duration>,
    /// Pieces of output.
    pub output_chunks: u64,
    /// Chunks of the body, as the network cut it.
    pub chunks: u64,
    /// Bytes of the body.
    pub bytes: u64,
    /// Pauses in the output.
    pub stalls: Stalls,
}

/// Pauses between two pieces of output that were long, by what [`Stopwatch::stall_after`] says. Pings
/// do not end one. What comes before the first piece is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Stalls {
    /// How many.
    pub count: u64,
    /// All of them together.
    #[serde(rename = "total_ms", with = "milliseconds")]
    pub total: Duration,
    /// The longest of them.
    #[serde(rename = "longest_ms", with = "milliseconds")]
    pub longest: Duration,
    /// When the longest began.
    #[serde(rename = "longest_at_ms", with = "milliseconds")]
    pub longest_at: Duration,
}

impl Timing {
    /// The mean time between two pieces of output. `None` before there are two.
    #[must_use]
    pub fn time_per_output_chunk(&self) -> Option<Duration> {
        let span = self.last_output?.checked_sub(self.first_output?)?;
        let gaps = u32::try_from(self.output_chunks.checked_sub(1)?).ok()?;
        span.checked_div(gaps)
    }

    /// Output tokens a second, from the first piece of output to the last, of so many tokens in all.
    /// `None` if no time passed between them.
    #[must_use]
    pub fn tokens_per_second(&self, output_tokens: u64) -> Option<f64> {
        let span = self.last_output?.checked_sub(self.first_output?)?;
        let tokens = u32::try_from(output_tokens).ok()?;
        (!span.is_zero()).then(|| f64::from(tokens) / span.as_secs_f64())
    }
}

impl fmt::Display for Timing {
    /// For people: `first byte after 640.7ms, thinking 671.2ms, text 1.0s; 2.2s in all`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let firsts = [
            ("first byte after", self.first_byte),
            ("thinking", self.first_thinking),
            ("text", self.first_text),
            ("tool input", self.first_tool),
        ];
        let known = firsts.into_iter().filter_map(|(name, time)| Some((name, time?)));
        for (at, (name, time)) in known.enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            write!(f, "{comma}{name} {time:.1?}")?;
        }
        match (self.first_byte, self.total) {
            (Some(_), Some(total)) => write!(f, "; {total:.1?} in all"),
            (None, Some(total)) => write!(f, "nothing came in {total:.1?}"),
            (_, None) => Ok(()),
        }
    }
}

/// Measures a reply for a loop of your own. It has no clock: you say when a chunk came, counted from
/// the moment the request was sent.
///
/// The events of a chunk came when the chunk did, however long the caller takes over them.
///
/// # Example
///
/// ```
/// use std::time::Instant;
///
/// use thinkstream::{Decoder, Event, Protocol, Stopwatch};
///
/// # let body = [
/// #     "data: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\"}}\n\ndata: {\"type\":\"content_",
/// #     "block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
/// #     "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"Four.\"}}\n\n",
/// #     "data: {\"type\":\"message_stop\"}\n\n",
/// # ];
/// let sent = Instant::now();
/// let mut stopwatch = Stopwatch::new();
/// let mut decoder = Decoder::new(Protocol::Anthropic);
/// for chunk in body {
///     let mut chunk = chunk.into();
///     stopwatch.received(sent.elapsed(), bytes::Bytes::len(&chunk));
///     while let Some(mut event) = decoder.decode(&mut chunk)? {
///         stopwatch.stamp(&mut event);
///         if let Event::Complete(done) = event {
///             let timing = done.timing.expect("it has just been stamped");
///             assert!(timing.first_byte <= timing.first_text);
///         }
///     }
/// }
/// assert_eq!(stopwatch.timing().output_chunks, 1);
/// # Ok::<(), thinkstream::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Stopwatch {
    timing: Timing,
    stall_after: Duration,
    /// When the last chunk came.
    now: Duration,
}

impl Stopwatch {
    /// A pause in the output that is no longer a stutter of the network.
    pub const STALL: Duration = Duration::from_secs(1);

    /// Begins with the request.
    pub fn new() -> Self {
        Self { timing: Timing::default(), stall_after: Self::STALL, now: Duration::ZERO }
    }

    /// Sets from which length on a pause in the output is a stall. [`STALL`](Self::STALL) unless set.
    pub fn stall_after(mut self, pause: Duration) -> Self {
        self.stall_after = pause;
        self
    }

    /// A chunk of so many bytes came `at` this time after the request was sent.
    pub fn received(&mut self, at: Duration, bytes: usize) {
        self.now = to_micros(at).max(self.now);
        let timing = &mut self.timing;
        if bytes > 0 {
            timing.first_byte.get_or_insert(self.now);
            timing.chunks = timing.chunks.saturating_add(1);
            timing.bytes = timing.bytes.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
        }
        timing.total = Some(self.now);
    }

    /// Records an event of the last chunk, and fills in [`Complete::timing`](crate::Complete::timing).
    pub fn stamp(&mut self, event: &mut Event) {
        self.saw(event);
        if let Event::Complete(done) = event {
            done.timing = Some(self.timing.clone());
        }
    }

    /// Records an event of the last chunk.
    pub fn saw(&mut self, event: &Event) {
        let (now, timing) = (self.now, &mut self.timing);
        match event {
            Event::Thinking(_) => {
                timing.first_thinking.get_or_insert(now);
                self.output();
            }
            Event::Signature(_) | Event::RedactedThinking(_) => {
                timing.first_thinking.get_or_insert(now);
            }
            Event::Token(_) => {
                timing.first_text.get_or_insert(now);
                self.output();
            }
            Event::ToolInput(_) => {
                timing.first_tool.get_or_insert(now);
                self.output();
            }
            Event::ToolCall(_) => {
                timing.first_tool.get_or_insert(now);
            }
            _ => {}
        }
    }

    /// The stream ended, well or not, `at` this time after the request was sent.
    pub fn ended(&mut self, at: Duration) {
        self.received(at, 0);
    }

    /// What was measured so far.
    #[must_use]
    pub fn timing(&self) -> &Timing {
        &self.timing
    }

    fn output(&mut self) {
        let (now, timing) = (self.now, &mut self.timing);
        timing.output_chunks = timing.output_chunks.saturating_add(1);
        timing.first_output.get_or_insert(now);
        let Some(last) = timing.last_output.replace(now) else {
            return;
        };
        let pause = now.saturating_sub(last);
        if pause >= self.stall_after && !pause.is_zero() {
            let stalls = &mut timing.stalls;
            stalls.count = stalls.count.saturating_add(1);
            stalls.total = stalls.total.saturating_add(pause);
            if pause > stalls.longest {
                (stalls.longest, stalls.longest_at) = (pause, last);
            }
        }
    }
}

impl Default for Stopwatch {
    fn default() -> Self {
        Self::new()
    }
}

/// No clock of a stream is better; and what is written in milliseconds is read again as it was.
pub(crate) fn to_micros(time: Duration) -> Duration {
    Duration::from_micros(u64::try_from(time.as_micros()).unwrap_or(u64::MAX))
}

/// Times as numbers of milliseconds, with their microseconds behind the point.
pub(crate) mod milliseconds {
    use core::time::Duration;

    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(time: &Duration, to: S) -> Result<S::Ok, S::Error> {
        // Whole and broken part apart, so that 457 microseconds are written as 0.457.
        let [high, low] = [time.as_secs() >> 32, time.as_secs() & u64::from(u32::MAX)]
            .map(|half| f64::from(u32::try_from(half).unwrap_or(u32::MAX)));
        let seconds = high * 4_294_967_296.0 + low;
        to.serialize_f64(seconds * 1000.0 + f64::from(time.subsec_micros()) / 1000.0)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        let number = f64::deserialize(from)?;
        // The nearest microsecond: a fraction of 1000 has no exact form.
        let seconds = Duration::try_from_secs_f64(number / 1000.0).map_err(D::Error::custom)?;
        Ok(super::to_micros(seconds.saturating_add(Duration::from_nanos(500))))
    }

    pub(crate) mod optional {
        use core::time::Duration;

        use serde::{Deserialize, Deserializer, Serializer};

        pub(crate) fn serialize<S: Serializer>(
            time: &Option<Duration>,
            to: S,
        ) -> Result<S::Ok, S::Error> {
            match time {
                Some(time) => super::serialize(time, to),
                None => to.serialize_none(),
            }
        }

        pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
            from: D,
        ) -> Result<Option<Duration>, D::Error> {
            #[derive(Deserialize)]
            struct Time(#[serde(with = "super")] Duration);
            Ok(Option::<Time>::deserialize(from)?.map(|time| time.0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::boxed::Box;
    use alloc::string::ToString;

    use crate::event::{Complete, ToolInput};
    use crate::text::Text;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn each_first_and_the_pauses() {
        let mut watch = Stopwatch::new().stall_after(ms(100));
        for (at, event) in [
            (10, Event::Ping),
            (20, Event::thinking(0, Text::EMPTY)),
            // A ping ends no pause.
            (110, Event::Ping),
            (150, Event::token(1, "a".into())),
            (249, Event::token(1, "b".into())),
            (349, Event::ToolInput(ToolInput { index: 2, partial_json: "{}".into() })),
        ] {
            watch.received(ms(at), 10);
            watch.saw(&event);
        }
        let mut event = Event::Complete(Box::default());
        watch.received(ms(400), 10);
        watch.stamp(&mut event);
        let Event::Complete(done) = event else { unreachable!() };
        let Complete { timing: Some(timing), .. } = *done else { unreachable!() };
        let stalls = Stalls { count: 2, total: ms(230), longest: ms(130), longest_at: ms(20) };
        assert_eq!(
            timing,
            Timing {
                first_byte: Some(ms(10)),
                first_thinking: Some(ms(20)),
                first_text: Some(ms(150)),
                first_tool: Some(ms(349)),
                first_output: Some(ms(20)),
                last_output: Some(ms(349)),
                total: Some(ms(400)),
                output_chunks: 4,
                chunks: 7,
                bytes: 70,
                stalls,
            }
        );
        assert_eq!(timing.time_per_output_chunk(), Some(ms(329) / 3));
        assert_eq!(
            timing.to_string(),
            "first byte after 10.0ms, thinking 20.0ms, text 150.0ms, tool input 349.0ms; 400.0ms in all"
        );
        assert_eq!(Timing::default().to_string(), "");
        assert_eq!(timing.tokens_per_second(329), Some(1000.0));
    }

    #[test]
    fn a_clock_that_goes_back_is_not_followed() {
        let mut watch = Stopwatch::new();
        watch.received(ms(5), 1);
        watch.received(ms(3), 1);
        watch.saw(&Event::token(0, "a".into()));
        watch.ended(ms(4));
        assert_eq!(watch.timing().first_text, Some(ms(5)));
        assert_eq!(watch.timing().total, Some(ms(5)));
        assert_eq!(watch.timing().time_per_output_chunk(), None);
        assert_eq!(watch.timing().tokens_per_second(5), None);
    }

    #[test]
    fn microseconds_survive_being_written() {
        for micros in [0, 1, 999, 1001, 123_457, 86_400_000_001, 999_999_999_999] {
            let time = Some(Duration::from_micros(micros));
            let timing = Timing { first_byte: time, total: time, ..Timing::default() };
            let text = serde_json::to_string(&timing).unwrap();
            assert_eq!(serde_json::from_str::<Timing>(&text).unwrap(), timing, "{text}");
        }
        let timing =
            Timing { first_byte: Some(Duration::from_micros(123_457)), ..Timing::default() };
        assert!(serde_json::to_string(&timing).unwrap().contains(r#""first_byte_ms":123.457,"#));
        let text = r#"{"first_byte_ms":0.25,"stalls":{"count":1,"longest_ms":1500}}"#;
        let timing: Timing = serde_json::from_str(text).unwrap();
        assert_eq!(timing.first_byte, Some(Duration::from_micros(250)));
        assert_eq!(timing.stalls.longest, ms(1500));
        assert!(serde_json::from_str::<Timing>(r#"{"first_byte_ms":-1}"#).is_err());
    }
}

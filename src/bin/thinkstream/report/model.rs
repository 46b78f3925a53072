//! What a page shows, computed from the events of a recording.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use thinkstream::{Block, Content, Event, Stopwatch};

use crate::decoded::{Decoded, Place};
use crate::recording::{Recording, Spoken};
use crate::screen::brief;
use crate::stats::figures::{Figures, count, milliseconds};

/// A reply as a page shows it.
pub(super) struct Model {
    pub(super) figures: Figures,
    pub(super) decoded: Decoded,
    pub(super) timeline: Timeline,
}

/// When what came, over an axis of milliseconds; over one of bytes if the recording has no times.
pub(super) struct Timeline {
    pub(super) timed: bool,
    /// Where the axis ends.
    pub(super) end: f64,
    /// One for each block, in the order in which they began.
    pub(super) lanes: Vec<Lane>,
    /// Where chunks came.
    pub(super) chunks: Vec<f64>,
    /// The pieces of output: where, what and how many bytes.
    pub(super) pieces: Vec<(f64, Kind, u64)>,
    /// Pauses in the output, from where to where.
    pub(super) stalls: Vec<(f64, f64)>,
}

/// A block from its first to its last event.
#[derive(Clone, Debug)]
pub(super) struct Lane {
    pub(super) index: u32,
    pub(super) kind: Kind,
    pub(super) label: String,
    pub(super) first: f64,
    pub(super) last: f64,
    /// Pieces of output, and their bytes.
    pub(super) pieces: u64,
    pub(super) bytes: u64,
    /// Which of the reply's blocks it is.
    pub(super) block: Option<usize>,
    /// Its end has not come.
    open: bool,
}

#[cfg(test)]
impl Lane {
    pub(super) fn test(index: u32, first: f64, last: f64) -> Self {
        let (kind, label) = (Kind::Text, "text".to_owned());
        let block = usize::try_from(index).ok();
        Self { index, kind, label, first, last, pieces: 1, bytes: 1, block, open: false }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Thinking,
    Redacted,
    Text,
    Tool,
    Other,
}

impl Kind {
    /// As the style sheet names it.
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Thinking => "thinking",
            Self::Redacted => "redacted",
            Self::Text => "text",
            Self::Tool => "tool",
            Self::Other => "other",
        }
    }

    pub(super) fn of(content: &Content) -> Self {
        match content {
            Content::Thinking(_) => Self::Thinking,
            Content::RedactedThinking(_) => Self::Redacted,
            Content::Text(_) => Self::Text,
            Content::ToolUse(_) => Self::Tool,
            _ => Self::Other,
        }
    }
}

impl Model {
    pub(super) fn of(recording: &Recording, protocol: Option<Spoken>) -> Self {
        let mut seen = Seen { timed: recording.timed, ..Seen::default() };
        let (figures, decoded) =
            Figures::measure(recording, protocol, |place, event| seen.event(place, event));
        seen.name(&decoded);
        let chunks = chunks(recording);
        let ended = recording.ended.map_or(0.0, milliseconds);
        let end = chunks.last().copied().unwrap_or_default().max(ended).max(1.0);
        let timeline = Timeline {
            timed: recording.timed,
            end: if recording.timed { end } else { count(recording.len()).max(1) as f64 },
            lanes: seen.lanes,
            chunks: if recording.timed { chunks } else { Vec::new() },
            pieces: seen.pieces,
            stalls: seen.stalls,
        };
        Self { figures, decoded, timeline }
    }

    /// All blocks of the reply, choice after choice.
    pub(super) fn blocks(&self) -> impl Iterator<Item = (u32, &Block)> {
        blocks(&self.decoded)
    }
}

/// All blocks of the reply with their choices.
fn blocks(decoded: &Decoded) -> impl Iterator<Item = (u32, &Block)> {
    let messages = std::iter::once(&decoded.message).chain(&decoded.choices);
    messages.flat_map(|message| message.content.iter().map(|block| (message.choice, &**block)))
}

/// When chunks came. A clock that goes back is not followed.
fn chunks(recording: &Recording) -> Vec<f64> {
    let mut last = Duration::ZERO;
    let times = recording.chunks.iter().map(|chunk| {
        last = last.max(chunk.at);
        milliseconds(last)
    });
    times.collect()
}

/// What was seen of the events so far.
#[derive(Default)]
struct Seen {
    timed: bool,
    lanes: Vec<Lane>,
    /// The last lane of each index.
    latest: HashMap<u32, usize>,
    pieces: Vec<(f64, Kind, u64)>,
    stalls: Vec<(f64, f64)>,
    last_output: Option<Duration>,
    now: Duration,
}

impl Seen {
    fn event(&mut self, place: Place, event: &Event) {
        // As exact as the stopwatch, so that both see the same stalls.
        let micros = u64::try_from(place.at.as_micros()).unwrap_or(u64::MAX);
        self.now = self.now.max(Duration::from_micros(micros));
        let at = if self.timed { milliseconds(self.now) } else { place.offset as f64 };
        match event {
            Event::Thinking(it) => self.piece(it.index, Kind::Thinking, at, it.text.len()),
            Event::Token(it) => self.piece(it.index, Kind::Text, at, it.text.len()),
            Event::ToolInput(it) => self.piece(it.index, Kind::Tool, at, it.partial_json.len()),
            Event::ToolStart(it) => drop(self.lane(it.index, Kind::Tool, at)),
            Event::RedactedThinking(it) => drop(self.lane(it.index, Kind::Redacted, at)),
            Event::Signature(it) => self.late(it.index, Kind::Thinking, at),
            Event::Citation(it) => self.late(it.index, Kind::Text, at),
            Event::ToolCall(it) => self.late(it.index, Kind::Tool, at),
            Event::Block(it) => {
                self.late(it.index, Kind::of(&it.block.content), at);
                if let Some(lane) = self.latest.get(&it.index) {
                    self.lanes[*lane].open = false;
                }
            }
            _ => {}
        }
    }

    /// A piece of output. Pauses are those that the stopwatch takes for stalls.
    fn piece(&mut self, index: u32, kind: Kind, at: f64, len: usize) {
        let lane = self.lane(index, kind, at);
        lane.pieces += 1;
        lane.bytes += count(len);
        self.pieces.push((at, kind, count(len)));
        if let Some(last) = self.last_output.replace(self.now)
            && self.timed
            && self.now - last >= Stopwatch::STALL
        {
            self.stalls.push((milliseconds(last), at));
        }
    }

    /// The open block with this index, or a new one: an index may be used again.
    fn lane(&mut self, index: u32, kind: Kind, at: f64) -> &mut Lane {
        let known = self.latest.get(&index).copied().filter(|lane| self.lanes[*lane].open);
        let lane = known.unwrap_or(self.lanes.len());
        if known.is_none() {
            self.latest.insert(index, lane);
            let label = kind.class().to_owned();
            let (first, last, open) = (at, at, true);
            let (pieces, bytes, block) = (0, 0, None);
            self.lanes.push(Lane { index, kind, label, first, last, pieces, bytes, block, open });
        }
        let lane = &mut self.lanes[lane];
        lane.last = at;
        lane
    }

    /// Something that may come after the block's end, as a late signature does.
    fn late(&mut self, index: u32, kind: Kind, at: f64) {
        match self.latest.get(&index).map(|lane| &mut self.lanes[*lane]) {
            Some(lane) if lane.open || lane.kind == kind => lane.last = at,
            _ => drop(self.lane(index, kind, at)),
        }
    }

    /// Calls the lanes what their blocks turned out to be.
    fn name(&mut self, decoded: &Decoded) {
        let mut blocks: HashMap<u32, VecDeque<(usize, u32, &Block)>> = HashMap::new();
        for (at, (choice, block)) in self::blocks(decoded).enumerate() {
            blocks.entry(block.index).or_default().push_back((at, choice, block));
        }
        for lane in &mut self.lanes {
            let found = blocks.get_mut(&lane.index).and_then(VecDeque::pop_front);
            let Some((at, choice, block)) = found else {
                continue;
            };
            lane.block = Some(at);
            lane.kind = Kind::of(&block.content);
            lane.label = match &block.content {
                Content::ToolUse(tool) => brief(&tool.name).into_owned(),
                content => brief(content.kind()).replace('_', " "),
            };
            if choice > 0 {
                lane.label = format!("{}, choice {choice}", lane.label);
            }
        }
    }
}

/// Blocks whose words a page has.
pub(super) const BLOCKS: usize = 400;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recording::Chunk;

    fn model(chunks: &[(u64, &str)]) -> Model {
        let chunk = |(at, text): &(u64, &str)| Chunk {
            at: Duration::from_millis(*at),
            bytes: bytes::Bytes::copy_from_slice(text.as_bytes()),
        };
        let chunks = chunks.iter().map(chunk).collect();
        Model::of(&Recording { chunks, timed: true, ..Recording::default() }, None)
    }

    fn event(json: &str) -> String {
        format!("data: {json}\n\n")
    }

    fn start(index: u32, block: &str) -> String {
        event(&format!(
            r#"{{"type":"content_block_start","index":{index},"content_block":{block}}}"#
        ))
    }

    fn delta(index: u32, delta: &str) -> String {
        event(&format!(r#"{{"type":"content_block_delta","index":{index},"delta":{delta}}}"#))
    }

    fn stop(index: u32) -> String {
        event(&format!(r#"{{"type":"content_block_stop","index":{index}}}"#))
    }

    const START: &str = "data: {\"type\":\"message_start\",\"message\":{\"id\":\"m\"}}\n\n";
    const TEXT: &str = r#"{"type":"text","text":""}"#;
    const HI: &str = r#"{"type":"text_delta","text":"Hi"}"#;

    fn lanes(model: &Model) -> Vec<(String, f64, f64, u64)> {
        let lanes = model.timeline.lanes.iter();
        lanes.map(|lane| (lane.label.clone(), lane.first, lane.last, lane.bytes)).collect()
    }

    #[test]
    fn a_lane_goes_from_the_first_to_the_last_event() {
        let think = r#"{"type":"thinking_delta","thinking":"Hm."}"#;
        let sign = r#"{"type":"signature_delta","signature":"E"}"#;
        let model = model(&[
            (10, START),
            (20, &(start(0, r#"{"type":"thinking","thinking":""}"#) + &delta(0, think))),
            (30, &start(1, TEXT)),
            (40, &delta(1, HI)),
            (1040, &delta(0, think)),
            (1050, &stop(0)),
            (2040, &(delta(1, HI) + &stop(1))),
            // A signature that comes late belongs to the block that there was.
            (2050, &delta(0, sign)),
            (2060, "data: {\"type\":\"message_stop\"}\n\n"),
        ]);
        assert_eq!(
            lanes(&model),
            [("thinking".into(), 20.0, 2050.0, 6), ("text".into(), 40.0, 2040.0, 4)]
        );
        assert_eq!(model.timeline.stalls, [(40.0, 1040.0), (1040.0, 2040.0)]);
        assert_eq!(model.figures.times.stalls, Some(2));
        assert_eq!(model.timeline.end, 2060.0);
    }

    #[test]
    fn an_index_that_is_used_again_is_another_lane() {
        let block = start(0, TEXT) + &delta(0, HI) + &stop(0);
        let result = start(0, r#"{"type":"web_search_tool_result","content":[]}"#) + &stop(0);
        let model = model(&[(1, START), (2, &block), (3, &block), (4, &result)]);
        assert_eq!(
            lanes(&model),
            [
                ("text".into(), 2.0, 2.0, 2),
                ("text".into(), 3.0, 3.0, 2),
                ("web search tool result".into(), 4.0, 4.0, 0)
            ]
        );
    }

    #[test]
    fn lanes_of_several_choices_are_told_apart() {
        let chunk = |choice: u32| {
            event(&format!(
                r#"{{"id":"c","object":"chat.completion.chunk","choices":[{{"index":{choice},"delta":{{"content":"Hi"}}}}]}}"#
            ))
        };
        let model = model(&[(1, &chunk(0)), (2, &chunk(1)), (3, &chunk(0))]);
        assert_eq!(
            lanes(&model),
            [("text".into(), 1.0, 3.0, 4), ("text, choice 1".into(), 2.0, 2.0, 2)]
        );
        assert_eq!(model.blocks().map(|(choice, _)| choice).collect::<Vec<_>>(), [0, 1]);
        assert_eq!(model.timeline.lanes[1].block, Some(1));
    }

    #[test]
    fn without_times_the_axis_is_of_bytes() {
        let stream = START.to_owned() + &start(0, TEXT) + &delta(0, HI) + &delta(0, HI);
        let len = stream.len() as f64;
        let chunk = Chunk { at: Duration::ZERO, bytes: stream.into() };
        let recording = Recording { chunks: vec![chunk], ..Recording::default() };
        let model = Model::of(&recording, None);
        let [lane] = &model.timeline.lanes[..] else { panic!() };
        assert_eq!((lane.last, model.timeline.end), (len, len));
        assert!(lane.first < lane.last && model.timeline.chunks.is_empty());
    }
}

//! Signatures that are bound to their prefix: whatever the caller does between two requests, no block goes
//! out behind anything but what it was signed behind, less thinking from the front.
//!
//! A model stands in for the API: it remembers of each block that it signs the messages before it, and looks
//! at every request.

mod common;

use std::collections::BTreeMap;

use common::talk::{push, reply, told};
use fastrand::Rng;
use serde_json::Value;
use thinkstream::history::{
    CacheMarks, CacheStrategy, History, Keep, Mode, Policy, Rejection, Rendered, Switch, Target,
    Ttl, diff, validate,
};
use thinkstream::models::Model;
use thinkstream::{Json, Provider};

const MODELS: [&str; 4] =
    ["claude-opus-5-5", "claude-fable-5-2", "claude-sonnet-5-5", "claude-opus-4-8"];

/// The blocks of a request, each with its role, and without marks.
type Blocks = Vec<(String, Value)>;

fn blocks(messages: &[Json]) -> Blocks {
    let mut blocks = Blocks::new();
    for message in messages {
        let message: Value = serde_json::from_str(message).unwrap();
        let role = message["role"].as_str().unwrap();
        let content = match &message["content"] {
            Value::String(text) => vec![serde_json::json!({"type": "text", "text": text})],
            content => content.as_array().unwrap().clone(),
        };
        for mut block in content {
            block.as_object_mut().unwrap().remove("cache_control");
            blocks.push((role.to_owned(), block));
        }
    }
    blocks
}

fn seal(block: &Value) -> Option<&str> {
    match block["type"].as_str() {
        Some("thinking") => block["signature"].as_str(),
        Some("redacted_thinking") => block["data"].as_str(),
        _ => None,
    }
}

/// The seals among some blocks, and the rest.
fn parted(blocks: &[(String, Value)]) -> (Vec<&str>, Vec<&(String, Value)>) {
    let seals = blocks.iter().filter_map(|(_, block)| seal(block)).collect();
    (seals, blocks.iter().filter(|(_, block)| seal(block).is_none()).collect())
}

/// A signed block, and what it was signed behind.
struct Born {
    model: &'static str,
    issuer: Option<&'static str>,
    before: Blocks,
}

struct World {
    rng: Rng,
    history: History,
    born: BTreeMap<String, Born>,
    log: Vec<String>,
    now: u64,
    open: Vec<String>,
    paused: bool,
}

impl World {
    fn one<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.rng.usize(..choices.len())]
    }

    fn rarely(&mut self, times: u8) -> bool {
        self.rng.u8(..times) == 0
    }

    fn say(&mut self, line: String) {
        push(&mut self.history, &line);
        self.log.push(line);
    }

    /// What the user and the tools have to say.
    fn speak(&mut self, turn: usize) {
        let mut open = std::mem::take(&mut self.open);
        self.rng.shuffle(&mut open);
        let called = !open.is_empty();
        if called && self.rarely(8) {
            self.say(format!("u wait{turn}"));
        }
        for id in open {
            self.say(format!("r {id} done"));
        }
        if std::mem::take(&mut self.paused) && self.rng.bool() {
            return;
        }
        if !called || self.rarely(6) {
            self.say(format!("u question{turn}"));
        }
    }

    fn policy(&mut self) -> Policy {
        let mut policy = Policy::default();
        policy.keep = self.one(&[
            Keep::All,
            Keep::All,
            Keep::LastTurns(1),
            Keep::LastTurns(2),
            Keep::Nothing,
        ]);
        policy.switch = self.one(&[Switch::ByModel, Switch::ByModel, Switch::Drop, Switch::Keep]);
        policy.stale_after_ms = self.rng.bool().then_some(5_000);
        let strategy = self.one(&[
            CacheStrategy::None,
            CacheStrategy::AppendOnlyTail,
            CacheStrategy::SystemAndLast3,
            CacheStrategy::BeforeHistoricalThinking,
        ]);
        let ttl = self.one(&[Ttl::FiveMinutes, Ttl::OneHour]);
        policy.cache = CacheMarks::new(strategy).ttl(ttl);
        policy
    }

    /// What the API checks.
    fn check(&self, rendered: &Rendered, target: &Target, model: &str, issuer: Option<&str>) {
        let log = || format!("{}\n{}", self.log.join("\n"), told(rendered));
        let found = validate(&rendered.messages, target);
        assert!(
            found.is_empty() || self.history.validate(target).is_empty(),
            "{found:?}\n{}",
            log()
        );
        let all = blocks(&rendered.messages);
        let bound = |model: &str| Model::find(model).unwrap().bound_to_prefix;
        for (at, (_, block)) in all.iter().enumerate() {
            let Some(seal) = seal(block) else { continue };
            let born = &self.born[seal];
            if !bound(born.model) || !bound(model) || born.issuer != issuer {
                continue;
            }
            let ((seals, rest), (now, left)) = (parted(&born.before), parted(&all[..at]));
            assert_eq!(left, rest, "{seal} stands behind something else\n{}", log());
            assert!(
                seals.ends_with(&now),
                "{seal} was signed behind {seals:?}, not {now:?}\n{}",
                log()
            );
        }
        let kept = rendered.report.kept_thinking().count();
        assert_eq!(
            kept,
            all.iter().filter(|(_, block)| seal(block).is_some()).count(),
            "{}",
            log()
        );
        let marks =
            rendered.messages.iter().map(|it| it.matches("cache_control").count()).sum::<usize>();
        assert!(marks + usize::from(rendered.system_mark.is_some()) <= 4, "{}", log());
    }

    /// What the model says, and how it ends.
    fn answer(
        &mut self,
        turn: usize,
        who: (&'static str, &str, Option<&'static str>),
        sent: Blocks,
    ) {
        let (model, account, issuer) = who;
        let mut words = Vec::new();
        for at in 0..self.rng.usize(1..5) {
            let letter = self.one(&["K", "K", "E", "R", "T", "S"]);
            words.push(format!("{letter}{turn}x{at}"));
        }
        match self.rng.u8(..12) {
            0..=3 => {
                for at in 0..self.rng.usize(1..4) {
                    self.open.push(format!("c{turn}y{at}"));
                    words.push(format!("Cc{turn}y{at}"));
                }
            }
            4 => {
                words.push("!pause_turn".into());
                self.paused = true;
            }
            5 => words.push("!refusal".into()),
            6 => words.push("~".into()),
            7 => words.push("!max_tokens".into()),
            _ => {}
        }
        let mut before = sent;
        for block in &reply(model, &words.join(" ")).content {
            let param: Value = serde_json::from_str(&block.to_param()).unwrap();
            if let Some(seal) = seal(&param).filter(|_| block.replayable) {
                let born = Born { model, issuer, before: before.clone() };
                self.born.insert(seal.to_owned(), born);
            }
            before.push(("assistant".into(), param));
        }
        let now = self.now;
        let issuer = issuer.map(|name| format!(" %{name}")).unwrap_or_default();
        self.say(format!("a {model} {} @{now} #{account}{issuer}", words.join(" ")));
    }

    fn turn(&mut self, turn: usize, model: &'static str) {
        self.speak(turn);
        self.now += self.one(&[10, 10, 10, 10_000]);
        let account = if self.rarely(8) { "home" } else { "work" };
        let issuer = if self.rarely(10) { Some("relay") } else { None };
        let mut target = Target::new(Provider::Anthropic, model).account(account).at_ms(self.now);
        if let Some(issuer) = issuer {
            target = target.issuer(issuer);
        }
        if self.rarely(3) {
            let _ = self.history.resume(&target);
        }
        let policy = self.policy();
        self.log
            .push(format!("  {model} {account} {issuer:?} {:?} {:?}", policy.keep, policy.switch));
        let (watermark, shown) = (self.history.watermark(), self.history.preview(&target, &policy));
        let rendered = self.history.render(&target, &policy);
        assert_eq!(shown.messages, rendered.messages);
        assert!(self.history.watermark() >= watermark);
        self.check(&rendered, &target, model, issuer);
        let sent = blocks(&rendered.messages);
        self.answer(turn, (model, account, issuer), sent);
        if self.rarely(15)
            && let Some(line) = rendered.report.kept_thinking().next()
        {
            let (message, block) = (line.message.unwrap(), line.content.unwrap());
            let text = format!(
                "messages.{message}.content.{block}: Invalid `signature` in `thinking` block"
            );
            let rejection = Rejection::classify(400, &text).unwrap();
            self.history.reject(&rejection, &rendered);
            self.log.push(format!("  refused: {message}.{block}"));
        }
        let stored = serde_json::to_string(&self.history).unwrap();
        assert_eq!(serde_json::from_str::<History>(&stored).unwrap(), self.history);
    }
}

#[test]
fn nothing_goes_out_behind_what_it_was_not_signed_behind() {
    for seed in 0..400 {
        let rng = Rng::with_seed(seed);
        let (history, born) = (History::new(), BTreeMap::new());
        let mut world = World {
            rng,
            history,
            born,
            log: vec![format!("seed {seed}")],
            now: 0,
            open: vec![],
            paused: false,
        };
        let mut model = world.one(&MODELS);
        for turn in 0..world.rng.usize(3..14) {
            if world.rng.bool() {
                model = world.one(&MODELS);
            }
            world.turn(turn, model);
        }
    }
}

#[test]
fn without_changes_nothing_is_lost_and_nothing_differs() {
    for model in ["claude-opus-5-5", "claude-opus-4-8"] {
        let mut history = History::new();
        let target = Target::new(Provider::Anthropic, model).mode(Mode::Adaptive);
        let mut last: Option<String> = None;
        for turn in 0..30 {
            match turn % 3 {
                0 => push(&mut history, &format!("u question{turn}")),
                _ => push(&mut history, &format!("r c{} done", turn - 1)),
            }
            let rendered = history.render(&target, &Policy::default());
            assert_eq!(rendered.report.dropped_thinking().count(), 0);
            assert!(validate(&rendered.messages, &target).is_empty());
            let request = format!(r#"{{"model":"{model}","messages":{}}}"#, rendered.to_json());
            if let Some(last) = last {
                assert_eq!(diff(&last, &request).unwrap(), None, "{turn}");
            }
            last = Some(request);
            let call = if turn % 3 == 2 { "Tdone".to_owned() } else { format!("Cc{turn}") };
            push(&mut history, &format!("a {model} K{turn}a R{turn}b T{turn} E{turn}c {call}"));
        }
    }
}

//! The timeline: what came when, a lane for each block.

use std::fmt::Write as _;

use super::html::escape;
use super::model::{BLOCKS, Kind, Lane, Timeline};
use crate::screen::{counted, grouped};
use crate::stats::figures::count;

/// The timeline as an element. With thousands of chunks and blocks it stays small: chunks and pieces are
/// put together, and of lanes that are too many the longest are shown.
pub(super) fn timeline(timeline: &Timeline) -> String {
    let mut html = String::new();
    let shown = longest(&timeline.lanes);
    let _ = write!(
        html,
        "<div class=\"plot{}\" data-plot=\"{}\" data-end=\"{}\">",
        if timeline.stalls.is_empty() { "" } else { " stalled" },
        if timeline.timed { "ms" } else { "bytes" },
        timeline.end
    );
    html.push_str(&behind(timeline));
    if timeline.timed && !timeline.pieces.is_empty() {
        html.push_str(&rate(timeline));
    }
    for (number, lane) in (0..).zip(&shown) {
        html.push_str(&self::lane(number, lane, timeline));
    }
    if timeline.timed {
        html.push_str(&chunks(timeline));
    }
    html.push_str(&axis(timeline));
    html.push_str("</div>");
    let all = timeline.lanes.len();
    if all > shown.len() {
        let all = counted(count(all), "block");
        let _ = write!(html, "<p class=\"note\">The {LANES} longest of {all}, in their order.</p>");
    }
    html
}

/// The lanes that are shown, in their order: of too many those that took longest.
fn longest(lanes: &[Lane]) -> Vec<&Lane> {
    let mut shown: Vec<_> = lanes.iter().enumerate().collect();
    shown.sort_by(|(_, a), (_, b)| (b.last - b.first).total_cmp(&(a.last - a.first)));
    shown.truncate(LANES);
    shown.sort_by_key(|(at, _)| *at);
    shown.into_iter().map(|(_, lane)| lane).collect()
}

/// What lies behind the lanes: the grid, the pauses, and the time before the first byte.
fn behind(timeline: &Timeline) -> String {
    let mut html = String::from("<div class=\"behind\" aria-hidden=\"true\">");
    for (at, _) in marks(timeline) {
        let _ = write!(html, "<i class=\"grid\" style=\"left:{:.3}%\"></i>", timeline.percent(at));
    }
    if let Some(first) = timeline.chunks.first() {
        let width = timeline.percent(*first);
        let _ = write!(html, "<i class=\"wait\" style=\"left:0;width:{width:.3}%\"></i>");
    }
    let mut stalls = timeline.stalls.clone();
    // Of thousands of pauses the longest are what a person can see.
    stalls.sort_by(|a, b| (b.1 - b.0).total_cmp(&(a.1 - a.0)));
    stalls.truncate(STALLS);
    let mut labelled: Vec<f64> = Vec::new();
    for (from, to) in stalls {
        let (left, right) = (timeline.percent(from), timeline.percent(to));
        let centre = f64::midpoint(left, right);
        let is_free = labelled.iter().all(|other| (other - centre).abs() > LABEL);
        let label = if is_free && (5.0..=95.0).contains(&centre) {
            labelled.push(centre);
            duration(to - from)
        } else {
            String::new()
        };
        let _ = write!(
            html,
            "<i class=\"stall\" data-stall=\"{:.3}\" style=\"left:{left:.3}%;width:{:.3}%\">\
             <b>{label}</b></i>",
            to - from,
            right - left
        );
    }
    html.push_str("</div>");
    html
}

/// Bytes of output over time, by kind, one on the other.
fn rate(timeline: &Timeline) -> String {
    let kinds = [Kind::Thinking, Kind::Text, Kind::Tool];
    let mut buckets = vec![[0_u64; 3]; BUCKETS];
    for (at, kind, bytes) in &timeline.pieces {
        if let Some(kind) = kinds.iter().position(|known| known == kind) {
            buckets[timeline.bucket(*at, BUCKETS)][kind] += bytes;
        }
    }
    let peak = buckets.iter().map(|bucket| bucket.iter().sum()).max().unwrap_or(0).max(1);
    let mut paths = [const { String::new() }; 3];
    for (at, bucket) in buckets.iter().enumerate() {
        let mut bottom = 0;
        for (bytes, path) in bucket.iter().zip(&mut paths).filter(|(bytes, _)| **bytes > 0) {
            let height = |bytes: u64| 100.0 - bytes as f64 * 100.0 / peak as f64;
            let (low, high) = (height(bottom), height(bottom + bytes));
            let _ = write!(path, "M{at} {low:.2}V{high:.2}H{}V{low:.2}Z", at + 1);
            bottom += bytes;
        }
    }
    let seconds = timeline.end / 1000.0 / BUCKETS as f64;
    let (peak, wide) = (bytes_of(peak as f64 / seconds), duration(seconds * 1000.0));
    let mut html = format!(
        "<div class=\"row rate\"><div class=\"label\">output <small>peak {peak}/s</small></div>\
         <div class=\"track\"><svg viewBox=\"0 0 {BUCKETS} 100\" preserveAspectRatio=\"none\" \
         role=\"img\" aria-label=\"Bytes of output in each {wide}, at most {peak} a second\">"
    );
    for (kind, path) in kinds.iter().zip(&paths).filter(|(_, path)| !path.is_empty()) {
        let _ = write!(html, "<path class=\"{}\" d=\"{path}\"/>", kind.class());
    }
    html.push_str("</svg></div></div>");
    html
}

fn lane(number: usize, lane: &Lane, timeline: &Timeline) -> String {
    let (left, right) = (timeline.percent(lane.first), timeline.percent(lane.last));
    let (class, name) = (lane.kind.class(), escape(&lane.label));
    let (from, to) = (timeline.place(lane.first), timeline.place(lane.last));
    let pieces = match lane.pieces {
        0 => String::new(),
        pieces => format!(", {} in {}", bytes_of(lane.bytes as f64), counted(pieces, "piece")),
    };
    let link = match lane.block {
        // The words of the reply are one step away, also without a mouse.
        Some(block) if block < BLOCKS => {
            format!("<a href=\"#block-{block}\"><bdi>{name}</bdi></a>")
        }
        _ => format!("<bdi>{name}</bdi>"),
    };
    let length = lane.last - lane.first;
    let length = match timeline.timed {
        _ if length <= 0.0 => String::new(),
        true => duration(length),
        false => bytes_of(length),
    };
    let about = format!("block {}: {name}, {from} to {to}{pieces}", lane.index);
    // A block of a moment is still seen, and does not stand out of the plot.
    format!(
        "<div class=\"row lane\" data-lane=\"{number}\" data-kind=\"{class}\" \
         data-first=\"{}\" data-last=\"{}\"><div class=\"label\" title=\"{name}\">{link}\
         <small>{length}</small></div>\
         <div class=\"track\"><div class=\"bar {class}\" title=\"{about}\" role=\"img\" \
         aria-label=\"{about}\" style=\"left:min({left:.3}%,100% - 3px);width:{:.3}%\"></div>\
         </div></div>",
        lane.first,
        lane.last,
        right - left
    )
}

/// Where chunks came; the more at once, the darker.
fn chunks(timeline: &Timeline) -> String {
    let mut bins = vec![0_u64; TICKS];
    for at in &timeline.chunks {
        bins[timeline.bucket(*at, TICKS)] += 1;
    }
    let most = bins.iter().copied().max().unwrap_or(0).max(1);
    let mut paths = [const { String::new() }; SHADES];
    for (at, chunks) in bins.iter().enumerate().filter(|(_, chunks)| **chunks > 0) {
        let shade = (chunks - 1) * count(SHADES) / most;
        let path = &mut paths[usize::try_from(shade).unwrap_or(0).min(SHADES - 1)];
        let _ = write!(path, "M{at}.5 0V10");
    }
    let all = counted(count(timeline.chunks.len()), "chunk");
    let mut html = format!(
        "<div class=\"row chunks\"><div class=\"label\">chunks <small>{}</small></div>\
         <div class=\"track\"><svg viewBox=\"0 0 {TICKS} 10\" preserveAspectRatio=\"none\" \
         role=\"img\" aria-label=\"When {all} came\">",
        grouped(count(timeline.chunks.len()))
    );
    for (shade, path) in paths.iter().enumerate().filter(|(_, path)| !path.is_empty()) {
        let opacity = (shade + 2) as f64 / (SHADES + 1) as f64;
        let _ = write!(html, "<path d=\"{path}\" style=\"opacity:{opacity:.2}\"/>");
    }
    html.push_str("</svg></div></div>");
    html
}

fn axis(timeline: &Timeline) -> String {
    let marks = marks(timeline);
    // On a narrow screen there is no room for more.
    let many = if marks.len() > 5 { " many" } else { "" };
    let mut html =
        format!("<div class=\"row axis{many}\"><div class=\"label\"></div><div class=\"track\">");
    for (at, label) in marks {
        let left = timeline.percent(at);
        let _ = write!(html, "<span style=\"left:{left:.3}%\">{label}</span>");
    }
    html.push_str("</div></div>");
    html
}

/// The marks of the axis, at round numbers, and what is written at them.
fn marks(timeline: &Timeline) -> Vec<(f64, String)> {
    let (unit, name) = unit(timeline);
    let end = timeline.end / unit;
    let mut step = 10_f64.powf((end / MARKS).log10().floor());
    for factor in [1.0, 2.0, 5.0, 10.0] {
        if end / (step * factor) <= MARKS {
            step *= factor;
            break;
        }
    }
    let digits = if step < 1.0 { (-step.log10()).ceil() as usize } else { 0 };
    (0..)
        .map(|number| f64::from(number) * step)
        .take_while(|at| *at <= end * 0.95)
        .map(|at| {
            let label = if at == 0.0 { "0".to_owned() } else { format!("{at:.digits$} {name}") };
            (at * unit, label)
        })
        .collect()
}

/// How much of the axis a unit is, and its name.
fn unit(timeline: &Timeline) -> (f64, &'static str) {
    let units: &[(f64, &str)] = if timeline.timed {
        &[(60_000.0, "min"), (1000.0, "s"), (1.0, "ms")]
    } else {
        &[(1e6, "MB"), (1e3, "kB"), (1.0, "bytes")]
    };
    let fits = |(unit, _): &&(f64, &str)| timeline.end >= 2.0 * unit;
    units.iter().find(fits).copied().unwrap_or((1.0, units[2].1))
}

impl Timeline {
    /// Where something is on the axis, in percent.
    fn percent(&self, at: f64) -> f64 {
        (at * 100.0 / self.end).clamp(0.0, 100.0)
    }

    fn bucket(&self, at: f64, buckets: usize) -> usize {
        // Below zero or not a number is the first.
        ((at / self.end * buckets as f64) as usize).min(buckets - 1)
    }

    /// A place on the axis in words.
    pub(super) fn place(&self, at: f64) -> String {
        if self.timed { duration(at) } else { format!("byte {}", grouped(at as u64)) }
    }
}

/// Milliseconds for people.
pub(super) fn duration(ms: f64) -> String {
    match ms {
        _ if ms < 9.95 => format!("{ms:.1} ms"),
        _ if ms < 999.5 => format!("{ms:.0} ms"),
        _ if ms < 99_995.0 => format!("{:.2} s", ms / 1000.0),
        _ => {
            let seconds = (ms / 1000.0).round() as u64;
            format!("{} min {:02} s", grouped(seconds / 60), seconds % 60)
        }
    }
}

/// Bytes for people.
pub(super) fn bytes_of(bytes: f64) -> String {
    match bytes {
        _ if bytes < 1000.0 => format!("{bytes:.0} B"),
        _ if bytes < 999_950.0 => format!("{:.1} kB", bytes / 1e3),
        _ => format!("{:.1} MB", bytes / 1e6),
    }
}

/// Lanes that are shown.
const LANES: usize = 40;
/// Pauses that are shaded.
const STALLS: usize = 100;
/// Percent of the axis that the label of a pause takes.
const LABEL: f64 = 15.0;
/// Parts of the axis over which output is added up.
const BUCKETS: usize = 120;
/// Chunks that are told apart, at most.
const TICKS: usize = 600;
/// How chunks that come together are told from single ones.
const SHADES: usize = 4;
/// Marks of the axis, at most.
const MARKS: f64 = 7.0;

#[cfg(test)]
mod tests {
    use super::*;

    fn of(timed: bool, end: f64) -> Timeline {
        let (lanes, chunks, pieces, stalls) = Default::default();
        Timeline { timed, end, lanes, chunks, pieces, stalls }
    }

    #[test]
    fn marks_are_round_and_have_units() {
        for (timed, end, labels) in [
            (true, 1.0, "0, 0.2 ms, 0.4 ms, 0.6 ms, 0.8 ms"),
            (true, 640.0, "0, 100 ms, 200 ms, 300 ms, 400 ms, 500 ms, 600 ms"),
            (true, 2340.0, "0, 0.5 s, 1.0 s, 1.5 s, 2.0 s"),
            (true, 84_000.0, "0, 20 s, 40 s, 60 s"),
            (true, 3_600_000.0, "0, 10 min, 20 min, 30 min, 40 min, 50 min"),
            (false, 1500.0, "0, 500 bytes, 1000 bytes"),
            (false, 6_000_000.0, "0, 1 MB, 2 MB, 3 MB, 4 MB, 5 MB"),
        ] {
            let labels: Vec<_> = labels.split(", ").collect();
            let marks = marks(&of(timed, end));
            assert_eq!(marks.into_iter().map(|mark| mark.1).collect::<Vec<_>>(), labels);
        }
    }

    #[test]
    fn amounts_for_people() {
        for (ms, text) in [
            (0.25, "0.2 ms"),
            (12.4, "12 ms"),
            (999.6, "1.00 s"),
            (2210.5, "2.21 s"),
            (125_400.0, "2 min 05 s"),
        ] {
            assert_eq!(duration(ms), text);
        }
        for (bytes, text) in [(0.0, "0 B"), (1500.0, "1.5 kB"), (2.34e7, "23.4 MB")] {
            assert_eq!(bytes_of(bytes), text);
        }
    }

    #[test]
    fn what_is_much_stays_small() {
        let mut much = of(true, 1e6);
        much.chunks = (0..100_000).map(|at| f64::from(at) * 10.0).collect();
        much.pieces = much.chunks.iter().map(|at| (*at, Kind::Text, 5)).collect();
        much.stalls = (0..5000).map(|at| (f64::from(at), f64::from(at) + 1000.0)).collect();
        // The last are the longest.
        let lane = |index: u32| Lane::test(index, 1e6 - f64::from(index), 1e6);
        much.lanes = (0..10_000).map(lane).collect();
        let html = timeline(&much);
        assert!(html.len() < 100_000 && html.matches('<').count() < 2000, "{}", html.len());
        assert!(html.contains("The 40 longest of 10,000 blocks, in their order."));
        let place = |index: u32| html.find(&format!("\"block {index}:")).unwrap();
        assert!(place(9960) < place(9999) && !html.contains("\"block 9959:"));
        assert_eq!(html.matches("data-lane=").count(), LANES);
    }
}

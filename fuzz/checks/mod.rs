//! What must hold for any bytes. The fuzz targets call these; so do the tests, for every input that is
//! kept in `corpus`.
#![allow(dead_code, reason = "a target calls one of them")]

mod delta;
mod encode;
mod frames;
mod history;
mod machine;
mod openai;
mod partial_input;
mod pipe;
#[path = "../../tests/reference/mod.rs"]
mod reference;
#[path = "../../tests/reference/partial_input.rs"]
mod whole_input;

pub(crate) use self::delta::check as delta;
pub(crate) use self::encode::check as encode;
pub(crate) use self::frames::check as frames;
pub(crate) use self::history::check as history;
pub(crate) use self::machine::check as machine;
pub(crate) use self::openai::check as openai;
pub(crate) use self::partial_input::check as partial_input;
pub(crate) use self::pipe::check as pipe;

/// A stream, and how it is cut: the first byte says into how many widths, which follow.
fn cut(data: &[u8]) -> Option<(&[u8], Vec<&[u8]>)> {
    let (count, rest) = data.split_first()?;
    let (widths, stream) = rest.split_at_checked(usize::from(*count % 8))?;
    Some((stream, cut_by(stream, widths)))
}

/// The stream in pieces of these widths, in turn; pieces may be empty.
fn cut_by<'a>(stream: &'a [u8], widths: &[u8]) -> Vec<&'a [u8]> {
    let mut chunks = Vec::new();
    let mut left = stream;
    if widths.iter().any(|width| *width > 0) {
        for width in widths.iter().cycle() {
            let (chunk, rest) = left.split_at(usize::from(*width).min(left.len()));
            chunks.push(chunk);
            left = rest;
            if left.is_empty() {
                break;
            }
        }
    }
    chunks.push(left);
    chunks
}

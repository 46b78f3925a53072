//! The event stream format of the HTML standard, whatever it carries.
//!
//! [`Decoder`] takes chunks of bytes, cut anywhere, and gives [`Frame`]s; [`Encoder`] does the
//! reverse. Neither knows of JSON or of models, and neither does any I/O.
//!
//! ```
//! use bytes::Bytes;
//! use thinkstream::sse::{Decoder, Item};
//!
//! let mut decoder = Decoder::new();
//! let mut data = Vec::new();
//! for chunk in ["data: YHOO\nda", "ta: +2\r\ndata: 10\r", "\r"] {
//!     let mut chunk = Bytes::from(chunk);
//!     while let Some(item) = decoder.decode(&mut chunk)? {
//!         if let Item::Frame(frame) = item {
//!             data.push(frame.data().into_owned());
//!         }
//!     }
//! }
//! assert_eq!(data, ["YHOO\n+2\n10"]);
//! assert!(decoder.finish()?.is_none());
//! # Ok::<(), thinkstream::Error>(())
//! ```
//!
//! # The format
//!
//! Lines end with LF, CR or CRLF. A blank line dispatches the event that the lines before it made;
//! without a `data` field there is none. `event` is its type, for this event only. `id` lasts until
//! it is set again; one that contains NUL is ignored. `retry` counts if it has only ASCII digits.
//! One space after the colon is not part of the value. Other fields mean nothing, and a line that
//! begins with a colon is a comment. One byte order mark at the very start is skipped. An event
//! without its blank line at the end of the input is not dispatched.
//!
//! Source: [HTML standard, 9.2.5 and 9.2.6][html].
//!
//! # What is decided here
//!
//! - A frame is out at the byte that completes it. A blank line that ends with CR dispatches at
//!   once, and the LF that may follow is swallowed.
//! - A `retry` too large for 64 bits is taken as the largest there is.
//! - Comments and unknown fields are not kept, however long they are.
//! - `id` and `retry` are exposed and never acted on: reconnecting is the caller's business.
//!
//! # Copies
//!
//! The data of a frame is a slice of the chunk it came in. It is copied, once, only if the frame
//! crosses chunks, has several data lines, or has a comment or a `retry` between its lines.
//!
//! [html]: https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream

mod decoder;
mod encoder;
mod field;
mod frame;
mod held;
mod meta;
mod scanner;
mod whole;

pub use self::decoder::{Decoder, Item};
pub use self::encoder::{EncodeError, Encoder};
pub(crate) use self::field::Place;
pub use self::frame::Frame;
pub(crate) use self::scanner::{Found, Scanner};
pub(crate) use self::whole::has_line_end;

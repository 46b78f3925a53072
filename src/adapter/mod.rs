//! The decoder over a stream, a reader or a codec: thin loops that know no rule of any format.

#[cfg(feature = "http")]
mod body;
#[cfg(feature = "codec")]
mod codec;
#[cfg(feature = "stream")]
mod extend;
#[cfg(feature = "std")]
mod reader;
#[cfg(feature = "stream")]
mod stream;
#[cfg(all(feature = "std", feature = "stream"))]
mod tap;
#[cfg(feature = "tokio")]
mod timeouts;
#[cfg(feature = "std")]
mod watch;

#[cfg(feature = "http")]
pub use self::body::BodyStream;
#[cfg(feature = "codec")]
pub use self::codec::EventCodec;
#[cfg(feature = "stream")]
pub use self::extend::{
    CollectComplete, CollectMessage, EventStreamExt, InspectEvents, TextStream, ToolCalls,
};
#[cfg(feature = "std")]
pub use self::reader::EventReader;
#[cfg(feature = "stream")]
pub use self::stream::EventStream;
#[cfg(all(feature = "std", feature = "stream"))]
pub use self::tap::{Ending, Outcome, Tap};
#[cfg(feature = "tokio")]
pub use self::timeouts::Timeouts;

//! The decoder over a stream, a reader or a codec: thin loops that know no rule of any format.

#[cfg(feature = "codec")]
mod codec;
#[cfg(feature = "std")]
mod reader;
#[cfg(feature = "http")]
mod response;
#[cfg(feature = "stream")]
mod stream;
#[cfg(feature = "tokio")]
mod timeouts;

#[cfg(feature = "codec")]
pub use self::codec::EventCodec;
#[cfg(feature = "std")]
pub use self::reader::EventReader;
#[cfg(feature = "http")]
pub use self::response::Refused;
#[cfg(feature = "stream")]
pub use self::stream::EventStream;
#[cfg(feature = "tokio")]
pub use self::timeouts::Timeouts;

//! The chunks of a body.

use core::pin::Pin;
use core::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use futures_core::Stream;
use http_body::Body;

pin_project_lite::pin_project! {
    /// The data of a [`Body`] as a stream of chunks, without its trailers. A body whose data are [`Bytes`]
    /// is not copied.
    #[derive(Debug)]
    #[must_use = "streams do nothing unless polled"]
    pub struct BodyStream<B> {
        #[pin]
        body: B,
    }
}

impl<B: Body> BodyStream<B> {
    /// The chunks of this body.
    pub fn new(body: B) -> Self {
        Self { body }
    }
}

impl<B: Body> Stream for BodyStream<B> {
    type Item = Result<Bytes, B::Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut body = self.project().body;
        loop {
            let frame = match ready!(body.as_mut().poll_frame(context)) {
                Some(Ok(frame)) => frame,
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            };
            if let Ok(mut data) = frame.into_data() {
                return Poll::Ready(Some(Ok(data.copy_to_bytes(data.remaining()))));
            }
        }
    }
}

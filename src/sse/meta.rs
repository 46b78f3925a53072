//! What outlives a frame: its id, and the reconnection time. Most streams have neither.

use alloc::boxed::Box;

use bytes::{Bytes, BytesMut};

use super::field::{Digits, shrunk};

/// The ids and reconnection times of a stream, once it has any.
#[derive(Debug, Default)]
pub(super) struct Meta(Option<Box<Fields>>);

#[derive(Debug, Default)]
pub(super) struct Fields {
    /// The value of the `id` line that is being read.
    pub(super) id_line: BytesMut,
    /// The standard's "last event ID buffer", set by a whole `id` line.
    id_buffer: Bytes,
    /// The standard's "last event ID string", set by a blank line.
    last_event_id: Bytes,
    /// The value of the `retry` line that is being read.
    pub(super) retry_line: Digits,
    retry: Option<u64>,
}

impl Fields {
    #[inline(never)]
    fn dispatch(&mut self) {
        self.last_event_id.clone_from(&self.id_buffer);
        self.id_line = shrunk(core::mem::take(&mut self.id_line));
    }
}

impl Meta {
    pub(super) fn last_event_id(&self) -> &Bytes {
        static NONE: Bytes = Bytes::new();
        self.0.as_ref().map_or(&NONE, |fields| &fields.last_event_id)
    }

    pub(super) fn retry(&self) -> Option<u64> {
        self.0.as_ref()?.retry
    }

    /// Bytes of the `id` line that is being read.
    pub(super) fn id_bytes(&self) -> usize {
        self.0.as_ref().map_or(0, |fields| fields.id_line.len())
    }

    pub(super) fn fields(&mut self) -> &mut Fields {
        self.0.get_or_insert_default()
    }

    /// An `id` line has ended.
    pub(super) fn end_id(&mut self) {
        let fields = self.fields();
        if memchr::memchr(0, &fields.id_line).is_none() && fields.id_buffer != fields.id_line {
            fields.id_buffer = Bytes::copy_from_slice(&fields.id_line);
        }
    }

    /// A `retry` line has ended: its value, if that is a number.
    pub(super) fn end_retry(&mut self) -> Option<u64> {
        let fields = self.fields();
        let value = fields.retry_line.value()?;
        fields.retry = Some(value);
        Some(value)
    }

    /// A blank line has ended.
    #[inline(always)]
    pub(super) fn dispatch(&mut self) {
        if let Some(fields) = &mut self.0 {
            fields.dispatch();
        }
    }

    /// What is left of it once the stream has failed.
    pub(super) fn failed(&mut self) -> Self {
        let mut meta = core::mem::take(self);
        if let Some(fields) = &mut meta.0 {
            **fields = Fields {
                last_event_id: core::mem::take(&mut fields.last_event_id),
                retry: fields.retry,
                ..Fields::default()
            };
        }
        meta
    }
}

//! What outlives a frame: its id, the reconnection time, and for a while the room of a large one. Most
//! streams have nothing of it.

use alloc::boxed::Box;

use bytes::{Bytes, BytesMut};

use super::field::Digits;
use super::held::{Spare, extend, shrunk};

/// What a stream has of these, once it has any.
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
    /// The room of the last large event.
    spare: Spare,
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

    /// More of an `id` line.
    pub(super) fn push_id(&mut self, bytes: &[u8], most: usize) {
        let mut line = core::mem::take(&mut self.fields().id_line);
        extend(&mut line, bytes, most, self);
        self.fields().id_line = line;
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
        if self.0.is_some() {
            self.dispatch_fields();
        }
    }

    #[inline(never)]
    fn dispatch_fields(&mut self) {
        let Some(fields) = &mut self.0 else {
            return;
        };
        fields.last_event_id.clone_from(&fields.id_buffer);
        fields.id_line = shrunk(core::mem::take(&mut fields.id_line));
        // Behind a frame there is no more to an id than this.
        let nothing = fields.last_event_id.is_empty() && fields.retry.is_none();
        if fields.spare.passed() && nothing {
            self.0 = None;
        }
    }

    /// Keeps the room of a large event.
    pub(super) fn keep(&mut self, spare: Spare) {
        self.fields().spare = spare;
    }

    /// The room of the last large event, if it was not long ago.
    pub(super) fn spare(&mut self) -> Option<&mut Spare> {
        self.0.as_mut().map(|fields| &mut fields.spare)
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

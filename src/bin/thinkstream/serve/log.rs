//! What became of each request.

use std::io;

use serde::Serialize;

use crate::json::line;

/// One request, as it is logged.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Entry {
    /// From 1 on; 0 for the page that says what this is, which is no request to an API.
    pub(super) request: u64,
    pub(super) method: String,
    pub(super) path: String,
    pub(super) model: Option<String>,
    pub(super) status: u16,
    /// `ok`, or why it was refused.
    pub(super) verdict: String,
    pub(super) recording: Option<String>,
    /// How many bytes of the body were sent.
    pub(super) bytes: usize,
    /// `complete`, the fault that ended it, or `left` if the client did.
    pub(super) ended: &'static str,
    /// Why a fault that was asked for did not come.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) fault: Option<&'static str>,
    /// Whether anybody wants to know.
    #[serde(skip)]
    pub(super) told: bool,
}

impl Entry {
    /// Prints it, if it is to be.
    pub(super) fn tell(&self) {
        if self.told {
            let mut text = Vec::new();
            if line(self, &mut text).is_ok() {
                // In one write: others log too.
                let _ = io::Write::write_all(&mut io::stderr(), &text);
            }
        }
    }
}

//! What the benches share: streams, peers, and a clock.
#![allow(dead_code, reason = "every bench uses a part of it")]

pub(crate) mod clock;
pub(crate) mod compare;
pub(crate) mod floor;
pub(crate) mod histories;
pub(crate) mod openai;
pub(crate) mod peers;
pub(crate) mod stacks;
pub(crate) mod traffic;

//! The guide: how to use thinkstream, a page for each thing that has to be right.
//!
//! | page | for |
//! |---|---|
//! | [`tour`] | the whole way once: ask, read, run the tools, ask again |
//! | [`chunks_and_copies`] | what is copied, what is shared, and what an open stream holds |
//! | [`errors_and_partials`] | what goes wrong, what is left then, and when to try again |
//! | [`signed_thinking`] | why sessions die, and what keeps them alive |
//! | [`gateways`] | passing replies on, measuring them, and counting what they cost |
//! | [`providers`] | what each provider's events are made of |

#[doc = include_str!("tour.md")]
pub mod tour {}

#[doc = include_str!("chunks_and_copies.md")]
pub mod chunks_and_copies {}

#[doc = include_str!("errors_and_partials.md")]
pub mod errors_and_partials {}

#[doc = include_str!("signed_thinking.md")]
pub mod signed_thinking {}

// Its examples need what a gateway needs.
#[cfg_attr(all(feature = "http", feature = "stream"), doc = include_str!("gateways.md"))]
#[cfg_attr(
    not(all(feature = "http", feature = "stream")),
    doc = "This page is built with the features `http` and `stream`."
)]
pub mod gateways {}

#[doc = include_str!("providers.md")]
pub mod providers {}

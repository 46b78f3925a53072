//! Numbers of a request, read back to the last bit: `serde_json` may be off by one there.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::json::Json;

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the shape that serde asks for")]
pub(super) fn serialize<S: Serializer>(number: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    number.serialize(serializer)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    maybe::deserialize(deserializer)?.ok_or_else(|| D::Error::custom("a number is missing"))
}

/// The same, where there may be none.
pub(super) mod maybe {
    use super::*;

    #[expect(clippy::ref_option, reason = "the shape that serde asks for")]
    pub(in crate::request) fn serialize<S: Serializer>(
        number: &Option<f64>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        number.serialize(serializer)
    }

    pub(in crate::request) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<f64>, D::Error> {
        let number = Option::<Json>::deserialize(deserializer)?;
        number.map(|number| number.parse().map_err(D::Error::custom)).transpose()
    }
}

//! Numbers of a request, read back to the last bit: `serde_json` may be off by one there.

use alloc::string::ToString;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::json::Json;

/// A whole number, also where a program has written it with a point, as some do with all numbers.
pub(super) fn whole(number: &Value) -> Option<u64> {
    number.as_u64().or_else(|| number.as_f64()?.to_string().parse().ok())
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_may_have_a_point() {
        for (json, expected) in [
            ("2048", Some(2048)),
            ("2048.0", Some(2048)),
            ("2.048e3", Some(2048)),
            ("0.0", Some(0)),
            ("18446744073709551615", Some(u64::MAX)),
            ("2048.5", None),
            ("-1", None),
            ("-1.0", None),
            ("1e30", None),
            ("\"2048\"", None),
            ("null", None),
        ] {
            assert_eq!(whole(&serde_json::from_str(json).unwrap()), expected, "{json}");
        }
    }
}

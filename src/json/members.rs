//! The members of an object, each value as it stands.

use core::fmt;

use alloc::vec::Vec;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::text::Text;

/// The members of an object in their order, the repeated ones too. However deep the values are, they
/// are only passed over.
#[derive(Debug)]
pub(crate) struct Members<'a>(pub(crate) Vec<(Text, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_members_in_their_order() {
        let text = r#" {"b" : 1.0 ,"a":{"c": []},"b":null} "#;
        let Members(members) = serde_json::from_str(text).unwrap();
        let members: Vec<_> = members.iter().map(|(key, raw)| (key.as_str(), raw.get())).collect();
        assert_eq!(members, [("b", "1.0"), ("a", r#"{"c": []}"#), ("b", "null")]);
        assert!(serde_json::from_str::<Members<'_>>("[]").is_err());
        assert!(serde_json::from_str::<Members<'_>>(r#"{"a":1"#).is_err());
    }
}

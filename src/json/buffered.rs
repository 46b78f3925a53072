//! JSON in structs that `serde` reads twice: an enum with a tag, an untagged one, a field under `flatten`.
//!
//! `serde` holds what is in those as values of its own until it knows what they are, and a text cannot be had
//! of them. So it is written anew: with its keys in their order, but without its white space.

use core::fmt;

use alloc::string::String;

use serde::de::value::MapDeserializer;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::edit::quote;

/// A deserialiser of which a raw value can be had, also if all it has is a value.
pub(super) struct Buffered<D>(pub(super) D);

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Buffered<D> {
    type Error = D::Error;

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_newtype_struct(name, Raw { name, visitor })
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_any(visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// The visitor of a raw value, which takes a map with one member, its text, under a name of its own.
struct Raw<V> {
    name: &'static str,
    visitor: V,
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Raw<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.visitor.expecting(f)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        self.visitor.visit_map(map)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, value: D) -> Result<V::Value, D::Error> {
        let mut text = String::new();
        value.deserialize_any(Writer(&mut text))?;
        self.visitor.visit_map(MapDeserializer::new(core::iter::once((self.name, text))))
    }
}

/// Writes what it is given behind a text.
struct Writer<'a>(&'a mut String);

impl Writer<'_> {
    fn number<N: serde::Serialize, E: Error>(self, number: N) -> Result<(), E> {
        self.0.push_str(&serde_json::to_string(&number).map_err(E::custom)?);
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Writer<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, value: D) -> Result<(), D::Error> {
        value.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Writer<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any valid JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.0.push_str("null");
        Ok(())
    }

    fn visit_none<E: Error>(self) -> Result<(), E> {
        self.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, value: D) -> Result<(), D::Error> {
        value.deserialize_any(self)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, value: D) -> Result<(), D::Error> {
        value.deserialize_any(self)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.0.push_str(if value { "true" } else { "false" });
        Ok(())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.number(value)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.number(value)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.number(value)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        quote(self.0, value);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        self.0.push('[');
        let first = self.0.len();
        loop {
            let end = self.0.len();
            self.0.push_str(if end > first { "," } else { "" });
            if items.next_element_seed(Writer(self.0))?.is_none() {
                self.0.truncate(end);
                self.0.push(']');
                return Ok(());
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        self.0.push('{');
        let first = self.0.len();
        while let Some(key) = members.next_key::<String>()? {
            self.0.push_str(if self.0.len() > first { "," } else { "" });
            quote(self.0, &key);
            self.0.push(':');
            members.next_value_seed(Writer(self.0))?;
        }
        self.0.push('}');
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::Json;
    use alloc::format;
    use serde::{Deserialize, Serialize};

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(tag = "type")]
    enum Tagged {
        A { json: Json },
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(untagged)]
    enum Untagged {
        No { other: u8 },
        A { json: Json },
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Flat {
        #[serde(flatten)]
        inner: Inner,
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Inner {
        json: Json,
    }

    #[test]
    fn every_value_is_read_where_serde_reads_twice() {
        for json in [
            "null",
            "true",
            "false",
            "0",
            "-1",
            "18446744073709551615",
            "9007199254740993",
            "1.5",
            "-0.25",
            r#""""#,
            r#""a \" \\ \n é \u0001""#,
            "[]",
            "[1]",
            r#"[1,"a",[],[[]],{},null]"#,
            "{}",
            r#"{"b":1,"a":{"c":[{}]},"":null}"#,
            // As some have their keys: twice, and in no order.
            r#"{"b":1,"a":2,"b":3}"#,
        ] {
            let value = Json::parse(json).unwrap();
            for text in [
                format!(r#"{{"type":"A","json":{json}}}"#),
                format!(r#"{{"json":{json},"type":"A"}}"#),
            ] {
                let Tagged::A { json: found } = serde_json::from_str(&text).unwrap();
                assert_eq!(found.as_str(), json, "{text}");
            }
            let text = format!(r#"{{"json":{json}}}"#);
            assert_eq!(
                serde_json::from_str::<Untagged>(&text).unwrap(),
                Untagged::A { json: value.clone() }
            );
            let flat: Flat = serde_json::from_str(&text).unwrap();
            assert_eq!(flat.inner.json, value);
        }
        // As it stands where it can be had; anew where it cannot.
        let text = r#"{"json":{"b" : 1.50}}"#;
        assert_eq!(serde_json::from_str::<Inner>(text).unwrap().json, *r#"{"b" : 1.50}"#);
        assert_eq!(serde_json::from_str::<Flat>(text).unwrap().inner.json, *r#"{"b":1.5}"#);
    }
}

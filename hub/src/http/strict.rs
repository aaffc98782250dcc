//! JSON taken at its word: each name once, and each value of the shape that is wanted.
//!
//! serde is generous. It reads a struct from an array of its fields and one of several words from an object with that field, and of
//! a name that is there twice `serde_json` keeps the last. So what nobody meant would be carried out.

use std::{cell::RefCell, fmt};

use serde::{
    Deserializer,
    de::{
        DeserializeSeed, IntoDeserializer, MapAccess, SeqAccess, Visitor,
        value::{MapDeserializer, SeqDeserializer, StringDeserializer},
    },
};
use serde_json::{Error as JsonError, Map, Number, Value};

use crate::error::{Error, Result, step};

/// What the bytes say. What is not JSON is said to be that, whatever else is wrong with it.
pub(super) fn value(bytes: &[u8]) -> Result<Value> {
    let twice = RefCell::default();
    let reader = Reader {
        place: None,
        twice: &twice,
    };
    // serde_json bounds the depth at 128 levels.
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let value = reader
        .deserialize(&mut json)
        .and_then(|value| json.end().map(|()| value))
        .map_err(|error| Error::Malformed(format!("the body cannot be read as JSON: {error}")))?;
    match twice.into_inner() {
        Some(pointer) => Err(Error::invalid(pointer, "is there twice")),
        None => Ok(value),
    }
}

/// Where a value stands: one step below another place, or below the whole.
struct Place<'a> {
    above: Option<&'a Place<'a>>,
    step: Step<'a>,
}

enum Step<'a> {
    Name(&'a str),
    Index(usize),
}

impl Place<'_> {
    fn pointer(&self) -> String {
        let above = self.above.map(Place::pointer).unwrap_or_default();
        match self.step {
            Step::Name(name) => above + &step(name),
            Step::Index(index) => format!("{above}/{index}"),
        }
    }
}

/// Reads a value, and notes the first name that is there twice.
struct Reader<'a> {
    place: Option<&'a Place<'a>>,
    twice: &'a RefCell<Option<String>>,
}

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = Value;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("any JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        loop {
            let place = Place {
                above: self.place,
                step: Step::Index(items.len()),
            };
            let reader = Reader {
                place: Some(&place),
                twice: self.twice,
            };
            match from.next_element_seed(reader)? {
                Some(item) => items.push(item),
                None => return Ok(Value::Array(items)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let mut fields = Map::new();
        while let Some(name) = from.next_key::<String>()? {
            let place = Place {
                above: self.place,
                step: Step::Name(&name),
            };
            let reader = Reader {
                place: Some(&place),
                twice: self.twice,
            };
            let value = from.next_value_seed(reader)?;
            if fields.contains_key(&name) {
                self.twice.borrow_mut().get_or_insert_with(|| place.pointer());
            }
            fields.insert(name, value);
        }
        Ok(Value::Object(fields))
    }
}

/// A value from which only its own shape is read.
pub(super) struct Strict(pub(super) Value);

impl IntoDeserializer<'_, JsonError> for Strict {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// What `serde_json` reads strictly already.
macro_rules! as_they_are {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
            self.0.$method(visitor)
        })*
    };
}

impl<'de> Deserializer<'de> for Strict {
    type Error = JsonError;

    as_they_are! {
        deserialize_bool
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
        deserialize_f32 deserialize_f64
        deserialize_char deserialize_str deserialize_string deserialize_identifier
        deserialize_bytes deserialize_byte_buf
        deserialize_unit deserialize_ignored_any
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        match &self.0 {
            Value::Array(_) => self.deserialize_seq(visitor),
            Value::Object(_) => self.deserialize_map(visitor),
            _ => self.0.deserialize_any(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        match self.0 {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        match self.0 {
            Value::Array(items) => {
                SeqDeserializer::new(items.into_iter().map(Strict)).deserialize_any(visitor)
            }
            other => other.deserialize_seq(visitor),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        match self.0 {
            Value::Object(fields) => {
                let fields = fields.into_iter().map(|(name, value)| (name, Strict(value)));
                MapDeserializer::new(fields).deserialize_any(visitor)
            }
            other => other.deserialize_map(visitor),
        }
    }

    /// From an object, never from an array of its fields.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        self.deserialize_map(visitor)
    }

    /// From a word, never from an object with one field. No body of ours has a variant that holds something.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        match self.0 {
            Value::String(word) => {
                let word: StringDeserializer<JsonError> = word.into_deserializer();
                visitor.visit_enum(word)
            }
            other => other.deserialize_str(visitor),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        self.0.deserialize_unit(visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, JsonError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        self.deserialize_seq(visitor)
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Word {
        Yes,
        No,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Id(u64);

    #[derive(Debug, PartialEq, Deserialize)]
    struct Thing {
        id: Id,
        word: Option<Word>,
        #[serde(default)]
        below: Vec<Thing>,
        any: Option<Value>,
    }

    fn read(value: Value) -> Result<Thing, String> {
        Thing::deserialize(Strict(value)).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_of_its_shape_is_read() {
        let any = json!({"a": [1, -2, 1.5, "b", null, true, {}]});
        let value = json!({"id": 1, "word": "no", "below": [{"id": 2, "word": null}], "any": any});
        let below = Thing {
            id: Id(2),
            word: None,
            below: Vec::new(),
            any: None,
        };
        let thing = Thing {
            id: Id(1),
            word: Some(Word::No),
            below: vec![below],
            any: Some(any),
        };
        assert_eq!(read(value), Ok(thing));
    }

    #[test]
    fn what_is_of_another_shape_is_refused_however_deep_it_is() {
        for wrong in [
            json!([1, "no", [], null]),
            json!({"id": 1, "word": {"no": null}}),
            json!({"id": 1, "word": ["no"]}),
            json!({"id": 1, "word": 1}),
            json!({"id": 1, "word": "maybe"}),
            json!({"id": [1]}),
            json!({"id": 1, "below": [[2, "no", [], null]]}),
            json!({"id": 1, "below": {"0": {"id": 2}}}),
            json!({"id": 1, "below": [{"id": 2, "word": {"yes": null}}]}),
        ] {
            assert!(read(wrong.clone()).is_err(), "{wrong}");
        }
    }

    fn refused(text: &str) -> String {
        match value(text.as_bytes()) {
            Err(Error::Invalid(wrong)) => wrong[0].pointer.clone(),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn a_name_that_is_there_twice_is_pointed_at() {
        for (text, pointer) in [
            (r#"{"a": 1, "a": 1}"#, "/a"),
            (r#"{"a": 1, "\u0061": 2}"#, "/a"),
            (r#"{"a/b": [1, {"c~": 1, "c~": 2}]}"#, "/a~1b/1/c~0"),
            (r#"[{"": {}}, {"": 1, "": 2}]"#, "/1/"),
            (r#"{"a": {"b": 1, "b": 2}, "a": 1}"#, "/a/b"),
        ] {
            assert_eq!(refused(text), pointer, "{text}");
        }
        let text = r#"{"a": {"b": 1}, "b": [{"b": -1.5e3}, {"b": null}], "c": "\ud83d\ude00", "d": 18446744073709551615}"#;
        let read: Value = serde_json::from_str(text).unwrap();
        assert_eq!(value(text.as_bytes()).unwrap(), read);
    }

    #[test]
    fn what_is_not_json_is_said_to_be_that_first() {
        for text in [
            "",
            "{\"a\": 1, \"a\": 1",
            "{\"a\": 1, \"a\": 1} 1",
            "{\"a\": 1, \"a\": 1e999}",
        ] {
            assert!(
                matches!(value(text.as_bytes()), Err(Error::Malformed(_))),
                "{text}"
            );
        }
        let deep = "[".repeat(1_000);
        assert!(matches!(value(deep.as_bytes()), Err(Error::Malformed(_))));
    }
}

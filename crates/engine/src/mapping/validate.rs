//! The last look at a payload that a user's expressions took part in.

use std::fmt;

use contract::{Constraint, Facet, Fault, FieldSpec, Payload};
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::{Value as Json, value::RawValue};

/// Whether every required field is there, every known field of the user's (`own`) has its type and what the vendor asks of
/// it, and none is written twice. `id` is the item's, for the message.
///
/// # Errors
/// [`contract::FaultClass::Record`], code `C0523`, naming the field.
pub fn validate(fields: &[FieldSpec], own: &dyn Fn(&str) -> bool, id: &str, payload: &Payload) -> Result<(), Fault> {
    let mut seen = vec![false; fields.len()];
    for facet in Facet::ALL {
        let members = payload.members(facet);
        if !members.is_empty() {
            let object = format!("{{{members}}}");
            let mut json = serde_json::Deserializer::from_str(&object);
            let look = Look { fields, own, seen: &mut seen };
            look.deserialize(&mut json).map_err(|wrong| fault(id, &plain(&wrong)))?;
        }
    }
    let mut missing = fields.iter().zip(&seen).filter(|(field, seen)| field.required && !**seen);
    match missing.next() {
        None => Ok(()),
        Some((field, _)) => Err(fault(id, &format!("the required field {} is missing", field.name))
            .hint("give its expression a fallback, such as `has(a) ? a : b`")),
    }
}

fn fault(id: &str, what: &str) -> Fault {
    Fault::record("C0523", format!("item {id}: {what}"))
}

/// Without the place in the text, which nobody sees.
fn plain(wrong: &serde_json::Error) -> String {
    let text = wrong.to_string();
    text.split(" at line ").next().map_or(text.clone(), ToOwned::to_owned)
}

/// What is wrong with a value of this field, if anything.
pub(super) fn wrong(field: &FieldSpec, value: &Json) -> Option<String> {
    if field.of.admits(value) {
        let violation = field.constraint.violation(value)?;
        Some(format!("field {} {violation}: {}", field.name, short(&value.to_string())))
    } else {
        Some(format!("field {} must be {}, and is {}", field.name, field.of.name(), short(&value.to_string())))
    }
}

/// The beginning of a text that may be long.
pub(super) fn short(text: &str) -> String {
    const MOST: usize = 80;
    if text.chars().count() <= MOST { text.to_owned() } else { text.chars().take(MOST).chain(['…']).collect() }
}

/// Looks at the members of one object as they are read, and keeps none.
struct Look<'f> {
    fields: &'f [FieldSpec],
    own: &'f dyn Fn(&str) -> bool,
    seen: &'f mut [bool],
}

impl<'de> DeserializeSeed<'de> for Look<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Look<'_> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some((name, value)) = map.next_entry::<std::borrow::Cow<'de, str>, &RawValue>()? {
            let known = self.fields.iter().zip(self.seen.iter_mut()).find(|(field, _)| field.name == name);
            let Some((field, seen)) = known else { continue };
            if std::mem::replace(seen, true) {
                return Err(A::Error::custom(format!("field {name} is written twice")));
            }
            let wrong = if (self.own)(&name) { wrong_raw(field, value.get()) } else { None };
            if let Some(wrong) = wrong {
                return Err(A::Error::custom(wrong));
            }
        }
        Ok(())
    }
}

/// As [`wrong`], without reading a text that is right.
fn wrong_raw(field: &FieldSpec, raw: &str) -> Option<String> {
    let is_text = raw.starts_with('"') && field.of.admits(&Json::String(String::new()));
    if is_text && field.constraint == Constraint::None {
        return None;
    }
    match serde_json::from_str(raw) {
        Ok(value) => wrong(field, &value),
        Err(error) => Some(format!("field {} is no JSON: {}", field.name, plain(&error))),
    }
}

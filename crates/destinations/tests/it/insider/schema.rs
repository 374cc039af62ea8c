//! The schema's own expressions give what the code gives.

use std::sync::Arc;

use cel::{Context, Env, Value, extensions};
use contract::FieldSpec;
use destinations::insider::DESCRIPTOR;
use model::{Kind, Listing, Market};
use serde_json::Value as Json;

use super::{config, de, items, members};
use crate::sample::{Ids, full, text};

fn evaluated(field: &FieldSpec, market: &Market, listing: &Listing<'_>, at: usize) -> Json {
    let mut env = Env::stdlib();
    extensions::lists(&mut env).unwrap();
    extensions::strings(&mut env).unwrap();
    let env = Arc::new(env);
    let mut context = Context::with_env(env.clone());
    context
        .add_function("plain_text", |html: Value| match html {
            Value::String(html) => destinations::clerk::map::plain_text(&html).into_owned(),
            _ => String::new(),
        })
        .unwrap();
    context.add_variable_from_value("product", cel::to_value(listing).unwrap());
    context.add_variable_from_value("variant", cel::to_value(&listing.variants[at]).unwrap());
    context.add_variable_from_value("market", cel::to_value(market).unwrap());
    let program = env.compile(field.default).unwrap_or_else(|error| panic!("{}: {error}", field.name));
    program.execute(&context).unwrap_or_else(|error| panic!("{}: {error}", field.name)).json().unwrap()
}

fn agree(listing: &Listing<'_>) {
    let de = de();
    // Paths of categories are not to be seen by expressions.
    let items = items(&config("categories = \"flat\""), &[(&de, listing)]).unwrap();
    for (at, item) in items.iter().enumerate() {
        let sent = members(item);
        for field in (DESCRIPTOR.fields)(Kind::Product) {
            let expected = sent[field.name]["de_DE"].clone();
            assert_eq!(evaluated(field, &de, listing, at), expected, "{}", field.name);
            if !expected.is_null() {
                assert!(field.of.admits(&expected), "{}: {expected}", field.name);
                assert_eq!(field.constraint.violation(&expected), None, "{}: {expected}", field.name);
            }
        }
    }
}

#[test]
fn the_expressions_are_what_the_code_does() {
    let ids = full();
    let mut listing = ids.full();
    listing.categories.retain(|category| category.name.is_some());
    agree(&listing);
    for offer in &mut listing.variants {
        (offer.in_stock, offer.stock) = (false, None);
        offer.lowest_price_30d = Some(offer.list_price);
        offer.images.clear();
    }
    listing.attributes = vec![text("gender", "men")];
    agree(&listing);
    let small = Ids::new("p1", &["A"], &[]);
    let mut listing = small.listing();
    listing.images = vec!["https://img.example/a.jpg"];
    listing.variants[0].attributes = vec![text("brand", "Nordby")];
    agree(&listing);
}

#[test]
fn no_name_may_be_added() {
    assert!(DESCRIPTOR.extra_name.is_none());
}

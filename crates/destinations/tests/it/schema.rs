//! The schema's own expressions give what the code gives.

use std::sync::Arc;

use cel::{Context, Env, Value, extensions};
use contract::{FieldSpec, destination::Mapped};
use destinations::clerk::{DESCRIPTOR, map};
use model::listing::CategoryRef;
use model::{CategoryId, CategoryListing, Kind, Listing, listing::Plain};
use serde_json::Value as Json;

use crate::sample::{Ids, config, full, members, text};

/// CEL with its extensions and the functions that the schema names.
fn evaluated(fields: &[FieldSpec], variables: &[(&str, Value)], listing: Option<&Listing<'_>>) -> Vec<(String, Json)> {
    let options: Vec<(String, String)> = listing.map_or_else(Vec::new, |listing| {
        let of = |offer| map::options_text(listing, offer);
        listing.variants.iter().map(|offer| (offer.id.to_string(), of(offer))).collect()
    });
    let mut env = Env::stdlib();
    extensions::lists(&mut env).unwrap();
    extensions::strings(&mut env).unwrap();
    extensions::math(&mut env).unwrap();
    let env = Arc::new(env);
    let mut context = Context::with_env(env.clone());
    context
        .add_function("sum", |list: Arc<Vec<Value>>| {
            list.iter().map(|it| if let Value::Int(number) = it { *number } else { panic!("{it:?}") }).sum::<i64>()
        })
        .unwrap();
    context
        .add_function("plain_text", |html: Value| match html {
            Value::String(html) => map::plain_text(&html).into_owned(),
            _ => String::new(),
        })
        .unwrap();
    context
        .add_function("options_text", move |_: Value, variant: Value| {
            let Json::Object(variant) = variant.json().unwrap() else { panic!("no variant") };
            options.iter().find(|(id, _)| variant["id"] == **id).unwrap().1.clone()
        })
        .unwrap();
    for (name, value) in variables {
        context.add_variable_from_value(*name, value.clone());
    }
    let value = |field: &FieldSpec| {
        let program = env.compile(field.default).unwrap_or_else(|error| panic!("{}: {error}", field.name));
        program.execute(&context).unwrap_or_else(|error| panic!("{}: {error}", field.name)).json().unwrap()
    };
    fields.iter().map(|field| (field.name.to_owned(), value(field))).collect()
}

fn agree(listing: &Listing<'_>) {
    let sent = members(&config(""), listing);
    let fields = (DESCRIPTOR.fields)(Kind::Product);
    let product = cel::to_value(listing).unwrap();
    for (name, value) in evaluated(fields, &[("product", product)], Some(listing)) {
        let expected = sent.get(&name).cloned().unwrap_or(Json::Null);
        assert_eq!(value, expected, "{name}");
    }
    for field in fields {
        if let Some(value) = sent.get(field.name) {
            assert!(field.of.admits(value), "{}: {value}", field.name);
            assert_eq!(field.constraint.violation(value), None, "{}: {value}", field.name);
        } else {
            assert!(!field.required, "{}", field.name);
        }
    }
}

#[test]
fn the_expressions_for_products_are_what_the_code_does() {
    let ids = full();
    agree(&ids.full());
    let mut listing = ids.full();
    for offer in &mut listing.variants {
        (offer.in_stock, offer.stock) = (false, None);
        offer.images.clear();
    }
    listing.images.clear();
    listing.attributes = vec![text("gender", "men")];
    agree(&listing);
    let small = Ids::new("p1", &[""], &[]);
    agree(&small.listing());
    let mut branded = small.listing();
    branded.variants[0].attributes = vec![text("brand", "Nordby")];
    branded.variants[0].stock = None;
    branded.attributes = vec![crate::sample::field("weight", Plain::Number(0.5))];
    branded.brand = Some("Sudby");
    agree(&branded);
    branded.variants[0].attributes.clear();
    agree(&branded);
}

#[test]
fn the_expressions_for_categories_are_what_the_code_does() {
    let ids: Vec<CategoryId> = ["c1", "c0", "c2"].into_iter().map(CategoryId::from).collect();
    let to = |id| CategoryRef { id, key: None, external_id: None };
    let mut listing = CategoryListing {
        id: &ids[0],
        key: None,
        external_id: None,
        parent: Some(to(&ids[1])),
        name: "Jackets",
        description: Some("<p>All &amp; more</p>"),
        slug: None,
        url: "https://shop.example/c/jackets".to_owned(),
        image: Some("https://img.example/c.jpg"),
        children: vec![to(&ids[2])],
        path: vec!["Clothes", "Jackets"],
    };
    for _ in 0..2 {
        let Ok(Mapped::Items(items)) = map::category(&config(""), &listing, &|_| false) else { panic!("no item") };
        let sent: Json = serde_json::from_str(&items[0].item.payload.object()).unwrap();
        let category = cel::to_value(&listing).unwrap();
        for (name, value) in evaluated((DESCRIPTOR.fields)(Kind::Category), &[("category", category)], None) {
            assert_eq!(value, sent.get(&name).cloned().unwrap_or(Json::Null), "{name}");
        }
        (listing.parent, listing.description, listing.image) = (None, None, None);
        listing.children.clear();
    }
}

#[test]
fn only_names_clerk_keeps_may_be_added() {
    let is_extra_name = DESCRIPTOR.extra_name.unwrap();
    for (name, fits) in [("colour", true), ("a_1", true), ("id", false), ("a-b", false), ("", false), ("größe", false)]
    {
        assert_eq!(is_extra_name(name), fits, "{name}");
    }
}

//! What commands print with `--json` fits their schemas, and nothing in it is missing there.

use cartage::commands::documents;
use sandbox::{
    clerk::{Rejection, Resource},
    commercetools::Change,
};
use serde_json::{Map, Value, json};

use crate::harness::{Ran, Shop, cartage};

/// Whether a value has a type of JSON Schema.
fn is_a(value: &Value, name: &str) -> bool {
    match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("the type {other}"),
    }
}

/// Holds a value against the part of JSON Schema that ours use. A member that the schema does not have is an error.
pub(crate) fn fits(schema: &Value, root: &Value, value: &Value, at: &str) -> Result<(), String> {
    let Some(schema) = schema.as_object() else {
        return if *schema == json!(true) { Ok(()) } else { Err(format!("{at}: nothing fits {schema}")) };
    };
    if let Some(name) = schema.get("$ref").and_then(Value::as_str) {
        let name = name.strip_prefix("#/$defs/").unwrap();
        return fits(&root["$defs"][name], root, value, at);
    }
    for choice in ["anyOf", "oneOf"].into_iter().filter_map(|name| schema.get(name)) {
        let tried: Vec<_> = choice.as_array().unwrap().iter().map(|one| fits(one, root, value, at)).collect();
        if tried.iter().all(Result::is_err) {
            return Err(tried.into_iter().filter_map(Result::err).collect::<Vec<_>>().join(" | "));
        }
    }
    if let Some(types) = schema.get("type") {
        let types: Vec<&str> = types.as_str().map_or_else(
            || types.as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect(),
            |name| vec![name],
        );
        if !types.iter().any(|name| is_a(value, name)) {
            return Err(format!("{at} is no {types:?}: {value}"));
        }
    }
    if schema.get("enum").is_some_and(|words| !words.as_array().unwrap().contains(value))
        || schema.get("const").is_some_and(|only| only != value)
    {
        return Err(format!("{at} can't be {value}"));
    }
    if let Value::Object(members) = value {
        members_fit(schema, root, members, at)?;
    }
    if let (Value::Array(items), Some(of)) = (value, schema.get("items")) {
        for (index, item) in items.iter().enumerate() {
            fits(of, root, item, &format!("{at}[{index}]"))?;
        }
    }
    Ok(())
}

fn members_fit(
    schema: &Map<String, Value>,
    root: &Value,
    members: &Map<String, Value>,
    at: &str,
) -> Result<(), String> {
    let known = schema.get("properties").and_then(Value::as_object);
    for name in schema.get("required").and_then(Value::as_array).into_iter().flatten() {
        if !members.contains_key(name.as_str().unwrap()) {
            return Err(format!("{at} has no {name}"));
        }
    }
    for (name, member) in members {
        let at = format!("{at}.{name}");
        match (known.and_then(|known| known.get(name)), schema.get("additionalProperties"), known) {
            (Some(of), ..) | (None, Some(of), _) => fits(of, root, member, &at)?,
            (None, None, Some(_)) => return Err(format!("{at} is not in the schema")),
            (None, None, None) => {}
        }
    }
    Ok(())
}

#[track_caller]
pub(crate) fn is(name: &str, ran: &Ran) -> Value {
    let document = documents::all().into_iter().find(|document| document.name == name).unwrap();
    let value = ran.json();
    if let Err(error) = fits(&document.schema, &document.schema, &value, name) {
        panic!("{error}\n{value:#}");
    }
    value
}

#[tokio::test(flavor = "multi_thread")]
async fn every_document_fits_its_schema() {
    let shop = Shop::uniform(60).await;
    is("check", &shop.cartage(&["check", "--json"]).await.ended(0));
    is("demo", &cartage(&["demo", "--json", "--products", "30", "--seconds", "1"]).await.ended(0));
    let name = shop.current("p-000042")["name"]["de"].clone();
    shop.store("de").reject(Rejection { resource: Resource::Products, field: "name".to_owned(), equals: name });
    is("sync", &shop.cartage(&["sync", "--json"]).await.ended(1));
    let id = shop.id("p-000042");
    let dead = is("dead", &shop.cartage(&["dead", "list", "--json"]).await.ended(1));
    assert_eq!(dead[0]["items"][0]["id"], json!(id), "items are objects");
    is("dead", &shop.cartage(&["dead", "show", &id, "--json"]).await.ended(1));
    is("status", &shop.cartage(&["status", "--json"]).await.ended(1));
    for record in [&id, &shop.id("p-000003")] {
        is("explain", &shop.cartage(&["explain", record, "--json"]).await.ended(0));
    }
    is("dead-change", &shop.cartage(&["dead", "drop", &id, "--json"]).await.ended(0));
    is("status-records", &shop.cartage(&["status", "--records", "dropped", "--json"]).await.ended(0));
    // Something of every kind to plan.
    shop.age();
    let (product, locale, text) = ("p-000003".to_owned(), "de".to_owned(), Some("Neuer Name".to_owned()));
    shop.change(Change::SetName { product, locale, text });
    shop.change(Change::DeleteProduct { product: "p-000004".to_owned() });
    let plan = is("plan", &shop.cartage(&["plan", "--json"]).await.ended(0));
    assert_eq!(plan[0]["examples"]["change"].as_array().unwrap().len(), 1);
    is("plan-record", &shop.cartage(&["plan", &shop.id("p-000003"), "--json"]).await.ended(0));
    is("pause", &shop.cartage(&["pause", "clerk-de", "--json"]).await.ended(0));
    is("pause", &shop.cartage(&["resume", "clerk-de", "--json"]).await.ended(0));
    is("hooks", &shop.cartage(&["hooks", "plan", "--json"]).await.ended(0));
    shop.cartage(&["sync"]).await.ended(0);
    is("verify", &shop.cartage(&["verify", "--json"]).await.ended(0));
    // A flow that has stopped, and one that is no longer configured.
    shop.store("de").disable(true);
    let text = Some("Noch ein Name".to_owned());
    shop.change(Change::SetName { product: "p-000005".to_owned(), locale: "de".to_owned(), text });
    shop.age();
    is("sync", &shop.cartage(&["sync", "--json"]).await.ended(3));
    is("status", &shop.cartage(&["status", "--json"]).await.ended(3));
    is("support-bundle", &shop.cartage(&["support-bundle"]).await.ended(0));
    shop.store("de").disable(false);
    let config = std::fs::read_to_string(&shop.config).unwrap();
    let (before, _) = config.split_once("[flows.clerk-uk]").unwrap();
    std::fs::write(&shop.config, before).unwrap();
    is("status", &shop.cartage(&["status", "--json"]).await);
    is("forget", &shop.cartage(&["forget", "clerk-uk", "--json"]).await.ended(0));
    is("help", &cartage(&["help", "C0211", "--json"]).await.ended(0));
    is("failure", &shop.cartage(&["explain", "nobody", "--json"]).await.ended(1));
    std::fs::write(&shop.config, config.replace("currency = \"EUR\"", "currency = \"EURO\"")).unwrap();
    is("failure", &shop.cartage(&["status", "--json"]).await.ended(2));
}

#[test]
fn a_document_that_does_not_fit_is_found() {
    let schema = documents::all().into_iter().find(|document| document.name == "dead-change").unwrap().schema;
    let fits = |value: Value| fits(&schema, &schema, &value, "dead-change");
    assert_eq!(fits(json!([{ "flow": "a", "records": 1, "held": 0 }])), Ok(()));
    for wrong in [
        json!({}),
        json!([{ "flow": "a", "records": "1", "held": 0 }]),
        json!([{ "flow": "a", "records": 1 }]),
        json!([{ "flow": "a", "records": 1, "held": 0, "more": 1 }]),
    ] {
        assert!(fits(wrong.clone()).is_err(), "{wrong}");
    }
}

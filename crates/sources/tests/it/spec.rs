//! The vendor's own examples, where they are at hand.

use std::path::{Path, PathBuf};

use contract::Change;
use model::{PriceHome, Record, RecordId};
use serde_json::Value;
use sources::commercetools::{decode::decode, place::Stage};

use super::mapping::settings;

fn examples() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/specs/commercetools/examples");
    path.is_dir().then_some(path)
}

/// The files of a folder and those below, as JSON; what holds placeholders outside of strings is none and left out.
fn files(folder: &Path, found: &mut Vec<(PathBuf, Value)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "json")
            && let Ok(json) = serde_json::from_slice(&std::fs::read(&path).unwrap())
        {
            found.push((path, json));
        }
    }
}

/// By what is in it, what it is an example of.
fn stage(record: &Value) -> Option<Stage> {
    let has = |field: &str| record.get(field).is_some();
    if !(has("id") && has("version") && has("createdAt")) {
        return None;
    }
    Some(match () {
        () if has("masterVariant") => Stage::Projections,
        () if has("masterData") => Stage::Unpublished,
        () if has("variantId") && has("current") => Stage::Variants,
        () if has("orderHint") && has("slug") => Stage::Categories,
        () if has("quantityOnStock") => Stage::Inventory,
        () if has("sku") && has("value") && has("active") => Stage::StandalonePrices,
        () if has("distributionChannels") && has("key") => Stage::Stores,
        () if has("roles") && has("key") => Stage::Channels,
        () if has("mode") && has("productCount") => Stage::Selections,
        () if has("attributes") && record["name"].is_string() => Stage::ProductTypes,
        () if has("resource") && has("sequenceNumber") => Stage::Messages,
        () if has("email") && has("addresses") => Stage::Customers,
        () if has("orderState") && has("lineItems") => Stage::Orders,
        () => return None,
    })
}

#[test]
fn every_example_of_a_record_that_is_read_can_be_read() {
    let Some(folder) = examples() else {
        println!("skipped: the vendor's examples are not here");
        return;
    };
    let mut found = Vec::new();
    files(&folder, &mut found);
    let mut read = std::collections::BTreeMap::<String, usize>::new();
    for (path, json) in found {
        let records = match json.get("results").and_then(Value::as_array) {
            Some(results) => results.clone(),
            None => vec![json],
        };
        for record in records {
            let Some(stage) = stage(&record) else { continue };
            let page = serde_json::json!({ "results": [record] }).to_string();
            let decoded = decode(stage, &settings(), "", page.as_bytes()).unwrap();
            assert!(decoded.unread.is_empty(), "{}: {}", path.display(), decoded.unread[0].fault);
            assert_eq!(decoded.last.unwrap().id, record["id"].as_str().unwrap());
            *read.entry(format!("{stage:?}")).or_default() += 1;
        }
    }
    println!("{read:?}");
    for stage in [
        "Projections",
        "Unpublished",
        "Categories",
        "Inventory",
        "StandalonePrices",
        "Stores",
        "Channels",
        "Variants",
        "Customers",
        "Orders",
    ] {
        assert!(read.contains_key(stage), "no example of {stage} in {read:?}");
    }
}

#[test]
fn the_example_of_a_selections_members_can_be_read() {
    let Some(folder) = examples() else {
        println!("skipped: the vendor's examples are not here");
        return;
    };
    let body = std::fs::read(folder.join("product-selection-products.example.json")).unwrap();
    let decoded = decode(Stage::Members, &settings(), "sel1", &body).unwrap();
    assert_eq!((decoded.changes.len(), decoded.unread.len()), (2, 0));
}

/// The example is of any project: it has a master variant, which no product of a Modular one has, and a default variant.
#[test]
fn the_example_of_a_product_can_be_read_as_that_of_a_modular_project() {
    let Some(folder) = examples() else {
        println!("skipped: the vendor's examples are not here");
        return;
    };
    let read = |product: &Value| {
        let page = serde_json::json!({ "results": [product] }).to_string();
        decode(Stage::Products, &settings(), "", page.as_bytes()).unwrap()
    };
    let mut product: Value =
        serde_json::from_slice(&std::fs::read(folder.join("product.example.json")).unwrap()).unwrap();
    assert_eq!(read(&product).unread.len(), 1, "with variants inside, it is none of a Modular project");
    for side in ["current", "staged"] {
        let side = product["masterData"][side].as_object_mut().unwrap();
        side.remove("masterVariant");
        side.insert("variants".to_owned(), serde_json::json!([]));
    }
    product["masterData"]["published"] = serde_json::json!(true);
    let decoded = read(&product);
    assert!(decoded.unread.is_empty(), "{:?}", decoded.unread);
    let Change::Is { record: Record::Product(record), .. } = &decoded.changes[0] else {
        panic!("{:?}", decoded.changes)
    };
    let default = &product["masterData"]["current"]["defaultVariant"]["id"];
    assert_eq!(record.main_variant.as_ref().map(RecordId::as_str), default.as_str());
    assert!(record.variants.is_empty() && record.price_home == PriceHome::Entries);
}

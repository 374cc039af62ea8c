//! What the generator makes is what the platform takes: every record of a generated shop is created again by drafts.

use super::*;
use sandbox::catalogue::{Options, generate};

/// A project with the settings and product types of `from`, and nothing else.
fn empty_like(from: &Catalogue) -> Catalogue {
    let head = Head {
        languages: from.head.languages.clone(),
        currencies: from.head.currencies.clone(),
        countries: from.head.countries.clone(),
        product_types: from.head.product_types.clone(),
        ..Head::default()
    };
    Catalogue { head, product_count: 0, products: Box::new(|| Box::new(std::iter::empty())) }
}

/// A value as sent: without what only the platform sets, and with references by key.
fn sent(value: &Json, keys: &BTreeMap<String, String>) -> Json {
    match value {
        Json::Array(values) => values.iter().map(|value| sent(value, keys)).collect(),
        Json::Object(members) => {
            if let (Some(kind), Some(id)) = (members.get("typeId"), members.get("id").and_then(Json::as_str))
                && kind != "product-discount"
            {
                return json!({ "typeId": kind, "key": keys[id] });
            }
            let own = ["id", "version", "createdAt", "lastModifiedAt", "createdBy", "lastModifiedBy"];
            let discount = members.get("typeId").is_some_and(|kind| kind == "product-discount");
            let kept = members.iter().filter(|(name, _)| discount || !own.contains(&name.as_str()));
            kept.map(|(name, value)| (name.clone(), sent(value, keys))).collect()
        }
        other => other.clone(),
    }
}

/// The draft that makes `found` again.
fn draft(path: &str, found: &Json, keys: &BTreeMap<String, String>) -> Json {
    let mut draft = sent(found, keys);
    let members = draft.as_object_mut().unwrap();
    for served in ["ancestors", "availableQuantity", "productCount", "published", "hasStagedChanges"] {
        members.remove(served);
    }
    match path {
        "/customer-groups" => {
            let name = members.remove("name").unwrap();
            members.insert("groupName".to_owned(), name);
        }
        // Ids of categories, which are given by key here.
        "/product-projections" => drop(members.remove("categoryOrderHints")),
        _ => {}
    }
    draft
}

/// Takes the product attributes out of a draft that name other products, which may not be there yet.
fn take_references(draft: &mut Json) -> Vec<Json> {
    let Some(attributes) = draft["attributes"].as_array_mut() else { return Vec::new() };
    let names_product = |attribute: &Json| attribute["value"]["typeId"] == "product";
    let taken = attributes.iter().filter(|attribute| names_product(attribute)).cloned().collect();
    attributes.retain(|attribute| !names_product(attribute));
    taken
}

#[tokio::test]
async fn every_record_of_a_generated_shop_is_taken() {
    for oddities in [false, true] {
        let options = Options { products: 110, oddities, ..Options::default() };
        let catalogue = generate(&options);
        let from = Shop::seeded(Settings::default(), &catalogue).await;
        let to = Shop::seeded(Settings::default(), &empty_like(&catalogue)).await;
        let mut keys = BTreeMap::new();
        for path in
            ["/product-types", "/channels", "/customer-groups", "/categories", "/product-selections", "/products"]
        {
            for found in from.list(path, &[("limit", "500")]).await {
                keys.insert(found["id"].as_str().unwrap().to_owned(), found["key"].as_str().unwrap().to_owned());
            }
        }
        for (path, parameters, post) in [
            ("/channels", "false", "/channels"),
            ("/customer-groups", "false", "/customer-groups"),
            ("/categories", "false", "/categories"),
            ("/product-selections", "false", "/product-selections"),
            ("/stores", "false", "/stores"),
            ("/product-projections", "true", "/products"),
            ("/inventory", "false", "/inventory"),
            ("/standalone-prices", "false", "/standalone-prices"),
        ] {
            let found = from.list(path, &[("limit", "500"), ("staged", parameters)]).await;
            let mut later = Vec::new();
            for record in &found {
                let mut draft = draft(path, record, &keys);
                if path == "/product-projections" {
                    later.extend(
                        take_references(&mut draft).into_iter().map(|attribute| (draft["key"].clone(), attribute)),
                    );
                }
                let (status, answer) = to.call(Method::POST, post, Some(&draft)).await;
                assert_eq!(status, 201, "{path}: {draft}: {answer}");
            }
            for (product, mut action) in later {
                action["action"] = json!("setProductAttribute");
                let (status, answer) = to.update("/products", product.as_str().unwrap(), json!([action])).await;
                assert_eq!(status, 200, "{product}: {action}: {answer}");
            }
            assert!(!oddities || !found.is_empty(), "{path}");
        }
    }
}

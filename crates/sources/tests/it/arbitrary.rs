//! No answer of a server makes the reader panic.

use proptest::prelude::*;
use serde_json::{Value, json};
use sources::commercetools::{decode::decode, place::Stage};

use super::mapping::settings;

const STAGES: [Stage; Stage::COUNT] = [
    Stage::ProductTypes,
    Stage::Channels,
    Stage::CustomerGroups,
    Stage::Stores,
    Stage::Selections,
    Stage::Members,
    Stage::Categories,
    Stage::StandalonePrices,
    Stage::Inventory,
    Stage::Projections,
    Stage::Unpublished,
    Stage::Messages,
    Stage::Tailorings,
    Stage::Variants,
    Stage::Products,
    Stage::Customers,
    Stage::Orders,
];

/// Names that mean something to one of the stages, so that values get far.
const NAMES: [&str; 53] = [
    "id",
    "version",
    "name",
    "value",
    "typeId",
    "key",
    "label",
    "centAmount",
    "currencyCode",
    "fractionDigits",
    "preciseAmount",
    "masterVariant",
    "variants",
    "prices",
    "attributes",
    "availability",
    "channels",
    "sku",
    "en",
    "resource",
    "type",
    "product",
    "validFrom",
    "tiers",
    "minimumQuantity",
    "lastModifiedAt",
    "results",
    "country",
    "variantSelection",
    "skus",
    "masterData",
    "current",
    "published",
    "variantId",
    "defaultVariant",
    "email",
    "addresses",
    "custom",
    "fields",
    "createdAt",
    "orderState",
    "totalPrice",
    "totalNet",
    "totalGross",
    "lineItems",
    "customLineItems",
    "price",
    "quantity",
    "taxedPrice",
    "shippingInfo",
    "discountedPricePerQuantity",
    "returnInfo",
    "items",
];

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        prop::sample::select(&["EUR", "JPY", "de-AT", "2026-05-01", "2026-05-01T10:00:00.000Z", ""][..])
            .prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 60, 8, |inner| {
        let name = prop_oneof![3 => prop::sample::select(&NAMES[..]).prop_map(str::to_owned), 1 => ".{0,6}"];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((name, inner), 0..8).prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_bytes_are_a_page_or_a_fault(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for stage in STAGES {
            drop(decode(stage, &settings(), "s", &bytes));
        }
    }

    #[test]
    fn any_records_are_changes_or_unread(records in prop::collection::vec(any_json(), 0..4)) {
        let count = records.len();
        let body = json!({ "limit": 500, "results": records }).to_string();
        for stage in STAGES {
            if let Ok(decoded) = decode(stage, &settings(), "s", body.as_bytes()) {
                prop_assert_eq!(decoded.envelope.count, count);
                if stage != Stage::Messages {
                    prop_assert_eq!(decoded.changes.len() + decoded.unread.len(), count);
                }
            }
        }
    }

    #[test]
    fn a_product_with_any_member_replaced_is_read_or_unread(name in prop::sample::select(&NAMES[..]), value in any_json()) {
        let mut record = json!({
            "id": "p", "version": 1, "name": { "en": "x" }, "masterVariant": { "id": 1, "attributes": [] },
        });
        record["masterVariant"]["attributes"] = json!([{ "name": "a", "value": value.clone() }]);
        record[name] = value;
        let body = json!({ "results": [record] }).to_string();
        if let Ok(decoded) = decode(Stage::Projections, &settings(), "", body.as_bytes()) {
            prop_assert_eq!(decoded.changes.len() + decoded.unread.len(), 1);
        }
    }
}

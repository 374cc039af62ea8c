//! The list that everything else walks.

use std::collections::BTreeSet;

use destinations::{Config, KINDS};
use model::Kind;

#[test]
fn the_platforms_are_known_by_distinct_names() {
    let names: BTreeSet<_> = KINDS.iter().map(|kind| kind.descriptor.name).collect();
    assert_eq!(names.len(), KINDS.len());
    for kind in KINDS {
        assert!(kind.readme.starts_with(&format!("# {}\n", kind.descriptor.title)), "{}", kind.descriptor.name);
        let fields = (kind.descriptor.fields)(Kind::Product);
        let names: BTreeSet<_> = fields.iter().map(|field| field.name).collect();
        assert_eq!(names.len(), fields.len());
        assert!((kind.schema)().as_object().is_some());
    }
}

#[test]
fn settings_name_their_platform_and_refuse_what_they_do_not_know() {
    let keys = "public_key = \"env:A\"\nprivate_key = \"env:B\"\n";
    let config: Config = toml::from_str(&format!("kind = \"clerk\"\n{keys}")).unwrap();
    assert_eq!(config.descriptor().name, "clerk");
    for (text, expected) in [
        (format!("kind = \"clark\"\n{keys}"), "unknown variant `clark`"),
        (format!("kind = \"clerk\"\n{keys}batch = 1"), "unknown field `batch`"),
        ("kind = \"clerk\"\npublic_key = \"env:A\"".to_owned(), "missing field `private_key`"),
        (keys.to_owned(), "missing field `kind`"),
        (
            "kind = \"clerk\"\npublic_key = \"env:A\"\nprivate_key = \"the-secret-itself\"".to_owned(),
            "a secret is written as env:NAME or file:/path",
        ),
        (format!("kind = \"clerk\"\n{keys}grain = \"sku\""), "unknown variant `sku`, expected `product` or `variant`"),
    ] {
        let message = toml::from_str::<Config>(&text).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
        assert!(!toml::from_str::<Config>(&text).unwrap_err().message().contains("the-secret-itself"));
    }
}

#[test]
fn every_setting_is_explained() {
    for kind in KINDS {
        let schema = (kind.schema)();
        let properties = schema.as_object().unwrap()["properties"].as_object().unwrap();
        assert!(!properties.is_empty());
        for (name, property) in properties {
            assert!(property["description"].as_str().is_some_and(|text| text.len() > 10), "{name}");
        }
    }
}

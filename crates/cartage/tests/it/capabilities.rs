//! What sources can fill, held against what they say of themselves: each reads the same generated shop.

use std::{collections::BTreeSet, fs};

use cartage::commands::demo::{Listen, Platform, Service, ShopArgs, World};
use clap::ValueEnum as _;
use engine::mapping::{self, Known};
use model::Kind;
use serde_json::Value;

use crate::harness::cartage;

/// A name, a field of ours, and an expression that is true where the name is filled.
type Probe = (String, String, String);

/// The probes of a kind, apart from names of the market and names within others.
fn probes(kind: Kind) -> Vec<Probe> {
    let is_listed =
        |path: &str| path.matches('.').count() == 1 && !path.starts_with("market.") && path != "product.variants";
    let known = mapping::shape(kind).into_iter().filter(|known| is_listed(&known.path));
    known.map(|known| (known.path.clone(), format!("has_{}", known.path.replace('.', "_")), probe(&known))).collect()
}

fn probe(known: &Known) -> String {
    let filled = |name: &str| match known.of.as_str() {
        _ if known.optional => format!("has({name})"),
        of if of.starts_with("list of") || of.ends_with("by name") => format!("size({name}) > 0"),
        // True unless a shop says otherwise.
        "boolean" if name == "product.searchable" => format!("!{name}"),
        "boolean" => name.to_owned(),
        _ => "true".to_owned(),
    };
    match known.path.strip_prefix("variant.") {
        Some(member) => format!("product.variants.exists(v, {})", filled(&format!("v.{member}"))),
        None => filled(&known.path),
    }
}

fn section(of: &str, probes: &[Probe]) -> String {
    let lines = probes.iter().map(|(_, field, expression)| format!("{field} = {expression:?}\n"));
    format!("[flows.clerk-de.{of}]\n{}", lines.collect::<String>())
}

/// The names that some record of the shop on this platform fills.
async fn filled(platform: Platform, probes: &[(Kind, Vec<Probe>)]) -> BTreeSet<String> {
    let shop = ShopArgs { products: 200, data: None, uniform: false };
    let world = World::start_on(platform, &shop, &[Service::Clerk], Listen::default()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cartage.toml");
    world.configure(&file, "").unwrap();
    let mut text = fs::read_to_string(&file).unwrap();
    for (kind, probes) in probes {
        match kind {
            Kind::Product => text = text.replace("[flows.clerk-de.fields]\n", &section("fields", probes)),
            _ => text.push_str(&section("category_fields", probes)),
        }
    }
    fs::write(&file, text).unwrap();
    cartage(&["--config", &file.display().to_string(), "sync"]).await.ended(0);
    let store = world.clerk.store("de").unwrap();
    let holds = |objects: &[Value], field: &str| objects.iter().any(|object| object[field] == Value::Bool(true));
    let mut filled = BTreeSet::new();
    for (kind, probes) in probes {
        let objects = if *kind == Kind::Product { store.products() } else { store.categories() };
        let objects: Vec<_> = objects.into_values().collect();
        assert!(objects.len() > 5, "{platform:?}: {} objects", objects.len());
        filled.extend(probes.iter().filter(|(_, field, _)| holds(&objects, field)).map(|(name, ..)| name.clone()));
    }
    world.stop().await;
    filled
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_fills_what_others_fill_of_the_same_shop_or_says_why_not() {
    let probes = [Kind::Product, Kind::Category].map(|kind| (kind, probes(kind)));
    let mut all = Vec::new();
    for platform in Platform::value_variants() {
        all.push((*platform, filled(*platform, &probes).await));
    }
    let union: BTreeSet<&String> = all.iter().flat_map(|(_, filled)| filled).collect();
    assert!(union.len() > 20, "{union:?}");
    for (platform, filled) in &all {
        let name = format!("{platform:?}").to_lowercase();
        let of = sources::KINDS.iter().map(|kind| kind.descriptor).find(|of| of.name == name).unwrap();
        for lack in of.lacks {
            assert!(!filled.contains(lack.name), "{name} fills {} and says that it does not", lack.name);
        }
        let silent =
            union.iter().filter(|path| !filled.contains(**path) && of.lacks.iter().all(|lack| lack.name != **path));
        assert_eq!(
            silent.collect::<Vec<_>>(),
            Vec::<&&String>::new(),
            "{name} does not fill these, and does not say so"
        );
    }
}

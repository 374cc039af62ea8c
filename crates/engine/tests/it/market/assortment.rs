use model::{Assignment, Filtered, Localized, Market, Members, Record, Selection, Storefront};

use super::build::*;

fn selection(id: &str, excludes: bool) -> Record {
    Record::Selection(Selection { id: id.into(), key: None, excludes })
}

fn store(selections: &[(&str, bool)]) -> Record {
    Record::Storefront(Storefront {
        key: "store".into(),
        name: Localized::empty(),
        locales: Vec::new(),
        countries: Vec::new(),
        distribution: Vec::new(),
        supply: Vec::new(),
        selections: selections.iter().map(|(id, active)| ((*id).into(), *active)).collect(),
        notices: Vec::new(),
    })
}

fn assigned(selection: &str, members: Members) -> Record {
    Record::Assignment(Assignment { selection: selection.into(), product: "p".into(), members })
}

/// SKUs that are sold of a product in S, M and one without SKU (`-`).
fn sold(selections: &[(&str, bool)], joined: &[Record]) -> String {
    let mut nameless = variant("-");
    nameless.sku = None;
    let product = product(vec![variant("S"), variant("M"), nameless]);
    let market = Market { store: Some("store".into()), ..market() };
    let records = vec![store(selections), selection("in", false), selection("in2", false), selection("out", true)];
    let view = view(&market, records);
    match view.product(&product, joined, NOW).listing {
        Ok(listing) => listing.variants.iter().map(|offer| offer.id.as_str()).collect(),
        Err(Filtered::NotInAssortment) => String::new(),
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn which_assortments_count() {
    let all = assigned("in", Members::All);
    let excluded = assigned("out", Members::All);
    let joined = [all, excluded];
    for (name, selections, expected) in [
        ("no assortment: everything", &[][..], "SM-"),
        ("only an inactive excluding one: everything", &[("out", false)], "SM-"),
        ("all inactive, an including one among them: nothing", &[("out", false), ("in", false)], ""),
        ("an active including one that holds it", &[("in", true)], "SM-"),
        ("an active including one that does not", &[("in2", true)], ""),
        ("an inactive one that holds it does not count", &[("in2", true), ("in", false)], ""),
        ("an active excluding one that names it", &[("out", true)], ""),
        ("what any of them gives", &[("in", true), ("out", true)], "SM-"),
        ("an unknown one counts as including", &[("unknown", true)], ""),
        ("an unknown inactive one as well", &[("unknown", false)], ""),
    ] {
        assert_eq!(sold(selections, &joined), expected, "{name}");
    }
    assert_eq!(sold(&[("out", true)], &[]), "SM-", "everything but what is assigned");
}

#[test]
fn which_variants_are_meant() {
    let only = || Members::Only(vec!["S".into()]);
    let except = || Members::Except(vec!["S".into()]);
    for (name, selections, joined, expected) in [
        ("only", &[("in", true)][..], vec![assigned("in", only())], "S"),
        ("all but", &[("in", true)], vec![assigned("in", except())], "M-"),
        ("only of none", &[("in", true)], vec![assigned("in", Members::Only(Vec::new()))], ""),
        ("excluding only", &[("out", true)], vec![assigned("out", only())], "M-"),
        ("excluding all but", &[("out", true)], vec![assigned("out", except())], "S"),
        (
            "two including ones add up",
            &[("in", true), ("in2", true)],
            vec![assigned("in", only()), assigned("in2", Members::Only(vec!["M".into()]))],
            "SM",
        ),
        (
            "an inactive one adds nothing",
            &[("in", true), ("in2", false)],
            vec![assigned("in", only()), assigned("in2", Members::All)],
            "S",
        ),
    ] {
        assert_eq!(sold(selections, &joined), expected, "{name}");
    }
}

#[test]
fn without_a_store_everything_is_sold() {
    let product = product(vec![variant("S")]);
    let view = plain_view();
    assert!(view.product(&product, &[assigned("out", Members::All)], NOW).listing.is_ok());
}

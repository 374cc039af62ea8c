use model::{Category, Filtered, Record};
use proptest::prelude::*;

use super::build::*;

/// Parent, path and children.
type Shown = (Option<String>, Vec<String>, Vec<String>);

fn shown(records: &[Category], id: &str) -> Result<Shown, Filtered> {
    let view = view(&market(), records.iter().cloned().map(Record::Category).collect());
    let category = records.iter().find(|it| it.id.as_str() == id).unwrap();
    let projection = view.category(category, NOW);
    assert_eq!(projection.holds.until, None);
    let listing = projection.listing?;
    Ok((
        listing.parent.map(|it| it.id.to_string()),
        listing.path.iter().map(ToString::to_string).collect(),
        listing.children.iter().map(|it| it.id.to_string()).collect(),
    ))
}

fn told(parent: Option<&str>, path: &[&str], children: &[&str]) -> Shown {
    let own = |texts: &[&str]| texts.iter().map(|it| (*it).to_owned()).collect();
    (parent.map(ToOwned::to_owned), own(path), own(children))
}

#[test]
fn a_tree_has_paths_and_ordered_children() {
    let place = |id: &str, order: Option<f64>| Category { order, ..category(id, Some("root")) };
    let tree = [
        category("root", None),
        place("z", None),
        place("c", Some(0.2)),
        place("b", Some(-3.5)),
        place("a", Some(10.0)),
        place("y", None),
        category("leaf", Some("b")),
    ];
    assert_eq!(shown(&tree, "root"), Ok(told(None, &["root"], &["b", "c", "a", "y", "z"])));
    assert_eq!(shown(&tree, "leaf"), Ok(told(Some("b"), &["root", "b", "leaf"], &[])));
}

#[test]
fn a_ring_is_filtered_and_what_hangs_below_it_is_not() {
    let ring = [
        category("a", Some("c")),
        category("b", Some("a")),
        category("c", Some("b")),
        category("below", Some("a")),
        category("leaf", Some("below")),
        category("own", Some("own")),
        category("under-own", Some("own")),
    ];
    for id in ["a", "b", "c", "own"] {
        assert_eq!(shown(&ring, id), Err(Filtered::CategoryCycle), "{id}");
    }
    assert_eq!(shown(&ring, "below"), Ok(told(None, &["below"], &["leaf"])));
    assert_eq!(shown(&ring, "leaf"), Ok(told(Some("below"), &["below", "leaf"], &[])));
    assert_eq!(shown(&ring, "under-own"), Ok(told(None, &["under-own"], &[])));
}

#[test]
fn a_category_without_a_name_here_is_filtered_and_skipped() {
    let french = |id: &str, parent| Category { name: texts(&[("fr", "Chemises")]), ..category(id, parent) };
    let blank = |id: &str, parent| Category { name: texts(&[("de", "  ")]), ..category(id, parent) };
    let tree = [
        category("root", None),
        french("fr", Some("root")),
        blank("blank", Some("root")),
        category("leaf", Some("fr")),
        category("orphan", Some("unknown")),
    ];
    assert_eq!(shown(&tree, "fr"), Err(Filtered::NoText));
    assert_eq!(shown(&tree, "blank"), Err(Filtered::NoText));
    assert_eq!(shown(&tree, "root"), Ok(told(None, &["root"], &[])));
    assert_eq!(shown(&tree, "leaf"), Ok(told(None, &["root", "leaf"], &[])));
    assert_eq!(shown(&tree, "orphan"), Ok(told(None, &["orphan"], &[])));
}

#[test]
fn a_url_falls_back_from_slug_to_key_to_id() {
    let view = plain_view();
    let mut it = category("a b/ä", None);
    assert_eq!(view.category(&it, NOW).listing.unwrap().url, "https://shop.example/c/a%20b%2F%C3%A4");
    it.key = Some("key".into());
    assert_eq!(view.category(&it, NOW).listing.unwrap().url, "https://shop.example/c/key");
    it.slug = texts(&[("en", "slug")]);
    assert_eq!(view.category(&it, NOW).listing.unwrap().url, "https://shop.example/c/slug");
}

proptest! {
    /// With any parents it ends, and exactly the members of cycles are filtered.
    #[test]
    fn any_graph_ends(parents in proptest::collection::vec(proptest::option::of(0_usize..12), 12)) {
        let records: Vec<Category> = parents.iter().enumerate()
            .map(|(at, parent)| category(&at.to_string(), parent.map(|it| it.to_string()).as_deref()))
            .collect();
        let view = view(&market(), records.iter().cloned().map(Record::Category).collect());
        for (at, record) in records.iter().enumerate() {
            let mut above = parents[at];
            let mut steps = 0;
            while let Some(parent) = above && parent != at && steps < parents.len() {
                above = parents[parent];
                steps += 1;
            }
            let in_ring = above == Some(at);
            match view.category(record, NOW).listing {
                Ok(listing) => {
                    prop_assert!(!in_ring);
                    prop_assert!(listing.path.len() <= parents.len());
                    prop_assert!(listing.children.iter().all(|it| *it.id != record.id));
                }
                Err(filtered) => {
                    prop_assert_eq!(filtered, Filtered::CategoryCycle);
                    prop_assert!(in_ring);
                }
            }
        }
    }
}

//! The large category tree against an independent reading of its file.

use std::collections::BTreeMap;

use sandbox::catalogue::load::{DataSet, load};

use super::{assert_sound, data_set, json};

#[test]
fn has_every_category_below_its_nearest_listed_ancestor() {
    let Some(folder) = data_set("bestbuy-categories") else { return };
    let loaded = load(&folder).unwrap();
    assert_eq!(loaded.data_set, DataSet::BestBuy);
    assert_eq!(loaded.skipped, []);
    assert!(loaded.markets.is_empty());
    assert_sound(&loaded.catalogue);
    assert_eq!((loaded.catalogue.head.categories.len(), loaded.catalogue.product_count), (4_584, 0));
    let file = json(&folder.join("categories.json"));
    let listed: BTreeMap<&str, &serde_json::Value> =
        file.as_array().unwrap().iter().map(|entry| (entry["id"].as_str().unwrap(), entry)).collect();
    let mut roots = 0;
    for category in &loaded.catalogue.head.categories {
        let entry = listed[category.key.as_str()];
        let path: Vec<&str> =
            entry["path"].as_array().unwrap().iter().map(|step| step["id"].as_str().unwrap()).collect();
        let above = path[..path.len() - 1].iter().rfind(|id| listed.contains_key(**id)).copied();
        assert_eq!(category.parent.as_deref(), above, "{}", category.key);
        assert_eq!(category.name["en"], entry["name"].as_str().unwrap_or(&category.key));
        roots += usize::from(above.is_none());
    }
    assert!(roots > 40, "{roots}");
}

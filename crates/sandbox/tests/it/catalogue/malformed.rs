//! Files that aren't what they should be: refused or skipped with a reason, never a panic.

use std::{fs, path::Path};

use proptest::prelude::*;
use sandbox::catalogue::load::load;
use tempfile::TempDir;

use super::{assert_sound, products};

type Files = &'static [(&'static str, &'static str)];

const LUMA: Files = &[
    (
        "configurable/attributes.csv",
        "frontend_label,frontend_input,option,attribute_code,attribute_set\nSize,select,\"S\nM\",size,Top\n\
         Fabric,multiselect,\"Silk\nFelt\",fabric,Top\nNew,boolean,,new,Top\n",
    ),
    ("configurable/categories.csv", "name,url_key,path\nHats,hats,\nCaps,caps,Hats\n"),
    (
        "configurable/products.csv",
        "sku,product_type,attribute_set_code,categories,name,description,price,special_price,qty,is_in_stock,\
         product_online,visibility,base_image,additional_images,additional_attributes,configurable_variations\n\
         C1-S,simple,Top,Root/Caps,Cap S,,12.50,9,5,1,1,,/a.jpg,,size=S,\n\
         C1-M,simple,Top,Root/Caps,Cap M,,,,0,1,1,,,,size=M,\n\
         C1,configurable,Top,Default Category/Hats/Caps,Cap,\"<p>Warm,\nsoft</p>\",13,,0,1,1,Search,/b.jpg,/c.jpg,\
         \"fabric=Silk|Felt,new=Yes\",\"sku=C1-S,size=S|sku=C1-M,size=M|sku=C1-XL,size=XL\"\n",
    ),
    ("simple/attributes.csv", "frontend_label,frontend_input,option,attribute_code,attribute_set\n"),
    ("simple/categories.csv", "name,url_key,path\nBags,bags,\n"),
    (
        "simple/bags.csv",
        "sku,name,category,price,qty,attribute_set\nB1,Bag,\"Bags\nOther\",20,3,Bag\nB2,Bag,Bags,x,3,Bag\n",
    ),
];

const SUNRISE: Files = &[
    (
        "product-type.json",
        r#"[{"key":"main","name":"Main","attributes":[
            {"name":"size","label":{"en":"Size"},"type":{"name":"text"}},
            {"name":"color","label":{"en":"Colour"},"type":{"name":"lenum","values":[{"key":"red","label":{"en":"Red"}}]}},
            {"name":"notes","label":{"en":"Notes"},"type":{"name":"set","elementType":{"name":"ltext"}}},
            {"name":"worn","label":{"en":"Worn"},"type":{"name":"mystery"}}]}]"#,
    ),
    (
        "categories.csv",
        "key,externalId,name.en,slug.en,parentId\nc1,1,Men,men,3\nc2,2,Hats,hats,1\nc3,3,Odd,odd,1\nc4,4,Lost,lost,9\n",
    ),
    ("channels.json", r#"[{"key":"shop","roles":["ProductDistribution"]},{"roles":[]}]"#),
    ("customer-groups.json", r#"[{"key":"b2b"}]"#),
    (
        "products.csv",
        "productType,sku,prices,categories,images,name.en,name.de,size,color,notes.en\n\
         main,A1,DE-EUR 100 b2b#shop;EUR x;EUR 5 gold,Men>Hats;Men>None,u,Hat,Hut,S,red,one;two\n,A2,EUR 1,,,,,M,blue,\n\
         other,A3,EUR 1,,,,,M,red,\n,A4,EUR 1,,,,,M,red,\nmain,A1,EUR 1,,,,,M,red,\n",
    ),
    ("inventory.csv", "sku,quantityOnStock,supplyChannel\nA1,5,\nA1,6,\nA2,x,\nA2,3,moon\nZ9,1,shop\n"),
];

const DEMO_STORE: Files = &[
    (
        "products.json",
        r#"[{"productCode":"P","sku":"P-1","name":{"en":"Pen"},"images":["u","u"],"color":"red"},
            {"productCode":"P","sku":"P-1","name":{"en":"Pen"}}, 7,
            {"productCode":"Q","sku":"Q-1","name":{"en":"Ink"}}]"#,
    ),
    (
        "prices.json",
        r#"[{"sku_code":"P-1","amount_cents":5,"price_list":"l"},{"sku_code":"P-1","amount_cents":5,"price_list":"?"}]"#,
    ),
    ("price_lists.json", r#"[{"reference":"l","currency_code":"EUR"}]"#),
    (
        "stock_items.json",
        r#"[{"sku_code":"P-1","quantity":5,"stock_location":"w"},{"sku_code":"P-1","quantity":5,"stock_location":"?"}]"#,
    ),
    ("stock_locations.json", r#"[{"reference":"w","name":"W"}]"#),
    (
        "taxons.json",
        r#"[{"id":"t1","label":{"en":"T"},"references":["P-1"],"taxons":["t2"]},{"id":"t2","label":{},"taxons":["t1"]}]"#,
    ),
    ("markets.json", r#"[{"code":"eu","name":"Europe","inventory_model":"m"}]"#),
    ("inventory_stock_locations.json", r#"[{"inventory_model":"m","stock_location":"w","priority":1}]"#),
    ("countries.json", r#"[{"code":"IT","market":"code:eu"}]"#),
];

const BEST_BUY: Files = &[(
    "categories.json",
    "[\n{\"id\":\"a\",\"name\":\"A\",\"path\":[{\"id\":\"a\"}]},\n{\"id\":\"b\",\"name\":null,\"path\":[{\"id\":\"a\"},{\"id\":\"b\"}]},\n{\"id\":\"b\",\"path\":[]},\n{\"id\":1}\n]",
)];

const ALL: [Files; 4] = [LUMA, SUNRISE, DEMO_STORE, BEST_BUY];

fn written(files: Files) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (name, text) in files {
        write(folder.path(), name, text.as_bytes());
    }
    folder
}

fn write(folder: &Path, name: &str, bytes: &[u8]) {
    let file = folder.join(name);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, bytes).unwrap();
}

/// What was skipped, as `file:line: why` without the folder.
fn skipped(files: Files) -> Vec<String> {
    let folder = written(files);
    let loaded = load(folder.path()).unwrap();
    assert_sound(&loaded.catalogue);
    let prefix = format!("{}/", folder.path().display());
    loaded.skipped.iter().map(|skipped| skipped.to_string().replace(&prefix, "")).collect()
}

#[test]
fn what_luma_leaves_out_is_told() {
    assert_eq!(
        skipped(LUMA),
        [
            "configurable/products.csv:4: variation \"sku=C1-XL,size=XL\" names no SKU that has a row; left out",
            "simple/bags.csv:2: there is no category \"Other\"; the product isn't put there",
            "simple/bags.csv:4: price \"x\" isn't an amount; SKU B2 left out",
        ]
    );
}

#[test]
fn what_sunrise_leaves_out_is_told() {
    assert_eq!(
        skipped(SUNRISE),
        [
            "product-type.json:1: attributes of type mystery aren't known; attribute worn left out",
            "channels.json:1: missing field `key`; entry left out",
            "categories.csv:4: category c3: its parents form a circle; taken for a top category",
            "categories.csv:5: category c4: its parent 9 doesn't exist; taken for a top category",
            "products.csv:2: there is no category \"Men>Hats\"; the product isn't put there",
            "products.csv:2: there is no category \"Men>None\"; the product isn't put there",
            "products.csv:2: price \"EUR x\": \"x\" isn't a whole number of minor units; price left out",
            "products.csv:2: price \"EUR 5 gold\": there is no customer group gold; price left out",
            "products.csv:3: color: \"blue\" isn't one of its keys; attribute left out",
            "products.csv:4: SKU A3 belongs to no product of a known type; row left out",
            "products.csv:5: SKU A4 belongs to no product of a known type; row left out",
            "products.csv:6: SKU \"A1\" is empty or there already; row left out",
            "inventory.csv:3: SKU \"A1\" is empty or has this stock already; row left out",
            "inventory.csv:4: quantityOnStock \"x\" isn't a number; row left out",
            "inventory.csv:5: there is no channel moon; row left out",
        ]
    );
}

#[test]
fn what_the_demo_store_leaves_out_is_told() {
    assert_eq!(
        skipped(DEMO_STORE),
        [
            "prices.json:1: there is no price list ?; price left out",
            "stock_items.json:1: there is no stock location ?; stock left out",
            "taxons.json:1: taxon t2: its parents form a circle; taken for a top category",
            "products.json:2: invalid type: integer `7`, expected struct Sku; entry left out",
            "products.json:2: SKU P-1 is there already; row left out",
        ]
    );
}

#[test]
fn what_best_buy_leaves_out_is_told() {
    assert_eq!(
        skipped(BEST_BUY),
        [
            "categories.json:5: invalid type: integer `1`, expected a string; entry left out",
            "categories.json:4: category b is there already; entry left out",
        ]
    );
}

/// Slugs of the products of a data set of which one file is replaced, and what was told of them.
fn slugs(files: Files, name: &str, text: &str) -> (Vec<String>, Vec<String>) {
    let folder = written(files);
    write(folder.path(), name, text.as_bytes());
    let loaded = load(folder.path()).unwrap();
    assert_sound(&loaded.catalogue);
    let slugs = products(&loaded.catalogue).into_iter().flat_map(|product| product.slug.into_values()).collect();
    let told = loaded.skipped.iter().map(|skipped| skipped.why.clone()).filter(|why| why.starts_with("slug")).collect();
    (slugs, told)
}

#[test]
fn products_that_would_share_a_slug_get_one_each() {
    let luma = "sku,product_type,name,price,categories,configurable_variations\nC1,simple,One,1,,\n\
                C1#,simple,Two,1,,\nc1-2,simple,Three,1,,\n#,simple,Four,1,,\nc-1,simple,Left out,x,,\n\
                C1-,configurable,Five,1,,sku=C-1\nC-1,simple,Five,2,,\n";
    let (of, told) = slugs(LUMA, "configurable/products.csv", luma);
    let english: Vec<_> = of.iter().filter(|slug| !slug.starts_with("de-") && !slug.starts_with('b')).collect();
    assert_eq!(english, ["c1", "c1-2", "c1-3", "c1-2-2", "product-2"]);
    assert!(told.contains(&r#"slug "c1" (en) is empty or another product's; taken as "c1-2""#.to_owned()), "{told:?}");

    let sunrise = "productType,sku,prices,categories,images,name.en,name.de,slug.en,slug.de\n\
                   main,A1,,,,Hat,Hut,hat,hat\nmain,A2,,,,Hat,Hut,hat,hut\n";
    let (of, told) = slugs(SUNRISE, "products.csv", sunrise);
    assert_eq!(of, ["hat", "hat", "hut", "hat-2"]);
    assert_eq!(told, [r#"slug "hat" (en) is empty or another product's; taken as "hat-2""#]);

    let demo =
        r#"[{"productCode":"P","sku":"P-1","name":{"en":"Pen"}},{"productCode":"p!","sku":"P-2","name":{"en":"Pen"}}]"#;
    let (of, told) = slugs(DEMO_STORE, "products.json", demo);
    assert_eq!(of, ["p", "p-2"]);
    assert_eq!(told, [r#"slug "p" (en) is empty or another product's; taken as "p-2""#]);
}

/// Message of the error for a data set of which one file is replaced, without the folder.
fn refused(files: Files, name: &str, bytes: &[u8]) -> String {
    let folder = written(files);
    write(folder.path(), name, bytes);
    load(folder.path()).unwrap_err().to_string().replace(&format!("{}/", folder.path().display()), "")
}

#[test]
fn errors_name_file_line_column_reason_and_remedy() {
    assert_eq!(
        refused(LUMA, "simple/categories.csv", b"name,url_key\n"),
        "simple/categories.csv, line 1, column path: the header has no such column \
         (see that it is the file of the data set, unchanged)"
    );
    assert_eq!(
        refused(SUNRISE, "categories.csv", b"key,key\n"),
        "categories.csv, line 1, column key: two columns have this name (rename one of them)"
    );
    assert_eq!(
        refused(BEST_BUY, "categories.json", b"[\n{},\n"),
        "categories.json, line 3, column 0: not the JSON that is expected: EOF while parsing a value \
         (see that the file is complete and unchanged)"
    );
    let folder = written(DEMO_STORE);
    fs::remove_file(folder.path().join("stock_items.json")).unwrap();
    let error = load(folder.path()).unwrap_err();
    assert!(error.to_string().contains("stock_items.json: No such file"), "{error}");
}

#[test]
fn a_folder_that_is_no_data_set_is_refused_with_what_was_expected() {
    let folder = TempDir::new().unwrap();
    let error = load(folder.path()).unwrap_err().to_string();
    assert!(error.contains("isn't a data set that is known (expected configurable/products.csv"), "{error}");
    let error = load(&folder.path().join("nowhere")).unwrap_err().to_string();
    assert!(error.contains("there is no such folder (name the folder of a data set)"), "{error}");
}

/// One change to the bytes of one file.
#[derive(Clone, Debug)]
enum Damage {
    Random(Vec<u8>),
    CutAt(prop::sample::Index),
    Insert(prop::sample::Index, Vec<u8>),
    Delete(prop::sample::Index),
}

fn damage() -> impl Strategy<Value = Damage> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..200);
    // Bytes that mean something to a reader of CSV or JSON.
    let marks = prop::collection::vec(prop::sample::select(b"\",;\n{}[]:>|=#-0\xFF".to_vec()), 1..4);
    prop_oneof![
        1 => bytes().prop_map(Damage::Random),
        3 => any::<prop::sample::Index>().prop_map(Damage::CutAt),
        3 => (any::<prop::sample::Index>(), marks).prop_map(|(at, bytes)| Damage::Insert(at, bytes)),
        2 => any::<prop::sample::Index>().prop_map(Damage::Delete),
    ]
}

fn damaged(text: &str, damage: &Damage) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    match damage {
        Damage::Random(random) => bytes.clone_from(random),
        Damage::CutAt(at) => bytes.truncate(at.index(text.len())),
        Damage::Insert(at, inserted) => {
            let at = at.index(text.len());
            bytes.splice(at..at, inserted.iter().copied());
        }
        Damage::Delete(at) => {
            bytes.remove(at.index(text.len()));
        }
    }
    bytes
}

/// 400 cases, or as many more as `PROPTEST_CASES` asks for.
fn cases() -> ProptestConfig {
    let asked = ProptestConfig::default();
    ProptestConfig { cases: asked.cases.max(400), failure_persistence: None, ..asked }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn a_damaged_file_is_refused_or_read_soundly(
        files in prop::sample::select(ALL.to_vec()),
        which in any::<prop::sample::Index>(),
        damages in prop::collection::vec(damage(), 1..4),
    ) {
        let folder = written(files);
        let (name, text) = files[which.index(files.len())];
        let mut bytes = text.as_bytes().to_vec();
        for damage in &damages {
            bytes = match std::str::from_utf8(&bytes) {
                Ok(text) if !text.is_empty() => damaged(text, damage),
                _ => break,
            };
        }
        write(folder.path(), name, &bytes);
        match load(folder.path()) {
            Ok(loaded) => assert_sound(&loaded.catalogue),
            Err(error) => prop_assert!(!error.hint.is_empty()),
        }
    }
}

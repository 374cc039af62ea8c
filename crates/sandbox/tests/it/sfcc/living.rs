//! The living shop and delta exports.

use sandbox::{
    catalogue::Price,
    sfcc::{ChangeError, Deltas},
    shop::{Edit, LivingShop},
};

use super::*;

const OUTBOX: &str = "Impex/src/platform/outbox/cartage/shop-delta";

fn catalogue() -> Catalogue {
    generate(&Options { products: 60, ..Options::default() })
}

async fn open() -> Instance {
    let deltas = Deltas { write_ms: 0, ..Deltas::default() };
    Instance::open(Settings { deltas: Some(deltas), ..Settings::default() }, &catalogue()).await
}

/// A product with a plain price of everyone, and one of its SKUs.
fn plain() -> (String, String) {
    let product = (catalogue().products)().next().unwrap();
    (product.key, product.variants[0].sku.clone().unwrap())
}

impl Instance {
    /// The files of the newest delta, by their end.
    async fn delta(&self, number: u32) -> BTreeMap<String, String> {
        let file = self.dav("GET", &format!("{OUTBOX}/{number:06}.zip"), &[]).await;
        assert_eq!(file.status, 200, "{:?}", self.emulator.file_paths());
        let entries = unzip(&file.body);
        entries.into_iter().map(|(name, text)| (name.split_once('/').unwrap().1.to_owned(), text)).collect()
    }
}

#[tokio::test]
async fn edits_of_the_living_shop_arrive_in_the_archive() {
    let instance = open().await;
    let mut made = 0;
    for edit in LivingShop::new(&catalogue(), 7).take(400) {
        match instance.emulator.edit(edit) {
            Ok(()) => made += 1,
            Err(ChangeError::NoPlace(_)) => {}
            Err(error) => panic!("{error}"),
        }
    }
    assert!(made > 350, "{made} of 400");
    let files = instance.everything().await;
    archive::assert_valid(&files);
    assert!(files["shop/catalogs/master-catalog/catalog.xml"].contains("-new"), "an added product");
    assert!(files["shop/pricebooks/eur-list-prices.xml"].contains("<online-from>"), "a price window");
}

#[tokio::test]
async fn only_a_products_own_fields_are_in_the_catalogue_of_a_delta() {
    let instance = open().await;
    let (product, sku) = plain();
    let id = instance.emulator.product_id(&product).unwrap();
    instance.emulator.edit(Edit::Name { product: product.clone(), locale: "de".into(), text: "Neu".into() }).unwrap();
    instance.emulator.export_deltas();
    let delta = instance.delta(1).await;
    archive::assert_valid(&delta);
    let catalog = &delta["catalogs/master-catalog/catalog.xml"];
    assert!(catalog.contains("<display-name xml:lang=\"x-default\">Neu</display-name>"), "{catalog}");
    assert_eq!(catalog.matches("<product ").count(), 1, "a change of a master does not mark its variants");
    let price = Price { minor: 123, currency: "EUR".into(), discounted: Some(99), ..Price::default() };
    instance.emulator.edit(Edit::Price { product: product.clone(), sku: sku.clone(), price }).unwrap();
    instance.emulator.export_deltas();
    let delta = instance.delta(2).await;
    archive::assert_valid(&delta);
    assert!(delta.keys().all(|name| name.starts_with("pricebooks/") || name == "version.txt"), "{:?}", delta.keys());
    assert!(delta["pricebooks/eur-list-prices.xml"].contains("<amount quantity=\"1\">1.23</amount>"));
    assert!(delta["pricebooks/eur-sale-prices.xml"].contains("<amount quantity=\"1\">0.99</amount>"));
    instance.emulator.edit(Edit::Removed { product }).unwrap();
    instance.emulator.export_deltas();
    let delta = instance.delta(3).await;
    archive::assert_valid(&delta);
    let gone = format!("<product mode=\"delete\" product-id=\"{id}\"/>");
    assert!(delta["catalogs/master-catalog/catalog.xml"].contains(&gone));
    assert!(delta["catalogs/storefront-catalog/catalog.xml"].contains("<category-assignment mode=\"delete\""));
    assert!(delta["pricebooks/eur-list-prices.xml"].contains("mode=\"delete-all\""));
}

#[tokio::test]
async fn what_orders_and_the_clock_change_is_in_no_delta() {
    let instance = open().await;
    let (product, sku) = plain();
    let channel = Some("warehouse-de".to_owned());
    let set = |quantity| Edit::Stock { sku: sku.clone(), channel: channel.clone(), quantity };
    instance.emulator.edit(set(500)).unwrap();
    let price = Price { minor: 100, currency: "EUR".into(), ..Price::default() };
    let second = std::time::Duration::from_secs(1);
    let window = Edit::PriceWindow { product, sku: sku.clone(), price, opens_in: second, lasts: 60 * second };
    instance.emulator.edit(window).unwrap();
    instance.emulator.export_deltas();
    let delta = instance.delta(1).await;
    assert!(delta["inventory-lists/inventory-warehouse-de.xml"].contains("<allocation>500.0</allocation>"));
    instance.emulator.edit(set(498)).unwrap();
    instance.pass(2_000);
    instance.emulator.export_deltas();
    assert_eq!(instance.dav("GET", &format!("{OUTBOX}/000002.zip"), &[]).await.status, 404, "nothing that it notices");
    let path = format!(
        "inventory_lists/inventory-warehouse-de/product_inventory_records/{}",
        instance.emulator.sku_id(&sku).unwrap()
    );
    let record = instance.get(&path).await;
    assert_eq!((record["ats"].as_f64(), record["inventory_turnover"].as_f64()), (Some(498.0), Some(2.0)));
    assert_eq!(record["last_modified"], "2026-05-01T10:00:00.000Z", "the order moved it");
}

#[tokio::test]
async fn deltas_are_numbered_by_their_schedule_and_off_by_default() {
    let instance = open().await;
    let (product, _) = plain();
    for (minute, text) in ["a", "b"].into_iter().enumerate() {
        instance.get("sites").await;
        instance
            .emulator
            .edit(Edit::Name { product: product.clone(), locale: "en".into(), text: text.into() })
            .unwrap();
        instance.pass(60_000);
        assert_eq!(instance.emulator.file_paths().len(), 2 * (minute + 1));
    }
    let names = instance.emulator.file_paths();
    assert_eq!(names[2..], [format!("{OUTBOX}/000002.meta"), format!("{OUTBOX}/000002.zip")]);
    let without = Instance::of(1).await;
    without.emulator.edit(Edit::Name { product, locale: "en".into(), text: "c".into() }).unwrap();
    without.emulator.export_deltas();
    assert_eq!(without.emulator.file_paths(), Vec::<String>::new());
}

#[tokio::test]
async fn load_and_maintenance_are_told() {
    let instance = Instance::of(1).await;
    let path = "/s/-/dw/data/v25_6/sites";
    for (load, status) in [(79, None), (80, Some("WARN")), (90, Some("THROTTLE"))] {
        instance.emulator.set_load(Some(load));
        let answer = instance.ask("GET", path, &[("correlation-id", "abc")], "").await;
        assert_eq!(
            (answer.header("sfdc_load"), answer.header("sfdc_load_status")),
            (Some(load.to_string().as_str()), status)
        );
        assert_eq!(answer.header("x-correlation-id"), Some("abc"));
    }
    instance.emulator.set_load(Some(100));
    assert_eq!(instance.data("GET", "sites", &Value::Null).await.status, 503);
    instance.emulator.set_load(None);
    instance.emulator.set_maintenance(Some("system"));
    let answer = instance.data("GET", "sites", &Value::Null).await;
    assert_eq!((answer.status, answer.header("sfdc_maintenance")), (503, Some("system")));
    instance.emulator.set_maintenance(None);
    assert_eq!(instance.data("GET", "sites", &Value::Null).await.status, 200);
}

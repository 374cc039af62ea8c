//! What a first pass from BigCommerce costs, read by pages, and one from an export of SFCC; each beside its floor.
//!
//! The shop has uniform products of 5 variants, one language and one currency, and is sold in one market. The calls of
//! BigCommerce stand beside the least that a walk over everything needs: each row once, in pages as large as the platform
//! gives; for where stock is counted, and for the records of price lists, products and lists are asked for once more. The archive of
//! SFCC is written before the pass, to disk, and shows the shop to exports alone, so that the emulator never holds it.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    pin::pin,
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};
use sandbox::{
    bigcommerce::{self, Rows},
    catalogue::{Catalogue, Market, Options, generate},
};
use tokio::time::sleep;

use super::{
    super::{
        args::{Platform, Service},
        shops::Shop,
        world::{Goods, Listen, World},
    },
    job::{Job, Shape, Watched},
    report::{Calls, Export, Reading},
};
use crate::output::Output;

/// Variants of each product.
const VARIANTS: usize = 5;
/// Products of BigCommerce on a page that shows their modifiers, and rows of all other pages of catalogues and price lists.
const WITH_MODIFIERS: usize = 10;
const ROWS: usize = 250;
/// Rows of a page of stock.
const STOCK_ROWS: usize = 1_000;
/// Where the floor finds the archive.
const ARCHIVE: &str = "Impex/src/instance/floor.zip";
/// How often it is looked at what an export takes on disk.
const LOOK: Duration = Duration::from_millis(200);

/// A shop of so many products, and its market.
fn goods(products: usize) -> (Catalogue, Vec<Market>) {
    let options = Options {
        products,
        variants_per_product: VARIANTS,
        locales: vec!["de".to_owned()],
        currencies: vec!["EUR".to_owned()],
        oddities: false,
        ..Options::default()
    };
    let mut catalogue = generate(&options);
    catalogue.head.stores.truncate(1);
    // The stock of uniform products is in no warehouse.
    catalogue.head.stores.iter_mut().for_each(|store| store.supply_channels.clear());
    let store = catalogue.head.stores.first().map(|store| store.key.clone());
    let markets = options.markets().into_iter().take(1).map(|market| Market { store: store.clone(), ..market });
    (catalogue, markets.collect())
}

/// The shop on this platform, in a folder of its own.
async fn sell(scratch: &Path, platform: Platform, products: usize, output: Output<'static>) -> anyhow::Result<Job> {
    let folder = scratch.join(format!("read-{}", platform.descriptor().name));
    fs::create_dir_all(&folder)?;
    let (catalogue, markets) = goods(products);
    let world = World::serve(platform, Goods::new(catalogue, markets), &[Service::Clerk], Listen::default()).await?;
    world.configure(&folder.join("cartage.toml"), "")?;
    Ok(Job::of(world, folder, Shape::Default, products, output))
}

/// First passes from BigCommerce, without and with modifiers.
pub(super) async fn bigcommerce(
    scratch: &Path,
    products: usize,
    output: Output<'static>,
) -> anyhow::Result<Vec<Reading>> {
    let job = sell(scratch, Platform::Bigcommerce, products, output).await?;
    let Shop::Bigcommerce(store) = &job.world.on else { bail!("the shop is on another platform") };
    let without = by_pages(&job, store, false).await?;
    engrave(store)?;
    let file = job.folder.join("cartage.toml");
    let text = fs::read_to_string(&file)?;
    let kind = "kind = \"bigcommerce\"\n";
    ensure!(text.contains(kind), "the configuration has no source of BigCommerce");
    fs::write(&file, text.replace(kind, &format!("{kind}modifiers = true\n")))?;
    job.empty()?;
    job.world.markets.iter().filter_map(|market| job.world.clerk.store(&market.key)).for_each(|store| store.clear());
    let with = by_pages(&job, store, true).await?;
    job.world.stop().await;
    Ok(vec![without, with])
}

/// Gives every product a modifier.
fn engrave(store: &bigcommerce::Emulator) -> anyhow::Result<()> {
    for product in store.product_keys().into_values() {
        let values = vec![("Ohne".to_owned(), None), ("Mit Gravur".to_owned(), Some(500))];
        store.change(bigcommerce::Change::AddModifier { product, name: "Gravur".to_owned(), values })?;
    }
    Ok(())
}

async fn by_pages(job: &Job, store: &bigcommerce::Emulator, modifiers: bool) -> anyhow::Result<Reading> {
    store.reset_counters();
    let Watched { report, sandbox_cpu_seconds, read } = job.watched().await?;
    let made = store.counters();
    let token = store.settings().access_token.clone();
    let reading = Reading {
        from: if modifiers { "bigcommerce_modifiers" } else { "bigcommerce" },
        products: job.products,
        skus: job.products * VARIANTS,
        cost: report.cost,
        sandbox_cpu_seconds,
        floor_cpu_seconds: job.floor([("x-auth-token", token)], read.pages).await?,
        calls: calls(&store.rows(), if modifiers { WITH_MODIFIERS } else { ROWS }, &made),
        export: None,
    };
    job.output.line(reading.line())?;
    Ok(reading)
}

/// The calls that were made, beside the least. `page`: products of a page that shows all of them.
fn calls(rows: &Rows, page: usize, made: &BTreeMap<String, u64>) -> Vec<Calls> {
    // An endpoint without rows is asked once, too.
    let number = |count: usize, page: usize| count.div_ceil(page).max(1);
    let pages = |count: usize, what: &str, page: usize| (number(count, page), format!("ceil({count} {what} / {page})"));
    let products = |page| pages(rows.products, "products", page);
    let lists = |lanes: usize, what: &str| {
        let (least, formula) = pages(rows.price_lists, "price lists", ROWS);
        (lanes * least, format!("{formula} for {what}"))
    };
    let (with_all, with_tracking) = (products(page), products(ROWS));
    let records = rows.price_records.iter().map(|count| number(*count, ROWS)).sum();
    let least = [
        ("GET /v2/store", (1, "1".to_owned())),
        ("GET /v2/currencies", pages(rows.currencies, "currencies", ROWS)),
        ("GET /v3/channels", pages(rows.channels, "channels", ROWS)),
        ("GET /v3/catalog/trees", pages(rows.trees, "trees", ROWS)),
        ("GET /v3/catalog/trees/categories", pages(rows.categories, "categories", ROWS)),
        ("GET /v3/catalog/brands", pages(rows.brands, "brands", ROWS)),
        ("GET /v3/catalog/products/channel-assignments", pages(rows.channel_assignments, "assignments", ROWS)),
        ("GET /v3/pricelists", lists(2, "the lists + the same for their records")),
        ("GET /v3/pricelists/assignments", lists(1, "their assignments")),
        ("GET /v3/pricelists/{id}/records", (records, format!("sum of max(1, ceil(records / {ROWS})) of each list"))),
        (
            "GET /v3/catalog/products",
            (with_all.0 + with_tracking.0, format!("{} + {} for where stock is counted", with_all.1, with_tracking.1)),
        ),
        ("GET /v3/inventory/items", pages(rows.counted_variants, "variants", STOCK_ROWS)),
    ];
    let known = least.iter().map(|(endpoint, (least, formula))| Calls {
        endpoint: (*endpoint).to_owned(),
        formula: formula.clone(),
        least: *least as u64,
        made: made.get(*endpoint).copied().unwrap_or(0),
    });
    let others = made.iter().filter(|(endpoint, _)| !least.iter().any(|(known, _)| known == endpoint));
    let others = others.map(|(endpoint, made)| Calls {
        endpoint: endpoint.clone(),
        formula: "nothing to read".to_owned(),
        least: 0,
        made: *made,
    });
    known.chain(others).collect()
}

/// A first pass from an export of SFCC with so many SKUs.
pub(super) async fn sfcc(scratch: &Path, skus: usize, output: Output<'static>) -> anyhow::Result<Reading> {
    let products = skus.div_ceil(VARIANTS);
    let job = sell(scratch, Platform::Sfcc, 0, output).await?;
    let Shop::Sfcc(instance) = &job.world.on else { bail!("the shop is on another platform") };
    let archive_bytes = tokio::task::block_in_place(|| instance.set_export_of(&goods(products).0))?;
    let spool = job.folder.join("sandbox.scratch");
    let (watched, spool_bytes) = most_on_disk(spool, job.watched()).await;
    let Watched { report, sandbox_cpu_seconds, read } = watched?;
    ensure!(instance.put_export(ARCHIVE)?, "the instance has no archive");
    let page = format!("/on/demandware.servlet/webdav/Sites/{ARCHIVE}");
    let reading = Reading {
        from: "sfcc",
        products,
        skus: products * VARIANTS,
        cost: report.cost,
        sandbox_cpu_seconds,
        floor_cpu_seconds: job.floor([("authorization", read.authorization)], vec![page]).await?,
        calls: Vec::new(),
        export: Some(Export { archive_bytes, spool_bytes }),
    };
    let view = job.world.markets.first().and_then(|market| job.world.clerk.store(&market.key));
    let sold = view.context("the market has no store")?.count(sandbox::clerk::Resource::Products);
    ensure!(sold == products, "of {products} products {sold} arrived");
    job.output.line(reading.line())?;
    job.world.stop().await;
    Ok(reading)
}

/// The result of `work`, and the most bytes that a folder held meanwhile.
async fn most_on_disk<T>(folder: PathBuf, work: impl Future<Output = T>) -> (T, u64) {
    let mut work = pin!(work);
    let mut most = 0;
    loop {
        let done = tokio::select! {
            done = &mut work => Some(done),
            () = sleep(LOOK) => None,
        };
        most = most.max(size(&folder));
        if let Some(done) = done {
            return (done, most);
        }
    }
}

/// Bytes of all files below a folder; those that vanish meanwhile have none.
fn size(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let of = |entry: fs::DirEntry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => size(&entry.path()),
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    };
    entries.map(of).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_stand_beside_the_least_and_none_is_left_out() {
        let rows = Rows {
            products: 501,
            counted_variants: 1_001,
            price_lists: 2,
            price_records: vec![251, 0],
            ..Rows::default()
        };
        let made = BTreeMap::from([
            ("GET /v3/catalog/products".to_owned(), 9),
            ("GET /v3/catalog/products/{id}".to_owned(), 4),
        ]);
        let calls = calls(&rows, WITH_MODIFIERS, &made);
        let of = |endpoint: &str| {
            let found = calls.iter().find(|calls| calls.endpoint == endpoint).unwrap();
            (found.least, found.made, found.formula.as_str())
        };
        let both = "ceil(501 products / 10) + ceil(501 products / 250) for where stock is counted";
        assert_eq!(of("GET /v3/catalog/products"), (51 + 3, 9, both));
        assert_eq!(of("GET /v3/inventory/items"), (2, 0, "ceil(1001 variants / 1000)"));
        assert_eq!(of("GET /v3/pricelists/{id}/records").0, 3);
        assert_eq!(of("GET /v3/catalog/products/{id}"), (0, 4, "nothing to read"));
    }
}

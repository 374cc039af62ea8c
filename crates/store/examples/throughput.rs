//! What the store costs per product, for the three things that a sync does with it.
//!
//! `cargo run --release -p store --example throughput [products] [stock entries per product]`: takes in products of five
//! variants, walks them with a flow, settles them with payloads of 3 to 4 KB, reads them all again unchanged, and
//! prints microseconds of wall and CPU time per product, the size on disk and the highest memory use.
#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    reason = "it prints measurements"
)]

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use contract::{
    Admin as _, Change, Facet, Fault, Ledger as _, Mirror as _, Payload, Writer,
    source::Urgency,
    store::{Closed, Declared, Held, HeldItem, Intake, LaneState, Lease, Open, Settled, State, Step, Take, Work},
};
use model::{
    Attribute, Currency, FlowName, Image, Keywords, Kind, Locale, Localized, Money, Price, Product, Record, SourceName,
    Stock, StockLevel, Timestamp, Value, Variant,
};
use store::Sqlite;

const PAGE: usize = 500;
const WORDS: [&str; 16] = [
    "linen",
    "shirt",
    "summer",
    "organic",
    "cotton",
    "light",
    "washed",
    "classic",
    "collar",
    "relaxed",
    "sleeve",
    "button",
    "seam",
    "pocket",
    "woven",
    "button-down",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse::<usize>());
    let products = arguments.next().transpose()?.unwrap_or(20_000);
    let stocks = arguments.next().transpose()?.unwrap_or(0);
    let folder = std::env::temp_dir().join(format!("cartage-throughput-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let measured = runtime.block_on(measure(&folder.join("cartage.db"), products, stocks));
    fs::remove_dir_all(&folder)?;
    measured
}

async fn measure(path: &Path, products: usize, stocks: usize) -> Result<(), Box<dyn std::error::Error>> {
    let store = Sqlite::open(path)?;
    let flow = FlowName::from("shop-to-search");
    store.declare(&declared(&flow, "1")).await?;
    println!("{products} products, {stocks} stock entries each");

    let mut intake = Stopwatch::default();
    for page in 0..products.div_ceil(PAGE) {
        let changes = (page * PAGE..((page + 1) * PAGE).min(products)).map(product).collect();
        intake.time(store.intake(self::page(changes, 1, false))).await?;
    }
    intake.print("intake", products);
    if stocks > 0 {
        let mut intake = Stopwatch::default();
        for page in 0..(products * stocks).div_ceil(PAGE) {
            let entries = page * PAGE..((page + 1) * PAGE).min(products * stocks);
            let changes = entries.map(|n| stock(n / stocks, n % stocks)).collect();
            intake.time(store.intake(self::page(changes, 1, false))).await?;
        }
        intake.print("intake of stock (per entry)", products * stocks);
    }

    let (mut walk, mut settle, mut count) = (Stopwatch::default(), Stopwatch::default(), 0);
    let mut calls = Vec::new();
    loop {
        let take = Take { now: at(), fresh: [PAGE; 3], retries: PAGE, after: None };
        let workload = walk.time(store.workload(&flow, take)).await?;
        if workload.work.is_empty() {
            break;
        }
        count += workload.work.len();
        let settled =
            workload.work.iter().map(|work| settled(work, calls.first().copied())).collect::<Result<_, _>>()?;
        let open = Open {
            kind: Kind::Product,
            op: "put",
            items: workload.work.iter().map(|work| (work.number, work.id.as_str().into())).collect(),
        };
        let step = Step {
            flow: flow.clone(),
            lease: Lease::default(),
            close: calls.iter().map(|id| closed(*id)).collect(),
            settled,
            cursor: Some(workload.cursor),
            open: vec![open],
            removed: 0,
            tickets: Vec::new(),
            at: at(),
        };
        calls = settle.time(store.advance(step)).await?;
    }
    walk.print("workload", count);
    settle.print("advance", count);

    let mut again = Stopwatch::default();
    for page in 0..products.div_ceil(PAGE) {
        let changes = (page * PAGE..((page + 1) * PAGE).min(products)).map(product).collect();
        again.time(store.intake(self::page(changes, 2, true))).await?;
    }
    again.print("intake, unchanged", products);

    let started = Instant::now();
    let tally = store.tally(&flow).await?;
    println!(
        "{:28} {:8.1} ms, {} in sync of {}",
        "tally",
        started.elapsed().as_secs_f64() * 1e3,
        tally.in_sync,
        tally.mirror
    );
    let started = Instant::now();
    store.declare(&declared(&flow, "2")).await?;
    println!("{:28} {:8.1} ms", "declare", started.elapsed().as_secs_f64() * 1e3);
    let bytes = fs::metadata(path)?.len();
    println!(
        "{:28} {:8.1} MiB, {} bytes per product",
        "database",
        bytes as f64 / 1_048_576.0,
        bytes / products.max(1) as u64
    );
    println!("{:28} {:8.1} MiB", "peak memory", peak_kib() as f64 / 1024.0);
    Ok(())
}

#[derive(Default)]
struct Stopwatch {
    wall: f64,
    cpu: f64,
}

impl Stopwatch {
    async fn time<T>(&mut self, work: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
        let (started, cpu) = (Instant::now(), cpu_seconds());
        let done = work.await;
        self.wall += started.elapsed().as_secs_f64();
        self.cpu += cpu_seconds() - cpu;
        done
    }

    fn print(&self, what: &str, count: usize) {
        let each = 1e6 / count.max(1) as f64;
        println!("{what:28} {:8.1} µs wall, {:6.1} µs CPU each", self.wall * each, self.cpu * each);
    }
}

/// CPU time of this process, summed over its threads, from the scheduler's own count in nanoseconds.
fn cpu_seconds() -> f64 {
    let threads = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let spent = threads.filter_map(|thread| {
        let text = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse::<u64>().ok()
    });
    spent.sum::<u64>() as f64 / 1e9
}

fn peak_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

fn source() -> SourceName {
    "shop".into()
}

fn at() -> Timestamp {
    Timestamp::from_millis(1_760_000_000_000)
}

fn page(changes: Vec<Change>, pass: u64, read_before: bool) -> Intake {
    Intake {
        source: source(),
        lane: "products".to_owned(),
        lease: Lease::default(),
        state: LaneState { full_at: read_before.then(at), ..LaneState::default() },
        expected: None,
        as_of: at(),
        fetched: false,
        confirm: Vec::new(),
        scopes: Vec::new(),
        hints: Vec::new(),
        changes,
        unread: Vec::new(),
        pass: Some(pass),
        marks: true,
        urgency: Urgency::Backfill,
        at: at(),
    }
}

fn declared(flow: &FlowName, fingerprint: &str) -> Declared {
    Declared {
        flow: flow.clone(),
        source: source(),
        account: String::new(),
        fingerprint: fingerprint.to_owned(),
        carries: Kind::CATALOGUE.to_vec(),
        markets: Vec::new(),
        ids: contract::destination::Ids::Own,
        price_history: false,
    }
}

/// Numbers that look random and are the same every time.
fn mixed(seed: usize) -> usize {
    let mixed = (seed as u64).wrapping_add(0x9e37_79b9_7f4a_7c15).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    usize::try_from((mixed ^ (mixed >> 29)).wrapping_mul(0x94d0_49bb_1331_11eb) >> 33).unwrap_or(0)
}

fn words(seed: usize, count: usize) -> String {
    let words = (0..count).filter_map(|n| WORDS.get(mixed(seed * 131 + n) % WORDS.len()).copied());
    words.collect::<Vec<_>>().join(" ")
}

fn uuid(kind: usize, n: usize) -> String {
    let (a, b) = (mixed(kind * 7919 + n), mixed(kind * 104_729 + n + 1));
    format!("{n:08x}-{:04x}-4{:03x}-8{:03x}-{:08x}{:04x}", a & 0xffff, b & 0xfff, a >> 16 & 0xfff, b, a & 0xffff)
}

fn texts(seed: usize, count: usize) -> Localized {
    let locales = ["de", "en"].into_iter().filter_map(|tag| Locale::parse(tag).ok());
    locales.enumerate().map(|(n, locale)| (locale, words(seed * 2 + n, count))).collect()
}

fn keywords(seed: usize, count: usize) -> Keywords {
    let locales = ["de", "en"].into_iter().filter_map(|tag| Locale::parse(tag).ok());
    let list = |n| (0..count).map(|at| words(seed * 2 + n + at, 1)).collect();
    locales.enumerate().map(|(n, locale)| (locale, list(n))).collect()
}

fn sku(product: usize, variant: usize) -> String {
    format!("{:07}-{variant}", mixed(product) % 10_000_000)
}

fn variant(product: usize, n: usize) -> Variant {
    let price = |currency: &str| {
        let currency: Currency = currency.parse().ok()?;
        Some(Price::new(Money::new(i64::try_from(mixed(product) % 20_000).unwrap_or(0) + 99, currency)))
    };
    let attribute = |name: &str, seed| Attribute { name: name.to_owned(), value: Value::Text(words(seed, 1)) };
    Variant {
        sku: Some(sku(product, n).into()),
        gtin: Some(format!("40{:011}", mixed(product * 5 + n))),
        attributes: vec![
            attribute("colour", product + n),
            attribute("size", n),
            Attribute { name: "material".to_owned(), value: Value::Localized(texts(product * 5 + n, 3)) },
        ],
        prices: ["EUR", "GBP"].into_iter().filter_map(price).collect(),
        images: vec![Image { url: format!("https://cdn.example/{product}/{n}/front.jpg"), label: None }],
        ..Variant::new((n + 1).to_string())
    }
}

fn product(n: usize) -> Change {
    let record = Record::Product(Box::new(Product {
        product_type: Some(uuid(2, n % 7).into()),
        name: texts(n, 4),
        slug: texts(n + 1, 4),
        description: texts(n + 2, 70),
        meta_title: texts(n, 4),
        meta_description: texts(n + 3, 12),
        keywords: keywords(n + 4, 4),
        categories: vec![uuid(3, n % 300).into(), uuid(3, n % 40).into()],
        attributes: vec![Attribute { name: "brand".to_owned(), value: Value::Text(words(n, 1)) }],
        variants: (0..5).map(|at| variant(n, at)).collect(),
        created_at: Some(at()),
        ..Product::new(uuid(1, n))
    }));
    Change::Is { record, version: 1, modified_at: Some(at()) }
}

fn stock(product: usize, variant: usize) -> Change {
    let record = Record::Stock(Stock {
        id: uuid(4, product * 5 + variant).into(),
        item: sku(product, variant).as_str().into(),
        level: StockLevel::limited(None, 7),
        created_at: Some(at()),
    });
    Change::Is { record, version: 1, modified_at: Some(at()) }
}

fn payload(work: &Work) -> Result<Payload, Fault> {
    let no = |error| Fault::record("C0999", format!("{error}"));
    let mut writer = Writer::resume(Payload::default());
    let Some(Record::Product(product)) = work.record() else { return Ok(writer.finish()) };
    let text = |texts: &Localized| texts.get("en").unwrap_or_default().to_owned();
    writer.force(Facet::CONTENT, "name", &text(&product.name)).map_err(no)?;
    writer.force(Facet::CONTENT, "description", &text(&product.description)).map_err(no)?;
    writer.force(Facet::CONTENT, "description_html", &text(&product.description)).map_err(no)?;
    writer.force(Facet::CONTENT, "keywords", &product.keywords.get("en")).map_err(no)?;
    writer.force(Facet::CONTENT, "variants", &product.variants).map_err(no)?;
    writer.force(Facet::PRICE, "price", &19.99).map_err(no)?;
    writer.force(Facet::AVAILABILITY, "stock", &[7; 5]).map_err(no)?;
    Ok(writer.finish())
}

fn closed(id: u64) -> Closed {
    Closed { id, status: 200, took: Duration::from_millis(30), response: "{\"status\":\"ok\"}".to_owned(), fault: None }
}

fn settled(work: &Work, call: Option<u64>) -> Result<Settled, Fault> {
    let payload = payload(work)?;
    Ok(Settled {
        number: work.number,
        revision: work.revision,
        state: State::InSync,
        items: Held::Items(vec![HeldItem {
            id: work.id.as_str().into(),
            digests: Some(payload.digests()),
            payload: Some(payload),
        }]),
        holds: model::Window::OPEN,
        call,
        fault: None,
        refused: Vec::new(),
        turn: 0,
        trial: None,
        prices: None,
    })
}

//! How much of what each market needs the products of the shop have: counted in the mirror, or, before there is one, in what a
//! short read brings.

use std::{sync::Arc, time::Duration};

use contract::{Fault, FaultClass, Store, Threads, source::Finding};
use engine::{
    Flow,
    check::{Lacking, coverage, lacking},
    market::Coverage,
    observe::Silent,
    pull::{Mode, Stopped},
};
use model::SourceName;
use store::{
    Scratch,
    sqlite::{OperatorKeys, Options, Sqlite},
};

use super::clock;
use crate::{assemble, config::Loaded, output::Failure};

/// How long a lane is read for a sample. A shop of usual size is read whole within this.
const PER_LANE: Duration = Duration::from_secs(5);

/// What was counted for one flow, by market, and in what.
pub(super) struct Counted {
    /// None: nothing can be said of it yet.
    markets: Vec<(String, Option<Coverage>)>,
    lacking: Option<(String, Lacking)>,
    basis: String,
}

/// Counts the products of a source for these flows of it.
pub(super) async fn of(loaded: &Loaded, name: &SourceName, flows: &[&Arc<Flow>]) -> Result<Vec<Counted>, Failure> {
    if let Some(counted) = mirrored(loaded, flows).await {
        return Ok(counted);
    }
    let scratch = Scratch::new()?;
    // The key of its data about people goes with it.
    let keys = OperatorKeys::passing()?;
    let database = scratch.path().join("sample.db");
    let store: Arc<dyn Store> = Arc::new(Sqlite::sealed(&database, Options::default(), Arc::new(Threads), keys)?);
    let engine = assemble::engine(loaded, Arc::clone(&store), clock(), Arc::new(Silent), false)?;
    engine.register().await?;
    let mut cut = Vec::new();
    if engine.origins.iter().any(|origin| origin.pull.name == *name && !origin.pull.source.is_sampled()) {
        let basis = "the platform makes an export for each read; `cartage sync` has one made";
        return Ok(flows.iter().map(|flow| Counted::nothing(flow, basis.to_owned())).collect());
    }
    for origin in engine.origins.iter().filter(|origin| origin.pull.name == *name) {
        let (needed, rest): (Vec<_>, Vec<_>) = origin.pull.source.lanes().into_iter().partition(|lane| lane.needed);
        for lane in needed.iter().chain(&rest).filter(|lane| !lane.sweeps.is_empty()) {
            match tokio::time::timeout(PER_LANE, origin.pull.walk(lane, Mode::Everything)).await {
                Ok(walked) => drop(walked.map_err(Stopped::fault)?),
                Err(_) => cut.push(lane.name.to_string()),
            }
        }
    }
    let mut all = Vec::new();
    for flow in flows {
        let markets = match coverage(flow, store.as_ref(), clock().now()).await {
            Ok(markets) => markets,
            // What the markets name may be in what was not read: a platform can take minutes to export what it holds.
            Err(fault) if fault.class == FaultClass::Config && !cut.is_empty() => {
                let basis = format!(
                    "{} could not be read within {} s; `cartage sync` reads all",
                    cut.join(", "),
                    PER_LANE.as_secs()
                );
                all.push(Counted::nothing(flow, basis));
                continue;
            }
            Err(fault) => return Err(fault.into()),
        };
        let products = markets.iter().map(|(_, coverage)| coverage.products).max().unwrap_or(0);
        let counted_in = if cut.is_empty() {
            format!("in all {products} products, read now")
        } else {
            format!("in a sample of {products} products; {} were not read to their end", cut.join(", "))
        };
        all.push(Counted { markets: some(markets), lacking: of_use(flow, store.as_ref()).await?, basis: counted_in });
    }
    Ok(all)
}

/// What products lack for the destination to use them in full, with the flow's name.
async fn of_use(flow: &Flow, store: &dyn Store) -> Result<Option<(String, Lacking)>, Fault> {
    let lacking = lacking(flow, store, clock().now()).await?;
    Ok(lacking.map(|lacking| (flow.name.to_string(), lacking)))
}

/// Counts in the mirror, if every flow has one with products in it.
async fn mirrored(loaded: &Loaded, flows: &[&Arc<Flow>]) -> Option<Vec<Counted>> {
    if !loaded.config.store.path.exists() {
        return None;
    }
    let store = assemble::open_read_only(loaded).ok()?;
    let mut all = Vec::new();
    for flow in flows {
        let markets = coverage(flow, store.as_ref(), clock().now()).await.ok()?;
        if markets.iter().all(|(_, coverage)| coverage.products == 0) {
            return None;
        }
        let lacking = of_use(flow, store.as_ref()).await.ok()?;
        all.push(Counted { markets: some(markets), lacking, basis: "in the mirror".to_owned() });
    }
    Some(all)
}

fn some(markets: Vec<(String, Coverage)>) -> Vec<(String, Option<Coverage>)> {
    markets.into_iter().map(|(market, coverage)| (market, Some(coverage))).collect()
}

impl Counted {
    fn nothing(flow: &Flow, basis: String) -> Self {
        let markets = flow.markets.iter().map(|market| (market.key.clone(), None)).collect();
        Self { markets, lacking: None, basis }
    }

    /// A finding for each market, and one for what the destination would use products for.
    pub(super) fn findings(&self) -> impl Iterator<Item = Finding> + '_ {
        let markets = self.markets.iter().map(|(market, coverage)| {
            let result = match coverage {
                Some(coverage) => finding(market, coverage, &self.basis),
                None => Ok(format!("not counted: {}", self.basis)),
            };
            Finding::new(format!("coverage of market {market}"), result)
        });
        let lacking = self.lacking.iter().map(|(flow, lacking)| {
            Finding::new(format!("{} of flow {flow}", lacking.name), Ok(format!("{lacking} ({})", self.basis)))
        });
        markets.chain(lacking)
    }
}

/// A line, or what keeps every product out of the market.
fn finding(market: &str, coverage: &Coverage, counted_in: &str) -> Result<String, Fault> {
    let Coverage { products, published, name, price, stock, assortment, no_image } = *coverage;
    let lacks = |what: &str, hint: &str| {
        let message = format!("market {market}: none of {published} published products has {what} ({counted_in})");
        Err(Fault::config("C0508", message).hint(hint))
    };
    if products > 0 && published == 0 {
        let message = format!("market {market}: none of {products} products is published ({counted_in})");
        return Err(Fault::config("C0508", message).hint("publish them, or see that `store` is the market's"));
    }
    if published > 0 && name == 0 {
        return lacks("a name", "see `locale` and `fallback`");
    }
    if published > 0 && price == 0 {
        return lacks("a price", "see `currency`, `country`, `customer_group` and `price_channel`");
    }
    if published > 0 && assortment == 0 {
        return lacks("its place in the store's assortment", "see `store`, and the product selections of the store");
    }
    let mut line = format!(
        "{name} of {published} published products have a name, {price} a price, {stock} stock, {no_image} no image"
    );
    if assortment < published {
        line += &format!("; {assortment} are in the store's assortment");
    }
    Ok(format!("{line} ({counted_in})"))
}

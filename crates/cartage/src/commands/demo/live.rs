//! `cartage demo`: a whole shop on this machine, kept in sync while it changes.

use std::{sync::Arc, time::Duration};

use engine::run::SyncOptions;
use sandbox::shop::Edit;
use store::Scratch;
use tokio::sync::watch;

use super::{
    super::{clock, status, sync, until_interrupted},
    args::DemoArgs,
    world::{Listen, World},
};
use crate::{
    assemble,
    config::{Config, ConfigErrors},
    output::{Exit, Failure, Output, time_of_day},
    progress::{Progress, Show},
};

/// How quickly the demo looks for changes; a real shop's cadence is adaptive.
const CADENCE: &str = "\n[sources.shop.cadence]\nproducts = \"1s\"\ninventory = \"1s\"\ncategories = \"2s\"\n";

pub(super) async fn run(args: &DemoArgs, output: Output<'static>) -> Result<Exit, Failure> {
    Scratch::delete_abandoned();
    let scratch = Scratch::new()?;
    let world = World::start_on(args.from, &args.shop, Listen::default()).await?;
    let file = scratch.path().join("cartage.toml");
    world.configure(&file, if args.once { "" } else { CADENCE })?;
    let (platform, address) = world.shop_address();
    output.line(format!("{platform:<13}  {address}  ({} products)", world.products))?;
    output.line(format!("Clerk.io       {}  (one store per market)", world.clerk_url))?;
    for skipped in world.skipped.iter().take(10) {
        output.line(format!("left out       {skipped}"))?;
    }
    let loaded = Config::load(&file).map_err(|errors| Failure::Config(ConfigErrors(errors)))?;
    let progress = Arc::new(Progress::new(if output.is_watched() { Show::Bars } else { Show::Nothing }));
    let store = assemble::open(&loaded)?;
    let engine = assemble::engine(&loaded, store, clock(), Arc::<Progress>::clone(&progress), false)?;
    engine.register().await?;
    let options = SyncOptions { full: false, flows: Vec::new(), patience: Duration::from_mins(1) };
    let session = sync::Pass { engine: &engine, progress: &progress };
    let stop = until_interrupted();
    let report = session.carry_out(&options, &stop).await?;
    if args.once {
        output.document(&report)?;
    }
    sync::show(&report, output)?;
    let exit = sync::exit(&report);
    drop(engine);
    if args.once || *stop.borrow() {
        world.stop().await;
        return Ok(exit);
    }
    live(args, world, &loaded, stop, output).await
}

/// Keeps shop and stores going, and tells what happens.
async fn live(
    args: &DemoArgs,
    mut world: World,
    loaded: &crate::config::Loaded,
    interrupted: watch::Receiver<bool>,
    output: Output<'static>,
) -> Result<Exit, Failure> {
    let progress = Arc::new(Progress::new(if output.json { Show::Nothing } else { Show::Everything }));
    let store = assemble::open(loaded)?;
    let engine = assemble::engine(loaded, store, clock(), progress, false)?;
    engine.register().await?;
    output.line("\nThe shop is open: what changes there is told here, and what is sent for it. Ctrl-C ends it.\n")?;
    world.live(args.rate, move |edit| {
        let now = time_of_day(clock().now());
        let _gone = output.line(format!("{now} shop {}", said(edit)));
    });
    let stop = ending(interrupted, args.seconds.map(Duration::from_secs));
    engine.run(&stop).await?;
    let flows = status::flows(engine.store.as_ref(), &engine.flows, &status::lanes(&engine)).await?;
    output.line(format!("\n{}", status::flows_table(&flows).trim_end()))?;
    world.stop().await;
    Ok(Exit::Done)
}

/// Turns true when interrupted, or when the time is up.
fn ending(mut interrupted: watch::Receiver<bool>, after: Option<Duration>) -> watch::Receiver<bool> {
    let Some(after) = after else { return interrupted };
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(async move {
        tokio::select! {
            () = tokio::time::sleep(after) => {}
            _ = interrupted.wait_for(|stop| *stop) => {}
        }
        stop.send_replace(true);
    });
    stopped
}

fn said(edit: &Edit) -> String {
    match edit {
        Edit::Stock { sku, channel, quantity } => {
            let channel = channel.as_ref().map(|channel| format!(" in {channel}")).unwrap_or_default();
            format!("stock of {sku}{channel} is {quantity}")
        }
        Edit::Price { sku, price, .. } => {
            let scope = [&price.country, &price.customer_group, &price.channel].map(Option::as_deref);
            let scope: Vec<&str> = scope.into_iter().flatten().collect();
            let scope = if scope.is_empty() { String::new() } else { format!(" in {}", scope.join(", ")) };
            format!("price of {sku}{scope} is {}.{:02} {}", price.minor / 100, price.minor % 100, price.currency)
        }
        Edit::PriceWindow { sku, opens_in, .. } => format!("a price of {sku} opens in {} s", opens_in.as_secs()),
        Edit::Name { product, locale, text } => format!("{product} is called {text:?} in {locale}"),
        Edit::Category { category, locale, text } => format!("category {category} is called {text:?} in {locale}"),
        Edit::Published { product, published: true } => format!("{product} is published"),
        Edit::Published { product, published: false } => format!("{product} is unpublished"),
        Edit::Added(product) => format!("{} is new", product.key),
        Edit::Removed { product } => format!("{product} is deleted"),
    }
}

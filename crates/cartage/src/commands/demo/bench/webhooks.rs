//! How long a change takes from the shop to a destination by its webhook: `cartage run` in a process of its own, emulators
//! beside it, one change after the other.
//!
//! The time of a change begins when the shop has made it and ends when the destination holds it, so it includes the
//! emulators' own delivery, which looks at its queue every 20 ms.

use std::{fs, net::TcpListener, path::Path, process::Stdio, time::Duration};

use anyhow::{Context as _, ensure};
use sandbox::{bigcommerce, clerk::Resource, commercetools};
use serde_json::Value;
use tokio::{
    sync::watch,
    task::{JoinHandle, JoinSet},
    time::{Instant, sleep},
};

use super::{
    super::{
        args::{Platform, Service, ShopArgs},
        shops::Shop,
        world::{Listen, World},
    },
    job::{Job, Shape},
    report::Delays,
};
use crate::output::Output;

/// Products of the shop: what a change costs does not depend on how many others there are.
const PRODUCTS: usize = 1_000;
/// Between two changes; no multiple of anything that the hub waits for.
const EVERY: Duration = Duration::from_millis(137);
/// How often the destination is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(2);
/// A change that takes longer is lost.
const LONGEST: Duration = Duration::from_secs(30);
/// The first change waits for `run` to start.
const FIRST: Duration = Duration::from_mins(2);
/// Changes that are not counted: `run` begins by reading every lane once.
const BEFORE: usize = 40;
/// The service account of the emulated Google Pub/Sub.
const ACCOUNT: &str = "push@shop.example";

/// Measures so many changes of a shop on this platform.
pub(super) async fn measure(
    scratch: &Path,
    platform: Platform,
    changes: usize,
    output: Output<'static>,
) -> anyhow::Result<Delays> {
    let name = platform.descriptor().name;
    let folder = scratch.join(format!("webhooks-{name}"));
    fs::create_dir_all(&folder)?;
    let shop = ShopArgs { products: PRODUCTS, data: None, uniform: false };
    let world = World::start_on(platform, &shop, &[Service::Clerk], Listen::default()).await?;
    let address = format!("http://{}", TcpListener::bind("127.0.0.1:0")?.local_addr()?);
    world.configure(&folder.join("cartage.toml"), &settings(&world, &folder, &address)?)?;
    let job = Job::of(world, folder, Shape::Default, PRODUCTS, output);
    job.cartage::<Value>(&["sync"]).await?;
    job.cartage::<Value>(&["hooks", "apply"]).await?;
    let (end, ended) = watch::channel(false);
    let delivering = deliver(&job.world, &address, ended);
    let mut run = job.command(&["run"]).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true).spawn()?;
    let delays = delays(&job.world, changes).await;
    ensure!(run.try_wait()?.is_none(), "cartage run has ended");
    run.kill().await?;
    end.send_replace(true);
    delivering.await??;
    let mut delays = delays?;
    delays.sort_unstable();
    let at = |share: usize| delays.get((delays.len() * share).div_ceil(100).saturating_sub(1)).copied();
    let seconds = |share| at(share).unwrap_or_default().as_secs_f64();
    let delays = Delays {
        platform: name,
        products: PRODUCTS,
        changes: delays.len(),
        median_seconds: seconds(50),
        p99_seconds: seconds(99),
        worst_seconds: seconds(100),
    };
    job.output.line(delays.line())?;
    Ok(delays)
}

/// Where the hub listens, and the webhooks of its source.
fn settings(world: &World, folder: &Path, address: &str) -> anyhow::Result<String> {
    let listen = address.trim_start_matches("http://");
    let own = format!("\n[server]\nlisten = {listen:?}\npublic_url = {address:?}\n");
    let Shop::Bigcommerce(store) = &world.on else {
        let keys = format!("{}/oauth2/v3/certs", world.shop_url);
        return Ok(format!(
            "{own}\n[sources.shop.webhooks.pubsub]\nproject = \"sandbox\"\ntopic = \"sandbox\"\nservice_account = {ACCOUNT:?}\n\
             audience = {address:?}\nkeys_url = {keys:?}\n"
        ));
    };
    let secret = fs::canonicalize(folder)?.join("client.secret");
    fs::write(&secret, &store.settings().client_secret)?;
    Ok(format!("{own}\n[sources.shop.webhooks]\nclient_secret = {:?}\n", format!("file:{}", secret.display())))
}

/// Has the platform deliver to the hub.
fn deliver(world: &World, address: &str, mut ended: watch::Receiver<bool>) -> JoinHandle<anyhow::Result<()>> {
    let shutdown = async move {
        let _ended = ended.wait_for(|ended| *ended).await.is_ok();
    };
    if let Shop::Bigcommerce(store) = &world.on {
        let store = store.clone();
        return tokio::spawn(async move { Ok(store.deliver_hooks(shutdown).await?) });
    }
    let shop = world.shop.clone();
    shop.push_to(vec![commercetools::Push::PubSub {
        endpoint: format!("{address}/hooks/shop"),
        audience: address.to_owned(),
        service_account: ACCOUNT.to_owned(),
    }]);
    tokio::spawn(async move { Ok(shop.push_notifications(shutdown).await?) })
}

/// Makes the changes, and waits for each at the destination.
async fn delays(world: &World, changes: usize) -> anyhow::Result<Vec<Duration>> {
    let market = world.markets.first().context("the shop has no market")?;
    let store = world.clerk.store(&market.key).context("the market has no store")?;
    let held = |(_, id): &(String, String)| store.raw(Resource::Products, id).is_some();
    let products: Vec<(String, String)> = products(world).into_iter().filter(held).collect();
    ensure!(!products.is_empty(), "the destination holds no product");
    let mut waiting = JoinSet::new();
    for (number, (key, id)) in products.iter().cycle().take(BEFORE + changes).enumerate() {
        let name = format!("{key} by webhook {number}");
        rename(world, key, &market.locale, &name)?;
        let (began, longest) = (Instant::now(), if number == 0 { FIRST } else { LONGEST });
        let (store, id) = (store.clone(), id.clone());
        let arrives = async move {
            while !store.raw(Resource::Products, &id).is_some_and(|object| object.contains(&name)) {
                ensure!(began.elapsed() < longest, "{name:?} did not arrive in {} s", longest.as_secs());
                sleep(LOOK_EVERY).await;
            }
            Ok(began.elapsed())
        };
        if number < BEFORE {
            arrives.await?;
        } else {
            waiting.spawn(arrives);
        }
        sleep(EVERY).await;
    }
    waiting.join_all().await.into_iter().collect()
}

/// Keys and ids of all products, in the order of their keys.
fn products(world: &World) -> Vec<(String, String)> {
    if let Shop::Bigcommerce(store) = &world.on {
        let mut all: Vec<_> = store.product_keys().into_iter().map(|(id, key)| (key, id.to_string())).collect();
        all.sort_unstable();
        return all;
    }
    let id = |key: &String| Some(world.shop.product(key)?.get("id")?.as_str()?.to_owned());
    world.shop.product_keys().into_iter().filter_map(|key| id(&key).map(|id| (key, id))).collect()
}

fn rename(world: &World, key: &str, locale: &str, name: &str) -> anyhow::Result<()> {
    let (product, name) = (key.to_owned(), name.to_owned());
    if let Shop::Bigcommerce(store) = &world.on {
        store.change(bigcommerce::Change::SetName { product, name })?;
        return Ok(());
    }
    let change = commercetools::Change::SetName { product, locale: locale.to_owned(), text: Some(name) };
    world.shop.change(change).with_context(|| format!("{key} can't be changed"))
}

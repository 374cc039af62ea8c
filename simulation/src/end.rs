//! Invariants that must hold at the end, when all disturbances are over.

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

use anyhow::{anyhow, bail, ensure};
use cartage::{commands::status, output::Exit};
use contract::{
    Fault, FaultClass,
    store::{Number, Which},
};
use engine::run::SyncOptions;
use model::Kind;
use tokio::sync::watch;

use crate::{
    clock::SimClock,
    hub::{Around, Hub},
    mutant::Mutant,
    network::Network,
    scenario::Plan,
    seed::child,
    world::{Held, World},
};

/// Longest simulated time until everything must be in sync.
const PATIENCE: Duration = Duration::from_hours(2);

fn failed(fault: Fault) -> anyhow::Error {
    anyhow!("{fault}")
}

/// One pass of a hub; a fault that stopped it is an error.
pub(crate) async fn pass(hub: &Hub, full: bool) -> anyhow::Result<()> {
    let (_stop, stopped) = watch::channel(false);
    let options = SyncOptions { full, flows: Vec::new(), patience: Duration::from_mins(20) };
    let synced = hub.engine.sync(&options, &stopped).await.map_err(failed)?;
    for (_, lane, walked) in synced.lanes {
        walked.map_err(|fault| anyhow!("lane {lane} stopped: {fault}"))?;
    }
    Ok(())
}

/// The content of stores after an undisturbed run: a new hub, an empty database, empty stores, the same shop.
async fn undisturbed(
    world: &World,
    hub: &Hub,
    config: &Path,
    folder: &Path,
    clock: &Arc<SimClock>,
) -> anyhow::Result<Held> {
    // The same instant for both: a window of a price may open between two.
    let hub_clock = Arc::clone(&hub.engine.clock);
    let database = folder.join("undisturbed.db");
    for name in ["undisturbed.db", "undisturbed.db-wal", "undisturbed.db-shm", "undisturbed.db.lock"] {
        let _absent = std::fs::remove_file(folder.join(name));
    }
    let (clerk, hosts) = world.undisturbed(clock);
    let network = Network::new(hosts, child(0, "undisturbed"), None, None);
    let hub = Hub::start(config, &database, Around::calm(hub_clock, network)).await?;
    pass(&hub, true).await?;
    for flow in hub.status().await? {
        ensure!(flow.converged, "an undisturbed run does not converge: {flow:?}");
    }
    Ok(world.held(&clerk))
}

/// The first difference between the stores and the undisturbed run.
fn difference(held: &Held, wanted: &Held) -> Option<String> {
    for (market, wanted) in wanted {
        let empty = [BTreeMap::new(), BTreeMap::new()];
        let held = held.get(market).unwrap_or(&empty);
        for ((held, wanted), kind) in held.iter().zip(wanted).zip(["product", "category"]) {
            for (id, object) in wanted {
                match held.get(id) {
                    Some(found) if found == object => {}
                    Some(found) => {
                        let members = object.as_object().into_iter().flatten();
                        let differ: Vec<String> = members
                            .filter(|(name, value)| found.get(name.as_str()) != Some(value))
                            .map(|(name, value)| {
                                format!("{name} is {:?}, should be {value:?}", found.get(name.as_str()))
                            })
                            .collect();
                        return Some(format!("{market}: {kind} {id}: {}", differ.join("; ")));
                    }
                    None => return Some(format!("{market}: {kind} {id} is missing")),
                }
            }
            if let Some(id) = held.keys().find(|id| !wanted.contains_key(*id)) {
                return Some(format!("{market}: {kind} {id} should be gone"));
            }
        }
    }
    None
}

/// A record that failed alone repeatedly while others succeeded is dead; with as many faults as here that happens by
/// chance, and an operator replays it. Any other dead letter is an error.
async fn replay(hub: &Hub) -> anyhow::Result<()> {
    for flow in &hub.engine.flows {
        let dead = hub.engine.store.dead(&flow.name, usize::from(u16::MAX)).await.map_err(failed)?;
        for letter in &dead {
            ensure!(
                letter.fault.class == FaultClass::Transient,
                "{} is dead of what was not injected: {letter:?}",
                letter.id
            );
            hub.engine.store.replay(&flow.name, Which::These(&[letter.number])).await.map_err(failed)?;
        }
    }
    Ok(())
}

/// Checks the end of a run whose hub is stopped and whose disturbances are over.
pub(crate) async fn check(
    world: &World,
    hub: &Hub,
    config: &Path,
    folder: &Path,
    clock: &Arc<SimClock>,
    (plan, mutant): (&Plan, Option<Mutant>),
) -> anyhow::Result<()> {
    let began = tokio::time::Instant::now();
    // Whether reads of changes alone, and webhooks, must be enough.
    let deltas = world.shop.tells_every_change(plan);
    let mut full = !deltas;
    replay(hub).await?;
    // What was to fail, such as an export, may have begun before the disturbances ended: this pass meets it.
    drop(pass(hub, full).await);
    loop {
        pass(hub, full).await?;
        let flows = hub.status().await?;
        let converged = flows.iter().all(|flow| flow.converged);
        let wanted = undisturbed(world, hub, config, folder, clock).await?;
        let differs = difference(&world.held(&world.clerk), &wanted);
        let exit = status::exit_of(&flows);
        ensure!(converged == (exit == Exit::Done), "exit code {exit:?} does not tell how the flows stand: {flows:?}");
        if let Some(differs) = differs.as_ref().filter(|_| converged && (full || deltas)) {
            bail!(
                "it claims to have converged, and the stores differ from an undisturbed run: {differs}; full: {full}"
            );
        }
        if converged && differs.is_none() {
            break;
        }
        if began.elapsed() > PATIENCE {
            if let Some(differs) = differs {
                bail!("the stores differ from an undisturbed run: {differs}; full: {full}");
            }
            bail!("it does not converge: {flows:?}");
        }
        // Some deletions are only found by a full read.
        full = !deltas && !full;
        tokio::time::sleep(Duration::from_mins(10)).await;
    }
    let writes = |world: &World| -> BTreeMap<String, u64> {
        let of =
            |key: &str| world.clerk.store(key).map(|store| store.operations().values().map(|it| it.calls).sum::<u64>());
        world.markets.iter().map(|market| (market.key.clone(), of(&market.key).unwrap_or_default())).collect()
    };
    if mutant == Some(Mutant::Unstable) {
        for flow in &hub.engine.flows {
            let held = hub.engine.store.scan(&flow.name, Kind::Product, Number(0), 1).await;
            let held: Vec<Number> = held.map_err(failed)?.iter().map(|work| work.number).collect();
            hub.engine.store.doubt(&flow.name, &held).await.map_err(failed)?;
        }
    }
    let before = writes(world);
    pass(hub, true).await?;
    let after = writes(world);
    ensure!(before == after, "a further pass sends calls: {before:?} before, {after:?} after");
    for flow in &hub.engine.flows {
        let verified = engine::verify::verify(flow, hub.engine.store.as_ref(), hub.engine.clock.as_ref(), false)
            .await
            .map_err(failed)?;
        ensure!(verified.drift.is_empty(), "verify finds drift: {:?}", verified.drift);
    }
    Ok(())
}

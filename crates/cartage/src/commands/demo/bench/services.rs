//! What a first pass costs for each service, and what services in trouble cost the others.
//!
//! Of a service with a quota the time is shown beside the time that the quota implies for so many calls. The ratio of
//! two passes to Clerk.io that follow each other, alone and beside two services that fail in the same way, shows whether
//! those delay it.

use std::{collections::BTreeMap, fs, path::Path};

use sandbox::{
    fault::{FaultPlan, Latency},
    insider,
};

use super::{
    super::{
        args::{Platform, Service, ShopArgs},
        world::{Listen, World},
    },
    hostile::{first_pass, stores},
    job::{Job, Shape},
    report::{BesideTrouble, Delivery},
};
use crate::output::Output;

/// Where the hub listens.
const SERVER: &str = "\n[server]\nlisten = \"127.0.0.1:0\"\n";

/// How services fail.
#[derive(Clone, Copy)]
enum Trouble {
    /// Every connection closes without an answer.
    Down,
    /// Every answer takes a minute.
    Slow,
    /// Every key is refused.
    Refused,
}

impl Trouble {
    const ALL: [Self; 3] = [Self::Down, Self::Slow, Self::Refused];

    const fn name(self) -> &'static str {
        match self {
            Self::Down => "down",
            Self::Slow => "slow",
            Self::Refused => "refused",
        }
    }

    fn plan(self) -> FaultPlan {
        let plan = FaultPlan::default();
        match self {
            Self::Down => FaultPlan { reset_before_effect_rate: 1.0, ..plan },
            Self::Slow => FaultPlan { latency_ms: Some(Latency { min: 60_000, max: 60_000 }), ..plan },
            Self::Refused => FaultPlan { error_rate: BTreeMap::from([(401, 1.0)]), ..plan },
        }
    }
}

/// A shop of so many products that is sold to these services, in a folder of this name.
async fn sell(
    (scratch, name): (&Path, &str),
    to: &[Service],
    products: usize,
    output: Output<'static>,
) -> anyhow::Result<Job> {
    let folder = scratch.join(name);
    fs::create_dir_all(&folder)?;
    let shop = ShopArgs { products, data: None, uniform: false };
    let world = World::start_on(Platform::Commercetools, &shop, to, Listen::default()).await?;
    world.configure(&folder.join("cartage.toml"), SERVER)?;
    Ok(Job::of(world, folder, Shape::Default, products, output))
}

/// What a first pass to one service costs.
pub(super) async fn cost(
    scratch: &Path,
    service: Service,
    products: usize,
    output: Output<'static>,
) -> anyhow::Result<Delivery> {
    let job = sell((scratch, service.title()), &[service], products, output).await?;
    let cost = job.pass().await?.cost;
    let delivery =
        Delivery { to: service.title(), products, quota_seconds: quota_seconds(service, cost.destination_calls), cost };
    output.line(delivery.line())?;
    job.world.stop().await;
    Ok(delivery)
}

/// The time that the quota of a service implies for so many calls.
fn quota_seconds(service: Service, calls: u64) -> Option<f64> {
    let per_minute = match service {
        Service::Insider => insider::Settings::default().requests_per_minute?,
        // Several tiers count there, and imports take longer than their calls: `xtask simulate --quota` measures it.
        Service::Acp | Service::Clerk | Service::Dotdigital | Service::Merchant => return None,
    };
    Some(f64::from(u32::try_from(calls).unwrap_or(u32::MAX)) * 60.0 / f64::from(per_minute))
}

/// First passes of `run` to Clerk.io, alone and beside two services that fail, so many pairs of each way to fail.
pub(super) async fn beside_trouble(
    scratch: &Path,
    products: usize,
    pairs: usize,
    output: Output<'static>,
) -> anyhow::Result<Vec<BesideTrouble>> {
    let alone = sell((scratch, "alone"), &[Service::Clerk], products, output).await?;
    let beside =
        sell((scratch, "beside"), &[Service::Clerk, Service::Dotdigital, Service::Insider], products, output).await?;
    alone.pass().await?;
    // Both shops are the same, so both stores of a market are full with as many records.
    let full = stores(&alone).into_iter().map(|(_, full)| full);
    let others: Vec<_> = stores(&beside).into_iter().zip(full).map(|((store, _), full)| (store, full)).collect();
    let mut measured = Vec::new();
    for trouble in Trouble::ALL {
        let (dotdigital, insider) = (beside.world.dotdigital.as_ref(), beside.world.insider.as_ref());
        for faults in [dotdigital.map(|it| &it.faults), insider.map(|it| &it.faults)].into_iter().flatten() {
            faults.set(trouble.plan())?;
        }
        for _ in 0..pairs {
            let (alone_seconds, ..) = first_pass(&alone, &stores(&alone), 0).await?;
            let (beside_seconds, ..) = first_pass(&beside, &others, 0).await?;
            let pair = BesideTrouble { trouble: trouble.name(), products, alone_seconds, beside_seconds };
            output.line(pair.line())?;
            measured.push(pair);
        }
    }
    alone.world.stop().await;
    beside.world.stop().await;
    Ok(measured)
}

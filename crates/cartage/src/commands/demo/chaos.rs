//! `demo --chaos`: faults of the emulators, and how many calls met one.

use std::collections::BTreeMap;

use sandbox::fault::{CallCount, FaultPlan, Faults, Latency};

use super::world::World;

/// About one call in seven fails.
fn of_the_shop() -> FaultPlan {
    FaultPlan {
        latency_ms: Some(Latency { min: 5, max: 100 }),
        error_rate: BTreeMap::from([(500, 0.02), (503, 0.04)]),
        throttle_rate: 0.02,
        reset_before_effect_rate: 0.02,
        reset_after_effect_rate: 0.02,
        truncate_rate: 0.02,
        html_error_rate: 0.01,
        seed: 1,
        ..FaultPlan::default()
    }
}

/// About one call in four fails, half of those after their effect.
fn of_services() -> FaultPlan {
    FaultPlan {
        latency_ms: Some(Latency { min: 10, max: 200 }),
        error_rate: BTreeMap::from([(500, 0.03), (503, 0.05), (504, 0.04)]),
        throttle_rate: 0.03,
        reset_before_effect_rate: 0.03,
        reset_after_effect_rate: 0.05,
        truncate_rate: 0.04,
        html_error_rate: 0.02,
        seed: 2,
        ..FaultPlan::default()
    }
}

/// Lets calls fail from now on, and counts from now on.
///
/// # Errors
/// Never with the plans above.
pub(super) fn begin(world: &World) -> anyhow::Result<()> {
    let services = world.service_faults().map(|faults| (faults, of_services()));
    for (faults, plan) in std::iter::once((&world.shop_faults, of_the_shop())).chain(services) {
        faults.forget_calls();
        faults.set(plan)?;
    }
    Ok(())
}

/// Lets calls succeed again.
///
/// # Errors
/// Never: no fault is possible at any time.
pub(super) fn end(world: &World) -> anyhow::Result<()> {
    for faults in std::iter::once(&world.shop_faults).chain(world.service_faults()) {
        faults.set(FaultPlan::default())?;
    }
    Ok(())
}

/// Calls that met a fault, by what it was.
pub(super) fn met(world: &World) -> BTreeMap<String, u64> {
    let mut met = BTreeMap::new();
    for call in std::iter::once(&world.shop_faults).chain(world.service_faults()).flat_map(Faults::calls) {
        if let Some(what) = fault(&call) {
            *met.entry(what).or_default() += call.count;
        }
    }
    met
}

fn fault(call: &CallCount) -> Option<String> {
    let status = || call.status.map_or_else(|| "no answer".to_owned(), |status| format!("HTTP {status}"));
    let what = match call.fault? {
        "html_error" => "pages of HTML".to_owned(),
        "reset_before_effect" => "dropped before their effect".to_owned(),
        "reset_after_effect" => "dropped after their effect".to_owned(),
        "truncated" => "answers cut off".to_owned(),
        _ => status(),
    };
    Some(what)
}

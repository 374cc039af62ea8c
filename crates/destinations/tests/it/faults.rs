//! What an emulator's fault plan makes of each failure of the conformance suite.

use std::collections::BTreeMap;

use conformance::destination::Failure;
use sandbox::fault::FaultPlan;

/// The plan of a failure; refused keys are up to the emulator.
pub(crate) fn plan(failure: Option<Failure>) -> FaultPlan {
    let mut plan = FaultPlan::default();
    match failure {
        None | Some(Failure::KeysRefused) => {}
        Some(Failure::Throttled(wait)) => {
            plan.throttle_rate = 1.0;
            plan.retry_after_seconds = wait.map(|wait| u32::try_from(wait.as_secs()).unwrap());
        }
        Some(Failure::ResetAfter) => plan.reset_after_effect_rate = 1.0,
        Some(Failure::ResetBefore) => plan.reset_before_effect_rate = 1.0,
        Some(Failure::ErrorPage) => plan.html_error_rate = 1.0,
        Some(Failure::ServerError) => plan.error_rate = BTreeMap::from([(500, 1.0)]),
        Some(Failure::Truncated) => plan.truncate_rate = 1.0,
    }
    plan
}

//! The plan as data, and the dice it is played with.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::Duration;

use http::StatusCode;
use serde::{Deserialize, Serialize};

/// What goes wrong on purpose. The default is nothing.
///
/// Rates lie between 0 and 1 and are rolled one after another for each call: quota, `throttle_rate`,
/// `html_error_rate`, `error_rate` by status, `reset_before_effect_rate`; a call that passes them all is carried out,
/// then `reset_after_effect_rate` and `truncate_rate` decide about its answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FaultPlan {
    /// Every call waits this long, evenly spread between the two, before anything else happens to it.
    pub latency_ms: Option<Latency>,
    /// Rate of error answers by HTTP status (400 to 599), for example `{"500": 0.05}`. The call has no effect, except
    /// for 504: there the gateway gave up waiting for a call that was carried out.
    pub error_rate: BTreeMap<u16, f64>,
    /// Rate of 429 answers.
    pub throttle_rate: f64,
    /// `Retry-After` of every 429; without it the header is left out.
    pub retry_after_seconds: Option<u32>,
    /// Calls allowed per minute, counted from the first one; further ones get a 429 until the minute is over.
    pub quota_per_minute: Option<u32>,
    /// Rate of calls that are carried out and whose connection then closes without an answer.
    pub reset_after_effect_rate: f64,
    /// Rate of calls whose connection closes without an answer and without any effect.
    pub reset_before_effect_rate: f64,
    /// Rate of answers of which half the body arrives, with the full `Content-Length`, before the connection closes.
    pub truncate_rate: f64,
    /// Rate of 502 answers with an HTML page for a body, as proxies send them. The call has no effect.
    pub html_error_rate: f64,
    /// Bodies leave slowly.
    pub slow_drip: Option<SlowDrip>,
    /// The emulator's clock is this far ahead (negative: behind), in milliseconds. Shows in the `Date` header and in
    /// every time the platform gives itself.
    pub clock_skew_ms: i64,
    /// Writes become visible to an emulator's eventually consistent reads this much later by its clock, in milliseconds:
    /// those of Clerk.io, searches, recommendations and lookups. Emulators of platforms that read their own writes
    /// ignore it. Writes that were made before it was set are visible.
    pub visibility_lag_ms: u64,
    /// The same seed and the same order of calls give the same faults.
    pub seed: u64,
    /// Only paths that begin with one of these are subject to the plan (clock and lag of visibility apart); empty = all.
    pub paths: Vec<String>,
}

/// Bounds of a delay in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Latency {
    /// At least.
    pub min: u32,
    /// At most.
    pub max: u32,
}

/// A body that leaves slowly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SlowDrip {
    /// Speed of each body.
    pub bytes_per_second: NonZeroU32,
}

/// A plan that can't be carried out.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// A rate outside 0 to 1.
    #[error("fault plan: {name} is {rate}, a rate lies between 0 and 1")]
    Rate {
        /// Field of the plan.
        name: String,
        /// What it holds.
        rate: f64,
    },
    /// A status that is no error.
    #[error("fault plan: error_rate has status {0}, only 400 to 599 are errors")]
    Status(u16),
    /// A lower bound above the upper.
    #[error("fault plan: latency_ms has min {min} above max {max}")]
    Latency {
        /// Lower bound.
        min: u32,
        /// Upper bound.
        max: u32,
    },
}

impl FaultPlan {
    /// # Errors
    /// When a rate, a status or the latency is outside what is possible.
    pub fn check(&self) -> Result<(), PlanError> {
        let single = [
            ("throttle_rate", self.throttle_rate),
            ("reset_after_effect_rate", self.reset_after_effect_rate),
            ("reset_before_effect_rate", self.reset_before_effect_rate),
            ("truncate_rate", self.truncate_rate),
            ("html_error_rate", self.html_error_rate),
        ];
        for (name, rate) in single {
            check_rate(name.to_owned(), rate)?;
        }
        for (&status, &rate) in &self.error_rate {
            if !(400..600).contains(&status) {
                return Err(PlanError::Status(status));
            }
            check_rate(format!("error_rate of {status}"), rate)?;
        }
        match self.latency_ms {
            Some(Latency { min, max }) if min > max => Err(PlanError::Latency { min, max }),
            _ => Ok(()),
        }
    }

    /// Whether calls of `path` are subject to the plan.
    pub(super) fn covers(&self, path: &str) -> bool {
        self.paths.is_empty() || self.paths.iter().any(|prefix| path.starts_with(prefix.as_str()))
    }

    pub(super) fn delay(&self, dice: Dice) -> Option<Duration> {
        let Latency { min, max } = self.latency_ms?;
        let spread = f64::from(max.saturating_sub(min)) * dice.roll(Roll::Latency);
        Some(Duration::from_secs_f64((f64::from(min) + spread) / 1000.0))
    }

    /// The first error status the dice choose.
    pub(super) fn error(&self, dice: Dice) -> Option<StatusCode> {
        let (&status, _) = self.error_rate.iter().find(|&(&status, &rate)| dice.hits(Roll::Error(status), rate))?;
        StatusCode::from_u16(status).ok()
    }
}

fn check_rate(name: String, rate: f64) -> Result<(), PlanError> {
    if (0.0..=1.0).contains(&rate) { Ok(()) } else { Err(PlanError::Rate { name, rate }) }
}

/// What is rolled for; each has its own dice, so that adding one fault to a plan leaves the others where they fell.
#[derive(Clone, Copy)]
pub(super) enum Roll {
    Latency,
    Throttle,
    Html,
    ResetBefore,
    ResetAfter,
    Truncate,
    Error(u16),
}

impl Roll {
    fn salt(self) -> u64 {
        match self {
            Self::Latency => 1,
            Self::Throttle => 2,
            Self::Html => 3,
            Self::ResetBefore => 4,
            Self::ResetAfter => 5,
            Self::Truncate => 6,
            Self::Error(status) => 1000 + u64::from(status),
        }
    }
}

/// Chance as a function of the seed and the call's place in the sequence.
#[derive(Clone, Copy)]
pub(super) struct Dice {
    pub(super) seed: u64,
    pub(super) call: u64,
}

impl Dice {
    pub(super) fn hits(self, roll: Roll, rate: f64) -> bool {
        rate > 0.0 && self.roll(roll) < rate
    }

    /// Evenly spread over 0 (included) to 1 (excluded).
    fn roll(self, roll: Roll) -> f64 {
        let mixed = mix(mix(self.seed).wrapping_add(mix(self.call)).wrapping_add(roll.salt()));
        f64::from(u32::try_from(mixed >> 32).unwrap_or_default()) / 4_294_967_296.0
    }
}

/// The finaliser of SplitMix64.
fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

    use super::*;

    #[test]
    fn rates_are_met_over_many_calls() {
        for rate in [0.0, 0.05, 0.2, 1.0] {
            let hits = (0..20_000).filter(|&call| Dice { seed: 7, call }.hits(Roll::ResetAfter, rate)).count();
            let share = f64::from(u32::try_from(hits).unwrap()) / 20_000.0;
            assert!((share - rate).abs() < 0.01, "{rate} gave {share}");
        }
    }

    #[test]
    fn impossible_plans_are_refused_with_the_field_named() {
        let plan = FaultPlan { truncate_rate: 1.5, ..FaultPlan::default() };
        assert_eq!(
            plan.check().unwrap_err().to_string(),
            "fault plan: truncate_rate is 1.5, a rate lies between 0 and 1"
        );
        let plan = FaultPlan { error_rate: BTreeMap::from([(200, 0.1)]), ..FaultPlan::default() };
        assert!(plan.check().unwrap_err().to_string().contains("status 200"));
        let plan = FaultPlan { throttle_rate: f64::NAN, ..FaultPlan::default() };
        assert!(plan.check().is_err());
        let plan = FaultPlan { latency_ms: Some(Latency { min: 3, max: 2 }), ..FaultPlan::default() };
        assert!(plan.check().is_err());
    }

    #[test]
    fn a_plan_reads_from_json_and_refuses_unknown_fields() {
        let plan = serde_json::from_str::<FaultPlan>(
            r#"{"error_rate":{"500":0.05,"503":0.1},"slow_drip":{"bytes_per_second":10},"paths":["/v2/"]}"#,
        )
        .unwrap();
        assert_eq!(plan.error_rate, BTreeMap::from([(500, 0.05), (503, 0.1)]));
        assert!(plan.covers("/v2/products") && !plan.covers("/v1/x"));
        let error = serde_json::from_str::<FaultPlan>(r#"{"eror_rate":{}}"#).unwrap_err().to_string();
        assert!(error.contains("eror_rate"), "{error}");
    }
}

//! Does work that blocks at once, on the one thread of the run.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use contract::{
    Random,
    executor::{Executor, Job},
};

use crate::{
    check::Checks,
    seed::Draws as _,
    steps::{Place, Steps},
};

/// Does work of the hub's store and connectors. Each piece of work takes a little simulated time, so that other tasks run in
/// between; the hub may be killed before and after it, never within: a transaction is atomic.
pub(crate) struct Inline {
    pub(crate) random: Random,
    pub(crate) steps: Arc<Steps>,
    pub(crate) checks: Arc<Checks>,
}

#[async_trait]
impl Executor for Inline {
    async fn execute(&self, job: Job) {
        self.steps.step(Place::Store).await;
        if self.random.hits(300) {
            tokio::time::sleep(Duration::from_millis(self.random.between(1, 4))).await;
        } else {
            tokio::task::yield_now().await;
        }
        self.steps.step(Place::Store).await;
        job();
        self.checks.after_step().await;
        self.steps.step(Place::Store).await;
    }
}

/// Does work of the checks.
pub(crate) struct Plain;

#[async_trait]
impl Executor for Plain {
    async fn execute(&self, job: Job) {
        job();
    }
}

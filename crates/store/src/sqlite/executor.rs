//! Who does the work that blocks.

use async_trait::async_trait;
use tokio::sync::oneshot;

/// Work that blocks the thread that does it.
pub type Job = Box<dyn FnOnce() + Send>;

/// Does work that blocks: reads, transactions, compression. A simulation brings its own, which does it at once on the
/// one thread that it has.
#[async_trait]
pub trait Executor: Send + Sync {
    /// Does `job` and returns when it has ended. A caller that goes away leaves it wholly done or not begun.
    async fn execute(&self, job: Job);
}

/// The runtime's threads for blocking work.
#[derive(Clone, Copy, Debug)]
pub struct Threads;

#[async_trait]
impl Executor for Threads {
    async fn execute(&self, job: Job) {
        // What ended badly gave no answer, which is what its caller waits for.
        let _ended = tokio::task::spawn_blocking(job).await;
    }
}

/// Does `work` and returns what it gave; none where it panicked.
pub(super) async fn run<T: Send + 'static>(
    executor: &dyn Executor,
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let (reply, answer) = oneshot::channel();
    executor.execute(Box::new(move || drop(reply.send(work())))).await;
    answer.await.ok()
}

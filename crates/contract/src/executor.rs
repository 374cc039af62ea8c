//! Blocking work as a trait, so that a simulation does it on the one thread that it has.

use async_trait::async_trait;
use tokio::sync::oneshot;

/// Work that blocks its thread.
pub type Job = Box<dyn FnOnce() + Send>;

/// Does work that blocks: transactions, compression, files. A simulation brings its own, which does it at once.
#[async_trait]
pub trait Executor: Send + Sync {
    /// Does `job` and returns when it has ended. If the caller is dropped, the job is done completely or not begun.
    async fn execute(&self, job: Job);
}

/// The runtime's threads for blocking work.
#[derive(Clone, Copy, Debug)]
pub struct Threads;

#[async_trait]
impl Executor for Threads {
    async fn execute(&self, job: Job) {
        // A job that panicked gives no result, and its caller handles that.
        let _ended = tokio::task::spawn_blocking(job).await;
    }
}

/// Does `work` and returns its result; `None` if it panicked.
pub async fn execute<T: Send + 'static>(
    executor: &dyn Executor,
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let (reply, answer) = oneshot::channel();
    executor.execute(Box::new(move || drop(reply.send(work())))).await;
    answer.await.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_gives_its_result_unless_it_panics() {
        assert_eq!(execute(&Threads, || 7).await, Some(7));
        assert_eq!(execute(&Threads, || [0][std::hint::black_box(1)]).await, None);
    }
}

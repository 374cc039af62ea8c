//! Connections that only read, each call in a snapshot of its own.
//!
//! **Invariant:** at most as many reads at once as there are connections; the others wait without a thread.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use contract::Fault;
use rusqlite::Connection;
use tokio::sync::Semaphore;

use super::{
    codec::Codec,
    executor::{self, Executor},
    trouble::{Outcome, Trouble},
};

pub(super) struct Readers {
    idle: Mutex<Vec<Connection>>,
    permits: Arc<Semaphore>,
    codec: Arc<Codec>,
    executor: Arc<dyn Executor>,
    path: PathBuf,
}

impl Readers {
    pub(super) fn new(
        connections: Vec<Connection>,
        codec: Arc<Codec>,
        path: PathBuf,
        executor: Arc<dyn Executor>,
    ) -> Arc<Self> {
        let permits = Arc::new(Semaphore::new(connections.len()));
        Arc::new(Self { idle: Mutex::new(connections), permits, codec, executor, path })
    }

    /// Does `work` on a snapshot.
    pub(super) async fn run<T, F>(self: &Arc<Self>, work: F) -> Result<T, Fault>
    where
        T: Send + 'static,
        F: FnOnce(&Connection, &Codec) -> Outcome<T> + Send + 'static,
    {
        let stopped =
            || Fault::transient("C0105", format!("a read of the database {} did not end", self.path.display()));
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| stopped())?;
        let readers = Arc::clone(self);
        let read = executor::run(self.executor.as_ref(), move || {
            let done = readers.read(work);
            drop(permit);
            done
        });
        read.await.ok_or_else(stopped)?.map_err(|trouble| trouble.fault(&self.path))
    }

    fn read<T>(&self, work: impl FnOnce(&Connection, &Codec) -> Outcome<T>) -> Outcome<T> {
        let taken = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let Some(mut db) = taken else {
            return Err(Fault::transient("C0105", "no connection is left to read with").into());
        };
        let done = snapshot(&mut db, |db| work(db, &self.codec));
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(db);
        done
    }
}

fn snapshot<T>(db: &mut Connection, work: impl FnOnce(&Connection) -> Outcome<T>) -> Outcome<T> {
    let transaction = db.transaction()?;
    let done = work(&transaction)?;
    transaction.commit().map_err(Trouble::from)?;
    Ok(done)
}

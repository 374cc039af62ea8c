//! Connections that only read, each call in a snapshot of its own.
//!
//! **Invariant:** at most as many reads at once as there are connections; the others wait without a thread.

use std::{
    panic::{self, AssertUnwindSafe},
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use contract::{Executor, Fault, executor};
use rusqlite::Connection;
use tokio::sync::Semaphore;

use super::{
    codec::Codec,
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
        let read = executor::execute(self.executor.as_ref(), move || {
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
        // A connection that is lost with a panic is never replaced.
        let work = |db: &Connection| {
            self.codec.people.load(db)?;
            work(db, &self.codec)
        };
        let done = panic::catch_unwind(AssertUnwindSafe(|| snapshot(&mut db, work)));
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(db);
        done.unwrap_or_else(|panicked| panic::resume_unwind(panicked))
    }
}

fn snapshot<T>(db: &mut Connection, work: impl FnOnce(&Connection) -> Outcome<T>) -> Outcome<T> {
    let transaction = db.transaction()?;
    let done = work(&transaction)?;
    transaction.commit().map_err(Trouble::from)?;
    Ok(done)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

    use super::*;

    #[tokio::test]
    async fn a_read_that_panics_loses_no_connection() {
        let db = Connection::open_in_memory().unwrap();
        let readers = Readers::new(
            vec![db],
            Arc::new(Codec::new(0, super::super::seal::OperatorKeys::default())),
            PathBuf::from("x.db"),
            Arc::new(executor::Threads),
        );
        let fault = readers.run(|_, _| -> Outcome<()> { panic!("on purpose") }).await.unwrap_err();
        assert_eq!(fault.code, "C0105");
        let one = readers.run(|db, _| Ok(db.query_row("SELECT 1", [], |row| row.get::<_, u8>(0))?)).await.unwrap();
        assert_eq!(one, 1);
    }
}

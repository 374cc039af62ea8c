//! Taking turns: two walks of one lane never overlap, nor do two pushes of one flow, whoever asks for them. A running engine
//! reads and pushes by itself, and is asked to by people as well.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::{Mutex as Turn, OwnedMutexGuard};

/// A turn for each name.
#[derive(Clone, Debug, Default)]
pub struct Turns(Arc<Mutex<BTreeMap<String, Arc<Turn<()>>>>>);

impl Turns {
    /// Waits for the turn of this name. It lasts until what is returned is dropped.
    pub async fn wait(&self, name: &str) -> OwnedMutexGuard<()> {
        let turn = {
            let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(turns.entry(name.to_owned()).or_default())
        };
        turn.lock_owned().await
    }
}

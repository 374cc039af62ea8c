//! Keeps records that come to the same item apart, where ids are shared.
//!
//! Who holds an item keeps it. Who wants what another holds is set aside until the store finds that it is nobody's any
//! more; who wants what another is just being sent as, or is just about to let go of, waits for that.
//!
//! **Invariants:** no two records that are under way are sent as the same item; a record is sent as an item only where the
//! ledger gives it to nobody else; who waits is not under way, so that none waits for itself.

use std::collections::HashMap;

use contract::{
    Fault,
    store::{Number, Owner},
};
use model::{Kind, RemoteId};

use super::{Again, Place, Turn};
use crate::prepare::Job;

/// Whose items are, by kind and id.
type Owners = HashMap<(Kind, RemoteId), Owner>;

impl Turn {
    /// Enqueues jobs whose items may be those of others.
    pub(super) async fn enqueue_shared(&mut self, mut jobs: Vec<(Job, Vec<Place>)>) -> Result<(), Fault> {
        if jobs.is_empty() {
            return Ok(());
        }
        let owners = self.owners(&jobs).await?;
        // Who lets go of an item goes first: who gets it then waits for that, rather than being set aside.
        jobs.sort_by_key(|(job, _)| !job.lets_go());
        for (mut job, places) in jobs {
            if let Some(first) = self.rival(&job, &owners) {
                self.again.insert(job.number, Again { places, behind: Some(first) });
                continue;
            }
            let kind = job.kind;
            job.give_way(|item| owners.get(&(kind, item.clone())).map(|owner| &owner.id));
            self.claims.extend(job.gains().map(|item| ((kind, item.clone()), job.number)));
            self.enqueue(job, places);
        }
        Ok(())
    }

    /// Whose the items are that these jobs are to be sent as and don't hold yet.
    async fn owners(&self, jobs: &[(Job, Vec<Place>)]) -> Result<Owners, Fault> {
        let mut owners = Owners::new();
        for kind in Kind::CARRIED {
            let jobs = jobs.iter().map(|(job, _)| job).filter(|job| job.kind == kind);
            let gains: Vec<RemoteId> = jobs.flat_map(Job::gains).cloned().collect();
            if !gains.is_empty() {
                let found = self.push.store.owners(&self.push.flow.name, kind, &gains).await?;
                owners.extend(found.into_iter().map(|owner| ((kind, owner.item.clone()), owner)));
            }
        }
        Ok(owners)
    }

    /// A record under way that has, or will have, what the job is to be sent as.
    fn rival(&self, job: &Job, owners: &Owners) -> Option<Number> {
        job.gains().find_map(|item| {
            let item = (job.kind, item.clone());
            let holds = owners.get(&item).map(|owner| owner.number).filter(|owner| self.is_under_way(*owner));
            holds.or_else(|| self.claims.get(&item).copied())
        })
    }
}

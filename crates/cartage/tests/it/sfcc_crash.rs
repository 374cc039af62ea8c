//! A pass over Salesforce B2C Commerce that is killed while the instance exports or while the archive arrives goes on with the
//! same export; exports that fail are made again. Nothing is lost, and nothing is sent twice. Kills at random moments and
//! calls that fail are in `crash` and `faults`.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use sandbox::{
    fault::{FaultPlan, Faults, SlowDrip},
    sfcc::{Emulator, JobEnd},
};
use tokio::time::Instant;

use crate::{
    crash::{begin, kill, pass},
    harness::{MARKETS, Shop},
    sfcc::{Route, move_to_sfcc},
};

const PRODUCTS: usize = 40;

struct Trial {
    shop: Shop,
    instance: Emulator,
    faults: Faults,
}

impl Trial {
    /// A shop on an instance whose exports take so many milliseconds.
    async fn new(job_duration_ms: u64) -> Self {
        let shop = Shop::uniform(PRODUCTS).await;
        let (instance, faults) = move_to_sfcc(&shop, PRODUCTS, Route::Exports(job_duration_ms)).await;
        shop.replace("[sources.shop]\n", "[sources.shop]\nretry_wait_milliseconds = 5\n");
        Self { shop, instance, faults }
    }

    /// Calls of an endpoint of OCAPI or WebDAV.
    fn calls(&self, endpoint: &str) -> u64 {
        self.instance.counters().get(endpoint).copied().unwrap_or_default()
    }

    /// Kills a pass as soon as this holds.
    async fn killed_when(&self, holds: impl Fn() -> bool) {
        let mut child = begin(&self.shop.config, &[]);
        let began = Instant::now();
        while !holds() {
            assert!(began.elapsed() < Duration::from_mins(3), "waited in vain");
            assert!(child.try_wait().unwrap().is_none(), "it ended before");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        assert!(kill(child).await, "it was to be killed at work");
    }

    /// Every product is in the stores and was sent once, and no archive is left on the instance.
    fn is_clean(&self) {
        for market in MARKETS {
            let mut sent: BTreeMap<String, usize> = BTreeMap::new();
            let calls = self.shop.sent(market).into_iter().filter(|call| call.operation.ends_with("products"));
            calls.flat_map(|call| call.ids()).for_each(|id| *sent.entry(id).or_default() += 1);
            assert_eq!((sent.len(), self.shop.store(market).products().len()), (PRODUCTS, PRODUCTS), "{market}");
            assert!(sent.values().all(|count| *count == 1), "{market}: {sent:?}");
        }
        assert_eq!(self.instance.file_paths(), Vec::<String>::new());
    }
}

/// Whether some of an archive has arrived.
fn arrives(folder: &Path) -> bool {
    let entries = |folder: &Path| -> Vec<PathBuf> {
        fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
    };
    let exports = entries(folder).into_iter().flat_map(|source| entries(&source));
    exports.into_iter().any(|export| fs::metadata(export.join("archive")).is_ok_and(|it| it.len() > 0))
}

const STARTED: &str = "POST /data/jobs/{job_id}/executions";
const LOOKED: &str = "GET /data/jobs/{job_id}/executions/{id}";
const FETCHED: &str = "GET /webdav";

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_the_instance_exports_it_goes_on_with_that_export() {
    let trial = Trial::new(8_000).await;
    trial.killed_when(|| trial.calls(LOOKED) > 0).await;
    assert_eq!(trial.calls(STARTED), 1);
    pass(&trial.shop.config, &[]).await.ended(0);
    // The export that was under way, and one of what the shop is since the second pass began.
    assert_eq!((trial.calls(STARTED), trial.calls(FETCHED)), (2, 2));
    trial.is_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_the_archive_arrives_it_fetches_it_again() {
    let trial = Trial::new(1_000).await;
    let scratch = trial.shop.config.with_file_name("sfcc.scratch");
    let slow_drip = Some(SlowDrip { bytes_per_second: 2_000.try_into().unwrap() });
    trial.faults.set(FaultPlan { slow_drip, ..FaultPlan::default() }).unwrap();
    trial.killed_when(|| arrives(&scratch)).await;
    trial.faults.set(FaultPlan::default()).unwrap();
    pass(&trial.shop.config, &[]).await.ended(0);
    assert_eq!((trial.calls(STARTED), trial.calls(FETCHED)), (2, 3));
    trial.is_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_fails_or_is_aborted_is_started_again() {
    let trial = Trial::new(1_000).await;
    trial.instance.end_jobs([JobEnd::Error, JobEnd::Aborted]);
    let mut code = 1;
    for _ in 0..3 {
        code = pass(&trial.shop.config, &["--patience", "60"]).await.code;
        if code == 0 {
            break;
        }
    }
    assert_eq!(code, 0);
    assert!(trial.calls(STARTED) >= 3);
    trial.is_clean();
}

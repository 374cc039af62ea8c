//! Promises broken on purpose: each must be caught by the seeds that guard a change.

use anyhow::Context as _;

use crate::{Arguments, meta, run};

/// A broken promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mutant {
    /// A call that never reached its host counts as acknowledged.
    AckWithoutCall,
    /// A removal counts as acknowledged and does not happen.
    ForgottenDelete,
    /// A crash takes the last transactions along.
    LostCommits,
    /// A crash leaves the calls that it cut off as they were: nothing is in doubt.
    NoDoubt,
    /// A read of changes starts at the source's time, without the lag.
    NoLag,
    /// A credential is logged.
    LoggedSecret,
    /// Hash order reaches the network.
    HashOrder,
    /// The machine's time reaches a log line.
    RealTime,
}

impl Mutant {
    pub(crate) const ALL: [Self; 8] = [
        Self::AckWithoutCall,
        Self::ForgottenDelete,
        Self::LostCommits,
        Self::NoDoubt,
        Self::NoLag,
        Self::LoggedSecret,
        Self::HashOrder,
        Self::RealTime,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::AckWithoutCall => "ack_without_call",
            Self::ForgottenDelete => "forgotten_delete",
            Self::LostCommits => "lost_commits",
            Self::NoDoubt => "no_doubt",
            Self::NoLag => "no_lag",
            Self::LoggedSecret => "logged_secret",
            Self::HashOrder => "hash_order",
            Self::RealTime => "real_time",
        }
    }

    pub(crate) fn named(name: &str) -> anyhow::Result<Self> {
        Self::ALL.into_iter().find(|it| it.name() == name).with_context(|| format!("{name:?} is no mutant"))
    }

    /// The comparison of two processes catches it, no single run does.
    const fn differs_by_process(self) -> bool {
        matches!(self, Self::HashOrder | Self::RealTime)
    }
}

/// Runs every mutant until a seed catches it; true where all are caught.
pub(crate) fn each_is_caught(arguments: &Arguments) -> bool {
    let mut all = true;
    for mutant in Mutant::ALL.into_iter().filter(|it| arguments.mutant.is_none_or(|only| only == *it)) {
        let with = Arguments { mutant: Some(mutant), ..arguments.clone() };
        let caught = with.seeds.clone().find_map(|seed| {
            if mutant.differs_by_process() {
                let one = Arguments { seeds: seed..seed + 1, ..with.clone() };
                return (!meta::compare(&one).unwrap_or(true)).then(|| (seed, "two processes differ".to_owned()));
            }
            run::run(&with.order(seed)).err().map(|why| (seed, why))
        });
        match caught {
            Some((seed, why)) => println!("{}: caught by seed {seed}: {why}", mutant.name()),
            None => {
                println!("{}: NOT caught by seeds {:?}", mutant.name(), with.seeds);
                all = false;
            }
        }
    }
    all
}

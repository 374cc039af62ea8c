//! Draws what happens to shop, network and destinations in a run. Each seed draws a part of the list, because all
//! disturbances at once hide faults.

use std::{collections::BTreeMap, time::Duration};

use anyhow::ensure;
use contract::Random;
use sandbox::fault::FaultPlan;

use crate::{
    hooks::Way,
    network::Weather,
    seed::{Draws as _, child},
    steps::Place,
};

/// What happens in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    /// The first read and its delivery.
    FirstSync,
    /// A shop that keeps changing.
    LiveEdits,
    /// Price windows that open and close, and a clock that is set forward.
    Windows,
    /// Products that are deleted and created again.
    Deletes,
    /// One destination can't be reached for an hour, or takes calls and never answers.
    Outage,
    /// The shop can't be reached for as long, or takes calls and never answers.
    SourceOutage,
    /// A destination refuses the keys for a while.
    Credentials,
    /// The hub restarts with another mapping.
    Mapping,
    /// The hub runs for a while with a currency that no product has a price in.
    Mistake,
    /// A shop that keeps changing, and delivers webhooks.
    Webhooks,
}

impl Subject {
    pub(crate) const ALL: [Self; 10] = [
        Self::FirstSync,
        Self::LiveEdits,
        Self::Windows,
        Self::Deletes,
        Self::Outage,
        Self::SourceOutage,
        Self::Credentials,
        Self::Mapping,
        Self::Mistake,
        Self::Webhooks,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::FirstSync => "first_sync",
            Self::LiveEdits => "live_edits",
            Self::Windows => "windows",
            Self::Deletes => "deletes",
            Self::Outage => "outage",
            Self::SourceOutage => "source_outage",
            Self::Credentials => "credentials",
            Self::Mapping => "mapping",
            Self::Mistake => "mistake",
            Self::Webhooks => "webhooks",
        }
    }
}

/// The platform that the shop is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Platform {
    /// A Classic project.
    Commercetools,
    CommercetoolsModular,
    BigCommerce,
    /// By exports.
    Sfcc,
    SfccApi,
}

impl Platform {
    pub(crate) const ALL: [Self; 5] =
        [Self::Commercetools, Self::CommercetoolsModular, Self::BigCommerce, Self::Sfcc, Self::SfccApi];

    const fn name(self) -> &'static str {
        match self {
            Self::Commercetools => "commercetools",
            Self::CommercetoolsModular => "commercetools_modular",
            Self::BigCommerce => "bigcommerce",
            Self::Sfcc => "sfcc",
            Self::SfccApi => "sfcc_api",
        }
    }
}

/// What is read in a run, and what happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Scenario {
    pub(crate) platform: Platform,
    pub(crate) subject: Subject,
}

impl Scenario {
    pub(crate) fn name(self) -> String {
        format!("{}-{}", self.platform.name(), self.subject.name())
    }
}

/// What a name fixes of the scenario: the platform, the subject, or both. The seed decides the rest.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Choice {
    platform: Option<Platform>,
    subject: Option<Subject>,
}

impl Choice {
    /// All names, for people.
    pub(crate) fn names() -> String {
        let (platforms, subjects) = (Platform::ALL.map(Platform::name), Subject::ALL.map(Subject::name));
        format!("PLATFORM, SUBJECT or PLATFORM-SUBJECT, of {}; {}", platforms.join(", "), subjects.join(", "))
    }

    /// Reads `PLATFORM`, `SUBJECT` or `PLATFORM-SUBJECT`.
    pub(crate) fn named(name: &str) -> anyhow::Result<Self> {
        let mut choice = Self::default();
        for part in name.split('-') {
            let platform = Platform::ALL.into_iter().find(|it| it.name() == part);
            let subject = Subject::ALL.into_iter().find(|it| it.name() == part);
            ensure!(platform.is_some() || subject.is_some(), "{name:?} is no scenario; they are {}", Self::names());
            choice = Self { platform: platform.or(choice.platform), subject: subject.or(choice.subject) };
        }
        Ok(choice)
    }

    /// The scenario of a seed: all subjects on one platform, then on the next.
    pub(crate) fn of(self, seed: u64) -> Scenario {
        let at = usize::try_from(seed).unwrap_or_default();
        let (subjects, platforms) = (Subject::ALL, Platform::ALL);
        let subject = subjects.get(at % subjects.len()).copied().unwrap_or(Subject::FirstSync);
        let platform = platforms.get(at / subjects.len() % platforms.len()).copied();
        Scenario {
            platform: self.platform.or(platform).unwrap_or(Platform::Commercetools),
            subject: self.subject.unwrap_or(subject),
        }
    }
}

/// The draws of one seed.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) products: usize,
    /// Whether products have the oddities of real shops.
    pub(crate) oddities: bool,
    pub(crate) messages: bool,
    pub(crate) batch_items: u64,
    pub(crate) page: u64,
    pub(crate) edits: u64,
    /// How long edits are spread over.
    pub(crate) live_for: Duration,
    pub(crate) weather: Weather,
    pub(crate) shop_faults: FaultPlan,
    pub(crate) clerk_faults: FaultPlan,
    /// The way of webhooks; `None`: there are none.
    pub(crate) hooks: Option<Way>,
    /// Number of crashes, the mean number of steps between them, and the place at which the hub is killed.
    pub(crate) crashes: u64,
    pub(crate) steps_between: u64,
    pub(crate) dies_at: Option<Place>,
    /// The hub's clock is set forward once (negative: back), by so many milliseconds.
    pub(crate) jump: Option<i64>,
    /// After so many crashes the disk has room for so many further pages, until the next crash.
    pub(crate) full_disk: Option<(u64, u64)>,
}

impl Plan {
    /// Whether anything goes wrong.
    pub(crate) const fn is_disturbed(&self) -> bool {
        self.crashes > 0
    }

    pub(crate) fn draw(seed: u64, scenario: Scenario) -> Self {
        let Scenario { platform, subject } = scenario;
        let random = child(seed, "plan");
        // Only a restart brings another configuration.
        let quiet = random.hits(150) && !matches!(subject, Subject::Mapping | Subject::Mistake);
        let on = |random: &Random, per_mille: u64| random.hits(per_mille) && !quiet;
        let latency = match random.below(3) {
            0 => (0, 2),
            1 => (1, 80),
            _ => (20, 900),
        };
        let mut weather = Weather { latency, ..Weather::default() };
        if on(&random, 400) {
            weather.lost_before = random.between(5, 120);
        }
        if on(&random, 500) {
            weather.lost_after = random.between(5, 120);
        }
        if on(&random, 300) {
            weather.cut = random.between(5, 80);
        }
        if on(&random, 200) {
            weather.slow = (random.between(100, 8_000), random.between(20, 200));
        }
        if on(&child(seed, "half"), 300) {
            weather.half = random.between(5, 80);
        }
        let faults = |name: &str| {
            let random = child(seed, name);
            let mut plan = FaultPlan { seed: random.draw(), ..FaultPlan::default() };
            let rate = |random: &Random, most: u64| random.between(5, most) as f64 / 1000.0;
            if on(&random, 350) {
                plan.throttle_rate = rate(&random, 120);
                plan.retry_after_seconds = random.hits(500).then_some(1 + random.below(20) as u32);
            }
            if on(&random, 350) {
                plan.error_rate = BTreeMap::from([(500, rate(&random, 120)), (503, rate(&random, 60))]);
            }
            if on(&random, 250) {
                plan.error_rate.insert(504, rate(&random, 60));
            }
            if on(&random, 200) {
                plan.html_error_rate = rate(&random, 60);
            }
            if on(&random, 250) {
                plan.reset_after_effect_rate = rate(&random, 80);
                plan.reset_before_effect_rate = rate(&random, 80);
            }
            if on(&random, 200) {
                plan.truncate_rate = rate(&random, 60);
            }
            plan
        };
        let post = child(seed, "hooks");
        let has_hooks = post.hits(300) || subject == Subject::Webhooks;
        let way = Way {
            lost: if on(&post, 500) { post.between(20, 300) } else { 0 },
            unanswered: if on(&post, 500) { post.between(20, 300) } else { 0 },
            late: if on(&post, 500) { (post.between(1_000, 600_000), post.between(50, 500)) } else { (0, 0) },
        };
        let disk = child(seed, "disk");
        let crashes = if quiet { 0 } else { random.between(6, 28) };
        let edits = match subject {
            Subject::FirstSync => 0,
            Subject::LiveEdits | Subject::Windows | Subject::Webhooks => random.between(20, 80),
            Subject::Deletes => random.between(10, 30),
            Subject::Outage | Subject::SourceOutage | Subject::Credentials | Subject::Mapping | Subject::Mistake => {
                random.between(5, 30)
            }
        };
        Self {
            products: usize::try_from(random.between(20, 60) + if subject == Subject::Mistake { 20 } else { 0 })
                .unwrap_or(20),
            oddities: random.hits(600),
            messages: random.hits(700),
            batch_items: random.between(2, 25),
            page: random.between(4, 40),
            edits,
            live_for: Duration::from_secs(random.between(300, 2400)),
            weather,
            shop_faults: faults(&format!("faults/{}", platform.name())),
            clerk_faults: faults("faults/clerk"),
            hooks: has_hooks.then_some(way),
            crashes,
            steps_between: random.between(8, 160),
            dies_at: match random.below(4) {
                0 => Some(Place::Applied),
                1 => Some(Place::Store),
                _ => None,
            },
            jump: (subject == Subject::Windows || on(&random, 150))
                .then(|| i64::try_from(random.between(1_000, 7_200_000)).unwrap_or_default())
                .map(|jump| if child(seed, "set back").hits(300) { -jump } else { jump }),
            full_disk: on(&disk, 200).then(|| (disk.below(crashes), disk.between(1, 60))),
        }
    }
}

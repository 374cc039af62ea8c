//! Cuts a run off or disturbs it at counted points, so that the same seed gives the same run.

use std::{
    collections::VecDeque,
    future::pending,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::{sync::Notify, task::yield_now};

/// More points than any push of these tests has.
const ENDLESS: u32 = 100_000;

/// An action at a point of a run.
pub(super) type Hook = Box<dyn FnOnce() + Send>;

/// Points of a run. Clones share them.
#[derive(Clone, Default)]
pub(super) struct Script(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    cut: Notify,
}

#[derive(Default)]
struct State {
    passed: u32,
    cut_at: Option<u32>,
    is_cut: bool,
    hooks: VecDeque<(u32, Hook)>,
    dice: Option<Dice>,
}

impl Script {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a run that is cut off at the point `cut_at` and disturbed at those of `hooks`, which are in order. The
    /// order of tasks depends on the seed.
    pub(super) fn begin(&self, seed: u64, cut_at: Option<u32>, hooks: VecDeque<(u32, Hook)>) {
        *self.state() = State { passed: 0, cut_at, is_cut: false, hooks, dice: Some(Dice::new(seed)) };
    }

    /// Nothing more happens, as in a process that was killed.
    pub(super) async fn cut(&self) {
        while !self.state().is_cut {
            self.0.cut.notified().await;
        }
    }

    /// A point. Once the run is cut off it is never passed.
    pub(super) async fn point(&self) {
        let mut due = Vec::new();
        let (is_cut, yields) = {
            let mut state = self.state();
            let at = state.passed;
            state.passed += 1;
            assert!(at < ENDLESS, "a push that does not come to an end");
            state.is_cut |= state.cut_at == Some(at);
            while !state.is_cut && state.hooks.front().is_some_and(|(when, _)| *when <= at) {
                due.extend(state.hooks.pop_front().map(|(_, hook)| hook));
            }
            (state.is_cut, state.dice.as_mut().is_some_and(|dice| dice.percent(30)))
        };
        for hook in due {
            hook();
        }
        if is_cut {
            self.0.cut.notify_one();
            pending::<()>().await;
        }
        if yields {
            yield_now().await;
        }
    }
}

/// Random numbers from a seed alone.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Less than `most`, which is not 0.
    pub(super) fn below(&mut self, most: u32) -> u32 {
        u32::try_from(self.next() % u64::from(most)).unwrap()
    }

    /// True so many times out of a hundred.
    pub(super) fn percent(&mut self, chance: u32) -> bool {
        self.below(100) < chance
    }
}

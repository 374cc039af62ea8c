//! How long the instance runs: what takes its time is measured by it, so that it ends also where the clock is set back.

/// The time that passed since the instance was first asked. A clock that is set forward lets time pass; one that is set back
/// takes none away.
#[derive(Debug, Default)]
pub(super) struct Uptime {
    seen: Option<i64>,
    passed: i64,
}

impl Uptime {
    /// Milliseconds that have passed when the clock shows this.
    pub(super) fn at(&mut self, now: i64) -> i64 {
        let before = self.seen.replace(now).unwrap_or(now);
        self.passed = self.passed.saturating_add(now.saturating_sub(before).max(0));
        self.passed
    }
}

/// An instant, in milliseconds: by the clock since 1970, and since the instance was first asked.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Moment {
    pub(super) now: i64,
    pub(super) uptime: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_passes_with_the_clock_and_never_goes_back() {
        let mut uptime = Uptime::default();
        let passed: Vec<i64> = [1_000, 1_400, 1_400, 9_400, 400, 500].into_iter().map(|now| uptime.at(now)).collect();
        assert_eq!(passed, [0, 400, 400, 8_400, 8_400, 8_500]);
    }
}

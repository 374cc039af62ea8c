//! Detects a walk that repeats itself, in memory that does not grow with the walk.
//!
//! A source that gives the same pages again and again (a server that ignores the place it is asked for, or two that
//! alternate) would be read for ever. One earlier page is remembered, by its token and by what it held, and exchanged for
//! a later one after ever more pages (Brent's method): whatever the length of the circle, it is noticed.

use std::{
    collections::hash_map::DefaultHasher,
    hash::{Hash as _, Hasher as _},
    time::Duration,
};

use contract::{Change, Fault, Next, Page, Token};

/// One page with the records of the remembered one is a coincidence; so many are a cycle.
const MOST_ALIKE: u32 = 3;
/// Pages without records in a row, after which the walk is stopped.
const MOST_EMPTY: u32 = 10_000;
/// How long a source may take in all to prepare an export.
const LONGEST_LATER: Duration = Duration::from_hours(12);

/// The progress of a walk.
#[derive(Debug, Default)]
pub(super) struct Progress {
    mark: Option<(Token, u64)>,
    /// Pages since the remembered one, and how many there may be before a later one replaces it.
    since: u64,
    most: u64,
    alike: u32,
    empty: u32,
    waited: Duration,
}

impl Progress {
    /// Checks the next page of the walk.
    ///
    /// # Errors
    /// `C0621` where the walk goes round in circles or leads nowhere, `C0622` where what it waits for is never ready.
    pub(super) fn check(&mut self, page: &Page) -> Result<(), Fault> {
        let is_empty = page.changes.is_empty() && page.unread.is_empty();
        let token = match &page.next {
            Next::End(_) | Next::Everything => return Ok(()),
            Next::Later(_, wait) => {
                self.waited = if is_empty { self.waited.saturating_add(*wait) } else { Duration::ZERO };
                return if self.waited > LONGEST_LATER { Err(never_ready(self.waited)) } else { Ok(()) };
            }
            Next::Within(token) => token,
        };
        self.waited = Duration::ZERO;
        self.empty = if is_empty { self.empty + 1 } else { 0 };
        if self.empty > MOST_EMPTY {
            return Err(circular(&format!("{MOST_EMPTY} pages in a row held no records")));
        }
        let held = held(page);
        if let Some((before, then)) = &self.mark {
            if before == token {
                return Err(circular("a page leads back to an earlier one"));
            }
            self.alike += u32::from(!is_empty && *then == held);
            if self.alike >= MOST_ALIKE {
                return Err(circular("the same records come again and again"));
            }
        }
        self.since += 1;
        if self.since >= self.most {
            self.mark = Some((token.clone(), held));
            (self.since, self.most, self.alike) = (0, (self.most * 2).max(1), 0);
        }
        Ok(())
    }
}

/// A digest of the records of a page.
fn held(page: &Page) -> u64 {
    let mut hasher = DefaultHasher::new();
    for change in &page.changes {
        match change {
            Change::Is { record, version, modified_at } => {
                (record.kind(), record.id(), version, modified_at).hash(&mut hasher);
            }
            Change::Gone { kind, id, version } => (kind, id, version).hash(&mut hasher),
        }
    }
    for unread in &page.unread {
        (unread.kind, &unread.id).hash(&mut hasher);
    }
    hasher.finish()
}

/// A walk over everything asks for one.
pub(super) fn endless() -> Fault {
    circular("it is over everything, and asks for one over everything")
}

fn circular(what: &str) -> Fault {
    Fault::protocol("C0621", format!("the walk does not end: {what}"))
        .hint("the source does not keep to the place that it is asked for; the next read begins anew")
}

fn never_ready(waited: Duration) -> Fault {
    let hours = waited.as_secs() / 3600;
    Fault::transient("C0622", format!("the source has not prepared what it was asked for within {hours} hours"))
        .hint("look at the source's own jobs; the next read begins anew")
}

#[cfg(test)]
mod tests {
    use model::{Channel, Localized, Record};

    use super::*;

    fn page(id: &str, next: Next) -> Page {
        let record =
            Record::Channel(Channel { id: id.into(), key: id.to_owned(), name: Localized::empty(), untracked: None });
        let changes = vec![Change::Is { record, version: 1, modified_at: None }];
        Page { changes, unread: Vec::new(), next, age: Duration::ZERO }
    }

    fn within(token: usize) -> Next {
        Next::Within(Token(token.to_string()))
    }

    /// The index of the page at which a walk of these pages is stopped.
    fn stopped_at(pages: impl Iterator<Item = Page>) -> Option<usize> {
        let mut progress = Progress::default();
        pages.into_iter().position(|page| progress.check(&page).is_err())
    }

    #[test]
    fn a_walk_that_goes_on_is_let_on() {
        assert_eq!(stopped_at((0..20_000).map(|at| page(&at.to_string(), within(at)))), None);
        // Records may come twice where the walk is not stable.
        assert_eq!(stopped_at((0..20_000).map(|at| page(&(at / 2).to_string(), within(at)))), None);
    }

    #[test]
    fn pages_that_lead_back_are_noticed_whatever_the_circle() {
        for length in [1, 2, 3, 10, 1000] {
            let stopped = stopped_at((0..100_000).map(|at| page(&at.to_string(), within((at + 7) % length))));
            assert!(stopped.is_some_and(|at| at <= 4 * length + 8), "a circle of {length} was noticed at {stopped:?}");
        }
    }

    #[test]
    fn records_that_come_again_are_noticed_whatever_their_tokens() {
        for length in [1, 2, 3, 10, 1000] {
            let stopped = stopped_at((0..100_000).map(|at| page(&(at % length).to_string(), within(at))));
            assert!(stopped.is_some_and(|at| at <= 8 * length + 8), "a circle of {length} was noticed at {stopped:?}");
        }
    }

    #[test]
    fn pages_without_records_end() {
        let empty = |at| Page { changes: Vec::new(), ..page("", within(at)) };
        assert_eq!(stopped_at((0..20_000).map(empty)), Some(MOST_EMPTY as usize));
    }

    #[test]
    fn an_export_may_take_hours_and_not_days() {
        let later =
            |_| Page { changes: Vec::new(), ..page("", Next::Later(Token("job".to_owned()), Duration::from_mins(10))) };
        assert_eq!(stopped_at((0..1000).map(later)), Some(6 * 12));
    }
}

//! The suite for sources: a correct source passes, and each wrong one fails the check about its mistake.

use conformance::source::source;

use crate::memory::{Memory, Wrong};

/// Names of the failed checks, each with the reason.
async fn failed(wrong: Wrong) -> Vec<(&'static str, String)> {
    let checks = source(async || Memory::new(wrong)).await;
    checks.into_iter().filter_map(|check| Some((check.name, check.result.err()?))).collect()
}

#[tokio::test]
async fn a_source_that_is_right_passes() {
    assert_eq!(failed(Wrong::Nothing).await, []);
}

#[tokio::test]
async fn a_source_that_may_miss_records_and_says_so_passes() {
    assert_eq!(failed(Wrong::Unstable).await, []);
}

#[test]
fn each_mistake_fails_the_check_that_is_about_it() {
    let mistakes = [
        (Wrong::LanesAlike, "its lanes can be told apart and read at a pace"),
        (Wrong::NeededLast, "its lanes can be told apart and read at a pace"),
        (Wrong::CoversOthers, "a lane that covers another reads and sweeps all that it would"),
        (Wrong::CoversLate, "a lane that covers another reads and sweeps all that it would"),
        (Wrong::CoversDelta, "a lane that covers another reads and sweeps all that it would"),
        (Wrong::LosesLast, "a full walk of every lane sees each record exactly once, whatever the page size"),
        (Wrong::Doubles, "a full walk of every lane sees each record exactly once, whatever the page size"),
        (Wrong::LargePages, "a page holds no more records than were asked for"),
        (Wrong::Remembers, "a walk goes on from its token alone, in an instance that knows nothing of it"),
        (Wrong::Remembers, "lanes that are read at once do not disturb each other"),
        (Wrong::Offset, "a record that exists throughout a walk is seen once though others are added and deleted"),
        (Wrong::FetchesNothing, "records that are asked for by id come as they are now, or as deleted"),
        (Wrong::FetchesAll, "records that are asked for by id come as they are now, or as deleted"),
        (Wrong::FetchesNoDeletion, "records that are asked for by id come as they are now, or as deleted"),
        (Wrong::Cache, "records that are asked for by id come as they are now, or as deleted"),
        (Wrong::AnyToken, "a token that it did not write is refused"),
        (Wrong::Uncounted, "calls are counted"),
        (Wrong::Everything, "with no change, a delta brings nothing"),
        (Wrong::Everything, "a change that a delta brought long ago does not come again"),
        (Wrong::MarkAtEnd, "a change that is made during a full walk comes with it or with the next delta"),
        (Wrong::NeverEnds, "a delta ends though the shop goes on changing, and the next one brings the rest"),
        (Wrong::Ties, "records that changed in the same instant are all read"),
        (Wrong::Cache, "a delta brings what is new and what changed"),
        (Wrong::Cache, "of two changes to one record the later one counts"),
        (Wrong::VersionStands, "versions grow with every change"),
        (Wrong::GoneIsThere, "a deletion is reported, or the next full walk is without it"),
        (Wrong::GoneTooOld, "a deletion is reported, or the next full walk is without it"),
        (Wrong::KeepsGone, "a deletion is reported, or the next full walk is without it"),
        (Wrong::NoLag, "a change that becomes visible late is read by the next delta"),
        (Wrong::TheirClock, "nothing is lost where the source's clock is ahead of ours"),
        (Wrong::OurClock, "nothing is lost or read for ever where the source's clock is behind ours"),
        (Wrong::SwallowsBad, "a record that can't be understood is reported with its id, and the others arrive"),
        (Wrong::BadStops, "a record that can't be understood is reported with its id, and the others arrive"),
        (Wrong::BadSpreads, "a record that can't be understood is reported with its id, and the others arrive"),
        (Wrong::NeverRenews, "a grant that is refused is renewed, and the page is read"),
        (Wrong::AllPasses, "refused credentials are reported with a hint, after one renewal"),
        (Wrong::AsksTenTimes, "refused credentials are reported with a hint, after one renewal"),
        (Wrong::AllPasses, "a missing right is reported with a hint, and not retried"),
        (Wrong::AsksTenTimes, "a missing right is reported with a hint, and not retried"),
        (Wrong::AllPasses, "a throttled call is reported with the wait that was asked for"),
        (Wrong::NoWait, "a throttled call is reported with the wait that was asked for"),
        (Wrong::AllStays, "faults of the server and of the network are transient"),
        (Wrong::AllStays, "an answer that is no page is never read as one"),
        (Wrong::EmptyOnTrouble, "an answer that is no page is never read as one"),
        (Wrong::SkipsFailed, "after any fault the walk goes on from where it was to the same result"),
        (Wrong::SkipsFailed, "after any fault a delta misses nothing"),
        (Wrong::StaysBusy, "a dropped read has no effect on later ones"),
        (Wrong::TellsSecret, "nothing that can be seen holds a secret"),
        (Wrong::ShowsSecret, "nothing that can be seen holds a secret"),
        (Wrong::FindsNothing, "its check passes with good keys and reports bad ones"),
    ];
    // Each waits now and then, so that they are run at once.
    let passed = std::thread::scope(|scope| {
        let run = |(wrong, check)| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
            let failed = runtime.block_on(failed(wrong));
            failed.iter().all(|(name, _)| *name != check).then_some((wrong, check, failed))
        };
        let running: Vec<_> = mistakes.into_iter().map(|mistake| scope.spawn(move || run(mistake))).collect();
        running.into_iter().filter_map(|running| running.join().unwrap()).collect::<Vec<_>>()
    });
    assert!(passed.is_empty(), "these passed; besides, what they failed: {passed:#?}");
}

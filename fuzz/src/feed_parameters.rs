//! Any query string of a feed is read within its bounds or refused.

use model::Timestamp;
use server::parameters::{MOST, Parameters};

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

pub fn run(input: &[u8]) {
    let Ok(query) = std::str::from_utf8(input) else { return };
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    match Parameters::read(pairs, NOW) {
        Ok(read) => {
            assert!(read.limit.is_none_or(|limit| (1..=MOST).contains(&limit)), "a limit out of its bounds");
            assert!(read.modified_after.is_none_or(|after| after <= NOW), "changes from the future");
        }
        Err(refused) => assert!(!refused.to_string().is_empty(), "refused without a reason"),
    }
}

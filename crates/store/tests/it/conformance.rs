//! What any store must do.

use store::Sqlite;

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_is_a_store() {
    conformance::store::store(|| async { Sqlite::memory().unwrap() }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_is_a_store_of_people() {
    conformance::store::store_of_people(|| async { Sqlite::memory().unwrap() }).await;
}

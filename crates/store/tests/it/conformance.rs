//! What any store must do.

use store::Sqlite;

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_is_a_store() {
    conformance::store::store(|| async { Sqlite::memory().unwrap() }).await;
}

//! Bodies that arrive badly.

use std::io;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures::stream;

/// Steps per second of a slow body.
const STEPS: u32 = 20;

/// Pause between the last byte and the failure, so that the bytes leave before the connection does.
const LAST_WORDS: Duration = Duration::from_millis(20);

/// Half of `whole`, then an error, upon which the server closes the connection.
pub(super) fn half(whole: &Bytes) -> Body {
    let half = whole.slice(..whole.len() / 2);
    Body::from_stream(stream::unfold(Some(half), |rest| async move {
        match rest {
            Some(rest) if !rest.is_empty() => Some((Ok(rest), Some(Bytes::new()))),
            Some(_) => {
                tokio::time::sleep(LAST_WORDS).await;
                Some((Err(io::Error::other("truncated by the fault plan")), None))
            }
            None => None,
        }
    }))
}

/// `whole` at `bytes_per_second`.
pub(super) fn drip(whole: Bytes, bytes_per_second: u32) -> Body {
    let (step, pause) = if bytes_per_second < STEPS {
        (1, Duration::from_secs(1) / bytes_per_second.max(1))
    } else {
        (usize::try_from(bytes_per_second / STEPS).unwrap_or(usize::MAX), Duration::from_secs(1) / STEPS)
    };
    Body::from_stream(stream::unfold(whole, move |mut rest| async move {
        if rest.is_empty() {
            return None;
        }
        tokio::time::sleep(pause).await;
        let drop = rest.split_to(step.min(rest.len()));
        Some((Ok::<_, io::Error>(drop), rest))
    }))
}

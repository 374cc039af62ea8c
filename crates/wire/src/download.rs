//! Downloads too large for memory: streamed to a file, and resumed where they broke.

use std::{
    fs::File,
    io::{Seek as _, SeekFrom, Write as _},
    time::Duration,
};

use bytes::Bytes;
use contract::Fault;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, timeout};

use crate::{
    Broken, Client, Effect, Reason, Request, Response,
    client::{date_of, timed_out},
};

/// Progress of a download. Stored beside its file, it lets the next call ask only for the rest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Bytes that the file has.
    pub length: u64,
    /// Identifies the content of the address: a strong `ETag` or a `Last-Modified`. Without it a broken download starts
    /// anew.
    pub validator: Option<String>,
}

impl Client {
    /// Streams what `request` (a GET) is answered with into `file`, at most `bound` bytes in all. Where `progress` says that
    /// a part is there, only the rest is asked for, and only if the content is still the same; otherwise the file is
    /// written anew. `progress` is true also when the call breaks. A wait for the next piece is bounded by
    /// [`Options::request_timeout`](crate::Options::request_timeout), the whole download is not.
    ///
    /// The answer of a success has no body here; the file is complete then. Any other answer leaves the file as it was.
    ///
    /// # Errors
    /// [`Broken`] when the answer did not come in whole, is larger than `bound`, or the file can't be written (`C0310`).
    pub async fn download(
        &self,
        request: Request,
        file: &mut File,
        progress: &mut Progress,
        bound: u64,
    ) -> Result<Response, Broken> {
        let began = Instant::now();
        let host = request.url.host_str().unwrap_or_default().to_owned();
        let _slot = self.slot(&host).await;
        let there = file.metadata().map_err(|error| unwritten(&error))?.len();
        if progress.validator.is_none() || there < progress.length {
            *progress = Progress::default();
        }
        let answer = timeout(self.request_timeout(), self.transport().carry(ranged(request, progress))).await;
        let mut answer = answer.map_err(|_| timed_out(&host, self.request_timeout(), Effect::Unknown))??;
        let response = |body| Response {
            status: answer.status,
            headers: answer.headers.clone(),
            body,
            date: date_of(&answer.headers),
            took: began.elapsed(),
        };
        let starts_at = match StatusCode::from_u16(answer.status) {
            Ok(StatusCode::OK) => 0,
            Ok(StatusCode::PARTIAL_CONTENT) if first_byte(&answer.headers) == Some(progress.length) => progress.length,
            // The file is complete already.
            Ok(StatusCode::RANGE_NOT_SATISFIABLE)
                if progress.length > 0 && whole_length(&answer.headers) == Some(progress.length) =>
            {
                return Ok(Response { status: 200, ..response(Bytes::new()) });
            }
            Ok(StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE) => {
                *progress = Progress::default();
                let message = format!("{host} answered with another part of the file than was asked for");
                return Err(Broken::new(Effect::None, Reason::Connection, Fault::transient("C0303", message)));
            }
            _ => {
                let response = response(Bytes::new());
                let body = self.collect(answer.body, &answer.headers, &host).await?;
                return Ok(Response { body, ..response });
            }
        };
        let response = response(Bytes::new());
        let announced = length_of(&answer.headers).map(|length| starts_at.saturating_add(length));
        if announced.is_some_and(|length| length > bound) {
            return Err(too_large(&host, bound));
        }
        *progress = Progress { length: starts_at, validator: validator(&answer.headers) };
        file.set_len(starts_at).map_err(|error| unwritten(&error))?;
        file.seek(SeekFrom::Start(starts_at)).map_err(|error| unwritten(&error))?;
        loop {
            let chunk = timeout(self.request_timeout(), answer.body.chunk()).await;
            let chunk = chunk.map_err(|_| timed_out(&host, self.request_timeout(), Effect::Unknown))??;
            let Some(chunk) = chunk else { break };
            if progress.length + chunk.len() as u64 > bound {
                return Err(too_large(&host, bound));
            }
            // A piece has some ten thousand bytes, and is written into the system's cache.
            file.write_all(&chunk).map_err(|error| unwritten(&error))?;
            progress.length += chunk.len() as u64;
        }
        if announced.is_some_and(|length| length != progress.length) {
            let message = format!("{host} ended its answer before it was whole");
            return Err(Broken::new(Effect::Unknown, Reason::Connection, Fault::transient("C0303", message)));
        }
        Ok(Response { took: began.elapsed(), ..response })
    }
}

/// The request for the rest. Ranges count transferred bytes, so the answer must not be compressed.
fn ranged(request: Request, progress: &Progress) -> Request {
    let request = request.header(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    let Some(validator) = progress.validator.as_deref().filter(|_| progress.length > 0) else { return request };
    let range = HeaderValue::from_str(&format!("bytes={}-", progress.length));
    match (range, HeaderValue::from_str(validator)) {
        (Ok(range), Ok(validator)) => request.header(header::RANGE, range).header(header::IF_RANGE, validator),
        _ => request,
    }
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

fn length_of(headers: &HeaderMap) -> Option<u64> {
    text(headers, header::CONTENT_LENGTH)?.parse().ok()
}

/// The first byte of `Content-Range: bytes 5-9/10`.
fn first_byte(headers: &HeaderMap) -> Option<u64> {
    text(headers, header::CONTENT_RANGE)?.strip_prefix("bytes ")?.split_once('-')?.0.parse().ok()
}

/// The length in `Content-Range: bytes */10`.
fn whole_length(headers: &HeaderMap) -> Option<u64> {
    text(headers, header::CONTENT_RANGE)?.strip_prefix("bytes */")?.parse().ok()
}

/// A weak `ETag` may name another content with the same meaning: parts of two must not be joined.
fn validator(headers: &HeaderMap) -> Option<String> {
    let strong = text(headers, header::ETAG).filter(|tag| !tag.starts_with("W/"));
    strong.or_else(|| text(headers, header::LAST_MODIFIED)).map(str::to_owned)
}

fn too_large(host: &str, bound: u64) -> Broken {
    let message = format!("{host} answered with more than {bound} bytes");
    Broken::new(Effect::None, Reason::TooLarge, Fault::transient("C0304", message))
}

fn unwritten(error: &std::io::Error) -> Broken {
    let fault = Fault::transient("C0310", format!("a download can't be written: {error}"))
        .hint("free space where the database is, or give its folder back to the user that runs Cartage");
    Broken::new(Effect::None, Reason::Request, fault.after(Some(Duration::from_secs(30))))
}

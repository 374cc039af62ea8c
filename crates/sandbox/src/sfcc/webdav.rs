//! WebDAV below `/on/demandware.servlet/webdav/Sites`: the files that jobs wrote.
//!
//! Files lie on disk, and are sent piece by piece. A file that is still being written shows as much of it as there is.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::response::Response;
use futures::stream;
use http::header::{
    ACCEPT_RANGES, ALLOW, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, IF_RANGE, LAST_MODIFIED, RANGE,
    WWW_AUTHENTICATE,
};
use http::{HeaderMap, HeaderValue, StatusCode};
use tempfile::NamedTempFile;

use super::uptime::Moment;

/// Where the files are.
pub(super) const PREFIX: &str = "/on/demandware.servlet/webdav/Sites";
/// Folders that are always there.
const FOLDERS: [&str; 6] = ["Catalogs", "Impex", "Impex/src", "Impex/src/instance", "Libraries", "Temp"];
/// How much is read at once.
const PIECE: usize = 64 << 10;
const METHODS: &str = "OPTIONS, GET, HEAD, DELETE, PROPFIND";

/// A file.
#[derive(Debug)]
pub(super) struct File {
    content: Arc<NamedTempFile>,
    length: u64,
    modified: Moment,
    /// The uptime at which it is complete.
    complete: i64,
}

impl File {
    /// How much of it there is.
    fn length(&self, uptime: i64) -> u64 {
        let (whole, passed) = (self.complete - self.modified.uptime, uptime - self.modified.uptime);
        if passed >= whole {
            return self.length;
        }
        let share = i128::from(self.length) * i128::from(passed.max(0)) / i128::from(whole.max(1));
        u64::try_from(share).unwrap_or_default()
    }

    fn etag(&self, uptime: i64) -> String {
        format!("W/\"{}-{}\"", self.length(uptime), self.modified.now)
    }
}

/// The files by their path below `Sites`.
#[derive(Debug, Default)]
pub(super) struct Files(BTreeMap<String, File>);

impl Files {
    pub(super) fn has(&self, path: &str) -> bool {
        self.0.contains_key(path)
    }

    /// Puts a file that is complete `after` milliseconds from now.
    pub(super) fn put(&mut self, path: String, content: Arc<NamedTempFile>, now: Moment, after: i64) -> io::Result<()> {
        let length = content.as_file().metadata()?.len();
        let file = File { content, length, modified: now, complete: now.uptime + after };
        self.0.insert(path, file);
        Ok(())
    }

    pub(super) fn paths(&self) -> impl Iterator<Item = &String> {
        self.0.keys()
    }

    fn is_folder(&self, path: &str) -> bool {
        let below = format!("{path}/");
        path.is_empty() || FOLDERS.contains(&path) || self.0.keys().any(|known| known.starts_with(&below))
    }

    /// Answers a request for a path, which is decoded.
    pub(super) fn answer(&mut self, method: &str, path: &str, headers: &HeaderMap, uptime: i64) -> Response {
        match method {
            "OPTIONS" => {
                let mut response = empty(StatusCode::OK);
                response.headers_mut().insert(ALLOW, HeaderValue::from_static(METHODS));
                response.headers_mut().insert("dav", HeaderValue::from_static("1,2"));
                response
            }
            "GET" | "HEAD" => match self.0.get(path) {
                Some(file) => send(file, method == "HEAD", headers, uptime),
                None if self.is_folder(path) => empty(StatusCode::METHOD_NOT_ALLOWED),
                None => empty(StatusCode::NOT_FOUND),
            },
            "DELETE" => match self.0.remove(path) {
                Some(_) => empty(StatusCode::NO_CONTENT),
                None if self.is_folder(path) => empty(StatusCode::FORBIDDEN),
                None => empty(StatusCode::NOT_FOUND),
            },
            "PROPFIND" => self.list(path, headers, uptime),
            _ => {
                let mut response = empty(StatusCode::METHOD_NOT_ALLOWED);
                response.headers_mut().insert(ALLOW, HeaderValue::from_static(METHODS));
                response
            }
        }
    }

    fn list(&self, path: &str, headers: &HeaderMap, uptime: i64) -> Response {
        let deep = match headers.get("depth").and_then(|depth| depth.to_str().ok()) {
            Some("0") => false,
            Some("1") => true,
            // A listing of everything below is refused.
            _ => return empty(StatusCode::FORBIDDEN),
        };
        let mut rows = String::new();
        if let Some(file) = self.0.get(path) {
            rows.push_str(&row(path, Some(file), uptime));
        } else if self.is_folder(path) {
            rows.push_str(&row(path, None, uptime));
            if deep {
                self.children(path).iter().for_each(|child| rows.push_str(&row(child, self.0.get(child), uptime)));
            }
        } else {
            return empty(StatusCode::NOT_FOUND);
        }
        let text = format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\" ?>\n<D:multistatus xmlns:D=\"DAV:\">{rows}</D:multistatus>\n"
        );
        let mut response = Response::new(Body::from(text));
        *response.status_mut() = StatusCode::MULTI_STATUS;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/xml; charset=utf-8"));
        response
    }

    /// Paths of files and folders right below a folder.
    fn children(&self, path: &str) -> BTreeSet<String> {
        let begin = if path.is_empty() { String::new() } else { format!("{path}/") };
        let all = self.0.keys().map(String::as_str).chain(FOLDERS);
        let below = all.filter_map(|known| known.strip_prefix(&begin)).filter(|rest| !rest.is_empty());
        below.filter_map(|rest| rest.split('/').next()).map(|name| format!("{begin}{name}")).collect()
    }
}

fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// 401: neither a token nor the name and access key of a user.
pub(super) fn unauthorized() -> Response {
    let mut response = empty(StatusCode::UNAUTHORIZED);
    response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"Sites\""));
    response
}

/// 403: the client permissions do not have the path or the operation.
pub(super) fn forbidden() -> Response {
    empty(StatusCode::FORBIDDEN)
}

/// A date of HTTP.
pub(super) fn http_date(milliseconds: i64) -> String {
    let at = jiff::Timestamp::from_millisecond(milliseconds).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// The entry of a file, or of a folder without one.
fn row(path: &str, file: Option<&File>, uptime: i64) -> String {
    let mut href = PREFIX.to_owned();
    for segment in path.split('/').filter(|segment| !segment.is_empty()) {
        href.push('/');
        href.extend(segment.bytes().map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        }));
    }
    let name = path.rsplit('/').next().unwrap_or_default();
    let name = name.replace('&', "&amp;").replace('<', "&lt;");
    let properties = match file {
        None => {
            href.push('/');
            "<D:resourcetype><D:collection/></D:resourcetype>".to_owned()
        }
        Some(file) => format!(
            "<D:resourcetype/><D:getcontentlength>{}</D:getcontentlength><D:getcontenttype>{}</D:getcontenttype>\
             <D:getetag>{}</D:getetag><D:getlastmodified>{}</D:getlastmodified>",
            file.length(uptime),
            media_type(path),
            file.etag(uptime).replace('"', "&quot;"),
            http_date(file.modified.now),
        ),
    };
    format!(
        "<D:response><D:href>{href}</D:href><D:propstat><D:prop><D:displayname>{name}</D:displayname>{properties}\
         </D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response>"
    )
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("zip") => "application/zip",
        Some("xml") => "application/xml",
        Some("log" | "txt") => "text/plain",
        _ => "application/octet-stream",
    }
}

/// What a request wants of a file.
#[derive(Debug, PartialEq, Eq)]
enum Part {
    Whole,
    /// First byte and how many.
    Range(u64, u64),
    Unsatisfiable,
}

/// Reads `Range`. What is no single range of bytes is as if it were not there.
fn part(header: Option<&str>, length: u64) -> Part {
    let single = header.and_then(|text| text.strip_prefix("bytes=")).filter(|text| !text.contains(','));
    let Some((from, to)) = single.and_then(|text| text.trim().split_once('-')) else { return Part::Whole };
    let (first, last) = match (from.parse::<u64>(), to.parse::<u64>()) {
        (Ok(first), Ok(last)) if first <= last => (first, last),
        (Ok(first), Err(_)) if to.is_empty() => (first, u64::MAX),
        (Err(_), Ok(suffix)) if from.is_empty() && suffix > 0 && length > 0 => {
            (length.saturating_sub(suffix), u64::MAX)
        }
        (Err(_), Ok(_)) if from.is_empty() => return Part::Unsatisfiable,
        _ => return Part::Whole,
    };
    if first >= length {
        return Part::Unsatisfiable;
    }
    Part::Range(first, last.min(length - 1) - first + 1)
}

fn send(file: &File, head: bool, headers: &HeaderMap, uptime: i64) -> Response {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let (length, etag, modified) = (file.length(uptime), file.etag(uptime), http_date(file.modified.now));
    let same = text(IF_RANGE).is_none_or(|condition| condition == etag || condition == modified);
    let wanted = if same { part(text(RANGE), length) } else { Part::Whole };
    let (status, first, count) = match wanted {
        Part::Whole => (StatusCode::OK, 0, length),
        Part::Range(first, count) => (StatusCode::PARTIAL_CONTENT, first, count),
        Part::Unsatisfiable => (StatusCode::RANGE_NOT_SATISFIABLE, 0, 0),
    };
    let body = if head || count == 0 { Body::empty() } else { pieces(Arc::clone(&file.content), first, count) };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let answer = response.headers_mut();
    let mut set = |name, value: String| {
        if let Ok(value) = HeaderValue::try_from(value) {
            answer.insert(name, value);
        }
    };
    set(ACCEPT_RANGES, "bytes".to_owned());
    set(ETAG, etag);
    set(LAST_MODIFIED, modified);
    match status {
        StatusCode::RANGE_NOT_SATISFIABLE => set(CONTENT_RANGE, format!("bytes */{length}")),
        StatusCode::PARTIAL_CONTENT => {
            set(CONTENT_RANGE, format!("bytes {first}-{}/{length}", first + count - 1));
            set(CONTENT_LENGTH, count.to_string());
        }
        _ => {
            set(CONTENT_LENGTH, count.to_string());
            set(CONTENT_TYPE, "application/zip".to_owned());
        }
    }
    response
}

/// A part of a file, as long as the disk gives it.
fn pieces(content: Arc<NamedTempFile>, first: u64, count: u64) -> Body {
    let opened = content.reopen().and_then(|mut file| file.seek(SeekFrom::Start(first)).map(|_| file));
    Body::from_stream(stream::unfold(Some((opened, content, count)), |state| async move {
        let (opened, content, left) = state?;
        if left == 0 {
            return None;
        }
        let read = opened.and_then(|mut file| {
            let wanted = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
            let mut piece = vec![0; wanted];
            file.read_exact(&mut piece)?;
            Ok((file, piece))
        });
        match read {
            Ok((file, piece)) => {
                let left = left - piece.len() as u64;
                Some((Ok::<_, io::Error>(Bytes::from(piece)), Some((Ok(file), content, left))))
            }
            Err(error) => Some((Err(error), None)),
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_read_as_http_defines_it() {
        for (header, wanted) in [
            (None, Part::Whole),
            (Some("bytes=0-9"), Part::Range(0, 10)),
            (Some("bytes=90-"), Part::Range(90, 10)),
            (Some("bytes=90-500"), Part::Range(90, 10)),
            (Some("bytes=-5"), Part::Range(95, 5)),
            (Some("bytes=-500"), Part::Range(0, 100)),
            (Some("bytes=100-"), Part::Unsatisfiable),
            (Some("bytes=-0"), Part::Unsatisfiable),
            (Some("bytes=9-3"), Part::Whole),
            (Some("bytes=0-1,5-6"), Part::Whole),
            (Some("lines=0-1"), Part::Whole),
        ] {
            assert_eq!(part(header, 100), wanted, "{header:?}");
        }
    }
}

//! Downloads: whole, in parts, and broken on the way.

use std::{
    fs::{self, File},
    path::Path,
    time::Duration,
};

use wire::{Environment, Options, Progress, Reason, Request, Url};
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{any, header, header_exists},
};

const BOUND: u64 = 1 << 20;

struct Target {
    folder: tempfile::TempDir,
    file: File,
    progress: Progress,
}

impl Target {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = File::options().create_new(true).read(true).write(true).open(folder.path().join("file")).unwrap();
        Self { folder, file, progress: Progress::default() }
    }

    /// A file whose first part is there.
    fn with(part: &str, validator: &str) -> Self {
        let mut target = Self::new();
        fs::write(target.path(), part).unwrap();
        target.progress = Progress { length: part.len() as u64, validator: Some(validator.to_owned()) };
        target
    }

    fn path(&self) -> impl AsRef<Path> {
        self.folder.path().join("file")
    }

    fn text(&self) -> String {
        fs::read_to_string(self.path()).unwrap()
    }

    async fn download(&mut self, url: &str, bound: u64) -> Result<u16, Reason> {
        let options = Options { request_timeout: Duration::from_secs(5), ..Options::default() };
        let client = Environment::machine().client(&options).unwrap();
        let request = Request::get(Url::parse(url).unwrap());
        let answer = client.download(request, &mut self.file, &mut self.progress, bound).await;
        assert_eq!(client.calls(), 1);
        answer.map(|response| response.status).map_err(|broken| broken.reason)
    }
}

#[tokio::test]
async fn a_download_is_written_to_its_file() {
    let server = MockServer::start().await;
    let answer = ResponseTemplate::new(200).set_body_string("all of it").insert_header("etag", "\"one\"");
    Mock::given(header("accept-encoding", "identity")).respond_with(answer).mount(&server).await;
    let mut target = Target::new();
    assert_eq!(target.download(&server.uri(), BOUND).await, Ok(200));
    assert_eq!(target.text(), "all of it");
    assert_eq!(target.progress, Progress { length: 9, validator: Some("\"one\"".to_owned()) });
}

#[tokio::test]
async fn only_the_rest_is_asked_for() {
    let server = MockServer::start().await;
    let rest = ResponseTemplate::new(206).set_body_string(" of it").insert_header("content-range", "bytes 3-8/9");
    let rest = rest.insert_header("etag", "\"one\"");
    let asked = Mock::given(header("range", "bytes=3-")).and(header("if-range", "\"one\""));
    asked.respond_with(rest).mount(&server).await;
    let mut target = Target::with("all", "\"one\"");
    assert_eq!(target.download(&server.uri(), BOUND).await, Ok(206));
    assert_eq!((target.text().as_str(), target.progress.length), ("all of it", 9));
}

#[tokio::test]
async fn other_content_is_written_anew() {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(200).set_body_string("new")).mount(&server).await;
    let mut target = Target::with("much longer than that", "\"one\"");
    assert_eq!(target.download(&server.uri(), BOUND).await, Ok(200));
    assert_eq!((target.text().as_str(), target.progress.length), ("new", 3));
}

#[tokio::test]
async fn a_part_that_was_not_asked_for_is_never_joined() {
    let server = MockServer::start().await;
    let other = ResponseTemplate::new(206).set_body_string("of it").insert_header("content-range", "bytes 4-8/9");
    Mock::given(any()).respond_with(other).mount(&server).await;
    let mut target = Target::with("all", "\"one\"");
    assert_eq!(target.download(&server.uri(), BOUND).await, Err(Reason::Connection));
    assert_eq!(target.progress, Progress::default(), "the next call starts anew");
}

#[tokio::test]
async fn what_is_there_may_be_all_there_is() {
    let server = MockServer::start().await;
    let none = ResponseTemplate::new(416).insert_header("content-range", "bytes */9");
    Mock::given(header_exists("range")).respond_with(none).mount(&server).await;
    let mut target = Target::with("all of it", "\"one\"");
    assert_eq!(target.download(&server.uri(), BOUND).await, Ok(200));
    assert_eq!(target.text(), "all of it");
}

#[tokio::test]
async fn a_download_has_a_bound_and_a_refusal_leaves_the_file_as_it_was() {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(200).set_body_string("too long")).mount(&server).await;
    assert_eq!(Target::new().download(&server.uri(), 7).await, Err(Reason::TooLarge));

    let refusing = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(503).set_body_string("later")).mount(&refusing).await;
    let mut target = Target::with("all", "\"one\"");
    assert_eq!(target.download(&refusing.uri(), BOUND).await, Ok(503));
    assert_eq!((target.text().as_str(), target.progress.length), ("all", 3));
}

#[tokio::test]
async fn a_download_that_breaks_goes_on_from_there() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let answers = [
            "HTTP/1.1 200 OK\r\netag: \"one\"\r\ncontent-length: 9\r\n\r\nall",
            "HTTP/1.1 206 Partial Content\r\netag: \"one\"\r\ncontent-range: bytes 3-8/9\r\ncontent-length: 6\r\n\r\n of it",
        ];
        for answer in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = [0; 4096];
            let length = stream.read(&mut head).await.unwrap();
            let asks_for_rest = String::from_utf8_lossy(&head[..length]).contains("range: bytes=3-");
            assert_eq!(asks_for_rest, answer.contains("206"));
            stream.write_all(answer.as_bytes()).await.unwrap();
            stream.shutdown().await.unwrap();
        }
    });
    let mut target = Target::new();
    assert_eq!(target.download(&url, BOUND).await, Err(Reason::Connection));
    assert_eq!((target.text().as_str(), target.progress.length), ("all", 3));
    assert_eq!(target.download(&url, BOUND).await, Ok(206));
    assert_eq!(target.text(), "all of it");
}

//! One call: what it sends, what it reads, and what is known when it breaks.

use std::{io::Write, num::NonZeroU32, time::Duration};

use contract::FaultClass;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::Instant,
};
use wire::{Client, Effect, Environment, Method, Options, Quota, Reason, Request, Url, with_query};
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::any};

pub(crate) fn client(options: &Options) -> Client {
    Environment::machine().client(options).unwrap()
}

fn quick() -> Client {
    client(&Options { request_timeout: Duration::from_millis(400), max_body_bytes: 1 << 20, ..Options::default() })
}

/// A server that reads a request's head and then does as it is told, once per connection.
async fn raw<F: Future<Output = ()> + Send>(act: impl Fn(TcpStream) -> F + Send + Sync + 'static) -> Url {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("http://{}/path?private_key=hidden", listener.local_addr().unwrap())).unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = [0; 4096];
            let _read = stream.read(&mut head).await;
            act(stream).await;
        }
    });
    url
}

#[tokio::test]
async fn an_answer_of_any_status_is_an_answer() {
    let server = MockServer::start().await;
    let answer = ResponseTemplate::new(418)
        .set_body_string("short")
        .insert_header("date", "Sun, 06 Nov 1994 08:49:37 GMT")
        .insert_header("retry-after", "Sun, 06 Nov 1994 08:50:37 GMT");
    Mock::given(any()).respond_with(answer).mount(&server).await;
    let client = quick();
    let url = with_query(&Url::parse(&server.uri()).unwrap(), [("q", "a b")]);
    let response = client.call(Request::new(Method::POST, url).json("{}")).await.unwrap();
    assert_eq!((response.status, &response.body[..], response.is_success()), (418, &b"short"[..], false));
    assert_eq!(response.date.unwrap().millis(), 784_111_777_000);
    assert_eq!(response.retry_after(), Some(Duration::from_mins(1)));
    assert_eq!(client.calls(), 1);
    let sent = &server.received_requests().await.unwrap()[0];
    assert_eq!(sent.url.query(), Some("q=a%20b"));
    assert_eq!(sent.headers["content-type"], "application/json");
    assert!(sent.headers["user-agent"].to_str().unwrap().starts_with("cartage/"));
    assert_eq!(sent.body, b"{}");
}

#[tokio::test]
async fn gzip_is_undone_and_its_contents_are_bounded() {
    let packed = |text: &str| {
        let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        writer.write_all(text.as_bytes()).unwrap();
        writer.finish().unwrap()
    };
    let server = MockServer::start().await;
    let answer =
        |text: &str| ResponseTemplate::new(200).insert_header("content-encoding", "gzip").set_body_bytes(packed(text));
    Mock::given(any()).respond_with(answer("hello")).up_to_n_times(1).mount(&server).await;
    Mock::given(any()).respond_with(answer(&"a".repeat(8 << 20))).mount(&server).await;
    let url = Url::parse(&server.uri()).unwrap();
    assert_eq!(&quick().call(Request::get(url.clone())).await.unwrap().body[..], b"hello");
    let broken = quick().call(Request::get(url)).await.unwrap_err();
    assert_eq!((broken.reason, &*broken.fault.code), (Reason::TooLarge, "C0304"));
    let asked = &server.received_requests().await.unwrap()[0];
    assert_eq!(asked.headers["accept-encoding"], "gzip");
}

#[tokio::test]
async fn a_body_beyond_the_bound_is_not_read_whether_announced_or_not() {
    let announced = raw(async |mut stream| {
        let _sent = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\nx").await;
    })
    .await;
    let endless = raw(async |mut stream| {
        let _sent = stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n").await;
        while stream.write_all(&[b'x'; 8192]).await.is_ok() {}
    })
    .await;
    for url in [announced, endless] {
        let broken = client(&Options { max_body_bytes: 1 << 20, ..Options::default() }).call(Request::get(url)).await;
        assert_eq!(broken.unwrap_err().reason, Reason::TooLarge);
    }
}

#[tokio::test]
async fn no_connection_means_no_effect() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/?private_key=hidden", listener.local_addr().unwrap());
    drop(listener);
    for url in [url.as_str(), "http://host.invalid/"] {
        let broken = quick().call(Request::get(Url::parse(url).unwrap())).await.unwrap_err();
        assert_eq!((broken.effect, broken.reason), (Effect::None, Reason::Connect), "{}", broken.fault);
        assert_eq!((broken.fault.class, &*broken.fault.code), (FaultClass::Transient, "C0301"));
        assert!(!broken.fault.message.contains("hidden"), "{}", broken.fault);
    }
}

#[tokio::test]
async fn after_the_request_was_written_nobody_knows() {
    let closed = raw(async |stream| drop(stream)).await;
    let reset = raw(async |stream| {
        // Closing with unread data pending sends a reset.
        let _set = stream.set_zero_linger();
        drop(stream);
    })
    .await;
    let truncated = raw(async |mut stream| {
        let _sent = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf").await;
    })
    .await;
    let cut_chunk = raw(async |mut stream| {
        let _sent = stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n10\r\nhalf").await;
    })
    .await;
    let no_http = raw(async |mut stream| {
        let _sent = stream.write_all(b"SSH-2.0-OpenSSH_9.9\r\n").await;
    })
    .await;
    for url in [closed, reset, truncated, cut_chunk, no_http] {
        let broken = quick().call(Request::get(url)).await.unwrap_err();
        assert_eq!((broken.effect, broken.reason), (Effect::Unknown, Reason::Connection), "{}", broken.fault);
        assert_eq!(broken.fault.code, "C0303");
        assert!(!broken.fault.message.contains("hidden"), "{}", broken.fault);
    }
}

#[tokio::test]
async fn a_slow_drip_ends_with_the_time_limit() {
    let url = raw(async |mut stream| {
        let _sent = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n").await;
        while stream.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
    // At this pace the body would take 50 seconds.
    let broken = quick().call(Request::get(url)).await.unwrap_err();
    assert_eq!((broken.effect, broken.reason, &*broken.fault.code), (Effect::Unknown, Reason::Timeout, "C0302"));
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let server = MockServer::start().await;
    let answer = ResponseTemplate::new(302).insert_header("location", "/elsewhere");
    Mock::given(any()).respond_with(answer).expect(1).mount(&server).await;
    let response = quick().call(Request::get(Url::parse(&server.uri()).unwrap())).await.unwrap();
    assert_eq!(response.status, 302);
}

#[tokio::test]
async fn no_more_calls_are_under_way_than_allowed() {
    let server = MockServer::start().await;
    let answer = ResponseTemplate::new(200).set_delay(Duration::from_millis(150));
    Mock::given(any()).respond_with(answer).mount(&server).await;
    let client = client(&Options { concurrency: 2, ..Options::default() });
    let url = Url::parse(&server.uri()).unwrap();
    let began = Instant::now();
    let calls = (0..6).map(|_| client.call(Request::get(url.clone())));
    for result in futures::future::join_all(calls).await {
        result.unwrap();
    }
    assert!(began.elapsed() >= Duration::from_millis(450), "{:?}", began.elapsed());
    assert_eq!(client.calls(), 6);
}

#[tokio::test]
async fn a_quota_is_kept_per_host() {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(200)).mount(&server).await;
    let quota = |per| Some(Quota { calls: NonZeroU32::new(2).unwrap(), per });
    let quick = client(&Options { quota: quota(Duration::from_millis(400)), ..Options::default() });
    let url = Url::parse(&server.uri()).unwrap();
    let began = Instant::now();
    for _ in 0..4 {
        quick.call(Request::get(url.clone())).await.unwrap();
    }
    // Two at once, then one every 200 ms.
    assert!(began.elapsed() >= Duration::from_millis(390), "{:?}", began.elapsed());

    let slow = client(&Options { quota: quota(Duration::from_hours(2)), ..Options::default() });
    for _ in 0..2 {
        slow.call(Request::get(url.clone())).await.unwrap();
    }
    let mut elsewhere = url.clone();
    elsewhere.set_host(Some("localhost")).unwrap();
    tokio::select! {
        biased;
        _ = slow.call(Request::get(url)) => panic!("a third call within the hour"),
        answer = slow.call(Request::get(elsewhere)) => assert_eq!(answer.unwrap().status, 200),
    }
}

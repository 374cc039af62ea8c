//! WebDAV, as a client downloads an archive with it.

use sandbox::sfcc::Deltas;

use super::*;

const FILE: &str = "Impex/src/instance/shop.zip";

#[tokio::test]
async fn a_file_is_read_whole_or_in_parts() {
    let instance = Instance::of(1).await;
    let content: Vec<u8> = (0..200_000_u32).map(|number| (number % 251) as u8).collect();
    instance.emulator.put_file(FILE, &content).unwrap();
    let whole = instance.dav("GET", FILE, &[]).await;
    assert_eq!((whole.status, whole.header("accept-ranges"), &whole.body), (200, Some("bytes"), &content));
    let head = instance.dav("HEAD", FILE, &[]).await;
    assert_eq!((head.status, head.header("content-length"), head.body.len()), (200, Some("200000"), 0));
    let rest = instance.dav("GET", FILE, &[("range", "bytes=150000-")]).await;
    assert_eq!((rest.status, rest.header("content-range")), (206, Some("bytes 150000-199999/200000")));
    assert_eq!(rest.body, content[150_000..]);
    let end = instance.dav("GET", FILE, &[("range", "bytes=-22")]).await;
    assert_eq!((end.status, end.body.as_slice()), (206, &content[199_978..]));
    let beyond = instance.dav("GET", FILE, &[("range", "bytes=200000-")]).await;
    assert_eq!((beyond.status, beyond.header("content-range")), (416, Some("bytes */200000")));
    for name in ["etag", "last-modified"] {
        let condition = whole.header(name).unwrap().to_owned();
        let same = instance.dav("GET", FILE, &[("range", "bytes=0-9"), ("if-range", &condition)]).await;
        assert_eq!(same.status, 206, "{name}");
    }
    let etag = whole.header("etag").unwrap().to_owned();
    instance.pass(1_000);
    instance.emulator.put_file(FILE, b"another").unwrap();
    let other = instance.dav("GET", FILE, &[("range", "bytes=0-2"), ("if-range", &etag)]).await;
    assert_eq!((other.status, other.body.as_slice()), (200, b"another".as_slice()), "it is another file now");
}

#[tokio::test]
async fn a_folder_is_listed_and_a_file_deleted() {
    let instance = Instance::of(1).await;
    instance.emulator.put_file(FILE, b"12345").unwrap();
    let listed = instance.dav("PROPFIND", "Impex/src/instance", &[("depth", "1")]).await;
    assert_eq!((listed.status, listed.header("content-type")), (207, Some("text/xml; charset=utf-8")));
    let text = listed.text();
    let document = roxmltree::Document::parse(&text).unwrap();
    let of = |name: &'static str| -> Vec<String> {
        let all = document.descendants().filter(|it| it.has_tag_name(("DAV:", name)));
        all.map(|it| it.text().unwrap_or_default().to_owned()).collect()
    };
    assert_eq!(of("displayname"), ["instance", "shop.zip"]);
    assert_eq!(of("getcontentlength"), ["5"]);
    assert_eq!(of("collection").len(), 1);
    assert_eq!(of("href")[1], "/on/demandware.servlet/webdav/Sites/Impex/src/instance/shop.zip");
    assert_eq!(instance.dav("PROPFIND", FILE, &[("depth", "0")]).await.status, 207);
    assert_eq!(instance.dav("PROPFIND", "Impex/src/instance", &[]).await.status, 403, "everything below");
    assert_eq!(instance.dav("PROPFIND", "Impex/src/platform/outbox", &[("depth", "1")]).await.status, 404);
    assert_eq!(instance.dav("DELETE", FILE, &[]).await.status, 204);
    for method in ["GET", "HEAD", "DELETE"] {
        assert_eq!(instance.dav(method, FILE, &[]).await.status, 404, "{method}");
    }
    assert_eq!(instance.dav("PUT", FILE, &[]).await.status, 405);
}

#[tokio::test]
async fn a_path_needs_a_permission_and_a_user_has_all() {
    let settings = Settings { users: vec![("bm@shop.example".into(), "key".into())], ..Settings::default() };
    let instance = Instance::open(settings, &generate(&Options { products: 1, ..Options::default() })).await;
    let delta = "Impex/src/platform/outbox/a/b/000001.zip";
    for path in [FILE, delta, "Impex/src/other.zip"] {
        instance.emulator.put_file(path, b"1").unwrap();
    }
    assert_eq!(instance.dav("GET", delta, &[]).await.status, 200);
    assert_eq!(instance.dav("DELETE", delta, &[]).await.status, 403, "only read");
    assert_eq!(instance.dav("GET", "Impex/src/other.zip", &[]).await.status, 403);
    assert_eq!(instance.dav("GET", "Impex/src/instance/%2e%2e/other.zip", &[]).await.status, 403);
    let path = format!("/on/demandware.servlet/webdav/Sites/{FILE}");
    let none = instance.ask("GET", &path, &[], "").await;
    assert_eq!((none.status, none.header("www-authenticate")), (401, Some("Basic realm=\"Sites\"")));
    let basic = |password: &str| {
        use base64::Engine as _;
        let text = base64::engine::general_purpose::STANDARD.encode(format!("bm@shop.example:{password}"));
        format!("Basic {text}")
    };
    for (password, status) in [("key", 200), ("other", 401)] {
        let answer = instance.ask("GET", &path, &[("authorization", &basic(password))], "").await;
        assert_eq!(answer.status, status, "{password}");
    }
}

#[tokio::test]
async fn a_delta_that_is_being_written_is_cut_off() {
    let settings = Settings { deltas: Some(Deltas::default()), ..Settings::default() };
    let instance = Instance::open(settings, &generate(&Options { products: 5, ..Options::default() })).await;
    let edit = sandbox::shop::Edit::Name { product: "p-000001".into(), locale: "en".into(), text: "New".into() };
    instance.emulator.edit(edit).unwrap();
    instance.emulator.export_deltas();
    let path = "Impex/src/platform/outbox/cartage/shop-delta/000001.zip";
    instance.pass(250);
    let half = instance.dav("GET", path, &[]).await.body;
    instance.pass(250);
    let whole = instance.dav("GET", path, &[]).await.body;
    assert!(half.len() < whole.len() && whole.starts_with(&half), "{} of {}", half.len(), whole.len());
    let entries = unzip(&whole);
    let catalog = entries.iter().find(|(name, _)| name.ends_with("/catalogs/master-catalog/catalog.xml"));
    assert!(catalog.unwrap().1.contains("New"));
}

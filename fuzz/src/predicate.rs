//! The emulated commercetools answers any `where` with results or with a 400, as the platform does.

use std::{cell::OnceCell, fmt::Write as _};

use axum::body::{Body, to_bytes};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{Request, Response};
use sandbox::{
    catalogue::generate::{Options, generate},
    commercetools::{Emulator, Limits, Settings},
};
use tower::ServiceExt as _;

/// Most bytes of an answer that are read.
const MOST: usize = 16 << 20;

struct Shop {
    runtime: tokio::runtime::Runtime,
    emulator: Emulator,
    token: String,
}

impl Shop {
    fn open() -> Self {
        let limits = Limits { max_url_bytes: 1 << 20, ..Limits::default() };
        let emulator = Emulator::new(Settings { limits, ..Settings::default() });
        emulator.seed(&generate(&Options { products: 20, ..Options::default() })).expect("a shop of its own making");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let mut shop = Self { runtime, emulator, token: String::new() };
        let settings = shop.emulator.settings();
        let pair = STANDARD.encode(format!("{}:{}", settings.client_id, settings.client_secret));
        let request = Request::post("/oauth/token")
            .header("authorization", format!("Basic {pair}"))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::from("grant_type=client_credentials"))
            .expect("a request");
        let (status, body) = shop.ask(request);
        assert_eq!(status, 200, "no token");
        let answer: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
        answer["access_token"].as_str().expect("a token").clone_into(&mut shop.token);
        shop
    }

    fn ask(&self, request: Request<Body>) -> (u16, Vec<u8>) {
        self.runtime.block_on(async {
            let answer: Response<Body> = self.emulator.router().oneshot(request).await.expect("an answer");
            let status = answer.status().as_u16();
            (status, to_bytes(answer.into_body(), MOST).await.expect("a body").to_vec())
        })
    }
}

thread_local! {
    static SHOP: OnceCell<Shop> = const { OnceCell::new() };
}

pub fn run(input: &[u8]) {
    let Ok(predicate) = std::str::from_utf8(input) else { return };
    let encoded = predicate.bytes().fold(String::new(), |mut text, byte| {
        write!(text, "%{byte:02X}").expect("a String takes everything");
        text
    });
    SHOP.with(|shop| {
        let shop = shop.get_or_init(Shop::open);
        for resource in ["product-projections", "categories", "inventory"] {
            let request = Request::get(format!("/sandbox/{resource}?where={encoded}"))
                .header("authorization", format!("Bearer {}", shop.token))
                .body(Body::empty())
                .expect("a request");
            let (status, body) = shop.ask(request);
            assert!(matches!(status, 200 | 400 | 414), "{status}: {}", String::from_utf8_lossy(&body));
        }
    });
}

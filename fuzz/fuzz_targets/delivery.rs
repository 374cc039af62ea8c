//! Any body of a webhook of BigCommerce that is signed is understood or refused; one that is not signed is refused.
#![no_main]

use std::cell::OnceCell;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use contract::{
    Demand, Source as _,
    source::{Delivery, Hooks},
};
use libfuzzer_sys::fuzz_target;
use model::Timestamp;
use ring::hmac;
use sources::bigcommerce::{BigCommerce, Config};

const SECRET: &str = "client-secret";
const NOW: i64 = 1_780_272_000;

struct Receiver {
    runtime: tokio::runtime::Runtime,
    source: BigCommerce,
    key: String,
}

impl Receiver {
    fn open() -> Self {
        let file = std::env::temp_dir().join("cartage-fuzz-client-secret");
        std::fs::write(&file, SECRET).expect("a file for the secret");
        let settings = serde_json::json!({
            "store_hash": "shop", "access_token": "env:TOKEN", "api_url": "http://127.0.0.1:1",
            "webhooks": { "client_secret": format!("file:{}", file.display()) },
        });
        let config: Config = serde_json::from_value(settings).expect("a configuration");
        let environment = wire::Environment::machine();
        let source = BigCommerce::with_token(config, &"token".to_owned().into(), &Demand::default(), &environment)
            .expect("a source");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let key = wire::signature::derived(SECRET.as_bytes(), "cartage webhooks of stores/shop");
        Self { runtime, source, key }
    }

    /// Whether a delivery with this signature is accepted.
    fn accepts(&self, signature: &str, body: &[u8]) -> bool {
        let time = NOW.to_string();
        let headers: [(&str, &[u8]); 4] = [
            ("x-cartage-key", self.key.as_bytes()),
            ("webhook-id", b"m"),
            ("webhook-timestamp", time.as_bytes()),
            ("webhook-signature", signature.as_bytes()),
        ];
        let at = Timestamp::from_millis(NOW * 1000);
        let delivery = Delivery { method: "POST", path: "", headers: &headers, body, at };
        let hooks: &dyn Hooks = self.source.hooks().expect("webhooks");
        self.runtime.block_on(hooks.receive(&delivery)).is_ok()
    }
}

thread_local! {
    static RECEIVER: OnceCell<Receiver> = const { OnceCell::new() };
}

fuzz_target!(|body: &[u8]| {
    RECEIVER.with(|receiver| {
        let receiver = receiver.get_or_init(Receiver::open);
        let content = [format!("m.{NOW}.").as_bytes(), body].concat();
        let code = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes()), &content);
        receiver.accepts(&format!("v1,{}", STANDARD.encode(code.as_ref())), body);
        assert!(!receiver.accepts(&String::from_utf8_lossy(body), body), "a delivery counts that is not signed");
    });
});

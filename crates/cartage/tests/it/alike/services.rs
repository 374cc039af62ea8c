//! The services that the shop is sold to, each with a space of its own for each buyer.

use std::collections::BTreeMap;

use sandbox::{
    acp,
    clerk::{self, StoreSettings},
    dotdigital,
    insider::{self, AccountSettings},
};

use super::{Buyer, shops::Secrets};
use crate::{
    harness::{Process, serve},
    shelf::{NO_IMAGE, Record, of_acp, of_clerk, of_dotdigital, of_insider, of_merchant},
};

/// Attributes that are sent where a service is sent those that its settings name.
const ATTRIBUTES: [&str; 9] =
    ["care", "climate", "colour", "material", "materials", "pattern", "pieces", "sustainable", "weight"];
const FEED_PASSWORD: &str = "a-password-of-the-test";

pub(super) struct Services {
    clerk: clerk::Emulator,
    insider: insider::Emulator,
    dotdigital: dotdigital::Emulator,
    acp: acp::Emulator,
    /// Where each is.
    urls: BTreeMap<&'static str, String>,
}

/// The feed of a buyer at the agent.
fn feed(buyer: &Buyer) -> String {
    format!("feed-{}", buyer.key)
}

impl Services {
    /// Begins to serve them, empty.
    pub(super) async fn serve(buyers: &[Buyer]) -> Self {
        let stores = buyers.iter().map(|buyer| StoreSettings::sandbox(buyer.key, "english", &buyer.market.currency));
        let clerk = clerk::Emulator::new(clerk::Settings { stores: stores.collect(), ..clerk::Settings::default() });
        let account = |buyer: &Buyer| AccountSettings {
            partner_name: buyer.key.to_owned(),
            attributes: ATTRIBUTES.map(str::to_owned).to_vec(),
            ..AccountSettings::sandbox()
        };
        let insider = insider::Emulator::new(insider::Settings {
            accounts: buyers.iter().map(account).collect(),
            requests_per_minute: None,
            ..insider::Settings::default()
        });
        let dotdigital = dotdigital::Emulator::new(dotdigital::Settings {
            low: 1_000_000,
            medium: 1_000_000,
            high: 1_000_000,
            ..dotdigital::Settings::default()
        });
        let feeds = buyers.iter().map(|buyer| (feed(buyer), Some(buyer.market.country.clone())));
        let acp = acp::Emulator::new(acp::Settings { feeds: feeds.collect(), ..acp::Settings::default() });
        let urls = [
            ("clerk", serve(clerk.router()).await + "/v2"),
            ("insider", serve(insider.router()).await + "/v2"),
            ("dotdigital", serve(dotdigital.router()).await),
            ("acp", serve(acp.router()).await),
        ];
        Self { clerk, insider, dotdigital, acp, urls: urls.into() }
    }

    /// Settings of the accounts that all buyers share.
    pub(super) fn shared(&self, secrets: &Secrets) -> String {
        let own = self.dotdigital.settings();
        format!(
            "[destinations.dotdigital]\nkind = \"dotdigital\"\nurl = {:?}\nuser = {:?}\npassword = {:?}\nattributes = {ATTRIBUTES:?}\n\
             [destinations.merchant]\nkind = \"merchant\"\nshop_url = \"https://shop.example\"\npassword = {:?}\n",
            self.urls["dotdigital"],
            secrets.keep("dotdigital-user", &own.user),
            secrets.keep("dotdigital-password", &own.password),
            secrets.keep("feed-password", FEED_PASSWORD),
        )
    }

    /// Settings of the destinations and flows of a buyer.
    pub(super) fn of_buyer(&self, buyer: &Buyer, source: &str, secrets: &Secrets) -> String {
        let key = buyer.key;
        let store = StoreSettings::sandbox(key, "", "");
        let public = secrets.keep(&format!("{key}-public"), &store.public_key);
        let private = secrets.keep(&format!("{key}-private"), &store.private_key);
        let mut text = format!(
            "[destinations.clerk-{key}]\nkind = \"clerk\"\nurl = {:?}\npublic_key = {public:?}\nprivate_key = {private:?}\n",
            self.urls["clerk"]
        );
        text.extend([format!(
            "[destinations.insider-{key}]\nkind = \"insider\"\nurl = {:?}\npartner_name = {key:?}\ntoken = {:?}\n\
             calls_per_minute = 60000\nattributes = {ATTRIBUTES:?}\n",
            self.urls["insider"],
            secrets.keep("insider-token", &AccountSettings::sandbox().token),
        )]);
        text.extend([format!(
            "[destinations.acp-{key}]\nkind = \"acp\"\nurl = {:?}\nfeed = {:?}\ntoken = {:?}\n",
            self.urls["acp"],
            feed(buyer),
            secrets.keep("acp-token", &self.acp.settings().token),
        )]);
        let image = format!("size(product.images) > 0 ? product.images[0] : '{NO_IMAGE}'");
        let own = format!("{key:?}");
        for (service, destination, fields) in [
            (
                "clerk",
                format!("clerk-{key}"),
                format!(
                    "image = {image:?}\ncreated_at = \"0\"\n\
                     gtin = \"product.variants.map(it, has(it.gtin) ? it.gtin : '')\"\n"
                ),
            ),
            ("insider", format!("insider-{key}"), format!("image_url = {image:?}\n")),
            ("dotdigital", "dotdigital".to_owned(), format!("image_path = {image:?}\n")),
            ("merchant", "merchant".to_owned(), format!("image_link = {image:?}\n")),
            // A product without an image is shown without one.
            ("acp", format!("acp-{key}"), String::new()),
        ] {
            text.extend([format!(
                "[flows.{service}-{key}]\nsource = {source:?}\ndestination = {destination:?}\nmarket = {own}\n\
                 [flows.{service}-{key}.fields]\n{fields}"
            )]);
        }
        text
    }

    /// What each holds for a buyer.
    pub(super) async fn held(&self, process: &Process, buyer: &Buyer) -> Vec<(&'static str, Vec<Record>)> {
        let Buyer { key, market, .. } = buyer;
        let currency = market.currency.as_str();
        let locale = format!("{}_{}", market.locale, market.country);
        vec![
            ("clerk", of_clerk(&self.clerk.store(key).unwrap())),
            ("insider", of_insider(&self.insider.account(key).unwrap(), &locale, currency)),
            ("dotdigital", of_dotdigital(&self.dotdigital, &format!("Catalog_{key}"), currency)),
            ("acp", of_acp(&self.acp, &feed(buyer), currency)),
            ("merchant", of_merchant(process, &format!("merchant-{key}"), FEED_PASSWORD, currency).await),
        ]
    }
}

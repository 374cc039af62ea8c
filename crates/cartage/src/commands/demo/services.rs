//! The services that the emulated shop is sold to: their emulators, and the part of a configuration that reaches them.

use std::{net::SocketAddr, path::PathBuf};

use anyhow::Context as _;
use contract::SourceDescriptor;
use sandbox::{acp, catalogue::Market, clerk, dotdigital, fault::Faults, insider};

use super::serving::{Serving, private};

/// The image of a product, or a placeholder: some products of a real shop have none, and most services ask for one.
const PLACEHOLDER: &str = "size(product.images) > 0 ? product.images[0] : 'https://shop.example/no-image.png'";
/// Password of the merchant feeds.
pub(super) const FEED_PASSWORD: &str = "sandbox-feed-password";

/// An emulated account, where it is, and its faults.
pub struct Account<E> {
    /// The emulator.
    pub emulator: E,
    /// Its base URL.
    pub url: String,
    /// Its faults.
    pub faults: Faults,
}

/// A configuration that is being written, with its secrets in files beside it.
pub(super) struct Draft {
    pub(super) text: String,
    folder: PathBuf,
    /// Whether flows carry people and orders, where the service takes them.
    carries_people: bool,
}

impl Draft {
    pub(super) const fn new(text: String, folder: PathBuf, carries_people: bool) -> Self {
        Self { text, folder, carries_people }
    }

    /// Adds a section.
    pub(super) fn section(&mut self, name: &str, pairs: &[(&str, String)]) {
        self.text += &format!("\n[{name}]\n");
        for (key, value) in pairs {
            self.text += &format!("{key} = {value}\n");
        }
    }

    /// Writes a secret; returns how the configuration refers to it.
    pub(super) fn secret(&self, name: &str, text: &str) -> anyhow::Result<String> {
        let path = self.folder.join(format!("sandbox-{name}.secret"));
        private(&path, text).with_context(|| format!("{} can't be written", path.display()))?;
        Ok(quoted(&format!("file:{}", path.display())))
    }
}

pub(super) fn quoted(text: &str) -> String {
    format!("{text:?}")
}

/// Starts an emulated Insider.
pub(super) async fn insider(serving: &mut Serving, address: SocketAddr) -> anyhow::Result<Account<insider::Emulator>> {
    let emulator = insider::Emulator::new(insider::Settings::default());
    let faults = Faults::new(insider::fault_body);
    let url = serving.serve(faults.wrap(emulator.router()), address).await? + "/v2";
    Ok(Account { emulator, url, faults })
}

/// Starts an emulated Dotdigital.
pub(super) async fn dotdigital(
    serving: &mut Serving,
    address: SocketAddr,
) -> anyhow::Result<Account<dotdigital::Emulator>> {
    let emulator = dotdigital::Emulator::new(dotdigital::Settings::default());
    let faults = Faults::new(dotdigital::fault_body);
    let url = serving.serve(faults.wrap(emulator.router()), address).await?;
    Ok(Account { emulator, url, faults })
}

/// Starts an emulated agent with a product feed for each market.
pub(super) async fn acp(
    serving: &mut Serving,
    address: SocketAddr,
    markets: &[Market],
) -> anyhow::Result<Account<acp::Emulator>> {
    let feeds = markets.iter().map(|market| (feed(market), Some(market.country.clone()))).collect();
    let emulator = acp::Emulator::new(acp::Settings { feeds, ..acp::Settings::default() });
    let faults = Faults::new(acp::fault_body);
    let url = serving.serve(faults.wrap(emulator.router()), address).await?;
    Ok(Account { emulator, url, faults })
}

/// The agent's id of the feed of a market.
fn feed(market: &Market) -> String {
    format!("feed-{}", market.key)
}

/// Adds the Clerk.io store of a market.
pub(super) fn add_clerk(
    draft: &mut Draft,
    url: &str,
    source: &SourceDescriptor,
    market: &Market,
) -> anyhow::Result<()> {
    let name = format!("clerk-{}", market.key);
    let store = clerk::StoreSettings::sandbox(&market.key, "", "");
    let keys = [
        ("kind", quoted("clerk")),
        ("url", quoted(url)),
        ("public_key", draft.secret(&format!("{}-public", market.key), &store.public_key)?),
        ("private_key", draft.secret(&format!("{}-private", market.key), &store.private_key)?),
    ];
    draft.section(&format!("destinations.{name}"), &keys);
    let carry = r#"["products", "categories", "customers", "orders"]"#;
    flow(draft, &name, &name, std::slice::from_ref(market), (Some("image"), Some(carry)));
    if source.lacks.iter().any(|lack| lack.name == "product.created_at") {
        // Clerk.io calls it required. No product counts as new.
        draft.text.push_str("created_at = \"0\"\n");
    }
    Ok(())
}

/// Adds the Dotdigital account of all markets.
pub(super) fn add_dotdigital(
    draft: &mut Draft,
    account: &Account<dotdigital::Emulator>,
    markets: &[Market],
) -> anyhow::Result<()> {
    let own = account.emulator.settings();
    let mut keys = vec![
        ("kind", quoted("dotdigital")),
        ("url", quoted(&account.url)),
        ("user", draft.secret("dotdigital-user", &own.user)?),
        ("password", draft.secret("dotdigital-password", &own.password)?),
    ];
    // There is no default: it decides whom Dotdigital writes to.
    keys.extend(draft.carries_people.then(|| ("unknown_consent", quoted("unsubscribed"))));
    draft.section("destinations.dotdigital", &keys);
    let carry = r#"["products", "customers", "orders"]"#;
    flow(draft, "dotdigital", "dotdigital", markets, (Some("image_path"), Some(carry)));
    Ok(())
}

/// Adds the Insider account of all markets.
pub(super) fn add_insider(
    draft: &mut Draft,
    account: &Account<insider::Emulator>,
    markets: &[Market],
) -> anyhow::Result<()> {
    let own = insider::AccountSettings::sandbox();
    let keys = [
        ("kind", quoted("insider")),
        ("url", quoted(&account.url)),
        ("partner_name", quoted(&own.partner_name)),
        ("token", draft.secret("insider-token", &own.token)?),
    ];
    draft.section("destinations.insider", &keys);
    flow(draft, "insider", "insider", markets, (Some("image_url"), None));
    Ok(())
}

/// Adds the merchant feeds of all markets.
pub(super) fn add_merchant(draft: &mut Draft, markets: &[Market]) -> anyhow::Result<()> {
    let keys = [
        ("kind", quoted("merchant")),
        ("shop_url", quoted("https://shop.example")),
        ("password", draft.secret("feed-password", FEED_PASSWORD)?),
    ];
    draft.section("destinations.merchant", &keys);
    for market in markets {
        let name = format!("merchant-{}", market.key);
        flow(draft, &name, "merchant", std::slice::from_ref(market), (Some("image_link"), None));
    }
    Ok(())
}

/// Adds the agent's product feed of each market.
pub(super) fn add_acp(draft: &mut Draft, account: &Account<acp::Emulator>, markets: &[Market]) -> anyhow::Result<()> {
    let token = draft.secret("acp-token", &account.emulator.settings().token)?;
    for market in markets {
        let name = format!("acp-{}", market.key);
        let keys = [
            ("kind", quoted("acp")),
            ("url", quoted(&account.url)),
            ("feed", quoted(&feed(market))),
            ("token", token.clone()),
        ];
        draft.section(&format!("destinations.{name}"), &keys);
        // A product without an image is shown without one.
        flow(draft, &name, &name, std::slice::from_ref(market), (None, None));
    }
    Ok(())
}

/// Adds a flow; `image`: the field that shows a product's image, where there must be one; `carry`: what it carries where there are
/// people.
fn flow(
    draft: &mut Draft,
    name: &str,
    destination: &str,
    markets: &[Market],
    (image, carry): (Option<&str>, Option<&str>),
) {
    let markets = match markets {
        [market] => ("market", quoted(&market.key)),
        several => {
            let keys: Vec<String> = several.iter().map(|market| quoted(&market.key)).collect();
            ("markets", format!("[{}]", keys.join(", ")))
        }
    };
    let mut pairs = vec![("source", quoted("shop")), ("destination", quoted(destination)), markets];
    let carry = carry.filter(|_| draft.carries_people);
    pairs.extend(carry.map(|carry| ("carry", carry.to_owned())));
    draft.section(&format!("flows.{name}"), &pairs);
    if let Some(image) = image {
        // An expression of the user's own.
        draft.section(&format!("flows.{name}.fields"), &[(image, quoted(PLACEHOLDER))]);
    }
}

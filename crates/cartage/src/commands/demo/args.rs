//! What `demo`, `sandbox`, `bench` and `bench-floor` can be asked for.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use serde::{Deserialize, Serialize};

/// Commands that need the emulated platforms.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Bring up a shop and the services that it is sold to on this machine, and keep them in sync while the shop changes.
    ///
    /// Each change of the shop is shown with the calls that it causes, their content before and after, and the delay. At the
    /// start it prints commands for a second terminal; at the end it reads the whole shop and every item once more. Ctrl-C
    /// ends it.
    #[command(after_help = "\
Examples:
  cartage demo
  cartage demo --chaos
  cartage demo --seconds 60 --json
  cartage demo --once --json
  cartage demo --products 20000
  cartage demo --from bigcommerce
  cartage demo --from sfcc
  cartage demo --to acp,clerk,dotdigital,insider,merchant
  cartage demo --data path/to/magento-luma")]
    Demo(DemoArgs),
    /// Serve the emulated platforms only, for a configuration of your own.
    #[command(after_help = "\
Example:
  cartage sandbox --products 1000 --live
  # then, in another terminal, with the configuration it wrote:
  cartage --config sandbox.toml sync")]
    Sandbox(SandboxArgs),
    /// Measure this machine: see `cargo xtask bench`.
    #[command(hide = true)]
    Bench(BenchArgs),
    /// Make connections that try to hold a server up, until ended.
    #[command(hide = true)]
    BenchHostile {
        /// Where the server listens.
        address: SocketAddr,
        /// How many at once.
        connections: usize,
    },
    /// Receive and parse a list of pages, and do nothing else.
    #[command(hide = true)]
    BenchFloor {
        /// The list, as `bench` writes it.
        plan: PathBuf,
    },
}

/// Which shop the emulators sell.
#[derive(Clone, Debug, Args)]
pub struct ShopArgs {
    /// How many products the made-up shop has.
    #[arg(long, default_value_t = 500, value_name = "N")]
    pub products: usize,
    /// A folder with a real catalogue rather than a made-up shop.
    #[arg(long, value_name = "DIR", conflicts_with = "products")]
    pub data: Option<PathBuf>,
    /// Only uniform, complete products: for measuring.
    #[arg(long, hide = true)]
    pub uniform: bool,
}

/// A platform that the demo's shop can be on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "they are names of platforms; help would repeat each")]
pub enum Platform {
    #[default]
    Commercetools,
    Bigcommerce,
    Sfcc,
}

/// A service that the demo's shop can be sold to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
#[expect(missing_docs, reason = "they are names of services; help would repeat each")]
pub enum Service {
    Acp,
    Clerk,
    Dotdigital,
    Insider,
    Merchant,
}

impl Service {
    /// Whether it takes customers and orders.
    pub const fn takes_people(self) -> bool {
        matches!(self, Self::Clerk | Self::Dotdigital)
    }

    /// Its name for people.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Acp => destinations::acp::DESCRIPTOR.title,
            Self::Clerk => destinations::clerk::DESCRIPTOR.title,
            Self::Dotdigital => destinations::dotdigital::DESCRIPTOR.title,
            Self::Insider => destinations::insider::DESCRIPTOR.title,
            Self::Merchant => destinations::merchant::DESCRIPTOR.title,
        }
    }
}

/// Arguments of `demo`.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// The platform that the shop is on.
    #[arg(long, value_enum, default_value_t, value_name = "PLATFORM")]
    pub from: Platform,
    /// The services that it is sold to.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Service::Clerk], value_name = "SERVICES")]
    pub to: Vec<Service>,
    /// Which shop.
    #[command(flatten)]
    pub shop: ShopArgs,
    /// Sync once, report and end.
    #[arg(long)]
    pub once: bool,
    /// Changes of the living shop per second.
    #[arg(long, default_value_t = 2.0, value_name = "RATE", value_parser = rate, conflicts_with = "once")]
    pub rate: f64,
    /// Close the shop after so many seconds, as Ctrl-C does.
    #[arg(long, value_name = "SECONDS", conflicts_with = "once")]
    pub seconds: Option<u64>,
    /// While the shop is open, let the emulators answer with errors, drop connections and cut answers off, and show that
    /// nothing is lost.
    #[arg(long, conflicts_with = "once")]
    pub chaos: bool,
}

/// Arguments of `sandbox`.
#[derive(Debug, Args)]
pub struct SandboxArgs {
    /// Which shop.
    #[command(flatten)]
    pub shop: ShopArgs,
    /// Where commercetools is served. Loopback only; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:8471", value_name = "ADDRESS")]
    pub commercetools: SocketAddr,
    /// Where Clerk.io is served. Loopback only; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:8472", value_name = "ADDRESS")]
    pub clerk: SocketAddr,
    /// Where Insider is served. Loopback only; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:8473", value_name = "ADDRESS")]
    pub insider: SocketAddr,
    /// Where Dotdigital is served. Loopback only; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:8474", value_name = "ADDRESS")]
    pub dotdigital: SocketAddr,
    /// Where an agent with product feeds (ACP) is served. Loopback only; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:8475", value_name = "ADDRESS")]
    pub acp: SocketAddr,
    /// The services that are served and that the configuration names. Clerk.io is always served.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Service::Clerk], value_name = "SERVICES")]
    pub to: Vec<Service>,
    /// Keep changing the shop.
    #[arg(long)]
    pub live: bool,
    /// Where the configuration for it is written, with the secrets in files beside it.
    #[arg(long, default_value = "sandbox.toml", value_name = "FILE")]
    pub write: PathBuf,
}

/// Arguments of `bench`.
#[derive(Debug, Args)]
pub struct BenchArgs {
    /// Products of the main shops; 0 leaves them out.
    #[arg(long, default_value_t = 20_000)]
    pub products: usize,
    /// Products of the large shops; 0 leaves them out.
    #[arg(long, default_value_t = 200_000)]
    pub large: usize,
    /// Full jobs of the main shops; the median counts.
    #[arg(long, default_value_t = 3)]
    pub runs: usize,
    /// First passes of `run`, alone and beside 2,000 hostile connections or services that fail; 0 leaves them out.
    #[arg(long, default_value_t = 3)]
    pub pairs: usize,
    /// Changes that arrive by webhook, on each platform; 0 leaves them out.
    #[arg(long, default_value_t = 300)]
    pub webhooks: usize,
    /// Products of the shops that are sold to one service each, and to Clerk.io beside services that fail; 0 leaves them
    /// out.
    #[arg(long, default_value_t = 20_000)]
    pub services: usize,
    /// Products of the BigCommerce shop, with 5 variants each, without and with modifiers; 0 leaves it out.
    #[arg(long, default_value_t = 20_000)]
    pub bigcommerce: usize,
    /// SKUs of the SFCC shop that is read by an export; 0 leaves it out.
    #[arg(long, default_value_t = 100_000)]
    pub sfcc: usize,
    /// Only this shape of shop: light or default.
    #[arg(long, value_parser = ["light", "default"])]
    pub only: Option<String>,
    /// Where the figures are written as JSON.
    #[arg(long, default_value = "target/bench.json")]
    pub out: PathBuf,
}

/// Changes per second.
fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse().ok().filter(|rate| (0.001..=1000.0).contains(rate));
    rate.ok_or_else(|| "a number from 0.001 to 1000 is wanted".to_owned())
}

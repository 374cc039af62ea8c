//! Commands that run against the emulated platforms: the demo, the sandbox, and the benchmark.
//!
//! Everything that needs the emulators is in this folder, which a build without the feature `demo` leaves out.

pub mod args;
mod bench;
mod chaos;
mod edits;
mod floor;
mod live;
mod people;
mod reads;
mod serve;
mod services;
mod serving;
mod shops;
mod story;
mod words;
mod world;

pub use args::{BenchArgs, Command, DemoArgs, Platform, SandboxArgs, Service, ShopArgs};
pub use edits::Edit;
pub(super) use live::Shown;
pub use services::Account;
pub use shops::Shop;
pub use world::{Goods, Listen, World};

use crate::output::{Exit, Failure, Output};

/// Carries out a command.
pub(super) async fn run(command: &Command, output: Output<'static>) -> Result<Exit, Failure> {
    match command {
        Command::Demo(args) => live::run(args, output).await,
        Command::Sandbox(args) => serve::run(args, output).await,
        Command::Bench(args) => bench::run(args, output).await,
        Command::BenchHostile { address, connections } => bench::hostile::run(*address, *connections).await,
        Command::BenchFloor { plan } => floor::run(plan, output).await,
    }
}

//! Cartage's command line. Arguments are in [`cartage::cli`], commands in [`cartage::commands`].

use std::process::ExitCode;

use cartage::{
    cli::{Cli, Command},
    commands,
    output::{self, Exit},
    telemetry,
};
use clap::Parser as _;

/// A pass makes and drops some hundred strings per product.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    output::begin();
    let cli = Cli::parse();
    let json = cli.json;
    let config = matches!(cli.command, Command::Run).then(|| cli.config.clone());
    let exit = match commands::run(cli).await {
        Ok(exit) => exit,
        Err(failure) => {
            if json {
                output::print_failure_json(&failure);
            }
            if !telemetry::log_failure(&failure, config.as_deref()) {
                output::print_failure(&failure);
            }
            failure.exit()
        }
    };
    code(exit)
}

fn code(exit: Exit) -> ExitCode {
    ExitCode::from(exit as u8)
}

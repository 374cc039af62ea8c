//! `cartage sandbox`: the emulated platforms only.

use serde::Serialize;

use super::{
    super::until_interrupted,
    args::SandboxArgs,
    world::{Listen, World},
};
use crate::output::{Exit, Failure, Output};

/// Changes of a living sandbox per second.
const RATE: f64 = 2.0;

#[derive(Serialize)]
struct Serving {
    commercetools: String,
    clerk: String,
    configuration: String,
    products: usize,
}

pub(super) async fn run(args: &SandboxArgs, output: Output<'static>) -> Result<Exit, Failure> {
    let listen = Listen { commercetools: args.commercetools, clerk: args.clerk };
    let mut stop = until_interrupted();
    let mut world = World::start_with_example(&args.shop, listen).await?;
    world.configure(&args.write, "")?;
    let serving = Serving {
        commercetools: world.commercetools_url.clone(),
        clerk: world.clerk_url.clone(),
        configuration: args.write.display().to_string(),
        products: world.products,
    };
    output.document(&serving)?;
    output.line(format!("commercetools  {}  ({} products)", serving.commercetools, serving.products))?;
    output.line(format!("Clerk.io       {}", serving.clerk))?;
    output.line(format!("configuration  {}", serving.configuration))?;
    output.line(format!("faults         PUT {}/_admin/faults", serving.commercetools))?;
    output.line(format!("try            cartage --config {} sync", serving.configuration))?;
    if args.live {
        world.live(RATE, stop.clone(), |_| {});
    }
    let _interrupted = stop.wait_for(|stop| *stop).await.is_ok();
    world.stop().await;
    Ok(Exit::Done)
}

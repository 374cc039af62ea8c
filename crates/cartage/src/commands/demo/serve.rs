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
    #[serde(skip_serializing_if = "Option::is_none")]
    insider: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dotdigital: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    acp: Option<String>,
    configuration: String,
    products: usize,
}

pub(super) async fn run(args: &SandboxArgs, output: Output<'static>) -> Result<Exit, Failure> {
    let SandboxArgs { commercetools, clerk, insider, dotdigital, acp, .. } = *args;
    let listen = Listen { shop: commercetools, clerk, insider, dotdigital, acp };
    let mut stop = until_interrupted();
    let mut world = World::start_with_example(&args.shop, &args.to, listen).await?;
    world.configure(&args.write, "")?;
    let serving = Serving {
        commercetools: world.shop_url.clone(),
        clerk: world.clerk_url.clone(),
        insider: world.insider.as_ref().map(|it| it.url.clone()),
        dotdigital: world.dotdigital.as_ref().map(|it| it.url.clone()),
        acp: world.acp.as_ref().map(|it| it.url.clone()),
        configuration: args.write.display().to_string(),
        products: world.products,
    };
    output.document(&serving)?;
    output.line(format!("commercetools  {}  ({} products)", serving.commercetools, serving.products))?;
    output.line(format!("Clerk.io       {}", serving.clerk))?;
    for (name, url) in [("Insider", &serving.insider), ("Dotdigital", &serving.dotdigital), ("ACP", &serving.acp)] {
        if let Some(url) = url {
            output.line(format!("{name:<13}  {url}"))?;
        }
    }
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

//! `cartage access`: everything that is held of a person, as JSON.

use std::{fs, io::Write as _, path::Path};

use contract::{
    Item,
    store::{DeadLetter, Erasure},
};
use engine::explain::{Journey, explain};
use model::{FlowName, Timestamp};
use serde::Serialize;
use serde_json::Value as Json;

use super::{Look, clock, erase, look};
use crate::{
    cli::AccessArgs,
    output::{Exit, Failure},
};

/// Everything that is held of a person.
#[derive(Serialize, schemars::JsonSchema)]
pub(super) struct Held {
    /// When it was collected.
    at: Timestamp,
    /// The records, each with what every flow last sent of it, why, and how it was answered.
    records: Vec<Journey>,
    /// What destinations refused.
    dead_letters: Vec<Refused>,
    /// What flows that are not configured any more have sent.
    former_flows: Vec<Former>,
    /// The erasure that keeps the person out, if one does.
    erasure: Option<Erasure>,
}

/// What a destination refused.
#[derive(Serialize, schemars::JsonSchema)]
struct Refused {
    flow: FlowName,
    #[serde(flatten)]
    letter: DeadLetter,
}

/// What a flow that is not configured any more has sent of a record.
#[derive(Serialize, schemars::JsonSchema)]
struct Former {
    flow: FlowName,
    items: Vec<Json>,
}

pub(super) async fn run(path: &Path, args: &AccessArgs) -> Result<Exit, Failure> {
    let looked = look(path)?;
    let who = erase::who(&args.person)?;
    let leftovers = looked.leftovers().await?;
    let Look { store, flows, .. } = looked;
    let (of_person, erasure) = (erase::of_person(store.as_ref(), &who).await?, store.erasure_of(&who).await?);
    if of_person.is_empty() && erasure.is_none() {
        return Err(erase::unknown().into());
    }
    let (mut records, mut dead_letters, mut former_flows) = (Vec::new(), Vec::new(), Vec::new());
    for (source, found) in of_person {
        let flows: Vec<_> = flows.iter().filter(|flow| flow.source == source).map(AsRef::as_ref).collect();
        for flow in &flows {
            let letters = store.dead_of(&flow.name, &found.id).await?.into_iter();
            let letters = letters.filter(|letter| letter.number == found.number);
            dead_letters.extend(letters.map(|letter| Refused { flow: flow.name.clone(), letter }));
        }
        for leftover in &leftovers {
            let items = store.held_payloads(&leftover.id, found.number).await?;
            if !items.is_empty() {
                let items = items.iter().map(Item::json).collect();
                former_flows.push(Former { flow: leftover.id.flow.clone(), items });
            }
        }
        records.push(explain(&found, None, &flows, store.as_ref(), clock().as_ref()).await?);
    }
    let held = Held { at: clock().now(), records, dead_letters, former_flows, erasure };
    let text = serde_json::to_string_pretty(&held).map_err(anyhow::Error::from)? + "\n";
    match &args.out {
        Some(file) => {
            let written = private(file).and_then(|mut open| open.write_all(text.as_bytes()));
            written.map_err(|error| erase::of_file("written", file, &error))?;
        }
        None => std::io::stdout().write_all(text.as_bytes())?,
    }
    Ok(Exit::Done)
}

/// A new file that only this user can read.
fn private(path: &Path) -> std::io::Result<fs::File> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(path)
}

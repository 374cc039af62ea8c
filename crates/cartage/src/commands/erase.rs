//! `cartage erase`: removes a person everywhere, keeps the person out, and says so in a signed receipt.

use std::{fs, path::Path};

use contract::{
    Fault, Store,
    store::{ErasedFrom, Erasure, Found, Who},
};
use model::{CustomerId, Email, SourceName, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use store::sqlite::Signature;

use super::{Session, load, look_at};
use crate::{
    assemble,
    cli::{EraseArgs, PersonArgs},
    output::{Exit, Failure, Output, fault_text},
};

/// What is, or would be, done.
#[derive(Serialize, schemars::JsonSchema)]
pub(super) struct Report {
    /// What would go, where `--yes` was not given.
    would_remove: Vec<ErasedFrom>,
    /// Whether the person is let in again.
    lifted: bool,
    /// The erasure, if there is one.
    erasure: Option<Erasure>,
}

/// By what the person is found.
pub(super) fn who(args: &PersonArgs) -> Result<Who, Failure> {
    match (&args.email, &args.customer) {
        (Some(email), _) => {
            let email = Email::parse(email);
            let email = email.map_err(|error| Fault::config("C0832", format!("what --email was given {error}")));
            Ok(Who::Email(email?))
        }
        (None, Some(id)) => {
            Ok(Who::Customer { source: args.source.as_deref().map(SourceName::new), id: CustomerId::new(id.as_str()) })
        }
        (None, None) => {
            Err(Fault::config("C0832", "nobody is named").hint("name a person with --email or --customer").into())
        }
    }
}

/// What is said of a person of whom nothing is known. The address is not repeated.
pub(super) fn unknown() -> Fault {
    Fault::record("C0833", "the database holds nothing of such a person, so nothing was removed anywhere").hint(
        "addresses are found as customers and orders have them now; `--customer` finds an account by its id at the shop, also \
         one that the shop has deleted lately. What a destination has from elsewhere is not known here",
    )
}

/// The records of a person, who must be one: sources may give one id to different accounts.
pub(super) async fn of_person(store: &dyn Store, who: &Who) -> Result<Vec<(SourceName, Found)>, Failure> {
    let found = store.of_person(who).await?;
    let mut sources: Vec<&str> = found.iter().map(|(source, _)| source.as_str()).collect();
    sources.dedup();
    if matches!(who, Who::Customer { .. }) && sources.len() > 1 {
        let message = format!("several sources have an account of this id: {}", sources.join(", "));
        return Err(Fault::config("C0832", message).hint("name one of them with --source").into());
    }
    Ok(found)
}

pub(super) async fn carry_out(session: &Session, args: &EraseArgs, output: Output<'_>) -> Result<Exit, Failure> {
    let (engine, who) = (&session.engine, who(&args.person)?);
    let store = engine.store.as_ref();
    if args.lift {
        if store.erasure_of(&who).await?.is_some_and(|erasure| erasure.done_at.is_none()) {
            return Err(Fault::record(
                "C0836",
                "the erasure of this person has not ended, so nobody is let in again yet",
            )
            .hint("`cartage status` shows what it waits for; use --lift once it has ended")
            .into());
        }
        let lifted = store.lift(&who).await?;
        output.document(&Report { would_remove: Vec::new(), lifted, erasure: None })?;
        output.line(if lifted {
            "the person is no longer kept out; `cartage sync --full` reads what the shop has"
        } else {
            "nobody of this address or id is kept out"
        })?;
        return Ok(Exit::Done);
    }
    let known = of_person(store, &who).await?;
    if !args.yes {
        let erasure = store.erasure_of(&who).await?;
        if known.is_empty() && erasure.is_none() {
            return Err(unknown().into());
        }
        let would_remove = if known.is_empty() { Vec::new() } else { store.to_erase(&who).await? };
        for from in &would_remove {
            output.line(held_text(from))?;
        }
        if !known.is_empty() {
            output.line(format!(
                "{} records here would be deleted, and what destinations hold of them; `--yes` does it",
                known.len()
            ))?;
        } else if let Some(erasure) = &erasure {
            output.line(text(erasure).trim_end())?;
        }
        let exit = exit(erasure.as_ref());
        output.document(&Report { would_remove, lifted: false, erasure })?;
        return Ok(exit);
    }
    let begun = store.erase(&who, engine.clock.now()).await?;
    let Some(before) = store.erasure_of(&who).await? else { return Err(unknown().into()) };
    let mut why = Vec::new();
    if begun.is_some() || before.done_at.is_none() {
        engine.ring();
        engine.push_all(args.patience(), &session.stop).await?;
        why = engine.end_erasures().await?;
    }
    session.progress.finish();
    let erasure = store.erasure_of(&who).await?;
    output.line(erasure.as_ref().map(text).unwrap_or_default().trim_end())?;
    for fault in why.iter().filter(|_| erasure.as_ref().is_some_and(|it| it.done_at.is_none())) {
        output.line(format!("  {}", fault_text(fault).replace('\n', "\n  ")))?;
    }
    let exit = exit(erasure.as_ref());
    output.document(&Report { would_remove: Vec::new(), lifted: false, erasure })?;
    Ok(exit)
}

fn exit(erasure: Option<&Erasure>) -> Exit {
    if erasure.is_some_and(|erasure| erasure.done_at.is_none()) { Exit::Left } else { Exit::Done }
}

fn held_text(from: &ErasedFrom) -> String {
    let ErasedFrom { flow, kind, records, items, markets, .. } = from;
    format!(
        "flow {flow} (markets {}): {records} records of kind {kind}, for which its destination held {items} items",
        markets.join(", ")
    )
}

/// An erasure for people.
pub(super) fn text(erasure: &Erasure) -> String {
    let Erasure { erasure: number, asked_at, done_at, flows, .. } = erasure;
    let mut text = match done_at {
        Some(at) => format!("erasure {number}: a person was erased at {at}, and is kept out by the rule `erased`\n"),
        None => format!("erasure {number}: begun at {asked_at}; something is not removed yet\n"),
    };
    for from in flows {
        let state = match (from.left, &from.read_back) {
            _ if from.forgotten => "not known: the flow was forgotten meanwhile".to_owned(),
            (0, Some(read)) => format!(
                "they were removed; asked for {} items afterwards, the destination had {}",
                read.asked, read.found
            ),
            (0, None) => "they were removed".to_owned(),
            (left, _) => format!("{left} not acknowledged; `cartage status` says why the flow waits"),
        };
        text += &format!("  {}: {state}\n", held_text(from));
    }
    if done_at.is_none() {
        text += "  `cartage run`, or `sync`, goes on with it\n";
    }
    text
}

// ── receipts ────────────────────────────────────────────────────────────────────────────────────────────────────────

/// A receipt as it is in a file.
#[derive(Serialize, Deserialize)]
struct Signed {
    receipt: Json,
    signature: Proof,
}

/// The signature of a receipt.
#[derive(Serialize, Deserialize)]
struct Proof {
    algorithm: String,
    /// The fingerprint of the operator's key.
    key: String,
    value: String,
}

const ALGORITHM: &str = "HMAC-SHA256";

/// Writes the receipt of an erasure that has ended.
pub(super) async fn write_receipt(path: &Path, person: &PersonArgs, file: &Path) -> Result<(), Failure> {
    let loaded = load(path)?;
    let store = look_at(&loaded)?.store;
    let no_receipt = |message: &str, hint: &str| Err(Fault::record("C0834", message).hint(hint.to_owned()).into());
    let Some(erasure) = store.erasure_of(&who(person)?).await? else {
        return no_receipt(
            "there is no receipt: no erasure keeps this person out",
            "erase the person with `cartage erase … --yes`; after --lift there is no receipt any more",
        );
    };
    if erasure.done_at.is_none() {
        return no_receipt(
            "there is no receipt yet: the erasure has not ended",
            "`cartage status` shows what it waits for",
        );
    }
    let receipt = receipt(&erasure)?;
    let keys = assemble::operator_keys(&loaded)?;
    let Some(Signature { key, value }) = keys.sign(receipt.to_string().as_bytes()) else {
        return Err(Fault::config("C0114", "there is no key to sign a receipt with").into());
    };
    let signature = Proof { algorithm: ALGORITHM.to_owned(), key, value };
    let text = serde_json::to_string_pretty(&Signed { receipt, signature }).map_err(anyhow::Error::from)?;
    fs::write(file, text + "\n").map_err(|error| of_file("written", file, &error))?;
    Ok(())
}

/// A file that can't be read or written.
pub(super) fn of_file(done: &str, file: &Path, error: &std::io::Error) -> Fault {
    Fault::config("C0837", format!("the file {} can't be {done}: {error}", file.display()))
        .hint("name another file, or let the user that runs this command have it")
}

/// The receipt of an erasure: the same with instants as people read them.
fn receipt(erasure: &Erasure) -> Result<Json, Failure> {
    let mut receipt = json!({ "cartage": env!("CARGO_PKG_VERSION"), "rule": "erased" });
    let erasure = serde_json::to_value(erasure).map_err(anyhow::Error::from)?;
    if let (Some(receipt), Json::Object(erasure)) = (receipt.as_object_mut(), erasure) {
        receipt.extend(erasure);
    }
    readable(&mut receipt);
    Ok(receipt)
}

fn readable(value: &mut Json) {
    match value {
        Json::Object(members) => {
            for (name, value) in members {
                match (name.as_str(), value.as_i64()) {
                    ("asked_at" | "done_at" | "at", Some(millis)) => {
                        *value = Timestamp::from_millis(millis).to_string().into();
                    }
                    _ => readable(value),
                }
            }
        }
        Json::Array(values) => values.iter_mut().for_each(readable),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
    }
}

/// Checks the signature of a receipt with the keys of the configuration.
pub(super) fn verify(path: &Path, file: &Path, output: Output<'_>) -> Result<Exit, Failure> {
    let keys = assemble::operator_keys(&load(path)?)?;
    let text = fs::read_to_string(file).map_err(|error| of_file("read", file, &error))?;
    let forged = |why: &str| {
        Fault::record("C0835", format!("the receipt is not genuine: {why}"))
            .hint("ask for the file as `cartage erase --receipt` wrote it; not a letter of it may differ")
    };
    let signed: Signed = serde_json::from_str(&text).map_err(|_| forged("it is not what --receipt writes"))?;
    let Proof { algorithm, key, value } = signed.signature;
    let signature = Signature { key, value };
    let verified = (algorithm == ALGORITHM).then(|| keys.verify(signed.receipt.to_string().as_bytes(), &signature));
    match verified.flatten() {
        Some(true) => {
            output.document(&signed.receipt)?;
            let member = |name: &str| signed.receipt.get(name).map(Json::to_string).unwrap_or_default();
            output.line(format!(
                "the receipt is genuine: erasure {}, begun at {}, ended at {}",
                member("erasure"),
                member("asked_at"),
                member("done_at")
            ))?;
            Ok(Exit::Done)
        }
        Some(false) => Err(forged("it was changed since it was signed").into()),
        None => Err(forged("it was signed with another key than those of [personal_data]").into()),
    }
}

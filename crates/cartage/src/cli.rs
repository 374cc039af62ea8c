//! The command line: what can be asked for. What is done about it is in [`crate::commands`].

use std::{path::PathBuf, time::Duration};

use clap::{ArgAction, Args, Parser, Subcommand};
use serde::{Deserialize, Serialize};

/// Exit codes, and examples of commands that this build has.
fn after_help() -> String {
    let demo = if cfg!(feature = "demo") {
        "\n  cartage demo                    a whole shop on this machine, kept in sync"
    } else {
        ""
    };
    format!(
        "\
Exit codes:
  0  done, and every flow agrees with its source
  1  something failed, or is left to do or to look at (pending or dead records)
  2  the command line or the configuration is wrong
  3  credentials or rights were refused
  4  deletions are held back by the guard (see sync --allow-deletes)

Examples:{demo}
  cartage init > cartage.toml     a configuration to begin with
  cartage check && cartage plan   does it work, and what would it send
  cartage sync && cartage status  one pass, and how every flow stands
  cartage explain TRAIL-42        one record's journey from source to markets
  cartage help C0211              what an error means, and what to do"
    )
}

/// Carries commerce data from where a merchant sells to where it is marketed, right in every market.
#[derive(Debug, Parser)]
#[command(
    name = "cartage",
    version,
    propagate_version = true,
    arg_required_else_help = true,
    disable_help_subcommand = true,
    after_help = after_help()
)]
pub struct Cli {
    /// The configuration file.
    #[arg(short, long, global = true, default_value = crate::config::FILE_NAME, value_name = "FILE")]
    pub config: PathBuf,
    /// Print one JSON document rather than text.
    #[arg(long, global = true)]
    pub json: bool,
    /// Log more: debug, or with -vv everything.
    #[arg(short, long, global = true, action = ArgAction::Count, conflicts_with = "quiet")]
    pub verbose: u8,
    /// Log less: warnings, with -qq errors, with -qqq nothing.
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub quiet: u8,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What can be done.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// What needs the emulated platforms.
    #[cfg(feature = "demo")]
    #[command(flatten)]
    Emulated(crate::commands::demo::args::Command),
    /// Stands for `demo` and `sandbox` in a build without the emulated platforms, to say so.
    #[cfg(not(feature = "demo"))]
    #[command(name = "demo", alias = "sandbox", hide = true)]
    NoEmulators {
        /// Whatever was asked for.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Print a commented configuration to begin with.
    #[command(after_help = "\
Examples:
  cartage init > cartage.toml
  cartage init --from-project > shop.toml")]
    Init {
        /// Ask the sources of the configuration file, whose settings and secrets it must have, and print it with a market, a destination and a flow for each store they
        /// have, or for each currency where there are no stores. Its own markets and flows are left out.
        #[arg(long)]
        from_project: bool,
    },
    /// Look at configuration, secrets, credentials, rights and settings, without sending anything.
    Check,
    /// Show what a push would do, without doing it; for one record, which fields would change.
    #[command(after_help = "\
Reads the source first, so that the answer is about now.

Examples:
  cartage plan
  cartage plan TRAIL-42")]
    Plan(PlanArgs),
    /// One pass: read what changed, and push until every flow is idle.
    #[command(after_help = "\
Examples:
  cartage sync
  cartage sync --full --flow clerk-de
  cartage sync --full --allow-deletes")]
    Sync(SyncArgs),
    /// Stay in sync: read at an adaptive pace, push at once, serve feeds, health and metrics.
    Run,
    /// Pause flows: they send nothing until they are resumed, whatever process carries them out.
    ///
    /// Sources are read on, and what changes waits. Calls under way end.
    #[command(after_help = "Example:\n  cartage pause clerk-de")]
    Pause(FlowsArgs),
    /// Have flows go on that were paused.
    #[command(after_help = "Example:\n  cartage resume clerk-de")]
    Resume(FlowsArgs),
    /// Have the process that runs read its configuration again; a wrong one is refused, and the old one stays.
    Reload,
    /// How every flow stands: the states of its records, which add up to the mirror.
    Status(StatusArgs),
    /// One record's journey: what the source said, what each market made of it and why, what was sent and answered.
    #[command(after_help = "Example:\n  cartage explain TRAIL-42-M")]
    Explain(ExplainArgs),
    /// Read the destination back and compare it with what it acknowledged.
    Verify(VerifyArgs),
    /// Forget a flow that is no longer configured, or what a flow sent from the source it had before.
    ///
    /// `status` lists what is left of such flows. The destination keeps their items unless --remove-items is given.
    #[command(after_help = "\
Examples:
  cartage forget clerk-uk
  cartage forget clerk-uk --remove-items --destination clerk-uk
  cartage forget clerk-de --source old-shop --remove-items")]
    Forget(ForgetArgs),
    /// Remove a person everywhere, and keep the person out: customers, orders, and all that is held of them.
    ///
    /// Without --yes it only shows what would go. What can't be removed now is removed by `run` or the next `sync`.
    #[command(after_help = "\
Examples:
  cartage erase --email ann@example.com
  cartage erase --email ann@example.com --yes --receipt erased.json
  cartage erase --verify erased.json
  cartage erase --email ann@example.com --lift")]
    Erase(EraseArgs),
    /// Print everything that is held of a person, as JSON, in clear.
    #[command(after_help = "Example:\n  cartage access --email ann@example.com --out ann.json")]
    Access(AccessArgs),
    /// Records that are dead, or of which nobody knows whether a call arrived: list, show, send again, drop.
    #[command(subcommand)]
    Dead(DeadCommand),
    /// Print a JSON document for who helps you: configuration, versions, states and codes of errors.
    ///
    /// It has no secrets (only whether each is there), no record, no ids, and nothing that a shop or destination said. Read it
    /// before you send it.
    #[command(after_help = "Example:\n  cartage support-bundle > support.json")]
    SupportBundle,
    /// Webhooks of sources: what would have to be changed at the platforms, or change it.
    #[command(subcommand)]
    Hooks(HooksCommand),
    /// Help on a command, an error, a setting or a task.
    #[command(after_help = "\
Examples:
  cartage help C0211              what an error means, and what to do
  cartage help sync
  cartage help")]
    Help {
        /// A command, the code of an error, or the name of a page.
        topic: Option<String>,
    },
    /// Print what completes commands in a shell.
    #[command(after_help = "Example:\n  cartage completions bash > /etc/bash_completion.d/cartage")]
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Write a manual page of each command into a folder.
    Man {
        /// The folder.
        #[arg(long)]
        out: PathBuf,
    },
    /// Print the JSON Schema of the configuration.
    Schema,
    /// Write the generated reference documentation into a folder.
    #[command(hide = true)]
    GenerateDocs {
        /// The folder.
        #[arg(long)]
        out: PathBuf,
    },
}

/// What can be done about webhooks.
#[derive(Debug, Subcommand)]
pub enum HooksCommand {
    /// Show what `apply` would change at the platforms; changes nothing.
    #[command(after_help = "Example:\n  cartage hooks plan")]
    Plan(HooksArgs),
    /// Register webhooks, update and delete them, so that each platform delivers to `server.public_url`.
    #[command(after_help = "Example:\n  cartage hooks apply shop")]
    Apply(HooksArgs),
}

/// Arguments of `hooks`.
#[derive(Debug, Default, Args, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HooksArgs {
    /// Only these sources.
    pub source: Vec<String>,
}

/// Arguments of `plan`.
#[derive(Debug, Default, Args, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PlanArgs {
    /// Id, key or SKU of one record, of an order its number, of a customer the e-mail address: show the fields that would change.
    pub record: Option<String>,
    /// Only these flows.
    #[arg(long, value_name = "FLOW")]
    pub flow: Vec<String>,
    /// Don't read the source first: plan with the mirror as it is.
    #[arg(long)]
    pub offline: bool,
    /// Show the values of people and orders, which are hidden otherwise.
    #[arg(long)]
    pub reveal: bool,
}

/// Arguments of `sync`.
#[derive(Debug, Args, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SyncArgs {
    /// Read everything rather than what changed; what is no longer there is deleted.
    #[arg(long)]
    pub full: bool,
    /// Only these flows.
    #[arg(long, value_name = "FLOW")]
    pub flow: Vec<String>,
    /// Delete whatever the source no longer has and whatever flows no longer carry, however much that is. Reads everything.
    #[arg(long)]
    pub allow_deletes: bool,
    /// How long to wait for retries and for a destination that fails, in seconds.
    #[arg(long, default_value_t = PATIENCE, value_name = "SECONDS")]
    pub patience: u64,
}

/// Arguments of `status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// Show it anew every two seconds until interrupted.
    #[arg(long, conflicts_with = "json")]
    pub watch: bool,
    /// List the records that this rule keeps out, or that are held for this reason, such as item_of_another, no_price or
    /// unknown_outcome.
    #[arg(long, value_name = "RULE", conflicts_with = "watch")]
    pub records: Option<String>,
}

/// Arguments of `explain`.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// Id, key or SKU; of an order its number, of a customer the e-mail address.
    pub record: String,
    /// Show the values of people and orders, which are hidden otherwise.
    #[arg(long)]
    pub reveal: bool,
}

/// Arguments of `verify`.
#[derive(Debug, Default, Args, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct VerifyArgs {
    /// Only these flows.
    #[arg(long, value_name = "FLOW")]
    pub flow: Vec<String>,
    /// Send again what differs or is missing, and remove what should not be there.
    #[arg(long)]
    pub repair: bool,
    /// Look for items that no record owns, too, such as after the database was lost, where the destination lists its items.
    #[arg(long)]
    pub orphans: bool,
}

/// Arguments of `forget`.
#[derive(Debug, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForgetArgs {
    /// The flow, as it was called.
    pub flow: String,
    /// Only what it sent from this source.
    #[serde(default)]
    #[arg(long, value_name = "SOURCE")]
    pub source: Option<String>,
    /// Remove what the destination holds of it, except what a configured flow holds there too.
    #[serde(default)]
    #[arg(long)]
    pub remove_items: bool,
    /// The destination to remove from, where the flow is not configured any more.
    #[serde(default)]
    #[arg(long, value_name = "DESTINATION", requires = "remove_items")]
    pub destination: Option<String>,
}

/// Which person.
#[derive(Clone, Default, Args, Serialize, Deserialize)]
#[serde(default)]
pub struct PersonArgs {
    /// The person's e-mail address, in any case.
    #[arg(long, value_name = "ADDRESS", conflicts_with = "customer")]
    pub email: Option<String>,
    /// The id of the person's account at the shop.
    #[arg(long, value_name = "ID")]
    pub customer: Option<String>,
    /// The source that has this account, where several have one of this id.
    #[arg(long, value_name = "SOURCE", requires = "customer")]
    pub source: Option<String>,
}

impl std::fmt::Debug for PersonArgs {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("PersonArgs").finish_non_exhaustive()
    }
}

/// Arguments of `erase`.
#[derive(Debug, Args, Serialize, Deserialize)]
#[serde(default)]
pub struct EraseArgs {
    /// Whom.
    #[command(flatten)]
    pub person: PersonArgs,
    /// Do it, rather than show what would go.
    #[arg(long)]
    pub yes: bool,
    /// Write the signed receipt into this file once everything is removed. It names nobody.
    #[serde(skip)]
    #[arg(long, value_name = "FILE")]
    pub receipt: Option<PathBuf>,
    /// Let a person in again who was erased, such as one who signs up anew. The next full read brings what the shop has.
    #[arg(long, conflicts_with_all = ["yes", "receipt"])]
    pub lift: bool,
    /// Check the signature of a receipt.
    #[serde(skip)]
    #[arg(long, value_name = "FILE", conflicts_with_all = ["yes", "receipt", "lift", "email", "customer"])]
    pub verify: Option<PathBuf>,
    /// How long to wait for retries and for a destination that fails, in seconds.
    #[arg(long, default_value_t = PATIENCE, value_name = "SECONDS")]
    pub patience: u64,
}

/// Arguments of `access`.
#[derive(Debug, Args)]
pub struct AccessArgs {
    /// Whom.
    #[command(flatten)]
    pub person: PersonArgs,
    /// Write it into this new file, which only you can read, rather than to standard output.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// Which flows.
#[derive(Debug, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FlowsArgs {
    /// Names of flows.
    #[arg(required = true, value_name = "FLOW")]
    pub flow: Vec<String>,
}

/// What can be done with dead letters.
#[derive(Debug, Subcommand)]
pub enum DeadCommand {
    /// List what is dead or held, with the reason of each.
    List(DeadArgs),
    /// Show one in full: reason, payload, and what the destination answered.
    Show(DeadOne),
    /// Have dead records sent again with the next pass.
    ///
    /// A record that is held because nobody knows whether its call arrived is sent again only if it is named, or with --held:
    /// the destination may then get the call twice.
    Replay(ReplayArgs),
    /// Give up on dead records, until they change.
    ///
    /// A record that is held because nobody knows whether its call arrived is taken as delivered.
    Drop(DropArgs),
}

/// Which dead letters.
#[derive(Debug, Default, Args, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeadArgs {
    /// The flow; all where none is named.
    #[arg(long, value_name = "FLOW")]
    pub flow: Option<String>,
    /// Ids, keys or SKUs of records, numbers of orders, e-mail addresses of customers; all where none is named.
    pub records: Vec<String>,
}

/// Arguments of `dead replay`.
#[derive(Debug, Default, Args, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReplayArgs {
    /// The flow; all where none is named.
    #[arg(long, value_name = "FLOW")]
    pub flow: Option<String>,
    /// Ids, keys or SKUs of records, numbers of orders, e-mail addresses of customers; all dead ones where none is named.
    pub records: Vec<String>,
    /// All that are held because nobody knows whether their calls arrived.
    #[arg(long, conflicts_with = "records")]
    pub held: bool,
}

/// Arguments of `dead drop`.
#[derive(Debug, Default, Args, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DropArgs {
    /// The flow; all where none is named.
    #[arg(long, value_name = "FLOW")]
    pub flow: Option<String>,
    /// Ids, keys or SKUs of records, numbers of orders, e-mail addresses of customers.
    pub records: Vec<String>,
    /// Drop all that are dead.
    #[arg(long, conflicts_with = "records")]
    pub all: bool,
    /// Take all as delivered that are held because nobody knows whether their calls arrived.
    #[arg(long, conflicts_with_all = ["records", "all"])]
    pub held: bool,
}

/// Which dead letter.
#[derive(Debug, Args)]
pub struct DeadOne {
    /// Id, key or SKU of the record, number of the order, or e-mail address of the customer.
    pub record: String,
    /// The flow; all where none is named.
    #[arg(long, value_name = "FLOW")]
    pub flow: Option<String>,
    /// Show the values of people and orders, which are hidden otherwise.
    #[arg(long)]
    pub reveal: bool,
}

/// How long `sync` waits unless it is said, in seconds.
const PATIENCE: u64 = 120;

impl Default for SyncArgs {
    fn default() -> Self {
        Self { full: false, flow: Vec::new(), allow_deletes: false, patience: PATIENCE }
    }
}

impl Default for EraseArgs {
    fn default() -> Self {
        let person = PersonArgs::default();
        Self { person, yes: false, receipt: None, lift: false, verify: None, patience: PATIENCE }
    }
}

impl EraseArgs {
    /// [`EraseArgs::patience`] as a duration.
    pub fn patience(&self) -> Duration {
        Duration::from_secs(self.patience)
    }
}

impl SyncArgs {
    /// [`SyncArgs::patience`] as a duration.
    pub fn patience(&self) -> Duration {
        Duration::from_secs(self.patience)
    }
}

//! `cartage help`, `completions` and `man`: what the binary knows about itself.

use std::path::Path;

use anyhow::Context as _;
use clap::CommandFactory as _;
use clap_complete::Shell;
use contract::Fault;
use include_dir::{Dir, include_dir};
use serde::Serialize;

use crate::{
    cli::Cli,
    output::{Exit, Failure, Output},
};

static ERRORS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../docs/errors");
static REFERENCE: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../docs/reference");
static GUIDES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../docs/guides");

/// A page of help.
#[derive(Serialize, schemars::JsonSchema)]
pub(super) struct Page {
    /// What was asked for; none: what there is.
    topic: Option<String>,
    /// The page, as Markdown or plain text.
    text: String,
}

/// Shows the help on a command, the page of an error, a reference page or a guide; without a topic, what there is.
pub(super) fn run(topic: Option<&str>, output: Output<'_>) -> Result<Exit, Failure> {
    let text = match topic {
        None => overview(),
        Some(topic) => page(topic).map(str::to_owned).or_else(|| of_command(topic)).ok_or_else(|| unknown(topic))?,
    };
    output.document(&Page { topic: topic.map(str::to_owned), text: text.clone() })?;
    output.line(text.trim_end())?;
    Ok(Exit::Done)
}

/// The page of this name, in any case.
pub(super) fn page(topic: &str) -> Option<&'static str> {
    let pages = [&ERRORS, &REFERENCE, &GUIDES].into_iter().flat_map(Dir::files);
    let mut named = pages.filter(|file| name(file.path()).is_some_and(|name| name.eq_ignore_ascii_case(topic)));
    named.next()?.contents_utf8()
}

/// The name of a page; none for the indices of folders.
fn name(path: &Path) -> Option<&str> {
    path.file_stem()?.to_str().filter(|name| *name != "README")
}

fn of_command(name: &str) -> Option<String> {
    let mut cli = Cli::command();
    cli.build();
    Some(cli.find_subcommand_mut(name)?.render_long_help().to_string())
}

fn overview() -> String {
    let names = |pages: &'static Dir<'static>| {
        let mut names: Vec<&str> = pages.files().filter_map(|file| name(file.path())).collect();
        names.sort_unstable();
        names.join(", ")
    };
    format!(
        "{}\n\nReference (cartage help NAME): {}\nGuides (cartage help NAME): {}\nErrors (cartage help CODE): {}",
        Cli::command().render_long_help(),
        names(&REFERENCE),
        names(&GUIDES),
        names(&ERRORS),
    )
}

fn unknown(topic: &str) -> Fault {
    Fault::config("C0831", format!("there is no help on {topic:?}"))
        .hint("name a command, the code of an error such as C0211, or a page that `cartage help` lists")
}

/// Prints what completes commands in a shell.
pub(super) fn completions(shell: Shell, output: Output<'_>) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "cartage", &mut script);
    output.line(String::from_utf8_lossy(&script).trim_end())?;
    Ok(Exit::Done)
}

/// Writes a manual page of each command into a folder.
pub(super) fn man(folder: &Path) -> Result<Exit, Failure> {
    let written = std::fs::create_dir_all(folder).and_then(|()| clap_mangen::generate_to(Cli::command(), folder));
    written.with_context(|| format!("manual pages can't be written to {}", folder.display()))?;
    Ok(Exit::Done)
}

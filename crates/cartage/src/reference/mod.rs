//! The generated reference documentation: written from the code, so that it always agrees with it.
//!
//! **Invariant:** the same code gives the same bytes, on any machine.

mod capabilities;
mod markdown;
mod settings;

use std::{fs, path::Path};

use clap::CommandFactory as _;
use contract::{DestinationDescriptor, FacetSpec, Facets, FieldSpec};
use engine::mapping;
use model::Kind;

use crate::{cli::Cli, commands::documents, config, measure};
use markdown::{Cell, table};

/// Writes every page into a folder.
///
/// # Errors
/// The disk's.
pub fn write(dir: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(dir)?;
    for (name, text) in pages()? {
        fs::write(dir.join(name), text)?;
    }
    Ok(())
}

/// Names and texts of all pages.
fn pages() -> anyhow::Result<Vec<(String, String)>> {
    let schema = config::schema::schema();
    let mut pages = vec![
        ("configuration.md".to_owned(), settings::page(&schema)),
        ("configuration.schema.json".to_owned(), serde_json::to_string_pretty(&schema)? + "\n"),
        ("cartage.example.toml".to_owned(), config::EXAMPLE.to_owned()),
        ("command-line.md".to_owned(), command_line()),
        ("capabilities.md".to_owned(), capabilities::page()),
        ("expressions.md".to_owned(), expressions()),
        ("metrics.md".to_owned(), metrics()),
    ];
    let documents = documents::all();
    pages.push(("json.md".to_owned(), json(&documents)));
    for documents::Document { name, schema, .. } in documents {
        pages.push((format!("json-{name}.schema.json"), serde_json::to_string_pretty(&schema)? + "\n"));
    }
    for kind in sources::KINDS {
        pages.push((format!("source-{}.md", kind.descriptor.name), kind.readme.to_owned()));
    }
    for kind in destinations::KINDS {
        let text = format!("{}\n{}", kind.readme.trim_end(), fields(kind.descriptor));
        pages.push((format!("destination-{}.md", kind.descriptor.name), text));
    }
    Ok(pages)
}

/// What commands print with `--json`.
fn json(documents: &[documents::Document]) -> String {
    let rows = documents.iter().map(|document| {
        let file = format!("[json-{0}.schema.json](json-{0}.schema.json)", document.name);
        [Cell::code(document.printed_by), Cell::text(&file)]
    });
    format!(
        "# JSON\n\nWith `--json` a command prints one JSON document on standard output, also if it fails: then it is \
         `{{\"errors\": [...]}}`, with the exit code that the command has without `--json`. Messages for people go to standard \
         error.\n\nEach document has a JSON Schema; `x-version` in it is {}. A member that is renamed, removed, or gets another \
         type makes a new version; members may be added. Instants are milliseconds since 1970-01-01T00:00:00Z. What the mirror \
         holds (`record` in `explain`), and tokens of lanes, have a form of their own that may change with any release.\n\n{}",
        documents::VERSION,
        table(["command", "schema"], rows)
    )
}

/// What a destination is sent, field by field.
fn fields(of: &DestinationDescriptor) -> String {
    let mut text = String::from(
        "\n## What is sent\n\nEach field can be overridden, and others added, by CEL expressions in the configuration: \
         `[flows.NAME.fields]` for products and `[flows.NAME.category_fields]` for categories. `built in` is what a \
         field holds without one, written as such an expression, or `in code` where no expression can say it. Each facet has \
         a digest of its own: where only prices or only availability differ, only their fields are sent.\n",
    );
    let mut section = |title: &str, kind: Kind| {
        let (specs, facets) = ((of.fields)(kind), (of.facets)(kind));
        let rows = specs.iter().map(|spec| {
            let constraint = constraint(spec);
            [
                Cell::code(spec.name),
                Cell::text(&format!("{}{}", spec.of.name(), if spec.required { ", needed" } else { "" })),
                Cell::text(facet(spec, facets)),
                if can_be_written(kind, specs, spec) { Cell::code(spec.default) } else { Cell::text("in code") },
                Cell::text(
                    &[spec.note, constraint].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" "),
                ),
            ]
        });
        text.extend(["\n### ", title, "\n\n"]);
        text.push_str(&table(["field", "type", "facet", "built in", "meaning"], rows));
    };
    section("Products", Kind::Product);
    section("Categories", Kind::Category);
    text
}

/// Whether a user could write the built-in expression.
fn can_be_written(kind: Kind, specs: &'static [FieldSpec], spec: &FieldSpec) -> bool {
    let at = mapping::Place { file: String::new(), line: 1, column: 1 };
    let expression = mapping::Expression { name: spec.name.to_owned(), text: spec.default.to_owned(), at };
    mapping::Mapping::compile(kind, specs, None, &[expression]).is_ok()
}

fn facet(spec: &FieldSpec, facets: &'static [FacetSpec]) -> &'static str {
    Facets::NONE.with(spec.facet).among(facets).next().map_or("", |facet| facet.name)
}

const fn constraint(spec: &FieldSpec) -> &'static str {
    match spec.constraint {
        contract::Constraint::None => "",
        contract::Constraint::NotBlank => "Not blank.",
        contract::Constraint::AbsoluteUrl => "An absolute http(s) address.",
        contract::Constraint::NotNegative => "Zero or more.",
        contract::Constraint::UnixSeconds => "Whole seconds since 1970.",
    }
}

/// What expressions can name and call.
fn expressions() -> String {
    let mut text = String::from(
        "# Expressions\n\nFields of your own are [CEL](https://cel.dev) expressions over what a market makes of a record. \
         They are checked when the configuration is loaded. A value that may be missing leaves the field out, unless the \
         expression asks first: `has(product.key) ? product.key : product.id`.\n",
    );
    for (title, kind) in [("For products", Kind::Product), ("For categories", Kind::Category)] {
        let rows = mapping::shape(kind).into_iter().map(|known| {
            let missing = if known.optional { "may be missing" } else { "" };
            [Cell::code(&known.path), Cell::text(&known.of), Cell::text(missing), Cell::text(known.note)]
        });
        text.extend(["\n## ", title, "\n\n", &table(["name", "type", "", "meaning"], rows)]);
    }
    let rows = mapping::function::FUNCTIONS
        .iter()
        .map(|function| [Cell::code(function.name), Cell::code(function.example), Cell::code(function.gives)]);
    text.extend(["\n## Functions\n\n", &table(["function", "example", "gives"], rows)]);
    text
}

/// The help texts of all commands.
fn command_line() -> String {
    let mut text = String::from("# Command line\n\nWhat `cartage help` prints.\n");
    let mut command = Cli::command().term_width(100);
    command.build();
    help(&mut text, &mut command, "");
    text
}

fn help(text: &mut String, command: &mut clap::Command, parents: &str) {
    let name = format!("{parents}{}", command.get_name());
    let shown = command.render_long_help().to_string();
    let lines: Vec<&str> = shown.trim_end().lines().map(str::trim_end).collect();
    text.extend(["\n## `", &name, "`\n\n```text\n", &lines.join("\n"), "\n```\n"]);
    let parents = format!("{name} ");
    for inner in command.get_subcommands_mut().filter(|inner| !inner.is_hide_set() && inner.get_name() != "help") {
        help(text, inner, &parents);
    }
}

fn metrics() -> String {
    let rows = measure::METRICS.iter().map(|metric| {
        let labels = metric.labels.join(", ");
        [Cell::code(metric.name), Cell::text(metric.kind.name()), Cell::code(&labels), Cell::text(metric.meaning)]
    });
    format!(
        "# Metrics\n\n`cartage run` gives them at `/metrics` in the text format of Prometheus. Labels are names from the \
         configuration, never ids of records. Every counter exists from the start, with 0. Names end with their unit. \
         `deploy/prometheus-alerts.yaml` has alert rules and `deploy/grafana-dashboard.json` a dashboard.\n\n{}",
        table(["name", "kind", "labels", "meaning"], rows)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_the_same_each_time_and_hold_no_path_of_this_machine() {
        let first = pages().unwrap();
        assert_eq!(first, pages().unwrap());
        assert!(first.iter().all(|(_, text)| !text.contains(env!("CARGO_MANIFEST_DIR"))));
    }

    #[test]
    fn every_field_of_every_destination_is_in_its_reference() {
        let pages = pages().unwrap();
        for kind in destinations::KINDS {
            let name = format!("destination-{}.md", kind.descriptor.name);
            let (_, text) = pages.iter().find(|(page, _)| *page == name).unwrap();
            for spec in [Kind::Product, Kind::Category].into_iter().flat_map(kind.descriptor.fields) {
                assert!(text.contains(&format!("| `{}` |", spec.name)), "{}", spec.name);
            }
        }
    }
}

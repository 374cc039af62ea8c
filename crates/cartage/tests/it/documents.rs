//! What README, guides and the files for operators say is true of the binary.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use axum::{Router, routing::get};
use cartage::{
    cli::Cli,
    measure::{Kind, METRICS},
};
use clap::Parser as _;
use http::StatusCode;
use sandbox::catalogue::EXAMPLE;

use crate::harness::{Shop, serve};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(root().join(&path)).unwrap_or_else(|error| panic!("{}: {error}", path.as_ref().display()))
}

/// README and guides, by path.
fn guides() -> Vec<(PathBuf, String)> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(root().join("docs/guides")).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.push(root().join("README.md"));
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), fs::read_to_string(&path).unwrap())).collect()
}

/// The blocks of a Markdown text in this language, without indentation.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut open: Option<(bool, String)> = None;
    for line in text.lines().map(str::trim) {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(named)) => open = Some((named == language, String::new())),
            (Some((wanted, block)), Some(_)) => {
                if *wanted {
                    blocks.push(std::mem::take(block));
                }
                open = None;
            }
            (Some((_, block)), None) => {
                block.push_str(line);
                block.push('\n');
            }
            (None, None) => {}
        }
    }
    blocks
}

/// Calls of `cartage` in shell text, as words, each with its line: alone, or after another program with `--config`.
fn calls(shell: &str) -> Vec<(String, Vec<String>)> {
    let mut calls = Vec::new();
    for line in shell.lines() {
        let code = line.split(" #").next().unwrap_or_default();
        for part in code.split("&&").flat_map(|part| part.split(['|', ';'])) {
            let words = part.split_whitespace().take_while(|word| !word.starts_with('>'));
            let words: Vec<String> = words.map(|word| word.trim_matches('\'').to_owned()).collect();
            let is_call = |(at, pair): &(usize, &[String])| pair[0] == "cartage" && (*at == 0 || pair[1] == "--config");
            if let Some((at, _)) = words.windows(2).enumerate().find(is_call) {
                calls.push((line.to_owned(), words[at..].to_vec()));
            }
        }
    }
    calls
}

/// Runs a program; `None` if this machine does not have it.
fn ran(program: &str, arguments: &[&str]) -> Option<Output> {
    match Command::new(program).args(arguments).output() {
        Ok(output) => Some(output),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            eprintln!("skipped: this machine has no {program}");
            None
        }
        Err(error) => panic!("{program}: {error}"),
    }
}

#[track_caller]
fn succeeded(output: &Output) {
    let text = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text).into_owned()).concat();
    assert!(output.status.success(), "{text}");
}

#[test]
fn every_command_in_readme_and_guides_is_one_that_the_binary_has() {
    let mut found = 0;
    for (path, text) in guides() {
        for (line, words) in blocks(&text, "sh").iter().flat_map(|block| calls(block)) {
            found += 1;
            if let Err(error) = Cli::try_parse_from(&words)
                && error.use_stderr()
            {
                panic!("{}: {line}: {error}", path.display());
            }
        }
    }
    assert!(found > 20, "{found} commands were found");
}

#[test]
fn every_configuration_in_readme_and_guides_is_toml() {
    for (path, text) in guides() {
        for block in blocks(&text, "toml") {
            let parsed = block.parse::<toml::Table>();
            assert!(parsed.is_ok(), "{}: {}\n{block}", path.display(), parsed.unwrap_err());
        }
    }
}

#[test]
fn links_of_readme_and_guides_lead_to_files() {
    for (path, text) in guides() {
        for link in text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next()) {
            let is_file = !link.is_empty() && !link.contains(':');
            assert!(!is_file || path.parent().unwrap().join(link).exists(), "{}: {link}", path.display());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_of_help_and_guides_can_be_explained() {
    let shop = Shop::with_example(5).await;
    shop.cartage(&["sync"]).await.ended(0);
    let told = shop.cartage(&["explain", EXAMPLE]).await.ended(0);
    told.says(&["clerk-de (market de): in_sync", "clerk-uk (market uk): in_sync", "249.00 EUR", "219.00 GBP"]);
    shop.cartage(&["explain", &format!("{EXAMPLE}-M")]).await.ended(0).says(&[EXAMPLE]);
    shop.cartage(&["plan", EXAMPLE]).await.ended(0);
}

/// The unit's `ExecStart`, as words.
fn exec_start(unit: &str) -> Vec<String> {
    let line = unit.lines().find_map(|line| line.strip_prefix("ExecStart=")).unwrap();
    line.split_whitespace().map(str::to_owned).collect()
}

#[test]
fn the_unit_starts_a_command_that_the_binary_has() {
    let words = exec_start(&read("deploy/cartage.service"));
    assert!(Cli::try_parse_from(&words).is_ok(), "{words:?}");
}

#[test]
fn systemd_has_nothing_to_say_against_the_unit() {
    let unit = read("deploy/cartage.service");
    // The binary is not installed here; that of this test stands for it.
    let here = unit.replace(&exec_start(&unit)[0], env!("CARGO_BIN_EXE_cartage"));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cartage.service");
    fs::write(&file, here).unwrap();
    if let Some(verified) = ran("systemd-analyze", &["verify", file.to_str().unwrap()]) {
        succeeded(&verified);
        assert!(verified.stderr.is_empty(), "{}", String::from_utf8_lossy(&verified.stderr));
    }
}

#[test]
fn shell_scripts_are_sound() {
    for script in [".ci/run", "deploy/health"] {
        let path = root().join(script);
        if let Some(checked) = ran("bash", &["-n", path.to_str().unwrap()]) {
            succeeded(&checked);
        }
        if let Some(linted) = ran("shellcheck", &[path.to_str().unwrap()]) {
            succeeded(&linted);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_health_check_of_the_image_passes_while_the_process_answers() {
    let answers = |status: StatusCode| Router::new().route("/healthz", get(move || std::future::ready(status)));
    let script = root().join("deploy/health").display().to_string();
    for (status, passes) in [(StatusCode::OK, true), (StatusCode::SERVICE_UNAVAILABLE, false)] {
        let url = serve(answers(status)).await;
        let (script, port) = (script.clone(), url.rsplit(':').next().unwrap().to_owned());
        let checked = tokio::task::spawn_blocking(move || ran("bash", &[&script, &port])).await.unwrap();
        if let Some(checked) = checked {
            assert_eq!(checked.status.success(), passes, "{status}: {checked:?}");
        }
    }
    // Nothing listens on a port that was just released.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    if let Some(checked) = ran("bash", &[&script, &free]) {
        assert!(!checked.status.success());
    }
}

#[test]
fn the_image_runs_without_rights_and_with_what_the_repository_has() {
    let image = read("Dockerfile");
    let user = image.lines().rfind(|line| line.starts_with("USER ")).unwrap();
    assert_eq!(user, "USER cartage");
    assert!(image.contains("HEALTHCHECK"));
    for copied in image.lines().filter_map(|line| line.strip_prefix("COPY deploy/")) {
        let file = copied.split_whitespace().next().unwrap();
        assert!(root().join("deploy").join(file).exists(), "{file}");
    }
    let rust = read("Cargo.toml").lines().find_map(|line| line.strip_prefix("rust-version = ").map(str::to_owned));
    let rust = rust.unwrap().trim_matches('"').to_owned();
    assert!(image.contains(&format!("FROM rust:{rust}-")), "the image builds with Rust {rust}");
    let words = |name: &str| {
        let line = image.lines().rfind(|line| line.starts_with(name)).unwrap();
        serde_json::from_str::<Vec<String>>(line.split_once(' ').unwrap().1).unwrap()
    };
    let command = [words("ENTRYPOINT"), words("CMD")].concat();
    assert!(Cli::try_parse_from(&command).is_ok(), "{command:?}");
}

#[test]
fn the_compose_file_starts_commands_that_the_binary_has() {
    let file = read("deploy/compose.yaml");
    let words = |name: &str| -> Vec<Vec<String>> {
        let lists = file.lines().filter_map(|line| line.trim().strip_prefix(name)?.strip_prefix(": "));
        lists.map(|list| serde_json::from_str(list).unwrap()).collect()
    };
    let (entries, commands) = (words("entrypoint"), words("command"));
    assert_eq!((entries.len(), commands.len()), (2, 2), "one of each for the sandbox and for Cartage");
    for (entry, command) in entries.into_iter().zip(commands) {
        let words = [entry, command].concat();
        assert!(Cli::try_parse_from(&words).is_ok(), "{words:?}");
    }
    // The plugin reads the file without a daemon.
    let has_plugin = ran("docker", &["compose", "version"]).is_some_and(|version| version.status.success());
    if has_plugin {
        let path = root().join("deploy/compose.yaml").display().to_string();
        succeeded(&ran("docker", &["compose", "--file", &path, "config", "--quiet"]).unwrap());
    } else {
        eprintln!("skipped: this machine has no docker compose");
    }
}

/// Alert rules and dashboard.
const WATCHED: [&str; 2] = ["deploy/prometheus-alerts.yaml", "deploy/grafana-dashboard.json"];

#[test]
fn alerts_and_dashboard_name_metrics_that_there_are() {
    for path in WATCHED {
        let text = read(path);
        let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let named: Vec<&str> = words.filter(|word| word.starts_with("cartage_")).collect();
        assert!(named.len() > 10, "{path}: {named:?}");
        for name in named {
            let is_part_of = |metric: &str| {
                let part = name.strip_prefix(metric);
                part.is_some_and(|part| ["_bucket", "_sum", "_count"].contains(&part))
            };
            let is_known = METRICS.iter().any(|metric| match metric.kind {
                Kind::Histogram(_) => is_part_of(metric.name),
                Kind::Counter | Kind::Gauge => metric.name == name,
            });
            assert!(is_known, "{path}: {name} is not in the metrics reference");
        }
    }
    let dashboard: serde_json::Value = serde_json::from_str(&read(WATCHED[1])).unwrap();
    assert!(dashboard["panels"].as_array().unwrap().len() > 10);
}

/// The checker of alert rules: an installed one, or else Debian's, unpacked below `target`.
fn promtool() -> Option<String> {
    const INSTALLED: &str = "promtool";
    if Command::new(INSTALLED).arg("--version").output().is_ok() {
        return Some(INSTALLED.to_owned());
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(INSTALLED);
    let program = folder.join("usr/bin/promtool");
    if !program.exists() {
        fs::create_dir_all(&folder).unwrap();
        let fetch = "timeout 120 apt-get download -q -o Acquire::Retries=0 -o Acquire::http::Timeout=15 prometheus && \
                     dpkg-deb -x prometheus_*.deb . && rm prometheus_*.deb";
        let fetched = Command::new("sh").args(["-c", fetch]).current_dir(&folder).output();
        if !fetched.is_ok_and(|fetched| fetched.status.success()) {
            eprintln!("skipped: there is no promtool, and Debian's package can't be had");
            return None;
        }
    }
    Some(program.display().to_string())
}

#[test]
fn prometheus_takes_the_alert_rules() {
    let rules = root().join(WATCHED[0]);
    let checked = promtool().and_then(|promtool| ran(&promtool, &["check", "rules", rules.to_str().unwrap()]));
    if let Some(output) = checked {
        succeeded(&output);
    }
}

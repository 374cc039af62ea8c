//! The demo, as it is watched: what it tells, what a second terminal can ask, and that it leaves nothing behind.

use std::{collections::BTreeSet, fs, path::Path, process::Stdio, time::Duration};

use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::timeout,
};

/// Longer than anything here takes on a busy machine.
const LONG: Duration = Duration::from_mins(5);

/// A demo that runs, with temporary folders of its own.
struct Demo {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    told: Vec<String>,
    temporary: TempDir,
}

impl Demo {
    fn start(arguments: &[&str]) -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_cartage"));
        command.arg("demo").args(arguments).env("TMPDIR", temporary.path()).env_remove("RUST_LOG");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines, told: Vec::new(), temporary }
    }

    /// Reads on until a line has this text.
    async fn until(&mut self, text: &str) -> String {
        let found = timeout(LONG, async {
            while let Some(line) = self.lines.next_line().await.unwrap() {
                self.told.push(line.clone());
                if line.contains(text) {
                    return Some(line);
                }
            }
            None
        });
        found.await.ok().flatten().unwrap_or_else(|| panic!("{text:?} is not in\n{}", self.told.join("\n")))
    }

    fn signal(&self, name: &str) {
        let process = self.child.id().unwrap().to_string();
        assert!(std::process::Command::new("kill").args([name, &process]).status().unwrap().success());
    }

    /// Waits for its end; its exit code and all it told.
    async fn end(mut self) -> (Option<i32>, String) {
        let rest = async {
            while let Some(line) = self.lines.next_line().await.unwrap() {
                self.told.push(line);
            }
            self.child.wait().await.unwrap()
        };
        let status = timeout(LONG, rest).await.expect("it hangs");
        assert_eq!(left_in(self.temporary.path()), Vec::<String>::new(), "temporary folders are left");
        (status.code(), self.told.join("\n"))
    }
}

fn left_in(folder: &Path) -> Vec<String> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// The number before this text.
fn number_before(text: &str, what: &str) -> u64 {
    let before = text.split(what).next().unwrap().split_whitespace().last().unwrap();
    before.parse().unwrap_or_else(|_| panic!("no number before {what:?} in {text}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_can_be_looked_into_from_a_second_terminal_and_shows_what_each_change_caused() {
    let mut demo = Demo::start(&["--products", "60", "--rate", "5"]);
    demo.until("in a second terminal").await;
    let mut commands = Vec::new();
    for name in ["status", "explain", "plan"] {
        commands.push(demo.until(name).await);
    }
    demo.until("The shop is open").await;
    demo.until("stock").await;
    for command in commands {
        // As a person would: with a shell.
        let ran = timeout(LONG, Command::new("sh").args(["-c", &command]).output()).await.expect(&command).unwrap();
        let text = String::from_utf8_lossy(&[ran.stdout, ran.stderr].concat()).into_owned();
        // While the shop changes, something may be pending.
        assert!(matches!(ran.status.code(), Some(0 | 1)), "{command}: {text}");
        let says = if command.contains("explain TRAIL-42") { "Trailjacke 42" } else { "clerk-uk" };
        assert!(text.contains(says), "{command}: {text}");
    }
    demo.until("its sale in EUR begins, by the clock alone").await;
    let sale = demo.until("clerk-de").await;
    assert!(sale.contains("price 249.00 → 199.00 EUR"), "{sale}");
    demo.signal("-INT");
    let (code, text) = demo.end().await;
    assert_eq!(code, Some(0), "{text}");
    assert!(!text.contains('\u{1b}'), "colours outside a terminal: {text}");
    for line in text.lines().filter(|line| line.contains(": stock") || line.contains("  clerk-")) {
        assert!(line.chars().count() <= 80, "{line}");
    }
    // A change and what was sent for it, before and after.
    let lines: Vec<&str> = text.lines().collect();
    let pair = lines.windows(2).find(|pair| pair[0].contains(": stock in warehouse-de is now")).unwrap();
    assert!(pair[1].contains(" s  clerk-de  ") && pair[1].contains(" → "), "{pair:?}");
    for told in ["changes ", "calls ", "delay ", "for 99 of 100"] {
        assert!(text.contains(told), "{told:?} is not in {text}");
    }
    let verified = lines.iter().find(|line| line.starts_with("verified")).unwrap();
    let right = number_before(verified, " of ");
    assert!(right > 100 && verified.contains(&format!("{right} of {right} items")), "{verified}");
    // People have done something too, and arrived.
    let is_person = |line: &&&str| ["customer-", "registered-", "order-", "placed-"].iter().any(|it| line.contains(it));
    assert!(lines.iter().filter(is_person).count() > 3, "{text}");
    let people = lines.iter().find(|line| line.contains(" customers and ")).unwrap();
    let (customers, orders) = (number_before(people, " of "), number_before(people, " orders there"));
    assert!(customers > 50 && orders > 50, "{people}");
    assert!(
        people.contains(&format!("{customers} of {customers} customers and {orders} of {orders} orders")),
        "{people}"
    );
}

/// Where the platform and the service take them.
#[tokio::test(flavor = "multi_thread")]
async fn people_and_orders_are_carried_by_the_pairs_that_can() {
    for (from, to, title, carries) in [
        ("commercetools", "dotdigital", "Dotdigital", &["customer", "order", "product"][..]),
        ("commercetools", "insider", "Insider", &["product"]),
        ("bigcommerce", "clerk", "Clerk.io", &["category", "product"]),
    ] {
        let arguments = ["--seconds", "5", "--rate", "8", "--products", "40", "--json", "--from", from, "--to", to];
        let (code, text) = Demo::start(&arguments).end().await;
        let shown: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        assert_eq!(code, Some(0), "{shown:#}");
        for flow in shown["flows"].as_array().unwrap() {
            let kinds = flow["kinds"].as_object().unwrap();
            let names: BTreeSet<&str> = kinds.keys().map(String::as_str).collect();
            assert_eq!(names, carries.iter().copied().collect(), "{flow:#}");
            let sum: u64 = kinds.values().map(|kind| kind["in_sync"].as_u64().unwrap()).sum();
            assert_eq!(flow["in_sync"], sum, "{flow:#}");
        }
        let people = &shown["services"][title]["people"];
        assert_eq!(people.is_object(), carries.contains(&"order"), "{shown:#}");
        for kind in ["customers", "orders"].into_iter().filter(|_| people.is_object()) {
            assert_eq!(people[kind]["right"], people[kind]["expected"], "{people:#}");
            assert!(people[kind]["expected"].as_u64().unwrap() > 40, "{people:#}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_while_calls_fail_on_purpose() {
    // How many calls there are in this time, and how many of them fail, depends on the machine: they are added up.
    let (mut kinds, mut failed, mut acknowledged) = (BTreeSet::new(), 0, 0);
    for platform in ["commercetools", "bigcommerce", "sfcc"] {
        let arguments = ["--chaos", "--seconds", "8", "--rate", "6", "--products", "60", "--json", "--from", platform];
        let (code, text) = Demo::start(&arguments).end().await;
        let shown: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        assert_eq!(code, Some(0), "{shown:#}");
        let number = |name: &str| shown[name].as_u64().unwrap();
        assert!(number("changes") > 0 && number("calls") > 0, "{shown:#}");
        assert_eq!((number("missed"), number("right")), (0, number("expected")), "{shown:#}");
        let people = &shown["services"]["Clerk.io"]["people"];
        assert_eq!(people.is_object(), platform == "commercetools", "{shown:#}");
        kinds.extend(shown["faults"].as_object().unwrap().keys().cloned());
        failed += number("failed_calls");
        acknowledged += number("acknowledged");
    }
    assert!(
        kinds.len() > 2 && failed > 0 && acknowledged > 5,
        "{kinds:?}, {failed} calls failed, {acknowledged} arrived"
    );
}

/// Changes that an export shows arrive several at a time, and long after they were made.
#[tokio::test(flavor = "multi_thread")]
async fn changes_that_exports_show_are_paired_with_what_was_sent_for_them() {
    let demo = Demo::start(&["--from", "sfcc", "--products", "60", "--rate", "2", "--seconds", "20"]);
    let (code, text) = demo.end().await;
    assert_eq!(code, Some(0), "{text}");
    let lines: Vec<&str> = text.lines().collect();
    let is_effect = |line: &&&str| line.starts_with(' ') && line.contains(" s  clerk-");
    let (mut pairs, mut others) = (0, Vec::new());
    for (at, pair) in lines.windows(2).enumerate() {
        let about = [": stock ", ": price ", ": name "].into_iter().find(|what| pair[0].contains(what));
        let Some(about) = about.filter(|_| is_effect(&&pair[1])) else { continue };
        let effects: Vec<&str> = lines[at + 1..].iter().take_while(is_effect).copied().collect();
        pairs += 1;
        if !effects.iter().any(|effect| effect.contains(about.trim_matches([':', ' ']))) {
            others.push((pair[0], effects));
        }
    }
    // A change without an effect may be shown with what another one of the same product caused.
    assert!(pairs > 10 && others.len() * 5 < pairs, "{pairs} pairs, not {others:#?}\n{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_ends_cleanly_at_any_moment() {
    // In the first pass.
    let mut demo = Demo::start(&["--products", "3000"]);
    demo.until("in a second terminal").await;
    demo.signal("-INT");
    let (code, text) = demo.end().await;
    assert!(code.is_some_and(|code| code < 2) && !text.contains("The shop is open"), "{code:?}: {text}");
    // At once, by a second interrupt, while everything is read once more.
    let mut demo = Demo::start(&["--products", "60", "--rate", "50"]);
    demo.until("stock").await;
    demo.signal("-INT");
    demo.until("The shop is closed").await;
    demo.signal("-INT");
    let (code, text) = demo.end().await;
    assert_eq!(code, Some(130), "{text}");
    // When its terminal is closed, and when nobody reads on.
    let mut demo = Demo::start(&["--products", "30"]);
    demo.until("The shop is open").await;
    demo.signal("-HUP");
    demo.end().await;
    let demo = Demo::start(&["--products", "30"]);
    let Demo { mut child, lines, temporary, .. } = demo;
    drop(lines);
    assert!(timeout(LONG, child.wait()).await.is_ok(), "it goes on although nobody reads what it tells");
    assert_eq!(left_in(temporary.path()), Vec::<String>::new());
}

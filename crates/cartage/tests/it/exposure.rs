//! What goes over which network, and who can see it.

use std::process::Stdio;

use crate::harness::{Ran, Shop};

/// Runs the binary on a shop with these variables in its environment.
async fn cartage(shop: &Shop, variables: &[(&str, &str)], arguments: &[&str]) -> Ran {
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_cartage"));
    command.arg("--config").arg(&shop.config).args(arguments).stdin(Stdio::null()).kill_on_drop(true);
    command.envs(variables.iter().copied()).env_remove("RUST_LOG").env_remove("NO_PROXY").env_remove("no_proxy");
    let output = tokio::time::timeout(std::time::Duration::from_mins(2), command.output()).await;
    let output = output.expect("it hangs").unwrap();
    Ran {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn this_machine_is_never_reached_through_a_proxy_and_a_proxy_that_fails_is_named() {
    let shop = Shop::uniform(2).await;
    // Nobody listens there.
    let proxy = "http://who:hunter2@127.0.0.1:9";
    let through = [("HTTP_PROXY", proxy), ("http_proxy", proxy), ("ALL_PROXY", proxy)];
    cartage(&shop, &through, &["sync"]).await.ended(0);
    shop.replace(&shop.world.shop_url, "http://shop.invalid");
    let ran = cartage(&shop, &through, &["check"]).await;
    let ran =
        ran.says(&["C0301", "shop.invalid can't be reached through the proxy 127.0.0.1:9", "HTTP_PROXY", "NO_PROXY"]);
    assert!(!format!("{}{}", ran.out, ran.err).contains("hunter2"), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn check_names_what_others_can_read_or_reach() {
    let shop = Shop::uniform(2).await;
    let quiet = shop.cartage(&["check"]).await.ended(0);
    assert!(!quiet.out.contains("warning"), "{}", quiet.out);
    shop.replace(&format!("url = \"{}\"", shop.world.clerk_url), "url = \"http://clerk.invalid/v2\"");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let secret = shop.config.with_file_name("sandbox-uk-private.secret");
        std::fs::set_permissions(secret, std::fs::Permissions::from_mode(0o644)).unwrap();
    }
    shop.configure("[server]\nlisten = \"0.0.0.0:8470\"\n");
    let ran = shop.cartage(&["check"]).await;
    ran.says(&[
        "warning: destinations.clerk-de.url is http://",
        "clerk.invalid",
        "warning: server.listen 0.0.0.0:",
        "without TLS",
        "warning: destinations.clerk-uk.private_key: ",
        "can be read by other users",
    ]);
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_with_a_password_are_refused_and_the_password_is_not_shown() {
    let shop = Shop::uniform(1).await;
    shop.configure("[telemetry]\notlp_endpoint = \"http://who:hunter2@127.0.0.1:4318\"\n");
    let ran = shop.cartage(&["check"]).await.ended(2).says(&["telemetry.otlp_endpoint", "a user or a password"]);
    assert!(!format!("{}{}", ran.out, ran.err).contains("hunter2"), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn check_finds_damage_in_the_database() {
    let shop = Shop::uniform(60).await;
    shop.cartage(&["sync"]).await.ended(0);
    shop.cartage(&["check"]).await.ended(0).says(&["database", "whole"]);
    let mut bytes = std::fs::read(shop.database()).unwrap();
    // Pages in the middle: the file still opens.
    let (begin, end) = (bytes.len() / 2, bytes.len() / 2 + 40_000);
    bytes[begin..end].fill(0xa5);
    std::fs::write(shop.database(), bytes).unwrap();
    shop.cartage(&["check"]).await.ended(1).says(&["C0106", "damaged"]);
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn what_the_sandbox_writes_is_private_and_overwrites_nothing_of_others() {
    use std::os::unix::fs::PermissionsExt as _;

    let shop = Shop::uniform(1).await;
    let folder = shop.config.parent().unwrap();
    let secrets = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap())
        .filter(|file| file.file_name().to_string_lossy().ends_with(".secret"));
    let modes: Vec<u32> = secrets.map(|file| file.metadata().unwrap().permissions().mode() & 0o777).collect();
    assert!(modes.len() >= 6 && modes.iter().all(|mode| *mode == 0o600), "{modes:?}");
    shop.world.configure(&shop.config, "").unwrap();
    let theirs = shop.write("theirs.toml", "[store]\npath = \"mine.db\"\n");
    let refused = shop.world.configure(&theirs, "").unwrap_err().to_string();
    assert!(refused.contains("theirs.toml exists and is not the sandbox's"), "{refused}");
}

//! The benchmark of the platforms, at a size at which its times say nothing: every job runs to its end and reports all that
//! it is run for. What it costs is for machines that do nothing else.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::harness::cartage;

/// Runs the benchmark with nothing but these jobs; what it reports.
async fn bench(jobs: &[&str]) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("bench.json").display().to_string();
    let nothing = ["--products", "--large", "--pairs", "--webhooks", "--services"].map(|option| [option, "0"]).concat();
    let ran = cartage(&[&["--json", "bench", "--out", &out], &nothing[..], jobs].concat()).await.ended(0);
    let kept: Value = serde_json::from_str(&std::fs::read_to_string(&out).unwrap()).unwrap();
    assert_eq!(kept, ran.json());
    kept
}

#[tokio::test(flavor = "multi_thread")]
async fn bigcommerce_is_measured_without_and_with_modifiers_beside_the_least_calls() {
    let report = bench(&["--bigcommerce", "265", "--sfcc", "0"]).await;
    let names = ["bigcommerce", "bigcommerce_modifiers"];
    for (reading, name) in report["readings"].as_array().unwrap().iter().zip(names) {
        assert_eq!(
            (&reading["from"], &reading["products"], &reading["skus"]),
            (&name.into(), &265.into(), &1_325.into())
        );
        let calls: BTreeMap<&str, [u64; 2]> = reading["calls"]
            .as_array()
            .unwrap()
            .iter()
            .map(|of| (of["endpoint"].as_str().unwrap(), ["least", "made"].map(|name| of[name].as_u64().unwrap())))
            .collect();
        for (endpoint, [least, made]) in &calls {
            assert!(least <= made, "{endpoint} was asked {made} times, and a walk over everything needs {least}");
        }
        let sum = |at: usize| calls.values().map(|both| both[at]).sum::<u64>();
        assert_eq!(reading["source_calls"], sum(1), "every call counts for an endpoint");
        #[expect(clippy::cast_precision_loss, reason = "some dozens of calls")]
        let ratio = sum(1) as f64 / sum(0) as f64;
        let told = report["calls"][format!("{name}_265")].as_f64().unwrap();
        assert!((told - ratio).abs() < 1e-9, "{told} {ratio}");
        assert!(report["ratios"][format!("{name}_265")].is_f64(), "{report}");
    }
    assert_eq!(report["readings"].as_array().unwrap().len(), names.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_of_sfcc_is_measured_with_what_it_takes_on_disk() {
    let report = bench(&["--bigcommerce", "0", "--sfcc", "58"]).await;
    let [reading] = report["readings"].as_array().unwrap().as_slice() else { panic!("{report}") };
    // Products have five SKUs each.
    assert_eq!((&reading["from"], &reading["products"], &reading["skus"]), (&"sfcc".into(), &12.into(), &60.into()));
    let bytes = ["archive_bytes", "spool_bytes"].map(|name| reading["export"][name].as_u64().unwrap());
    assert!(bytes[0] > 0 && bytes[1] > bytes[0], "rows are larger than what they were packed in: {bytes:?}");
    assert!(report["ratios"]["sfcc_60"].is_f64(), "{report}");
    assert_eq!(report["calls"].as_object().unwrap().len(), 0);
}

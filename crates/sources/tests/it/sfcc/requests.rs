//! What the route by APIs asks, held against the platform's own descriptions where they are at hand.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use serde_json::Value;

/// A request that was made.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) query: String,
}

/// The parameters of an operation, and those of them that are required.
#[derive(Default)]
struct Operation {
    query: BTreeSet<String>,
    required: BTreeSet<String>,
}

/// Operations by method and path.
type Operations = BTreeMap<(String, String), Operation>;

/// Descriptions: what their paths begin with, and the file.
const SCAPI: [(&str, &str); 5] = [
    ("/product/products/v1", "products-oas-1.2.0.yaml"),
    ("/product/catalogs/v1", "catalogs-oas-1.0.46.yaml"),
    ("/product/shopper-products/v1", "shopper-products-oas-1.11.1.yaml"),
    ("/product/shopper-availability/v1", "shopper-availability-oas-1.3.0.yaml"),
    ("/shopper/auth/v1", "auth-oas-1.50.0.yaml"),
];
const OCAPI: &str = "/s/-/dw/data/v25_6";

/// A parameter as YAML writes it: its name, whether it is in the query, and whether it is required.
#[derive(Clone, Default)]
struct Parameter {
    name: String,
    in_query: bool,
    required: bool,
}

impl Operation {
    fn takes(&mut self, it: &Parameter) {
        if it.in_query {
            self.query.insert(it.name.clone());
            if it.required {
                self.required.insert(it.name.clone());
            }
        }
    }
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// The parameters that a description gives names, by them.
fn shared(text: &str) -> BTreeMap<String, Parameter> {
    let lines =
        text.lines().skip_while(|line| *line != "components:").skip_while(|line| *line != "  parameters:").skip(1);
    let mut all: BTreeMap<String, Parameter> = BTreeMap::new();
    let mut current = String::new();
    for line in lines.take_while(|line| indent(line) >= 4 || line.trim().is_empty()) {
        match (indent(line), line.trim()) {
            (4, key) if key.ends_with(':') => key.trim_end_matches(':').clone_into(&mut current),
            (6, field) => read(all.entry(current.clone()).or_default(), field),
            _ => {}
        }
    }
    all
}

fn read(parameter: &mut Parameter, field: &str) {
    match field.split_once(": ") {
        Some(("name", name)) => name.trim_matches('\'').clone_into(&mut parameter.name),
        Some(("in", place)) => parameter.in_query = place == "query",
        Some(("required", truth)) => parameter.required = truth == "true",
        _ => {}
    }
}

/// The operations of a description.
fn operations(base: &str, text: &str) -> Operations {
    let shared = shared(text);
    let mut all = Operations::new();
    let (mut path, mut method) = (String::new(), String::new());
    let mut open: Option<Parameter> = None;
    let lines = text.lines().skip_while(|line| *line != "paths:").skip(1).take_while(|line| *line != "components:");
    for line in lines {
        let (depth, text) = (indent(line), line.trim());
        let close = |open: &mut Option<Parameter>, all: &mut Operations| {
            if let Some(it) = open.take() {
                all.entry((method.clone(), path.clone())).or_default().takes(&it);
            }
        };
        if depth <= 8 && (text.starts_with("- ") || depth < 8) {
            close(&mut open, &mut all);
        }
        match depth {
            2 => path = format!("{base}{}", text.trim_end_matches(':').trim_matches('\'')),
            4 if text.ends_with(':') => method = text.trim_end_matches(':').to_uppercase(),
            8 if text.starts_with("- $ref: ") && text.contains("/parameters/") => {
                let name = text.rsplit('/').next().unwrap().trim_matches('\'');
                all.entry((method.clone(), path.clone())).or_default().takes(&shared[name]);
            }
            8 if text.starts_with("- name: ") => {
                let mut it = Parameter::default();
                read(&mut it, text.trim_start_matches("- "));
                open = Some(it);
            }
            10 => {
                if let Some(it) = &mut open {
                    read(it, text);
                }
            }
            _ => {}
        }
        if depth == 6 && text == "requestBody:" {
            all.entry((method.clone(), path.clone())).or_default();
        }
    }
    all
}

/// The operations of OCAPI.
fn of_json(text: &str) -> Operations {
    let description: Value = serde_json::from_str(text).unwrap();
    let mut all = Operations::new();
    for (path, operations) in description["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let known = all.entry((method.to_uppercase(), format!("{OCAPI}{path}"))).or_default();
            for it in operation["parameters"].as_array().into_iter().flatten() {
                known.takes(&Parameter {
                    name: it["name"].as_str().unwrap_or_default().to_owned(),
                    in_query: it["in"] == "query",
                    required: it["required"] == true,
                });
            }
        }
    }
    all
}

fn specs() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/specs/sfcc");
    path.is_dir().then_some(path)
}

/// Asserts that the platform's descriptions know each request with each of its parameters. Returns how many operations were
/// asked for; `None`: the descriptions are not at hand.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
pub(super) fn assert_described(asked: &[Asked]) -> Option<usize> {
    let Some(folder) = specs() else {
        eprintln!("skipped: the OpenAPI descriptions of the platform are not at hand");
        return None;
    };
    let text = |path: PathBuf| std::fs::read_to_string(path).unwrap();
    let mut all = of_json(&text(folder.join("ocapi/data-api-25.6.openapi3.json")));
    for (base, file) in SCAPI {
        all.extend(operations(base, &text(folder.join("scapi-oas").join(file))));
    }
    let mut seen = BTreeSet::new();
    for Asked { method, path, query } in asked {
        let fits = |template: &str| {
            let (of, is) = (template.split('/'), path.split('/'));
            of.clone().count() == is.clone().count() && of.zip(is).all(|(of, is)| of == is || of.starts_with('{'))
        };
        let known = all.iter().find(|((of, template), _)| of == method && fits(template));
        let Some((key, operation)) = known else { panic!("no description knows {method} {path}") };
        let given: BTreeSet<String> =
            query.split('&').filter(|it| !it.is_empty()).map(|it| it.split('=').next().unwrap().to_owned()).collect();
        let strange: Vec<_> = given.difference(&operation.query).collect();
        assert!(strange.is_empty(), "{method} {path} has no parameters {strange:?}");
        let missing: Vec<_> = operation.required.difference(&given).collect();
        assert!(missing.is_empty(), "{method} {path} needs {missing:?}");
        seen.insert(key);
    }
    Some(seen.len())
}

#[test]
fn a_request_that_no_description_knows_is_found() {
    let asked =
        |path: &str, query: &str| Asked { method: "GET".to_owned(), path: path.to_owned(), query: query.to_owned() };
    let products = "/product/shopper-products/v1/organizations/f_ecom_zzte_053/products";
    let Some(count) = assert_described(&[asked(products, "ids=1&siteId=de&perPricebook=true")]) else { return };
    assert_eq!(count, 1);
    for wrong in
        [asked(&format!("{products}s"), ""), asked(products, "ids=1&siteId=de&pages=2"), asked(products, "ids=1")]
    {
        let found = std::panic::catch_unwind(|| assert_described(std::slice::from_ref(&wrong)));
        assert!(found.is_err(), "{wrong:?}");
    }
}

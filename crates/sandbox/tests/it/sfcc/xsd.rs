//! A check of XML against a schema, as far as the platform's import and export schemas go: the order and number of
//! elements, attributes, and simple types with their facets.

use std::collections::HashMap;

use roxmltree::{Document, Node};

const XSD: &str = "http://www.w3.org/2001/XMLSchema";

/// What is wrong with a document.
pub(super) fn problems(document: &str, schema: &str) -> Vec<String> {
    let schema = Document::parse(schema).unwrap();
    let document = match Document::parse(document) {
        Ok(document) => document,
        Err(error) => return vec![format!("no XML: {error}")],
    };
    let children = schema.root_element().children();
    let named = children.filter_map(|it| Some(((it.tag_name().name(), it.attribute("name")?), it))).collect();
    let mut check = Check { schema: schema.root_element(), named, problems: Vec::new() };
    let root = document.root_element();
    if root.tag_name().namespace() != check.schema.attribute("targetNamespace") {
        check.problems.push(format!("{:?} is not the namespace of the schema", root.tag_name().namespace()));
    }
    match check.top("element", root.tag_name().name()) {
        Some(declared) => check.element(root, declared, root.tag_name().name()),
        None => check.problems.push(format!("{} is no element of the schema", root.tag_name().name())),
    }
    check.problems
}

struct Check<'s> {
    schema: Node<'s, 's>,
    /// Elements and types by their kind and name.
    named: HashMap<(&'s str, &'s str), Node<'s, 's>>,
    problems: Vec<String>,
}

fn is(node: &Node, name: &str) -> bool {
    node.tag_name().namespace() == Some(XSD) && node.tag_name().name() == name
}

fn find<'s>(node: Node<'s, 's>, name: &str) -> Option<Node<'s, 's>> {
    node.children().find(|child| is(child, name))
}

fn local(name: &str) -> &str {
    name.rsplit(':').next().unwrap()
}

fn is_built_in(name: &str) -> bool {
    name.starts_with("xsd:")
}

/// A particle's `minOccurs` and `maxOccurs`.
fn occurs(particle: Node) -> (usize, usize) {
    let number = |name: &str| particle.attribute(name).map(|text| text.parse().unwrap_or(usize::MAX));
    (number("minOccurs").unwrap_or(1), number("maxOccurs").unwrap_or(1))
}

fn particles<'s>(node: Node<'s, 's>) -> Vec<Node<'s, 's>> {
    node.children().filter(|it| ["sequence", "choice", "all", "element"].iter().any(|name| is(it, name))).collect()
}

impl<'s> Check<'s> {
    fn top(&self, kind: &str, name: &str) -> Option<Node<'s, 's>> {
        self.named.get(&(kind, name)).copied()
    }

    fn element(&mut self, node: Node, declared: Node<'s, 's>, at: &str) {
        match declared.attribute("type") {
            Some(name) if is_built_in(name) => self.leaf(node, name, at),
            Some(name) => match self.top("complexType", local(name)) {
                Some(complex) => self.complex(node, complex, at),
                None => self.leaf(node, name, at),
            },
            None => self.complex(node, find(declared, "complexType").unwrap(), at),
        }
    }

    /// An element without attributes and children.
    fn leaf(&mut self, node: Node, kind: &str, at: &str) {
        self.attributes(node, &[], at);
        if let Some(child) = node.children().find(Node::is_element) {
            self.problems.push(format!("{at}: {} has no place", child.tag_name().name()));
        }
        self.simple(node.text().unwrap_or(""), kind, at);
    }

    fn complex(&mut self, node: Node, complex: Node<'s, 's>, at: &str) {
        let (mut models, mut attributes, mut mixed, mut text) = (Vec::new(), Vec::new(), false, None);
        let mut next = Some(complex);
        while let Some(kind) = next.take() {
            mixed |= kind.attribute("mixed") == Some("true");
            let content = find(kind, "complexContent").or_else(|| find(kind, "simpleContent"));
            let extension = content.and_then(|content| find(content, "extension"));
            let body = extension.unwrap_or(kind);
            attributes.extend(body.children().filter(|it| is(it, "attribute")));
            // What a type extends comes before its own.
            models.splice(0..0, particles(body));
            if let Some(base) = extension.and_then(|it| it.attribute("base")) {
                if find(kind, "simpleContent").is_some() {
                    text = Some(base);
                } else {
                    next = self.top("complexType", local(base));
                }
            }
        }
        self.attributes(node, &attributes, at);
        let children: Vec<Node> = node.children().filter(Node::is_element).collect();
        if let Some(kind) = text {
            self.simple(node.text().unwrap_or(""), kind, at);
        } else if !mixed && node.children().any(|it| it.is_text() && !it.text().unwrap().trim().is_empty()) {
            self.problems.push(format!("{at}: text has no place"));
        }
        let mut eaten = 0;
        for model in models {
            eaten = self.particle(model, &children, eaten, at);
        }
        if let Some(left) = children.get(eaten) {
            self.problems.push(format!("{at}: {} has no place", left.tag_name().name()));
        }
    }

    /// Takes the children that a particle stands for, from `from` on.
    fn particle(&mut self, particle: Node<'s, 's>, children: &[Node], from: usize, at: &str) -> usize {
        let (least, most) = occurs(particle);
        let (mut at_child, mut times) = (from, 0);
        while times < most {
            let before = at_child;
            if is(&particle, "element") {
                let name = particle.attribute("name").unwrap();
                let Some(child) = children.get(at_child).filter(|it| it.tag_name().name() == name) else { break };
                self.element(*child, particle, &format!("{at}/{name}"));
                at_child += 1;
            } else if is(&particle, "sequence") {
                for part in particles(particle) {
                    at_child = self.particle(part, children, at_child, at);
                }
            } else {
                for part in particles(particle) {
                    let (least, _) = occurs(part);
                    let name = part.attribute("name");
                    let here = children.get(at_child).map(|it| it.tag_name().name());
                    if least == 0 || name == here {
                        at_child = self.particle(part, children, at_child, at);
                    }
                    if at_child > before && is(&particle, "choice") {
                        break;
                    }
                }
            }
            if at_child == before {
                break;
            }
            times += 1;
        }
        if is(&particle, "element") && times < least {
            self.problems.push(format!("{at}: {} is missing", particle.attribute("name").unwrap()));
        }
        at_child
    }

    fn attributes(&mut self, node: Node, declared: &[Node<'s, 's>], at: &str) {
        for given in node.attributes() {
            let fits = |it: &&Node| it.attribute("name").or(it.attribute("ref").map(local)) == Some(given.name());
            match declared.iter().find(fits) {
                None => self.problems.push(format!("{at}: the attribute {} is not known", given.name())),
                Some(known) => {
                    if let Some(kind) = known.attribute("type") {
                        self.simple(given.value(), kind, &format!("{at}@{}", given.name()));
                    }
                }
            }
        }
        for known in declared.iter().filter(|it| it.attribute("use") == Some("required")) {
            let name = known.attribute("name").unwrap();
            if node.attribute(name).is_none() {
                self.problems.push(format!("{at}: the attribute {name} is missing"));
            }
        }
    }

    fn simple(&mut self, text: &str, kind: &str, at: &str) {
        if is_built_in(kind) {
            let fits = match local(kind) {
                "string" => true,
                "boolean" => matches!(text, "true" | "false" | "0" | "1"),
                "int" | "positiveInteger" => text.parse::<i32>().is_ok(),
                "decimal" => text.parse::<f64>().is_ok() && !text.contains(['e', 'E', 'n', 'N']),
                "double" => text.parse::<f64>().is_ok(),
                "dateTime" => text.parse::<jiff::Timestamp>().is_ok(),
                other => panic!("the check does not know xsd:{other}"),
            };
            if !fits {
                self.problems.push(format!("{at}: {text:?} is no {kind}"));
            }
            return;
        }
        let Some(declared) = self.top("simpleType", local(kind)) else { panic!("the schema has no {kind}") };
        let restriction = find(declared, "restriction").unwrap();
        self.simple(text, restriction.attribute("base").unwrap(), at);
        let facets: Vec<(&str, &str)> = restriction
            .children()
            .filter(Node::is_element)
            .map(|it| (it.tag_name().name(), it.attribute("value").unwrap_or("")))
            .collect();
        let listed: Vec<&str> =
            facets.iter().filter(|(name, _)| *name == "enumeration").map(|(_, value)| *value).collect();
        if !listed.is_empty() && !listed.contains(&text) {
            self.problems.push(format!("{at}: {text:?} is not one of {listed:?}"));
        }
        let length = text.chars().count();
        for (name, value) in facets {
            let fits = match name {
                "enumeration" | "annotation" => true,
                "minLength" => length >= value.parse().unwrap(),
                "maxLength" => length <= value.parse().unwrap(),
                "minInclusive" => text.parse::<f64>().is_ok_and(|number| number >= value.parse().unwrap()),
                "pattern" => pattern(value, text),
                other => panic!("the check does not know the facet {other}"),
            };
            if !fits {
                self.problems.push(format!("{at}: {text:?} does not fit {name} {value}"));
            }
        }
    }
}

/// The patterns that the schemas use.
fn pattern(pattern: &str, text: &str) -> bool {
    let trimmed = !text.is_empty() && text.trim() == text;
    match pattern {
        r"\S|(\S(.*)\S)" => trimmed && !text.contains(['\n', '\r']),
        r"[^\s|]|([^\s|][^|]*[^\s|])" => trimmed && !text.contains('|'),
        "[A-Z]{3}" => text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase()),
        "[a-z]{2}(_[A-Z]{2})?|default" => {
            let lower = |part: &str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_lowercase());
            let upper = |part: &str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_uppercase());
            text == "default"
                || text.split_once('_').map_or(lower(text), |(language, country)| lower(language) && upper(country))
        }
        other => panic!("the check does not know the pattern {other}"),
    }
}

#[test]
fn the_check_itself_finds_what_is_wrong() {
    let Some(schema) = super::archive::schema("pricebook.xsd") else { return };
    let book = |header: &str, tables: &str| {
        let space = "http://www.demandware.com/xml/impex/pricebook/2006-10-31";
        format!(
            "<pricebooks xmlns='{space}'><pricebook>{header}<price-tables>{tables}</price-tables></pricebook></pricebooks>"
        )
    };
    let good = "<header pricebook-id='a'><currency>EUR</currency></header>";
    assert_eq!(problems(&book(good, ""), &schema), Vec::<String>::new());
    for (header, tables, wanted) in [
        ("", "", "header is missing"),
        ("<header><currency>EUR</currency></header>", "", "pricebook-id is missing"),
        ("<header pricebook-id=' a'><currency>EUR</currency></header>", "", "does not fit pattern"),
        ("<header pricebook-id='a'><currency>eur</currency></header>", "", "does not fit pattern"),
        ("<header pricebook-id='a'><parent>b</parent><currency>EUR</currency></header>", "", "currency"),
        (good, "<price-table product-id='x'><amount quantity='1'>1,5</amount></price-table>", "is no xsd:decimal"),
        (good, "<price-table product-id='x' mode='add'/>", "is not one of"),
        (good, "<price-table product-id='x'><online-to>2026</online-to></price-table>", "is no xsd:dateTime"),
        (good, "<table/>", "table has no place"),
        (good, "text", "text has no place"),
    ] {
        let found = problems(&book(header, tables), &schema);
        assert!(found.iter().any(|problem| problem.contains(wanted)), "{wanted}: {found:?}");
    }
}

//! `hub/METRICS.md` says of every metric what the source says: its kind, its unit and its labels.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{TokenStream, TokenTree};
use syn::{
    Macro,
    visit::{self, Visit},
};

use super::source::modules;

/// Kind, unit and labels.
type Said = (String, String, BTreeSet<String>);

/// What the page says, by name.
pub(crate) fn page() -> BTreeMap<String, Said> {
    let rows = include_str!("../../../hub/METRICS.md")
        .lines()
        .filter(|line| line.starts_with("| `hub_"));
    let read = |row: &str| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        assert!(cells.len() == 7 && !cells[5].is_empty(), "{row}");
        let labels = cells[4].split(", ").filter(|label| !label.is_empty());
        let said = (
            cells[2].to_owned(),
            cells[3].to_owned(),
            labels.map(str::to_owned).collect(),
        );
        (cells[1].trim_matches('`').to_owned(), said)
    };
    rows.map(read).collect()
}

#[test]
fn the_page_says_of_every_metric_what_the_source_says() {
    let mut found = Macros::default();
    for module in modules() {
        found.visit_file(&module.file);
    }
    let names = names();
    let mut expected = BTreeMap::new();
    for (constant, name) in &names {
        let (kind, unit) = found.described.get(constant).cloned().unwrap_or_default();
        assert_eq!(
            found.used.get(constant).map(|(kind, _)| kind),
            Some(&kind),
            "{constant} is not described as what it is used as"
        );
        assert_eq!(name.ends_with("_seconds"), unit == "seconds", "{name}");
        assert_eq!(name.ends_with("_total"), kind == "counter", "{name}");
        let labels = found.used[constant].1.clone();
        expected.insert(name.clone(), (kind, unit, labels));
    }
    assert_eq!(page(), expected);
    let strangers: Vec<&String> = found
        .used
        .keys()
        .filter(|used| !names.contains_key(*used))
        .collect();
    assert_eq!(
        strangers,
        Vec::<&String>::new(),
        "every metric is named in telemetry/metric.rs"
    );
}

/// The constants of `telemetry/metric.rs` that name a metric.
fn names() -> BTreeMap<String, String> {
    let modules = modules();
    let module = modules.iter().find(|module| module.name == "telemetry::metric");
    let items = &module.expect("the metrics have a module").file.items;
    let named = items.iter().filter_map(|item| match item {
        syn::Item::Const(constant) => match &*constant.expr {
            syn::Expr::Lit(syn::ExprLit {
                lit: syn::Lit::Str(name),
                ..
            }) => Some((constant.ident.to_string(), name.value())),
            _ => None,
        },
        _ => None,
    });
    named.filter(|(_, name)| name.starts_with("hub_")).collect()
}

/// What `describe_…!` and the macros that count say of each constant.
#[derive(Default)]
struct Macros {
    described: BTreeMap<String, (String, String)>,
    used: BTreeMap<String, (String, BTreeSet<String>)>,
}

impl<'ast> Visit<'ast> for Macros {
    fn visit_macro(&mut self, call: &'ast Macro) {
        let path: Vec<String> = call
            .path
            .segments
            .iter()
            .map(|step| step.ident.to_string())
            .collect();
        let last = path.last().map_or("", String::as_str);
        let words = words(call.tokens.clone());
        if let Some(kind) = last.strip_prefix("describe_") {
            let unit = words
                .iter()
                .position(|word| word == "Unit")
                .and_then(|at| words.get(at + 1));
            let unit = unit.map_or(String::new(), |unit| unit.to_lowercase());
            self.described.insert(words[0].clone(), (kind.to_owned(), unit));
        } else if path.first().is_some_and(|first| first == "metrics")
            && ["counter", "gauge", "histogram"].contains(&last)
        {
            assert_eq!(
                words[0], "metric",
                "a metric is named once, in telemetry/metric.rs: {words:?}"
            );
            let labels = labels(call.tokens.clone());
            let entry = self.used.entry(words[1].clone()).or_default();
            assert!(
                entry.0.is_empty() || entry.0 == last && entry.1 == labels,
                "{words:?}"
            );
            *entry = (last.to_owned(), labels);
        }
        visit::visit_macro(self, call);
    }
}

fn words(tokens: TokenStream) -> Vec<String> {
    tokens
        .into_iter()
        .filter_map(|token| match token {
            TokenTree::Ident(word) => Some(word.to_string()),
            _ => None,
        })
        .collect()
}

/// The texts before `=>`.
fn labels(tokens: TokenStream) -> BTreeSet<String> {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let label = |pair: &[TokenTree]| match pair {
        [TokenTree::Literal(text), TokenTree::Punct(mark)] if mark.as_char() == '=' => {
            Some(text.to_string().trim_matches('"').to_owned())
        }
        _ => None,
    };
    tokens.windows(2).filter_map(label).collect()
}

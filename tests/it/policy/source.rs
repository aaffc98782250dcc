//! The source of the hub and of the satellites' crate, read with a parser: their modules, what each uses, and how large they are.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use proc_macro2::{Span, TokenStream, TokenTree};
use syn::{
    Attribute, ExprCall, ExprLit, File, ImplItemFn, Item, ItemFn, ItemMod, ItemUse, Lit, Macro, TraitItemFn,
    UseTree,
    spanned::Spanned,
    visit::{self, Visit},
};

/// One file.
pub(super) struct Module {
    /// Its path in the crate, such as `actions::approve`; the crate's root is empty.
    pub(super) name: String,
    /// Where it is.
    pub(super) path: PathBuf,
    /// How many lines it has.
    pub(super) lines: usize,
    /// What stands in it, without its tests.
    pub(super) file: File,
}

/// Every module of the hub without those of its tests, reached from the two roots.
pub(super) fn modules() -> Vec<Module> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../hub/src");
    let mut found = Vec::new();
    read(&source.join("lib.rs"), &source, "", &mut found);
    read(&source.join("main.rs"), &source, "main", &mut found);
    found
}

/// The same of the crate for makers of satellites.
pub(super) fn modules_of_satellites() -> Vec<Module> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../satellite/src");
    let mut found = Vec::new();
    read(&source.join("lib.rs"), &source, "", &mut found);
    found
}

fn read(path: &Path, folder: &Path, name: &str, found: &mut Vec<Module>) {
    let text = fs::read_to_string(path).expect("a module that is declared has its file");
    let mut file = syn::parse_file(&text).expect("the source can be parsed");
    file.items.retain(|item| !is_test(attributes(item)));
    let declared: Vec<String> = file.items.iter().filter_map(declared).collect();
    found.push(Module {
        name: name.to_owned(),
        path: path.to_owned(),
        lines: text.lines().count(),
        file,
    });
    for child in declared {
        let child_name = if name.is_empty() {
            child.clone()
        } else {
            format!("{name}::{child}")
        };
        let (file, child_folder) = (folder.join(format!("{child}.rs")), folder.join(&child));
        let nested = child_folder.join("mod.rs");
        read(
            if file.exists() { &file } else { &nested },
            &child_folder,
            &child_name,
            found,
        );
    }
}

fn declared(item: &Item) -> Option<String> {
    match item {
        Item::Mod(ItemMod {
            content: None, ident, ..
        }) => Some(ident.to_string()),
        _ => None,
    }
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Mod(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        _ => &[],
    }
}

fn is_test(attributes: &[Attribute]) -> bool {
    let says_test = |attribute: &Attribute| {
        attribute.path().is_ident("cfg")
            && attribute
                .parse_args::<syn::Ident>()
                .is_ok_and(|condition| condition == "test")
    };
    attributes.iter().any(says_test)
}

/// The paths that a module names, from the crate's root where they are the crate's own: `crate::storage::Tx`, `axum::Router`.
pub(super) fn paths(module: &Module) -> BTreeSet<Vec<String>> {
    let mut seen = Paths(BTreeSet::new());
    seen.visit_file(&module.file);
    let here: Vec<String> = module
        .name
        .split("::")
        .filter(|step| !step.is_empty())
        .map(str::to_owned)
        .collect();
    seen.0.into_iter().map(|path| absolute(&here, path)).collect()
}

fn absolute(here: &[String], path: Vec<String>) -> Vec<String> {
    let ups = path.iter().take_while(|step| *step == "super").count();
    let is_self = path.first().is_some_and(|step| step == "self");
    if ups == 0 && !is_self {
        return path;
    }
    let kept = here.len().saturating_sub(ups);
    let rest = path[ups.max(usize::from(is_self))..].iter().cloned();
    std::iter::once("crate".to_owned())
        .chain(here[..kept].iter().cloned())
        .chain(rest)
        .collect()
}

struct Paths(BTreeSet<Vec<String>>);

impl<'ast> Visit<'ast> for Paths {
    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        flatten(&item.tree, &mut Vec::new(), &mut self.0);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.0
            .insert(path.segments.iter().map(|step| step.ident.to_string()).collect());
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, called: &'ast Macro) {
        self.visit_path(&called.path);
        in_tokens(called.tokens.clone(), &mut self.0);
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        if let syn::Meta::List(list) = &attribute.meta {
            in_tokens(list.tokens.clone(), &mut self.0);
        }
    }

    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        if !is_test(&item.attrs) {
            visit::visit_item_mod(self, item);
        }
    }
}

fn flatten(tree: &UseTree, above: &mut Vec<String>, found: &mut BTreeSet<Vec<String>>) {
    match tree {
        UseTree::Path(path) => {
            above.push(path.ident.to_string());
            flatten(&path.tree, above, found);
            above.pop();
        }
        UseTree::Group(group) => group.items.iter().for_each(|tree| flatten(tree, above, found)),
        UseTree::Name(name) if name.ident == "self" => drop(found.insert(above.clone())),
        UseTree::Name(name) => drop(found.insert(joined(above, &name.ident))),
        UseTree::Rename(rename) => drop(found.insert(joined(above, &rename.ident))),
        UseTree::Glob(_) => drop(found.insert(above.clone())),
    }
}

fn joined(above: &[String], last: &syn::Ident) -> Vec<String> {
    above.iter().cloned().chain([last.to_string()]).collect()
}

/// Paths in what a macro or an attribute holds: words joined by `::`.
fn in_tokens(tokens: TokenStream, found: &mut BTreeSet<Vec<String>>) {
    let (mut path, mut colons): (Vec<String>, u8) = (Vec::new(), 0);
    let end = |path: &mut Vec<String>, found: &mut BTreeSet<Vec<String>>| {
        if path.len() > 1 {
            found.insert(path.clone());
        }
        path.clear();
    };
    for token in tokens {
        match token {
            TokenTree::Punct(mark) if mark.as_char() == ':' => colons += 1,
            TokenTree::Ident(word) => {
                if colons != 2 {
                    end(&mut path, found);
                }
                path.push(word.to_string());
                colons = 0;
            }
            other => {
                end(&mut path, found);
                colons = 0;
                if let TokenTree::Group(group) = other {
                    in_tokens(group.stream(), found);
                }
            }
        }
    }
    end(&mut path, found);
}

/// The texts that are the first argument of calls of a function, such as `Record::of("…")`.
pub(super) fn first_texts(file: &File, function: &[&str]) -> Vec<String> {
    struct Calls<'a>(&'a [&'a str], Vec<String>);
    impl<'ast> Visit<'ast> for Calls<'_> {
        fn visit_expr_call(&mut self, call: &'ast ExprCall) {
            if let syn::Expr::Path(path) = &*call.func
                && path
                    .path
                    .segments
                    .iter()
                    .map(|step| step.ident.to_string())
                    .eq(self.0.iter().copied())
                && let Some(syn::Expr::Lit(ExprLit {
                    lit: Lit::Str(text), ..
                })) = call.args.first()
            {
                self.1.push(text.value());
            }
            visit::visit_expr_call(self, call);
        }
    }
    let mut calls = Calls(function, Vec::new());
    calls.visit_file(file);
    calls.1
}

/// Every function with how many lines it has.
pub(super) fn functions(file: &File) -> Vec<(String, usize)> {
    struct Functions(Vec<(String, usize)>);
    impl Functions {
        fn add(&mut self, name: &syn::Ident, span: Span) {
            self.0
                .push((name.to_string(), span.end().line - span.start().line + 1));
        }
    }
    impl<'ast> Visit<'ast> for Functions {
        fn visit_item_fn(&mut self, function: &'ast ItemFn) {
            self.add(&function.sig.ident, function.block.span());
            visit::visit_item_fn(self, function);
        }

        fn visit_impl_item_fn(&mut self, function: &'ast ImplItemFn) {
            self.add(&function.sig.ident, function.block.span());
            visit::visit_impl_item_fn(self, function);
        }

        fn visit_trait_item_fn(&mut self, function: &'ast TraitItemFn) {
            self.add(&function.sig.ident, function.span());
            visit::visit_trait_item_fn(self, function);
        }
    }
    let mut functions = Functions(Vec::new());
    functions.visit_file(file);
    functions.0
}

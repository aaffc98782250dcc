//! The functions of a file as words, also of what stands in macros, where a parser sees no calls.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    rc::Rc,
};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// A function.
pub(super) struct Function {
    /// The module that it is in.
    pub(super) module: String,
    /// The type that it is of; empty: none.
    pub(super) of: String,
    /// Its name.
    pub(super) name: String,
    /// Its body, word by word.
    pub(super) tokens: Vec<String>,
    /// The words of its module.
    pub(super) uses: Rc<BTreeSet<String>>,
    /// The texts that stand in it, and in the macros of its file that it uses.
    pub(super) texts: String,
}

impl Function {
    /// Its module and its name.
    pub(super) fn path(&self) -> String {
        format!("{}::{}", self.module, self.name)
    }

    /// Whether these words stand in it, one after the other.
    pub(super) fn has(&self, words: &[&str]) -> bool {
        self.tokens.windows(words.len()).any(|found| found == words)
    }
}

pub(super) fn read_file(path: &Path) -> String {
    fs::read_to_string(path).expect("a module has its file")
}

/// The functions of a file, without those of its tests.
pub(super) fn functions(module: &str, text: &str) -> Vec<Function> {
    let stream: TokenStream = text.parse().expect("the source can be read");
    let mut words = Vec::new();
    flatten(stream.clone(), &mut words);
    let uses = Rc::new(words.into_iter().collect());
    let mut reader = Reader::default();
    reader.read(stream, "");
    let macros = reader.macros;
    let mut functions = reader.functions;
    for function in &mut functions {
        module.clone_into(&mut function.module);
        function.uses = Rc::clone(&uses);
        let used = macros.iter().filter(|(name, _)| function.tokens.contains(name));
        let used: Vec<&str> = used.map(|(_, text)| text.as_str()).collect();
        function.texts.push_str(&used.join("\n"));
    }
    functions
}

/// What is called on `handle()`.
pub(super) fn called_on(tokens: &[String], handle: &str) -> Vec<String> {
    let calls = tokens.windows(7).filter(|found| {
        let [dot, name, open, close, next, _, call] = *found else {
            return false;
        };
        [dot, open, close, next, call] == [".", "(", ")", ".", "("] && name == handle
    });
    calls.map(|found| found[5].clone()).collect()
}

#[derive(Default)]
struct Reader {
    functions: Vec<Function>,
    macros: BTreeMap<String, String>,
}

impl Reader {
    fn read(&mut self, stream: TokenStream, of: &str) {
        let trees: Vec<TokenTree> = stream.into_iter().collect();
        let mut at = 0;
        while at < trees.len() {
            at = self.item(&trees, at, of);
        }
    }

    /// Reads what begins here, and returns where the next begins.
    fn item(&mut self, trees: &[TokenTree], at: usize, of: &str) -> usize {
        match word(&trees[at]).as_deref() {
            Some("fn") => {
                let Some((end, inside)) = body(trees, at) else {
                    return at + 1;
                };
                let name = trees.get(at + 1).and_then(word).unwrap_or_default();
                let mut tokens = Vec::new();
                flatten(inside, &mut tokens);
                let texts = tokens.iter().filter(|token| token.contains('"'));
                let texts: Vec<&str> = texts.map(String::as_str).collect();
                self.functions.push(Function {
                    module: String::new(),
                    of: of.to_owned(),
                    uses: Rc::default(),
                    name,
                    texts: texts.join("\n"),
                    tokens,
                });
                end
            }
            Some("impl") => {
                let Some((end, inside)) = body(trees, at) else {
                    return at + 1;
                };
                let head: Vec<String> = trees[at + 1..end - 1].iter().filter_map(word).collect();
                let of = match head.iter().position(|word| word == "for") {
                    Some(place) => head.get(place + 1),
                    None => head.first(),
                };
                self.read(inside, of.map_or("", String::as_str));
                end
            }
            Some("mod") => {
                let is_test = at >= 2 && is_test(&trees[at - 1]) || at >= 3 && is_test(&trees[at - 2]);
                match body(trees, at) {
                    Some((end, inside)) if end == at + 3 => {
                        if !is_test {
                            self.read(inside, of);
                        }
                        end
                    }
                    _ => at + 1,
                }
            }
            Some("macro_rules") => {
                let name = trees.get(at + 2).and_then(word).unwrap_or_default();
                if let Some((end, inside)) = body(trees, at) {
                    let mut tokens = Vec::new();
                    flatten(inside, &mut tokens);
                    tokens.retain(|token| token.contains('"'));
                    self.macros.insert(name, tokens.join("\n"));
                    return end;
                }
                at + 1
            }
            _ => at + 1,
        }
    }
}

fn word(tree: &TokenTree) -> Option<String> {
    match tree {
        TokenTree::Ident(word) => Some(word.to_string()),
        _ => None,
    }
}

/// `#[cfg(test)]`, without its mark.
fn is_test(tree: &TokenTree) -> bool {
    matches!(tree, TokenTree::Group(group) if group.to_string().replace(' ', "") == "[cfg(test)]")
}

/// The next group in braces, before a semicolon, and where it ends.
fn body(trees: &[TokenTree], from: usize) -> Option<(usize, TokenStream)> {
    for (at, tree) in trees.iter().enumerate().skip(from) {
        match tree {
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
                return Some((at + 1, group.stream()));
            }
            TokenTree::Punct(mark) if mark.as_char() == ';' => return None,
            _ => {}
        }
    }
    None
}

fn flatten(stream: TokenStream, tokens: &mut Vec<String>) {
    for tree in stream {
        match tree {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::None => ("", ""),
                };
                tokens.push(open.to_owned());
                flatten(group.stream(), tokens);
                tokens.push(close.to_owned());
            }
            other => tokens.push(other.to_string()),
        }
    }
}

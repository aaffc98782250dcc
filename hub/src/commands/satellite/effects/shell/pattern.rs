//! Which words may be run, and which program they mean.

use std::fmt;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use regex::{Regex, RegexBuilder};
use serde_json::{Value, json};

use super::super::super::settings::{Matching, Problem, Word};

/// Where a program of a plain name is looked for, whatever `PATH` says.
const FOLDERS: [&str; 6] = [
    "/usr/local/sbin",
    "/usr/local/bin",
    "/usr/sbin",
    "/usr/bin",
    "/sbin",
    "/bin",
];
/// Words of a command at most.
const MAX_WORDS: usize = 64;
/// Bytes of a word at most.
const MAX_WORD_BYTES: usize = 4 * 1024;
/// What a compiled pattern may take: enough for a page of words.
const MAX_PATTERN_BYTES: usize = 256 * 1024;

/// A command that may be run.
#[derive(Debug)]
pub(super) struct Pattern {
    program: PathBuf,
    words: Vec<Rule>,
}

#[derive(Debug)]
enum Rule {
    Exactly(String),
    Matching { whole: Regex, source: Matching },
}

impl Pattern {
    /// Checks the words of the command at this place in the settings, and finds its program.
    pub(super) fn new(at: usize, words: &[Word]) -> Result<Self, Problem> {
        let key = format!("shell.commands[{at}]");
        if !(1..=MAX_WORDS).contains(&words.len()) {
            return Err((key, format!("must have 1 to {MAX_WORDS} words")));
        }
        let Word::Exactly(program) = &words[0] else {
            return Err((format!("{key}[0]"), "the program must be a text".into()));
        };
        let program = find(program).map_err(|reason| (format!("{key}[0]"), reason))?;
        let rules = words.iter().enumerate();
        let words = rules
            .map(|(at, word)| Rule::new(word).map_err(|reason| (format!("{key}[{at}]"), reason)))
            .collect::<Result<_, _>>()?;
        Ok(Self { program, words })
    }

    /// The program, by its absolute path.
    pub(super) fn program(&self) -> &Path {
        &self.program
    }

    /// Whether these words are this command: as many, each as its rule says.
    pub(super) fn lets_through(&self, argv: &[String]) -> bool {
        argv.len() == self.words.len() && self.words.iter().zip(argv).all(|(rule, word)| rule.takes(word))
    }

    /// The JSON Schema of what it lets through. Where it says less than the rules do, the rules decide.
    pub(super) fn schema(&self) -> Value {
        let words: Vec<Value> = self.words.iter().map(Rule::schema).collect();
        let count = words.len();
        json!({"type": "array", "prefixItems": words, "minItems": count, "maxItems": count})
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.program.display())?;
        for word in &self.words[1..] {
            match word {
                Rule::Exactly(word) => write!(f, " {word}")?,
                Rule::Matching { source, .. } => write!(f, " <{}>", source.matches)?,
            }
        }
        Ok(())
    }
}

impl Rule {
    fn new(word: &Word) -> Result<Self, String> {
        match word {
            Word::Exactly(word) if is_plain(word) => Ok(Self::Exactly(word.clone())),
            Word::Exactly(_) => Err(format!(
                "must have at most {MAX_WORD_BYTES} bytes, and no control characters"
            )),
            Word::Matching(source) => {
                let compiled = |pattern: &str| {
                    let built = RegexBuilder::new(pattern).size_limit(MAX_PATTERN_BYTES).build();
                    built.map_err(|error| format!("is not a pattern: {error}"))
                };
                // By itself first: `a)|(b` would be a pattern only between our brackets, and not of the whole word.
                compiled(&source.matches)?;
                Ok(Self::Matching {
                    whole: compiled(&format!(r"\A(?:{})\z", source.matches))?,
                    source: source.clone(),
                })
            }
        }
    }

    fn takes(&self, word: &str) -> bool {
        match self {
            Self::Exactly(exactly) => word == exactly,
            Self::Matching { whole, source } => {
                let is_fit = source.may_be_option || !word.starts_with('-');
                is_fit && is_plain(word) && whole.is_match(word)
            }
        }
    }

    fn schema(&self) -> Value {
        match self {
            Self::Exactly(word) => json!({"const": word}),
            Self::Matching { source, .. } => {
                let mut schema = json!({"type": "string", "pattern": format!("^(?:{})$", source.matches)});
                if !source.may_be_option {
                    schema["not"] = json!({"pattern": "^-"});
                }
                schema
            }
        }
    }
}

/// Whether a word can be shown on one line and handed to a program.
fn is_plain(word: &str) -> bool {
    word.len() <= MAX_WORD_BYTES && !word.chars().any(char::is_control)
}

/// The program of a name, which nobody else on this machine may change.
fn find(program: &str) -> Result<PathBuf, String> {
    let found = if program.starts_with('/') {
        PathBuf::from(program)
    } else if program.is_empty() || program.contains('/') {
        return Err("the program must be a plain name or an absolute path".into());
    } else {
        let places = FOLDERS.iter().map(|folder| Path::new(folder).join(program));
        places
            .into_iter()
            .find(|place| place.is_file())
            .ok_or_else(|| format!("{program} is in none of {}", FOLDERS.join(", ")))?
    };
    check(&found)
}

/// The program itself: a link that somebody could change afterwards is followed now.
fn check(program: &Path) -> Result<PathBuf, String> {
    let shown = program.display();
    let real = fs::canonicalize(program).map_err(|error| format!("{shown}: {error}"))?;
    let file = fs::metadata(&real).map_err(|error| format!("{shown}: {error}"))?;
    if !file.is_file() || file.permissions().mode() & 0o111 == 0 {
        return Err(format!("{shown} is not a program"));
    }
    let places = real.ancestors().chain(program.ancestors().skip(1));
    for place in places {
        let found = fs::metadata(place).map_err(|error| format!("{}: {error}", place.display()))?;
        let own = rustix::process::geteuid().as_raw();
        // In a folder like /tmp everybody may make files, and nobody may touch those of others.
        let is_sticky = found.is_dir() && found.mode() & 0o1000 != 0;
        let is_others = found.mode() & 0o022 != 0 && !is_sticky;
        if is_others || !(found.uid() == 0 || found.uid() == own) {
            return Err(format!(
                "{} can be changed by others on this machine",
                place.display()
            ));
        }
    }
    Ok(real)
}

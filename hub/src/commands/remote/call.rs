//! One request to the hub, as it is sent and as `--curl` prints it.

use std::{borrow::Cow, path::Path, time::Duration};

use reqwest::Method;
use serde_json::Value;
use uuid::Uuid;

use super::BaseUrl;
use crate::{ids, page::MAX_LIMIT};

/// How long an ordinary answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A request.
#[derive(Clone)]
pub struct Call {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) query: Vec<(&'static str, String)>,
    pub(super) body: Option<Value>,
    pub(super) idempotency_key: Option<Uuid>,
    pub(super) patience: Duration,
    from_file: Option<FromFile>,
    is_open: bool,
}

/// A field of the body that is a file's, and is never shown.
#[derive(Clone)]
struct FromFile {
    field: &'static str,
    /// `-` is standard input.
    file: String,
}

impl Call {
    /// Reads something.
    #[must_use]
    pub fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path.into(), None)
    }

    /// Reads a page of a list, as long as the hub gives them.
    #[must_use]
    pub fn list(path: impl Into<String>) -> Self {
        Self::get(path).query("limit", &MAX_LIMIT)
    }

    /// Asks something with a body.
    #[must_use]
    pub fn post(path: impl Into<String>, body: Value) -> Self {
        Self::new(Method::POST, path.into(), Some(body))
    }

    /// Changes something.
    #[must_use]
    pub fn patch(path: impl Into<String>, body: Value) -> Self {
        Self::new(Method::PATCH, path.into(), Some(body))
    }

    /// Puts something in the place of what is there.
    #[must_use]
    pub fn put(path: impl Into<String>, body: Value) -> Self {
        Self::new(Method::PUT, path.into(), Some(body))
    }

    /// Asks something without a body.
    #[must_use]
    pub fn bare_post(path: impl Into<String>) -> Self {
        Self::new(Method::POST, path.into(), None)
    }

    /// Ends something.
    #[must_use]
    pub fn delete(path: impl Into<String>) -> Self {
        Self::new(Method::DELETE, path.into(), None)
    }

    fn new(method: Method, path: String, body: Option<Value>) -> Self {
        Self {
            method,
            path,
            query: Vec::new(),
            body,
            idempotency_key: None,
            patience: PATIENCE,
            from_file: None,
            is_open: false,
        }
    }

    /// Narrows what is read.
    #[must_use]
    pub fn query(mut self, name: &'static str, value: &impl ToString) -> Self {
        self.query.push((name, value.to_string()));
        self
    }

    /// Gives it a key, under which the hub acts once, however often it is sent.
    #[must_use]
    pub fn once(mut self) -> Self {
        self.idempotency_key = Some(ids::fresh());
        self
    }

    /// Needs no sign-in.
    #[must_use]
    pub const fn open(mut self) -> Self {
        self.is_open = true;
        self
    }

    /// The hub may wait for so long before it answers.
    #[must_use]
    pub fn after(mut self, wait: Duration) -> Self {
        self.patience = PATIENCE + wait;
        self
    }

    /// A field of the body is what a file holds, as JSON: where the request is shown, the field is not, and its command reads the file.
    #[must_use]
    pub fn from_file(mut self, field: &'static str, file: impl Into<String>) -> Self {
        let file = file.into();
        self.from_file = Some(FromFile { field, file });
        self
    }

    /// The command that sends the same. `program` is this binary, which gives the token.
    #[must_use]
    pub fn curl(&self, base: &BaseUrl, ca_file: Option<&Path>, program: &str) -> String {
        // With a body curl posts by itself.
        let is_said = self.method != Method::GET && (self.method != Method::POST || self.body.is_none());
        let method = if is_said {
            format!(" -X {}", self.method)
        } else {
            String::new()
        };
        let piped = self.from_file.as_ref().map(|from| self.piped(from));
        let mut lines = Vec::from_iter(piped);
        lines.push(format!("curl -sS{method} {}", quote(self.url(base).as_str())));
        if let Some(path) = ca_file.filter(|_| base.is_https()) {
            lines.push(format!("--cacert {}", quote(&path.display().to_string())));
        }
        if !self.is_open {
            // Double quotes: the shell runs what is inside `$(…)`, which quotes anew.
            lines.push(format!(
                r#"-H "Authorization: Bearer $({} token)""#,
                quote(program)
            ));
        }
        if let Some(key) = self.idempotency_key {
            lines.push(format!("-H 'Idempotency-Key: {key}'"));
        }
        if let Some(body) = &self.body {
            lines.push("-H 'Content-Type: application/json'".to_owned());
            lines.push(match self.from_file {
                Some(_) => "-d @-".to_owned(),
                None => format!("-d {}", quote(&body.to_string())),
            });
        }
        lines.join(" \\\n  ")
    }

    /// What writes the body for curl to read, around the file: nothing of it is an argument, which others on the machine could see.
    fn piped(&self, FromFile { field, file }: &FromFile) -> String {
        let mut body = self.body.clone().unwrap_or_default();
        let fields = body.as_object_mut();
        let is_alone = fields.is_none_or(|fields| {
            fields.remove(*field);
            fields.is_empty()
        });
        let comma = if is_alone { "" } else { "," };
        let before = body.to_string();
        let before = format!(
            "{}{comma}\"{field}\":",
            before.strip_suffix('}').unwrap_or_default()
        );
        let cat = match file.as_str() {
            "-" => "cat".to_owned(),
            file => format!("cat -- {}", quote(file)),
        };
        format!("{{ printf %s {}; {cat}; echo '}}'; }} |", quote(&before))
    }

    pub(super) fn url(&self, base: &BaseUrl) -> reqwest::Url {
        base.join(&self.path, &self.query)
    }
}

/// A word that a POSIX shell reads as exactly this text.
#[must_use]
pub fn quote(text: &str) -> Cow<'_, str> {
    let is_plain = |char: char| char.is_ascii_alphanumeric() || "-_./:=,@+".contains(char);
    if !text.is_empty() && text.chars().all(is_plain) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(format!("'{}'", text.replace('\'', r"'\''")))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_call_reads_as_one_would_type_it() {
        let call = Call::post("/v1/agents/self/messages", json!({"content": "it's $HOME `x`\n"}));
        assert_eq!(
            call.curl(&BaseUrl::default(), None, "./my hub"),
            r#"curl -sS http://127.0.0.1:8080/v1/agents/self/messages \
  -H "Authorization: Bearer $('./my hub' token)" \
  -H 'Content-Type: application/json' \
  -d '{"content":"it'\''s $HOME `x`\n"}'"#
        );
        let call = Call::get("/v1/actions")
            .query("state", &"proposed")
            .query("limit", &2)
            .open();
        assert_eq!(
            call.curl(&BaseUrl::default(), None, "hub"),
            "curl -sS 'http://127.0.0.1:8080/v1/actions?state=proposed&limit=2'"
        );
        let call = Call::bare_post("/v1/sign-out").open();
        assert_eq!(
            call.curl(&BaseUrl::default(), None, "hub"),
            "curl -sS -X POST http://127.0.0.1:8080/v1/sign-out"
        );
        let call = Call::patch("/v1/lamp", json!({"on": true})).open();
        assert_eq!(
            call.curl(&BaseUrl::default(), None, "hub"),
            "curl -sS -X PATCH http://127.0.0.1:8080/v1/lamp \\\n  -H 'Content-Type: application/json' \\\n  -d '{\"on\":true}'"
        );
        let base = "https://hub.example".parse().unwrap();
        assert_eq!(
            Call::get("/v1/me")
                .open()
                .curl(&base, Some(Path::new("/house/ca.pem")), "hub"),
            "curl -sS https://hub.example/v1/me \\\n  --cacert /house/ca.pem"
        );
    }

    /// What curl gets to read of the body, from a shell that runs what is shown before it.
    fn sent(call: &Call) -> (String, Value) {
        let shown = call.curl(&BaseUrl::default(), None, "hub");
        let (before, after) = shown.split_once(" | \\\n  curl -sS http://").unwrap();
        assert!(after.ends_with(" \\\n  -d @-"), "{shown}");
        let output = Command::new("sh").arg("-c").arg(before).output().unwrap();
        let body = serde_json::from_slice(&output.stdout).unwrap();
        (shown, body)
    }

    #[test]
    fn what_is_a_files_is_read_from_there_and_not_shown() {
        let path = std::env::temp_dir().join(format!("hub it's {}.json", ids::fresh()));
        std::fs::write(&path, "[0.125,\n 0.5]\n").unwrap();
        let file = path.to_str().unwrap();
        let body = json!({"model": "it's %s {}}", "vector": [0.125, 0.5]});
        let (shown, body) = sent(&Call::post("/v1/prints", body).open().from_file("vector", file));
        assert_eq!(body, json!({"model": "it's %s {}}", "vector": [0.125, 0.5]}));
        assert!(!shown.contains("0.125"), "{shown}");
        let (_, body) = sent(
            &Call::post("/v1/prints", json!({}))
                .open()
                .from_file("vector", file),
        );
        assert_eq!(body, json!({"vector": [0.125, 0.5]}));
        std::fs::remove_file(&path).unwrap();
        let typed = Call::post("/v1/prints", json!({"model": "net"}))
            .open()
            .from_file("vector", "-");
        let shown = typed.curl(&BaseUrl::default(), None, "hub");
        assert!(
            shown.starts_with(r#"{ printf %s '{"model":"net","vector":'; cat; echo '}'; } | \"#),
            "{shown}"
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_shell_reads_back_what_was_quoted(text in "[^\0]{0,40}") {
            let script = format!("printf %s {}", quote(&text));
            let output = Command::new("sh").arg("-c").arg(script).output().unwrap();
            prop_assert_eq!(String::from_utf8(output.stdout).unwrap(), text);
        }
    }
}

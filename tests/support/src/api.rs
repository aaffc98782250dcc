//! The REST API as its document tells it: every operation with its parameters and the schema of its body.

use axum::http::Method;
use serde_json::Value;

/// The document, with the schemas that its references name.
pub struct Api {
    document: Value,
    /// Every operation.
    pub operations: Vec<Operation>,
}

/// One operation.
#[derive(Debug, Clone)]
pub struct Operation {
    /// Its id.
    pub id: String,
    /// Its method.
    pub method: Method,
    /// Its path with the names of its parameters.
    pub path: String,
    /// The names and schemas of its path parameters.
    pub in_path: Vec<(String, Value)>,
    /// The names and schemas of its query parameters.
    pub in_query: Vec<(String, Value)>,
    /// The schema of its body.
    pub body: Option<Value>,
    /// Whether it needs a credential.
    pub is_protected: bool,
    /// All of it.
    pub raw: Value,
}

impl Operation {
    /// Whether a repeat with the same `Idempotency-Key` is harmless.
    #[must_use]
    pub fn takes_a_key(&self) -> bool {
        let named = |parameter: &Value| parameter["name"] == "Idempotency-Key";
        self.raw["parameters"]
            .as_array()
            .is_some_and(|all| all.iter().any(named))
    }
}

impl Api {
    /// Of this program.
    #[must_use]
    pub fn read() -> Self {
        let text = hub::commands::openapi::text().expect("the document can be written");
        let document: Value = serde_json::from_str(&text).expect("the document is JSON");
        let mut api = Self {
            operations: Vec::new(),
            document,
        };
        api.operations = api.find_operations();
        api
    }

    /// The document.
    #[must_use]
    pub const fn document(&self) -> &Value {
        &self.document
    }

    /// An operation by its id.
    #[must_use]
    pub fn operation(&self, id: &str) -> &Operation {
        let found = self.operations.iter().find(|operation| operation.id == id);
        found.expect("the operation is in the document")
    }

    /// A schema without its references and without null.
    #[must_use]
    pub fn resolve(&self, schema: &Value) -> Value {
        if let Some(name) = schema["$ref"].as_str() {
            let pointer = name.trim_start_matches('#');
            let found = self
                .document
                .pointer(pointer)
                .expect("a reference has its target");
            return self.resolve(found);
        }
        for choice in ["oneOf", "anyOf"] {
            let variants = schema[choice].as_array().map(Vec::as_slice).unwrap_or_default();
            if let Some(one) = variants.iter().find(|variant| variant["type"] != "null") {
                return self.resolve(one);
            }
        }
        schema.clone()
    }

    fn find_operations(&self) -> Vec<Operation> {
        let paths = self.document["paths"]
            .as_object()
            .expect("the document has paths");
        let mut found = Vec::new();
        for (path, item) in paths {
            for (method, operation) in item.as_object().expect("a path has methods") {
                if operation["responses"].is_object() {
                    found.push(self.operation_of(path, method, operation));
                }
            }
        }
        found
    }

    fn operation_of(&self, path: &str, method: &str, raw: &Value) -> Operation {
        let parameters = |place: &str| {
            let all = raw["parameters"].as_array().into_iter().flatten();
            let here = all.filter(|parameter| parameter["in"] == place);
            here.map(|parameter| {
                let name = parameter["name"].as_str().expect("a parameter has a name");
                (name.to_owned(), self.resolve(&parameter["schema"]))
            })
            .collect()
        };
        let body = raw.pointer("/requestBody/content/application~1json/schema");
        Operation {
            id: raw["operationId"].as_str().unwrap_or_default().to_owned(),
            method: method.to_uppercase().parse().expect("a method"),
            path: path.to_owned(),
            in_path: parameters("path"),
            in_query: parameters("query"),
            body: body.map(|schema| self.resolve(schema)),
            is_protected: raw["security"].as_array().is_some_and(|needs| !needs.is_empty()),
            raw: raw.clone(),
        }
    }
}

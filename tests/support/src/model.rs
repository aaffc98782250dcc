//! A model that speaks the Responses API, as lines of a script.

use serde_json::{Value, json};

use crate::scripted_server::{Heard, Line, Piece};

/// Characters of a delta: less than a word, so that everything is cut somewhere.
const DELTA: usize = 7;

impl Heard {
    /// The document that the model was given.
    #[must_use]
    pub fn document(&self) -> Value {
        let text = self.body["input"][0]["content"].as_str();
        let text = text.expect("the input begins with a text");
        serde_json::from_str(text).expect("the input is a document")
    }
}

impl Line {
    /// A plan, as a model that keeps to the schema gives it.
    #[must_use]
    pub fn plan(plan: &Value) -> Self {
        Self::says(&plan.to_string())
    }

    /// A completed response with a text.
    #[must_use]
    pub fn says(text: &str) -> Self {
        Self::output(&json!([{"type": "output_text", "text": text, "annotations": [], "logprobs": []}]))
    }

    /// A completed response in which the model refuses.
    #[must_use]
    pub fn declines(why: &str) -> Self {
        Self::output(&json!([{"type": "refusal", "refusal": why}]))
    }

    fn output(content: &Value) -> Self {
        let message = json!([{
            "type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": content
        }]);
        Self::stream(&events(&response("completed", &message)))
    }

    /// A completed response that calls a function, after it has thought.
    #[must_use]
    pub fn calls(function: &str, arguments: &str) -> Self {
        let output = json!([
            {"type": "reasoning", "id": "rs_1", "summary": []},
            {
                "type": "function_call", "id": "fc_1", "call_id": "call_1", "status": "completed",
                "name": function, "arguments": arguments
            },
        ]);
        Self::stream(&events(&response("completed", &output)))
    }

    /// A response that ended too early.
    #[must_use]
    pub fn incomplete() -> Self {
        let mut response = response("incomplete", &json!([]));
        response["incomplete_details"] = json!({"reason": "max_output_tokens"});
        Self::stream(&events(&response))
    }

    /// A response that failed while it was made.
    #[must_use]
    pub fn failed(code: &str) -> Self {
        let mut response = response("failed", &json!([]));
        response["error"] = json!({"code": code, "message": "it went wrong"});
        Self::stream(&events(&response))
    }

    /// An error in the middle of a stream.
    #[must_use]
    pub fn error_event(code: &str) -> Self {
        let error = json!({"type": "error", "code": code, "message": "it went wrong", "param": null});
        let mut all = events(&response("completed", &json!([])));
        all.truncate(2);
        all.push(error);
        Self::stream(&all)
    }

    /// The same answer as one that does not stream gives it.
    #[must_use]
    pub fn whole(self) -> Self {
        let last = self.pieces().pop();
        let Some(Piece::Send(last)) = last else {
            return self;
        };
        let text = String::from_utf8(last).expect("events are text");
        let data = text.split_once("data: ").map_or("", |(_, data)| data);
        let last: Value = serde_json::from_str(data).expect("an event is JSON");
        Self::Answer(200, Vec::new(), last["response"].to_string())
    }
}

/// A response with all the fields that the API's document asks for.
fn response(status: &str, output: &Value) -> Value {
    json!({
        "id": "resp_1", "object": "response", "created_at": 1_795_000_000, "status": status, "model": "scripted-1",
        "error": null, "incomplete_details": null, "instructions": null, "metadata": {}, "tools": [],
        "tool_choice": "auto", "parallel_tool_calls": false, "temperature": 1.0, "top_p": 1.0, "output": output,
        "usage": {
            "input_tokens": 1200, "input_tokens_details": {"cached_tokens": 1000, "cache_write_tokens": 0},
            "output_tokens": 80, "output_tokens_details": {"reasoning_tokens": 30}, "total_tokens": 1280
        }
    })
}

/// The events that lead to a response.
fn events(response: &Value) -> Vec<Value> {
    let mut begun = response.clone();
    (begun["status"], begun["output"]) = (json!("in_progress"), json!([]));
    (begun["error"], begun["incomplete_details"]) = (Value::Null, Value::Null);
    if let Some(begun) = begun.as_object_mut() {
        begun.remove("usage");
    }
    let mut events = vec![
        json!({"type": "response.created", "response": begun}),
        json!({"type": "response.in_progress", "response": begun}),
    ];
    for (at, item) in response["output"].as_array().into_iter().flatten().enumerate() {
        item_events(at, item, &mut events);
    }
    let status = response["status"].as_str().unwrap_or_default();
    events.push(json!({"type": format!("response.{status}"), "response": response}));
    events
}

fn item_events(at: usize, item: &Value, events: &mut Vec<Value>) {
    let (mut begun, id) = (item.clone(), &item["id"]);
    if begun["type"] == "message" {
        (begun["status"], begun["content"]) = (json!("in_progress"), json!([]));
    }
    if begun["type"] == "function_call" {
        (begun["status"], begun["arguments"]) = (json!("in_progress"), json!(""));
    }
    events.push(json!({"type": "response.output_item.added", "output_index": at, "item": begun}));
    for (part, content) in item["content"].as_array().into_iter().flatten().enumerate() {
        let about = json!({"item_id": id, "output_index": at, "content_index": part});
        let event = |kind: &str, more: Value| {
            let mut event = about.clone();
            event["type"] = json!(kind);
            for (key, value) in more.as_object().into_iter().flatten() {
                event[key] = value.clone();
            }
            event
        };
        let (Some(text), Value::Object(mut empty)) = (content["text"].as_str(), content.clone()) else {
            continue;
        };
        empty.insert("text".to_owned(), json!(""));
        events.push(event("response.content_part.added", json!({"part": empty})));
        let chars: Vec<char> = text.chars().collect();
        for piece in chars.chunks(DELTA) {
            let delta: String = piece.iter().collect();
            events.push(event(
                "response.output_text.delta",
                json!({"delta": delta, "logprobs": [], "obfuscation": "xyz"}),
            ));
        }
        events.push(event(
            "response.output_text.done",
            json!({"text": text, "logprobs": []}),
        ));
        events.push(event("response.content_part.done", json!({"part": content})));
    }
    if let Some(arguments) = item["arguments"].as_str() {
        let about = json!({"item_id": id, "output_index": at});
        let mut done = about.clone();
        (done["type"], done["arguments"], done["name"]) = (
            json!("response.function_call_arguments.done"),
            json!(arguments),
            item["name"].clone(),
        );
        events.push(done);
    }
    events.push(json!({"type": "response.output_item.done", "output_index": at, "item": item}));
}

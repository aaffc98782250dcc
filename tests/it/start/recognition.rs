//! `hub prints`, `hub recognise` and `hub presence`: who is known by voice and face, and where they are.

use std::fs;

use hub::ids::fresh;
use serde_json::{Value, json};
use support::{Program, Shell, face, voice};

/// The word of a worker in the kitchen, which heard a voice.
async fn hears(program: &Program, ada: &Shell<'_>, vector: &[f64]) -> Value {
    let spaces = asked(program, ada, "spaces", None).await;
    let all = spaces["items"].as_array().expect("spaces");
    let kitchen = all.iter().find(|space| space["name"] == "kitchen");
    let space = &kitchen.expect("a kitchen")["id"];
    let heard = json!({"modality": "voice", "vector": vector, "model": "net", "space_id": space});
    asked(program, ada, "observations", Some(heard)).await
}

async fn asked(program: &Program, ada: &Shell<'_>, path: &str, body: Option<Value>) -> Value {
    let token = ada.types(&["token"]).await;
    let url = format!("{}/v1/agents/self/{path}", program.url());
    let client = reqwest::Client::new();
    let request = match &body {
        Some(body) => client.post(url).json(body),
        None => client.get(url),
    };
    let answer = request.bearer_auth(token.trim()).send().await.expect("an answer");
    assert!(answer.status().is_success(), "{path}: {}", answer.status());
    answer.json().await.expect("JSON")
}

/// A file of numbers.
fn file(program: &Program, name: &str, numbers: &[f64]) -> String {
    let path = program.dir().join(name);
    fs::write(&path, serde_json::to_vec_pretty(numbers).expect("JSON")).expect("a file");
    path.to_str().expect("a path").to_owned()
}

/// The id that begins the first line.
fn first_id(listed: &str) -> String {
    listed.split_whitespace().next().expect("an id").to_owned()
}

/// Nora is made known and allows it; then the print of her voice is added. Its id.
async fn enrols(program: &Program, ada: &Shell<'_>) -> String {
    ada.types(&["people", "--create", "Nora"]).await;
    let (right, wrong) = (voice(1), face(1));
    let (right_file, wrong_file) = (
        file(program, "nora.json", &right),
        file(program, "face.json", &wrong),
    );
    let add = |file| {
        [
            "prints", "--for", "nora", "--add", "voice", "--model", "net", "--vector", file,
        ]
    };

    // What is wrong is said before anybody is asked, and what is missing with the command for it.
    let said = ada.is_refused(&add(&wrong_file)).await;
    assert!(
        said.contains("has 512 numbers, and a voice has 256") && said.contains("for a face: --add face"),
        "{said}"
    );
    let said = ada.is_refused(&add("/nowhere.json")).await;
    assert!(said.contains("cannot read /nowhere.json"), "{said}");
    let said = ada.is_refused(&add("-")).await;
    assert!(
        said.contains("standard input is no JSON array of numbers") && !said.contains("correct"),
        "{said}"
    );
    let said = ada.is_refused(&add(&right_file)).await;
    let grant = "hub consent --for Nora --grant voice --evidence \"said so\"";
    assert!(said.contains(grant), "{said}");
    ada.types(&[
        "consent",
        "--for",
        "Nora",
        "--grant",
        "voice",
        "--evidence",
        "said so",
    ])
    .await;

    // The command for curl reads the file, and shows nothing of it.
    let shown = ada.types(&[&add(&right_file)[..], &["--curl"]].concat()).await;
    assert!(
        shown.contains("nora.json") && shown.contains("/prints") && shown.ends_with("-d @-\n"),
        "{shown}"
    );
    let number = right[0].to_string();
    assert!(number.len() > 8 && !shown.contains(&number[..8]), "{shown}");
    let said = ada.types(&add(&right_file)).await;
    assert!(
        said.contains("Nora is known by voice now (net).") && !said.contains(&number[..8]),
        "{said}"
    );
    let listed = ada.types(&["prints", "--for", "nora"]).await;
    assert!(listed.contains("  voice  net · added just now"), "{listed}");
    let print = first_id(&listed);
    assert!(
        said.trim()
            .ends_with(&format!("hub prints --for Nora --delete {print}")),
        "{said}"
    );
    print
}

/// She is heard in the kitchen, it is said that it is her, and that she left.
async fn confirms_and_ends(program: &Program, ada: &Shell<'_>) {
    let said = ada.types(&["recognise"]).await;
    assert!(said.contains("Nobody waits to be recognised."), "{said}");
    assert_eq!(hears(program, ada, &voice(1)).await["outcome"], "suggested");
    let listed = ada.types(&["recognise"]).await;
    assert!(
        listed.contains("  Nora?  in kitchen · by voice, score 1.00 · heard once just now")
            && listed.contains("--confirm ID"),
        "{listed}"
    );
    let said = ada.is_refused(&["recognise", "--confirm", "max"]).await;
    assert!(
        said.contains("nobody who waits to be recognised is called max"),
        "{said}"
    );
    let said = ada.types(&["recognise", "--confirm", "nora"]).await;
    assert!(said.contains("Nora is in kitchen."), "{said}");

    let here = ada.types(&["presence", "--space", "Kitchen"]).await;
    assert!(
        here.contains("  Nora  in kitchen · since ") && here.contains("by voice, last heard just now"),
        "{here}"
    );
    let json: Value = serde_json::from_str(&ada.types(&["presence", "--json"]).await).expect("JSON");
    assert_eq!(json["items"][0]["modality"], "voice");
    let said = ada.types(&["presence", "--end", "nora"]).await;
    assert!(said.contains("Nora is not in kitchen any more."), "{said}");
    let said = ada.types(&["presence"]).await;
    assert!(said.contains("Nobody is known to be anywhere."), "{said}");
    let past = ada.types(&["presence", "--past"]).await;
    assert!(
        past.starts_with("Nora  in kitchen · ") && past.contains("ended: somebody said so"),
        "{past}"
    );
}

async fn deletes(ada: &Shell<'_>, print: &str) {
    let delete = ["prints", "--for", "Nora", "--delete", print];
    let said = ada.is_refused(&delete).await;
    assert!(said.contains("add --yes to do it"), "{said}");
    let said = ada.types(&[&delete[..], &["--yes"]].concat()).await;
    assert!(said.contains("This voice print of Nora is deleted"), "{said}");
    let said = ada.types(&["prints", "--for", "Nora"]).await;
    assert!(said.contains("The agent has no print of Nora."), "{said}");
    let said = ada.types(&["recognise", "--all"]).await;
    assert!(said.contains("Nobody was recognised."), "{said}");
    let nobody = fresh().to_string();
    let said = ada.is_refused(&["prints", "--delete", &nobody, "--yes"]).await;
    assert!(said.contains("see the prints: hub prints"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nora_is_known_by_her_voice_confirmed_and_gone_again() {
    let program = Program::claimed(&[]).await;
    let ada = program.shell();
    let print = enrols(&program, &ada).await;
    confirms_and_ends(&program, &ada).await;

    // What was decided is undone by its id; a name means what waits.
    let listed = ada.types(&["recognise", "--all"]).await;
    assert!(listed.contains("confirmed just now"), "{listed}");
    let said = ada.is_refused(&["recognise", "--reject", "nora"]).await;
    assert!(said.contains("hub recognise --all"), "{said}");
    let said = ada.types(&["recognise", "--reject", &first_id(&listed)]).await;
    assert!(said.contains("It is not Nora in kitchen"), "{said}");
    let listed = ada.types(&["recognize", "--all"]).await;
    assert!(listed.contains("rejected just now"), "{listed}");

    deletes(&ada, &print).await;
}

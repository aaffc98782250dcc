//! `hub forget` and `hub audit receipt`: something is forgotten, and whoever wants to know later can check that it was.

use std::{path::Path, time::Duration};

use support::Program;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_memory_is_forgotten_and_its_receipt_can_be_checked() {
    // As much as the hub can say of what it does.
    let program = Program::claimed(&[("HUB_LOG__FILTER", "hub=trace")]).await;
    let (ada, dir) = (program.shell(), program.dir());
    let said = ada.types(&["forget", "--list"]).await;
    assert!(said.contains("Nothing was forgotten yet."), "{said}");
    ada.types(&["say", "remember that the zanzibar key is with Nora"])
        .await;
    let said = ada.types(&["recall", "zanzibar", "--json"]).await;
    let found: serde_json::Value = serde_json::from_str(&said).expect("it is JSON");
    let memory = found["items"][0]["memory"]["id"]
        .as_str()
        .expect("an id")
        .to_owned();

    // Nobody is there who could be asked.
    let said = ada.is_refused(&["forget", &memory]).await;
    assert!(said.contains("add --yes"), "{said}");
    let said = ada.is_refused(&["forget", &memory[..8], "--yes"]).await;
    assert!(said.contains("hub recall"), "{said}");
    let said = ada.types(&["forget", &memory, "--yes"]).await;
    assert!(said.contains("Forgotten: "), "{said}");
    let said = ada.types(&["recall", "zanzibar"]).await;
    assert!(!said.contains("Nora"), "{said}");
    let (is_well, said) = program.run(&["doctor"]).await;
    assert!(
        is_well && said.contains("1 erasure waits to be off the disk"),
        "{said}"
    );

    let listed = ada.types(&["forget", "--list"]).await;
    assert!(listed.contains("a memory, "), "{listed}");
    let id = listed.split_whitespace().next().expect("an id");
    let receipt = ada.types(&["forget", "--receipt", id]).await;
    let (file, forged) = (dir.join("receipt.txt"), dir.join("forged.txt"));
    std::fs::write(&file, &receipt).unwrap();
    std::fs::write(&forged, receipt.replacen("\"memories\":", "\"memories\":1", 1)).unwrap();
    let said = ada.types(&["audit", "receipt", "receipt.txt"]).await;
    assert!(
        said.contains("forgotten    the memory ") && said.contains(&memory),
        "{said}"
    );
    let said = ada.is_refused(&["audit", "receipt", "forged.txt"]).await;
    assert!(said.contains("not a receipt of"), "{said}");

    // What was said stands neither in what the hub says of its work nor in the audit log and what is copied of that.
    let (kept, copy) = (dir.join("audit"), dir.join("copy"));
    let published = async {
        while naming(&kept, "forget_memory").is_empty() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        // What is being written is in the folder before it is in the log.
        ada.types(&["audit", "export", "copy"]).await;
        while naming(&copy, "forget_memory").is_empty() {
            std::fs::remove_dir_all(&copy).unwrap();
            ada.types(&["audit", "export", "copy"]).await;
        }
    };
    let published = tokio::time::timeout(Duration::from_secs(20), published).await;
    published.expect("the audit log is published and exported");
    ada.types(&["audit", "verify", "copy"]).await;
    let log = program.log_text();
    assert!(
        log.contains("TRACE") || log.contains("DEBUG") || log.contains("trace"),
        "{log}"
    );
    assert!(!log.to_lowercase().contains("zanzibar"), "{log}");
    assert_eq!(naming(&copy, "zanzibar"), [] as [String; 0]);
    assert_eq!(naming(&kept, "zanzibar"), [] as [String; 0]);
}

/// The files beneath a folder that hold a text.
fn naming(folder: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(naming(&path, text));
        } else if holds(&std::fs::read(&path).expect("a file"), text) {
            found.push(path.display().to_string());
        }
    }
    found
}

fn holds(bytes: &[u8], text: &str) -> bool {
    let (bytes, text) = (bytes.to_ascii_lowercase(), text.as_bytes());
    bytes.windows(text.len()).any(|some| some == text)
}

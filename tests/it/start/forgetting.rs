//! `hub forget` and `hub audit receipt`: something is forgotten, and whoever wants to know later can check that it was.

use std::{path::Path, time::Duration};

use support::Program;

const PASSWORD: &str = "correct horse battery\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_memory_is_forgotten_and_its_receipt_can_be_checked() {
    // As much as the hub can say of what it does.
    let mut program = Program::new(&[("HUB_LOG__FILTER", "hub=trace")]).await;
    program.start().await;
    let (code, dir) = (program.claim_code(), program.dir().to_owned());
    let types = async |arguments: &[&str]| program.run_in(&dir, arguments, PASSWORD).await;
    let login = [
        "login",
        "--code",
        code.trim(),
        "--name",
        "ada",
        "--password-stdin",
    ];
    let (is_well, said) = types(&login).await;
    assert!(is_well, "{said}");
    let (is_well, said) = types(&["forget", "--list"]).await;
    assert!(is_well && said.contains("Nothing was forgotten yet."), "{said}");
    let (is_well, said) = types(&["say", "remember that the zanzibar key is with Nora"]).await;
    assert!(is_well, "{said}");
    let (is_well, said) = types(&["recall", "zanzibar", "--json"]).await;
    assert!(is_well, "{said}");
    let found: serde_json::Value = serde_json::from_str(&said).expect("it is JSON");
    let memory = found["items"][0]["memory"]["id"]
        .as_str()
        .expect("an id")
        .to_owned();

    // Nobody is there who could be asked.
    let (is_well, said) = types(&["forget", &memory]).await;
    assert!(!is_well && said.contains("add --yes"), "{said}");
    let (is_well, said) = types(&["forget", &memory[..8], "--yes"]).await;
    assert!(!is_well && said.contains("hub recall"), "{said}");
    let (is_well, said) = types(&["forget", &memory, "--yes"]).await;
    assert!(is_well && said.contains("Forgotten: "), "{said}");
    let (is_well, said) = types(&["recall", "zanzibar"]).await;
    assert!(is_well && !said.contains("Nora"), "{said}");
    let (is_well, said) = program.run(&["doctor"]).await;
    assert!(
        is_well && said.contains("1 erasure waits to be off the disk"),
        "{said}"
    );

    let (is_well, listed) = types(&["forget", "--list"]).await;
    assert!(is_well && listed.contains("a memory, "), "{listed}");
    let id = listed.split_whitespace().next().expect("an id");
    let (is_well, receipt) = types(&["forget", "--receipt", id]).await;
    assert!(is_well, "{receipt}");
    let (file, forged) = (dir.join("receipt.txt"), dir.join("forged.txt"));
    std::fs::write(&file, &receipt).unwrap();
    std::fs::write(&forged, receipt.replacen("\"memories\":", "\"memories\":1", 1)).unwrap();
    let (is_well, said) = types(&["audit", "receipt", "receipt.txt"]).await;
    assert!(
        is_well && said.contains("forgotten    the memory ") && said.contains(&memory),
        "{said}"
    );
    let (is_well, said) = types(&["audit", "receipt", "forged.txt"]).await;
    assert!(!is_well && said.contains("not a receipt of"), "{said}");

    // What was said stands neither in what the hub says of its work nor in the audit log and what is copied of that.
    let kept = dir.join("audit");
    let published = async {
        while naming(&kept, "forget_memory").is_empty() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let published = tokio::time::timeout(Duration::from_secs(20), published).await;
    published.expect("the audit log is published");
    let (is_well, said) = types(&["audit", "export", "copy"]).await;
    assert!(is_well, "{said}");
    let (is_well, said) = types(&["audit", "verify", "copy"]).await;
    assert!(is_well, "{said}");
    let log = program.log_text();
    assert!(
        log.contains("TRACE") || log.contains("DEBUG") || log.contains("trace"),
        "{log}"
    );
    assert!(!log.to_lowercase().contains("zanzibar"), "{log}");
    assert_eq!(naming(&dir.join("copy"), "zanzibar"), [] as [String; 0]);
    assert_eq!(naming(&kept, "zanzibar"), [] as [String; 0]);
    assert!(
        !naming(&dir.join("copy"), "forget_memory").is_empty(),
        "nothing was read"
    );
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

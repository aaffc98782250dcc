//! `file.…` against a hub that wants to leave its folders, on the real file system.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::*;

/// A folder `notes` that may be used, and `secret` beside it, which may not.
struct House {
    home: Home,
    effects: Effects,
}

impl House {
    fn new() -> Self {
        let home = Home::new();
        for folder in ["notes", "notes/sub", "secret"] {
            fs::create_dir(home.0.join(folder)).unwrap();
        }
        fs::write(home.0.join("notes/a.txt"), "inside").unwrap();
        fs::write(home.0.join("secret/a.txt"), "outside").unwrap();
        let effects = enabled(&Self::settings(&home, "notes", r#"["list", "read", "write"]"#));
        Self { home, effects }
    }

    fn settings(home: &Home, folder: &str, may: &str) -> String {
        let folder = home.0.join(folder);
        format!("[files.notes]\nfolder = {folder:?}\nmay = {may}\nwrite_bytes = 1000")
    }

    fn at(&self, path: &str) -> PathBuf {
        self.home.0.join(path)
    }

    async fn read(&self, path: &str) -> CommandResult {
        outcome(&self.effects, "file.read", json!({"root": "notes", "path": path})).await
    }

    async fn write(&self, path: &str, text: &str) -> CommandResult {
        let arguments = json!({"root": "notes", "path": path, "text": text});
        outcome(&self.effects, "file.write", arguments).await
    }

    async fn list(&self, path: &str) -> CommandResult {
        outcome(&self.effects, "file.list", json!({"root": "notes", "path": path})).await
    }

    /// That nothing outside was changed.
    fn is_whole(&self) {
        assert_eq!(fs::read_to_string(self.at("secret/a.txt")).unwrap(), "outside");
        assert_eq!(fs::read_dir(self.at("secret")).unwrap().count(), 1);
    }
}

fn told(result: &CommandResult) -> &Value {
    assert_eq!(code(result), "ok");
    result.result.as_ref().unwrap()
}

#[tokio::test]
async fn files_are_listed_read_and_replaced() {
    let house = House::new();
    let listed = house.list("").await;
    assert_eq!(
        told(&listed)["entries"],
        json!([
            {"name": "a.txt", "kind": "file", "bytes": 6},
            {"name": "sub", "kind": "folder", "bytes": null},
        ])
    );
    assert_eq!(told(&house.read("a.txt").await)["text"], "inside");
    fs::set_permissions(house.at("notes/a.txt"), PermissionsExt::from_mode(0o640)).unwrap();
    assert_eq!(told(&house.write("a.txt", "new").await)["replaced"], true);
    assert_eq!(told(&house.write("sub/b.txt", "more").await)["replaced"], false);
    assert_eq!(fs::read_to_string(house.at("notes/a.txt")).unwrap(), "new");
    let mode = |path| fs::metadata(house.at(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("notes/a.txt"), mode("notes/sub/b.txt")), (0o640, 0o600));
    // Links that stay inside are good.
    symlink("sub/b.txt", house.at("notes/inner")).unwrap();
    assert_eq!(told(&house.read("inner").await)["text"], "more");
    assert_eq!(
        told(&house.list("sub").await)["entries"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn no_path_and_no_link_leads_out_of_the_folder() {
    let house = House::new();
    let secret = house.at("secret");
    symlink(&secret, house.at("notes/absolute")).unwrap();
    symlink("../secret", house.at("notes/relative")).unwrap();
    symlink("../../secret", house.at("notes/sub/deep")).unwrap();
    symlink(secret.join("a.txt"), house.at("notes/file")).unwrap();
    symlink("relative/a.txt", house.at("notes/twice")).unwrap();
    symlink("/dev/zero", house.at("notes/zero")).unwrap();
    let outside = secret.join("a.txt").display().to_string();
    for path in [
        "../secret/a.txt",
        "sub/../../secret/a.txt",
        "..",
        "sub/../a.txt",
        "/etc/passwd",
        &outside,
        "absolute/a.txt",
        "relative/a.txt",
        "sub/deep/a.txt",
        "file",
        "twice",
        "zero",
    ] {
        assert_eq!(code(&house.read(path).await), "outside_root", "{path}");
        let written = house.write(path, "mine").await;
        assert!(
            ["outside_root", "not_a_file"].contains(&code(&written)),
            "{path}: {written:?}"
        );
        assert_ne!(code(&house.list(path).await), "ok", "{path}");
    }
    house.is_whole();
}

/// A folder that becomes a link to the outside and back, faster than anybody could look twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_that_is_swapped_in_meanwhile_leads_nowhere() {
    const TRIES: usize = 800;
    let house = House::new();
    fs::write(house.at("notes/sub/a.txt"), "inside").unwrap();
    symlink("../secret", house.at("link")).unwrap();
    let is_over = Arc::new(AtomicBool::new(false));
    let (sub, link, aside) = (house.at("notes/sub"), house.at("link"), house.at("aside"));
    let swap = {
        let is_over = Arc::clone(&is_over);
        std::thread::spawn(move || {
            let mut swaps = 0_u32;
            while !is_over.load(Ordering::Relaxed) {
                fs::rename(&sub, &aside).unwrap();
                fs::rename(&link, &sub).unwrap();
                fs::rename(&sub, &link).unwrap();
                fs::rename(&aside, &sub).unwrap();
                swaps += 1;
            }
            swaps
        })
    };
    let (mut inside, mut refused) = (0, 0);
    for number in 0..TRIES {
        let read = house.read("sub/a.txt").await;
        match code(&read) {
            "ok" => {
                assert_eq!(read.result.unwrap()["text"], "inside");
                inside += 1;
            }
            _ => refused += 1,
        }
        if number % 8 == 0 {
            let _ = house.write("sub/new", "mine").await;
        }
    }
    is_over.store(true, Ordering::Relaxed);
    let swaps = swap.join().unwrap();
    assert!(
        inside > 0 && refused > 0 && swaps > 10,
        "{inside} {refused} {swaps}"
    );
    house.is_whole();
}

#[tokio::test]
async fn what_is_no_plain_file_is_not_touched() {
    let house = House::new();
    let fifo = house.at("notes/fifo");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &fifo,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
        0,
    )
    .unwrap();
    let _socket = UnixListener::bind(house.at("notes/socket")).unwrap();
    let began = Instant::now();
    for path in ["fifo", "socket", "sub"] {
        assert_eq!(code(&house.read(path).await), "not_a_file", "{path}");
        assert_eq!(code(&house.write(path, "mine").await), "not_a_file", "{path}");
    }
    assert!(began.elapsed() < Duration::from_secs(5), "nobody waits at a fifo");
    // A link as the file itself is not followed, wherever it leads.
    symlink("a.txt", house.at("notes/link")).unwrap();
    assert_eq!(code(&house.write("link", "mine").await), "not_a_file");
    assert_eq!(fs::read_to_string(house.at("notes/a.txt")).unwrap(), "inside");
    assert!(fs::symlink_metadata(fifo).is_ok());
}

#[tokio::test]
async fn sizes_have_bounds_and_what_is_cut_says_so() {
    let house = House::new();
    assert_eq!(code(&house.write("a.txt", &"x".repeat(1_001)).await), "too_large");
    assert_eq!(fs::read_to_string(house.at("notes/a.txt")).unwrap(), "inside");
    let whole: String = "äöü€".repeat(20_000);
    fs::write(house.at("notes/long"), &whole).unwrap();
    let (mut from, mut read) = (0, String::new());
    while from < whole.len() {
        let arguments = json!({"root": "notes", "path": "long", "from": from});
        let part = outcome(&house.effects, "file.read", arguments).await;
        let part = told(&part);
        read.push_str(part["text"].as_str().unwrap());
        from = usize::try_from(part["end"].as_u64().unwrap()).unwrap();
        assert_eq!(part["is_cut"], from < whole.len());
    }
    assert!(read == whole, "the parts are the whole");
    fs::write(house.at("notes/bytes"), [0, 255, 7]).unwrap();
    assert_eq!(told(&house.read("bytes").await)["base64"], "AP8H");
    for number in 0..600 {
        fs::write(house.at(&format!("notes/sub/{number}")), "").unwrap();
    }
    let listed = house.list("sub").await;
    let entries = told(&listed)["entries"].as_array().unwrap().len();
    assert_eq!((entries, &told(&listed)["is_cut"]), (500, &json!(true)));
    let left = fs::read_dir(house.at("notes")).unwrap().flatten();
    let parts = left.filter(|entry| entry.file_name().to_string_lossy().ends_with(".part"));
    assert_eq!(parts.count(), 0);
}

#[tokio::test]
async fn a_folder_that_is_a_link_is_the_one_it_was_at_the_start() {
    let house = House::new();
    symlink(house.at("notes"), house.at("link")).unwrap();
    let effects = enabled(&House::settings(&house.home, "link", r#"["read"]"#));
    let line = effects.tell().join("\n");
    assert!(line.contains(&house.at("notes").display().to_string()), "{line}");
    fs::remove_file(house.at("link")).unwrap();
    symlink(house.at("secret"), house.at("link")).unwrap();
    let read = outcome(&effects, "file.read", json!({"root": "notes", "path": "a.txt"})).await;
    assert_eq!(told(&read)["text"], "inside");
}

#[tokio::test]
async fn what_a_folder_does_not_allow_is_refused_there() {
    let house = House::new();
    let secret = house.at("secret");
    let both = format!(
        "{}\n[files.secret]\nfolder = {secret:?}\nmay = [\"list\"]",
        House::settings(&house.home, "notes", r#"["read"]"#)
    );
    let effects = enabled(&both);
    let kinds: Vec<String> = effects.capabilities().into_iter().map(|one| one.kind).collect();
    assert_eq!(kinds, ["file.list", "file.read"]);
    let schema = effects.capabilities()[1].arguments_schema.clone().unwrap();
    assert_eq!(schema["properties"]["root"], json!({"enum": ["notes"]}));
    for (kind, root) in [
        ("file.read", "secret"),
        ("file.list", "notes"),
        ("file.read", "other"),
    ] {
        let result = outcome(&effects, kind, json!({"root": root, "path": "a.txt"})).await;
        assert_eq!(code(&result), "not_allowed", "{kind} {root}");
    }
    for path in ["a\0", "a\n", &"x".repeat(2_000)] {
        let result = outcome(&effects, "file.read", json!({"root": "notes", "path": path})).await;
        assert_eq!(code(&result), "invalid_arguments");
    }
}

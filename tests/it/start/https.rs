//! People and satellites of another machine, which reach the hub through what ends TLS before it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use support::{Program, TlsFront};

/// A hub behind TLS, and a person's machine: a folder of theirs with what an owner would bring there.
struct Away {
    program: Program,
    front: TlsFront,
    dir: PathBuf,
}

impl Away {
    async fn start() -> Self {
        let mut program = Program::new(&[]).await;
        program.start().await;
        let front = TlsFront::before(program.address()).await;
        let dir = program.dir().join("machines/away");
        fs::create_dir_all(dir.join("satellites")).unwrap();
        fs::copy(
            program.dir().join("satellites/kitchen.json"),
            dir.join("satellites/kitchen.json"),
        )
        .unwrap();
        fs::write(dir.join("house.pem"), front.authority()).unwrap();
        Self { program, front, dir }
    }

    async fn run(&self, arguments: &[&str], typed: &str) -> (bool, String) {
        self.program.run_in(&self.dir, arguments, typed).await
    }

    async fn log_in(&self, with: &[&str]) -> (bool, String) {
        let url = self.front.url();
        let there = [&["--url", &*url], with].concat();
        self.program.shell_in(&self.dir).claims(&there).await
    }
}

fn has_stored(dir: &Path, text: &str) -> bool {
    fs::read_to_string(dir.join("login.json")).is_ok_and(|stored| stored.contains(text))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_elsewhere_signs_in_and_speaks_over_https_where_they_trust_the_hub() {
    let away = Away::start().await;
    let (is_well, said) = away.log_in(&[]).await;
    assert!(!is_well && !has_stored(&away.dir, "ada"), "{said}");
    assert!(
        said.contains("cannot trust the hub at https://127.0.0.1:"),
        "{said}"
    );
    assert!(said.contains("--ca-file FILE"), "it says what to do: {said}");

    let (is_well, said) = away.log_in(&["--ca-file", "house.pem"]).await;
    assert!(is_well && said.contains("The agent is yours"), "{said}");
    assert!(!said.contains("Note: http"), "{said}");
    assert!(has_stored(&away.dir, "/machines/away/house.pem"));

    // What it was told at the sign-in holds from then on.
    let (is_well, said) = away
        .run(
            &[
                "say", "remember", "that", "the", "spare", "key", "is", "with", "Nora",
            ],
            "",
        )
        .await;
    assert!(is_well && said.contains("I will remember"), "{said}");
    let (is_well, said) = away.run(&["inbox", "--curl"], "").await;
    assert!(is_well && said.contains("--cacert "), "{said}");

    let (is_well, said) = away
        .run(&["recall", "--ca-file", "/nowhere.pem", "spare", "key"], "")
        .await;
    assert!(
        !is_well && said.contains("/nowhere.pem must hold certificates"),
        "{said}"
    );
}

/// What a household makes in one line, in the two ways that the line can be written.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_that_vouches_for_itself_is_trusted_by_name_unless_it_is_an_authoritys() {
    let mut away = Away::start().await;
    for is_authority in [true, false] {
        away.front = TlsFront::on_its_own(away.program.address(), is_authority).await;
        fs::write(away.dir.join("house.pem"), away.front.authority()).unwrap();
        let (is_well, said) = away.log_in(&["--ca-file", "house.pem"]).await;
        assert_eq!(is_well, !is_authority, "{said}");
        assert_eq!(said.contains("make one with CA:FALSE"), is_authority, "{said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_satellite_elsewhere_connects_over_wss_where_it_trusts_the_hub() {
    let away = Away::start().await;
    let url = away.front.socket_url();
    let kitchen = ["satellite", "kitchen", "--url", &url];
    let said = away.program.run_until(&away.dir, &kitchen, "HUB_CA_FILE").await;
    assert!(said.contains("cannot trust the hub"), "{said}");
    assert!(!said.contains("connected as"), "{said}");

    let trusting = ["--ca-file", "house.pem", "--exit-when-done", "--linger", "5"];
    let typed = "remember that the spare key is with Nora\n";
    let (is_well, said) = away.run(&[&kitchen[..], &trusting].concat(), typed).await;
    assert!(is_well && said.contains("connected as kitchen"), "{said}");
    assert!(
        said.contains("I will remember that the spare key is with Nora"),
        "{said}"
    );
    assert!(!said.contains("Note: ws"), "{said}");
}

//! `hub password` and `hub logout --everywhere`: whoever is signed in elsewhere is out.

use support::Program;

const OLD_AND_NEW: &str = "correct horse battery\nanother horse battery\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_password_and_a_logout_everywhere_end_what_was_signed_in_elsewhere() {
    let program = Program::claimed(&[]).await;
    let (ada, url) = (program.shell(), program.url());
    let folder = program.dir().join("elsewhere");
    std::fs::create_dir(&folder).unwrap();
    let elsewhere = program.shell_in(&folder);
    let login = ["login", "--url", &url, "--name", "ada", "--password-stdin"];
    elsewhere.types(&login).await;
    elsewhere.types(&["members"]).await;

    let change = ["password", "--password-stdin"];
    let (is_well, said) = ada.answers("a wrong one\nanother horse battery\n", &change).await;
    assert!(!is_well && said.contains("is not your password"), "{said}");
    let (is_well, said) = ada.answers(OLD_AND_NEW, &change).await;
    assert!(is_well && said.contains("Changed."), "{said}");
    ada.types(&["members"]).await;
    let said = elsewhere.is_refused(&["members"]).await;
    assert!(said.contains("hub login"), "{said}");
    elsewhere.is_refused(&login).await;
    let (is_well, said) = elsewhere.answers("another horse battery\n", &login).await;
    assert!(is_well, "{said}");

    let said = ada.types(&["logout", "--everywhere"]).await;
    assert!(said.contains("Signed out everywhere."), "{said}");
    for gone in [&ada, &elsewhere] {
        let said = gone.is_refused(&["members"]).await;
        assert!(said.contains("hub login"), "{said}");
    }
}

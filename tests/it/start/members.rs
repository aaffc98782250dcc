//! `hub invite`, `hub join` and `hub members`: a household gets its other people, and loses them.

use support::Program;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_come_with_a_code_are_changed_and_go() {
    let program = Program::claimed(&[]).await;
    let (ada, url) = (program.shell(), program.url());
    let his = program.dir().join("bobs");
    std::fs::create_dir(&his).unwrap();
    let bob = program.shell_in(&his);

    let said = ada
        .types(&["invite", "Bob", "--role", "member", "--days", "1"])
        .await;
    let code = said
        .lines()
        .find(|line| line.len() == 23 && line.matches('-').count() == 3)
        .expect("the code alone on a line")
        .to_owned();
    let command = format!("join {code} --url {url}");
    assert!(
        said.contains("Bob joins as member with it, once") && said.contains(&command),
        "{said}"
    );
    let listed = ada.types(&["invite", "--list"]).await;
    assert!(listed.contains("Bob  as member · ends in 23 h"), "{listed}");
    assert!(!listed.contains(&code), "{listed}");

    let join = ["join", &code, "--url", &url, "--name", "bob", "--password-stdin"];
    let said = bob.types(&join).await;
    assert!(said.contains("You are bob, member of"), "{said}");
    let said = bob.is_refused(&join).await;
    assert!(said.contains("is not a code that is open"), "{said}");
    assert!(
        ada.types(&["invite", "--list"])
            .await
            .contains("No invitation is open.")
    );
    let listed = bob.types(&["members"]).await;
    assert!(
        listed.contains("ada  owner · joined") && listed.contains("Bob  member · joined"),
        "{listed}"
    );
    let said = bob.is_refused(&["members", "--role", "ada=guest"]).await;
    assert!(said.contains("members:write"), "{said}");

    let said = ada.types(&["members", "--role", "bob=guest"]).await;
    assert!(said.contains("Bob is guest now."), "{said}");
    let said = bob.is_refused(&["members"]).await;
    assert!(said.contains("members:read"), "{said}");
    let said = ada.is_refused(&["members", "--block", "bob"]).await;
    assert!(said.contains("add --yes to do it"), "{said}");
    let said = ada.types(&["members", "--block", "bob", "--yes"]).await;
    assert!(said.contains("Bob is blocked."), "{said}");
    let said = bob.is_refused(&["say", "hello"]).await;
    assert!(said.contains("there is no such agent"), "{said}");
    let _ = ada.types(&["members", "--role", "bob=admin"]).await;
    let said = ada
        .types(&["members", "--transfer", "bob", "--yes", "--password-stdin"])
        .await;
    assert!(
        said.contains("Bob owns the agent now; you are an admin."),
        "{said}"
    );
    let said = ada.types(&["members", "--leave", "--yes"]).await;
    assert!(said.contains("You have left."), "{said}");
    let said = ada.is_refused(&["members"]).await;
    assert!(said.contains("there is no such agent"), "{said}");
    assert!(bob.types(&["members"]).await.contains("Bob  owner · joined"));
}
